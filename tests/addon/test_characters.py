# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of the user's own as figures: every known rig, rigs without names, and what is no body."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from family_rigs import FAMILIES, Y_UP, Z_UP, Character, build, empty_scene, random_turns  # noqa: E402
from mathutils import Euler, Matrix  # noqa: E402
from pose_to_anime.addon.armature.figures import Figure, figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.map_files import known_maps  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.recognition import joint_map_of, recognise  # noqa: E402
from pose_to_anime.addon.openpose.layout import FACE_POINTS_OF_BODY  # noqa: E402
from pose_to_anime.addon.passes.camera_view import view_of  # noqa: E402

LIMBS = [index for index in range(2, 14)]
FACE = list(FACE_POINTS_OF_BODY)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    yield
    pose_to_anime.unregister()


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


def check(character: Character, face: float = 12.0) -> None:
    """Limbs within half a pixel of 1024; the face, which is guessed from the mesh, within ``face`` pixels (2 cm)."""
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
    camera.matrix_world = Matrix.Translation((middle[0] + 0.3 * size, middle[1] - 3.0 * size, middle[2])) @ Euler(
        (math.radians(90), 0, math.radians(6))
    ).to_matrix().to_4x4()
    data.clip_start, data.clip_end = size * 0.01, size * 100.0
    bpy.context.view_layer.update()
    view = view_of(camera, bpy.context.view_layer.depsgraph, 1024, 1024)
    found, _ = view.project(points)
    bpy.data.objects.remove(camera)
    return found


BY_FAMILY = {
    "mixamo bare": "mixamo", "mixamo numbered": "mixamo", "mixamo underscores": "mixamo", "rigify metarig": "rigify_metarig",
    "game engine": "unreal", "unreal 5": "unreal", "vrchat": "unity", "mmd japanese": "mmd", "mmd_tools": "mmd", "mmd english": "mmd",
    "auto-rig pro": "auto_rig_pro", "auto-rig pro export": "auto_rig_pro", "genesis 2": "daz", "genesis 8": "daz", "genesis 9": "daz",
    "biped underscores": "biped",
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
