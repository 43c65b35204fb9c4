# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of the user's own as figures: every known rig, rigs without names, and what is no body."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from family_rigs import FAMILIES, Y_UP, Z_UP, Character, Family, build, empty_scene, nameless, random_turns  # noqa: E402
from mathutils import Euler, Matrix  # noqa: E402
from pose_to_anime.addon.armature.figures import Figure, figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.recognition import recognise  # noqa: E402
from pose_to_anime.addon.openpose.layout import FACE_POINTS_OF_BODY  # noqa: E402
from pose_to_anime.addon.passes.camera_view import view_of  # noqa: E402
from pose_to_anime.addon.pose.body_points import BODY_JOINTS  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

LIMBS = list(range(2, 14))
FACE = list(FACE_POINTS_OF_BODY)


@pytest.fixture(autouse=True)
def scene() -> None:
    empty_scene()


def only_figure() -> Figure:
    (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    return figure


def found_points(figure: Figure) -> np.ndarray:
    bpy.context.view_layer.update()
    positions, present = body_keypoints(figure, bpy.context.view_layer.depsgraph)
    assert present.sum() == 17, "all but the neck"
    return positions


def check(character: Character, face: float = 3.7) -> None:
    """Limbs within half a pixel of 1024; the face, which is found on the mesh, within ``face`` pixels (3 of 832)."""
    truth, found = character.keypoints(), found_points(only_figure())
    known = np.array([*LIMBS, *FACE])
    away = np.full(18, np.nan)
    middle, size = truth[known].mean(axis=0), float(np.ptp(truth[known], axis=0).max())
    seen = pixels_from(middle, size, np.concatenate((truth[known], found[known])))
    away[known] = np.linalg.norm(seen[: len(known)] - seen[len(known) :], axis=1)
    assert np.nanmax(away[LIMBS]) < 0.5, away
    assert np.nanmax(away[FACE]) < face, away


def pixels_from(middle: np.ndarray, size: float, points: np.ndarray) -> np.ndarray:
    """Where a camera that shows a body of this size about 1024 pixels high has points (n, 3)."""
    data = bpy.data.cameras.new("Test")
    camera = bpy.data.objects.new("Test", data)
    bpy.context.scene.collection.objects.link(camera)
    camera.matrix_world = (
        Matrix.Translation((middle[0] + 0.3 * size, middle[1] - 3.0 * size, middle[2]))
        @ Euler((math.radians(90), 0, math.radians(6))).to_matrix().to_4x4()
    )
    data.clip_start, data.clip_end = size * 0.01, size * 100.0
    bpy.context.view_layer.update()
    view = view_of(camera, bpy.context.view_layer.depsgraph, 1024, 1024)
    found, _ = view.project(points)
    bpy.data.objects.remove(camera)
    return found


BY_FAMILY = {
    "mixamo bare": "mixamo", "mixamo numbered": "mixamo", "mixamo underscores": "mixamo", "rigify metarig": "rigify_metarig",
    "game engine": "unreal", "unreal 5": "unreal_5", "vrchat": "unity", "mmd japanese": "mmd", "mmd_tools": "mmd", "mmd english":
    "mmd", "auto-rig pro": "auto_rig_pro", "auto-rig pro export": "auto_rig_pro", "genesis 2": "daz", "genesis 8": "daz",
    "genesis 9": "daz", "biped underscores": "biped",
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_every_known_rig_gives_its_keypoints(name: str) -> None:
    rng = np.random.default_rng(sum(map(ord, name)))
    character = build(FAMILIES[name], random_turns(rng))
    seen = recognise(character.armature)
    assert seen.by == BY_FAMILY.get(name, name)
    expected = {joint: bone for joint, bone in FAMILIES[name].names.items() if not joint.endswith("Eye")}
    assert {joint: seen.joints.get(joint) for joint in expected} == expected
    assert dict(seen.eyes) == {joint: bone for joint, bone in FAMILIES[name].names.items() if joint.endswith("Eye")}
    check(character)


WORLDS = {
    "hundredth": (Matrix.Scale(0.01, 4), Z_UP),
    "hundredfold": (Matrix.Scale(100.0, 4), Z_UP),
    "turned and moved": (Matrix.Translation((3, -2, 1)) @ Euler((0.4, -0.9, 2.0)).to_matrix().to_4x4(), Z_UP),
    "Y up, centimetres": (Matrix.Scale(0.01, 4), Y_UP),
    "stretched": (Matrix.Diagonal((1.0, 1.3, 0.8, 1.0)), Z_UP),
    "mirrored": (Matrix.Diagonal((-1.0, 1.0, 1.0, 1.0)), Z_UP),
    "negative": (Matrix.Diagonal((-2.0, -2.0, -2.0, 1.0)), Z_UP),
}


@pytest.mark.parametrize("place", WORLDS)
def test_objects_of_any_scale_and_turn(place: str) -> None:
    world, axes = WORLDS[place]
    check(build(FAMILIES["vroid"], random_turns(np.random.default_rng(3)), world=world, axes=axes))


def test_a_rig_without_a_head_mesh_has_a_face_by_proportion() -> None:
    character = build(FAMILIES["unity"])
    for group in list(character.mesh.vertex_groups):
        if group.name in ("Head", "LeftEye", "RightEye"):
            character.mesh.vertex_groups.remove(group)
    found, truth = found_points(only_figure()), character.keypoints()
    assert np.linalg.norm(found[FACE] - truth[FACE], axis=1).max() < 0.03


def chained(family: Family, rows: list[tuple[str, str, list[tuple[float, float, float]]]]) -> Family:
    """With chains of bones that hang on a joint: (name, joint, places from the joint)."""
    return replace(family, chains=tuple((name, joint, tuple(places)) for name, joint, places in rows))


def down(side: float, x: float, y: float, length: float, count: int = 5) -> list[tuple[float, float, float]]:
    return [(side * x, y, -length * index / count) for index in range(count)]


MORE: dict[str, list[tuple[str, str, list[tuple[float, float, float]]]]] = {
    "bare": [],
    "hair": [
        *((f"tail {side}", "head", [(side * (0.1 + 0.02 * i), 0.1, 0.15 - 0.15 * i) for i in range(7)]) for side in (-1, 1)),
        ("bangs", "head", [(0.0, -0.1, 0.15 - 0.03 * i) for i in range(3)]),
        ("pony", "head", [(0.0, 0.13 + 0.02 * i, 0.12 - 0.12 * i) for i in range(6)]),
    ],
    "skirt": [
        (f"skirt {side} {number}", "hips", down(side, 0.16, -0.1 + 0.1 * number, 0.8))
        for side in (-1, 1) for number in range(3)
    ] + [("skirt front", "hips", down(1.0, 0.0, -0.15, 0.8)), ("skirt back", "hips", down(1.0, 0.0, 0.15, 0.8))],
    "tail": [("tail", "hips", [(0.0, 0.12 + 0.15 * i, -0.1 * i) for i in range(7)])],
    "wings": [
        (f"wing {side}", "upperChest", [(side * (0.05 + 0.25 * i), 0.12 + 0.03 * i, 0.1 + 0.12 * i) for i in range(6)])
        for side in (-1, 1)
    ],
    "breasts": [(f"breast {side}", "upperChest", [(side * 0.08, -0.08, 0.0), (side * 0.08, -0.14, 0.0)]) for side in (-1, 1)],
    "handles": [
        *((f"foot ik {side}", "", [(side * 0.08, 0.02, 0.08), (side * 0.08, -0.1, 0.02)]) for side in (-1, 1)),
        *((f"hand ik {side}", "", [(side * 0.6, 0.0, 1.3), (side * 0.7, 0.0, 1.3)]) for side in (-1, 1)),
        *((f"pole {side}", "", [(side * 0.1, -0.7, 0.5)]) for side in (-1, 1)),
    ],
}  # fmt: skip
NAMELESS = {"without fingers": "cmu", "with fingers": "mixamo bare", "in halves": "makehuman"}


@pytest.mark.parametrize("kind", NAMELESS)
@pytest.mark.parametrize("more", [*MORE, "everything"])
def test_bodies_are_known_by_their_build(kind: str, more: str) -> None:
    rows = MORE.get(more) or [row for each in MORE.values() for row in each]
    rows = [] if more == "bare" else rows
    rng = np.random.default_rng(len(more) + len(kind))
    family = nameless(rng, chained(FAMILIES[NAMELESS[kind]], rows))
    character = build(family, random_turns(rng))
    seen = recognise(character.armature)
    assert seen.by == "BUILD"
    for joint in ("hips", "head", *(joint for joint in BODY_JOINTS if joint)):
        assert seen.joints[joint] == family.names[joint], joint
    check(character)


@pytest.mark.parametrize("place", WORLDS)
def test_the_build_is_known_in_any_axes(place: str) -> None:
    world, axes = WORLDS[place]
    rng = np.random.default_rng(8)
    family = nameless(rng, FAMILIES["mixamo bare"])
    turned = axes @ Euler((0.0, 0.0, 1.1)).to_matrix() if place == "turned and moved" else axes
    check(build(family, random_turns(rng), world=world, axes=turned))


def test_arms_that_hang_are_arms() -> None:
    rng = np.random.default_rng(2)
    family = nameless(rng, FAMILIES["cmu"])
    check(build(family, random_turns(rng), body="adult_woman", hanging=0.6))
