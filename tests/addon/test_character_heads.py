# SPDX-License-Identifier: GPL-3.0-or-later
"""Nose, eyes and ears of characters are found on their heads, however these are divided into meshes and materials."""

from __future__ import annotations

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from family_rigs import empty_scene, random_turns  # noqa: E402
from head_layouts import LAYOUTS, HeadCharacter, build_head  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.head_points import head_landmarks  # noqa: E402
from pose_to_anime.addon.dressing.face_points import face_points  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

POINTS = ("nose_tip", "eye_left", "eye_right", "ear_left", "ear_right")
PIXELS, SHARE = 3.0, 0.02
"""How far off a point may be: pixels of a picture 832 high that the figure fills, and parts of the head's height."""
VIEWS = (0.0, 45.0, -45.0, 90.0)


@pytest.fixture(autouse=True)
def scene() -> None:
    empty_scene()


def found_marks(head: HeadCharacter) -> dict[str, np.ndarray]:
    bpy.context.view_layer.update()
    (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    return dict(head_landmarks(figure, bpy.context.view_layer.depsgraph))


def seen_apart(one: np.ndarray, other: np.ndarray) -> float:
    """Metres between two points in that of some views from the side in which it is most."""
    away = np.asarray(one) - other
    turned = [(away[0] * np.cos(a) + away[1] * np.sin(a), away[2]) for a in np.radians(VIEWS)]
    return max(float(np.hypot(*each)) for each in turned)


def check(head: HeadCharacter, only: tuple[str, ...] = POINTS) -> None:
    found = found_marks(head)
    for name in only:
        off = seen_apart(found[name], head.marks[name])
        pixels, share = off * 832.0 / head.height, off / head.head_height
        assert pixels < PIXELS, f"{name}: {pixels:.1f} pixels"
        assert share < SHARE, f"{name}: {share:.1%} of the head"


@pytest.mark.parametrize("body", ["adult_woman", "adult_man", "child", "chibi"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_face_is_found_on_heads_as_programs_divide_them(layout: str, body: str) -> None:
    check(build_head(LAYOUTS[layout], body, turns=random_turns(np.random.default_rng(len(layout)))))


@pytest.mark.parametrize("body", ["elder", "mascot", "stocky", "slim_woman", "heroic"])
def test_a_face_is_found_where_only_the_shape_of_the_skin_tells_of_it(body: str) -> None:
    check(build_head(LAYOUTS["mixamo"], body))


@pytest.mark.parametrize("style", ["long_wavy", "twin_tails", "spiky"])
@pytest.mark.parametrize("layout", ["vrm", "mixamo", "makehuman on a game's rig", "mmd without eye bones"])
def test_hair_is_not_taken_for_ears_or_a_nose(layout: str, style: str) -> None:
    """Whether it is a mesh or a material that is called hair, a mesh that is not, or a part of the skin's mesh."""
    bald = found_marks(build_head(LAYOUTS[layout], "adult_woman"))
    empty_scene()
    head = build_head(LAYOUTS[layout], "adult_woman", hair_style=style)
    check(head)
    hairy = found_marks(head)
    assert max(np.linalg.norm(hairy[name] - bald[name]) for name in POINTS) < 0.002


@pytest.mark.parametrize("name", ["Hat", "Object.012"])
def test_a_hat_is_not_taken_for_ears(name: str) -> None:
    head = build_head(LAYOUTS["mixamo"], "adult_woman", hat=name)
    assert name in bpy.data.objects
    check(head)


@pytest.mark.parametrize("body", ["adult_woman", "child", "chibi"])
@pytest.mark.parametrize("length", [0.06, 0.12])
def test_long_ears_are_found_where_they_grow(body: str, length: float) -> None:
    head = build_head(LAYOUTS["mixamo"], body, elf=length)
    skin = np.array([vertex.co for vertex in bpy.data.objects[LAYOUTS["mixamo"].body].data.vertices])
    high = skin[skin[:, 2] > head.marks["chin"][2]]
    tip = high[high[:, 0].argmax()]
    assert np.linalg.norm(tip - head.marks["ear_left"]) > length * 0.6, "they are long"
    check(head, only=("nose_tip", "eye_left", "eye_right"))
    found = found_marks(head)
    for side in ("left", "right"):
        assert seen_apart(found[f"ear_{side}"], head.marks[f"ear_{side}"]) < 0.035 * head.head_height


@pytest.mark.parametrize("body", ["adult_woman", "adult_man", "child", "elder", "chibi"])
@pytest.mark.parametrize("layout", ["vrm", "mixamo", "makehuman on a game's rig"])
def test_all_points_of_a_face_follow_what_is_found(layout: str, body: str) -> None:
    head = build_head(LAYOUTS[layout], body)
    face = face_points(head.character.armature, found_marks(head))
    assert face is not None
    off = np.linalg.norm(face - head.face, axis=1) / head.head_height
    assert off.mean() < SHARE
    assert off.max() < 0.06
