# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures for thumbnails and sheets: eyes are dark where they are seen, and hidden by what is before them."""

from __future__ import annotations

import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix, Vector  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, landmarks, skins_of  # noqa: E402
from pose_to_anime.addon.generate.clay_picture import clay_picture  # noqa: E402
from rig_scene import empty_scene_fixture, registered  # noqa: E402, F401

pytestmark = pytest.mark.usefixtures("empty_scene")

SIZE = 160


def dark(figure: bpy.types.Object, degrees: float) -> np.ndarray:
    """Where eyes darken the head, seen level from so many degrees to the figure's left: (H, W) bool."""
    marks = landmarks(figure)
    head = marks["head_top"].z - marks["chin"].z
    data = bpy.data.cameras.new("Eyes")
    data.type, data.ortho_scale = "ORTHO", 1.2 * head
    camera = bpy.data.objects.new("Eyes", data)
    bpy.context.scene.collection.objects.link(camera)
    middle = Vector((0.0, 0.0, marks["chin"].z + 0.5 * head))
    away = Matrix.Translation((0.0, -3.0, 0.0)) @ Matrix.Rotation(math.pi / 2, 4, "X")
    camera.matrix_world = Matrix.Translation(middle) @ Matrix.Rotation(math.radians(degrees), 4, "Z") @ away
    picture = clay_picture(camera, (SIZE, SIZE))
    mesh = skins_of(figure)[0].data
    places = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", places)
    mesh.polygons.foreach_set("material_index", np.zeros_like(places))
    without = clay_picture(camera, (SIZE, SIZE))
    mesh.polygons.foreach_set("material_index", places)
    bpy.data.objects.remove(camera)
    assert (picture <= without).all()
    return (picture < 0.7 * without).all(axis=2)


@pytest.mark.parametrize("body", ["adult_woman", "chibi"])
def test_a_face_looks_at_who_sees_it(body: str) -> None:
    figure = add_mannequin(bpy.context, body)
    eyes = dark(figure, 0.0)
    left, right = eyes[:, : SIZE // 2].sum(), eyes[:, SIZE // 2 :].sum()
    assert left > 20
    assert left == pytest.approx(right, rel=0.25)
    assert eyes.mean() < 0.05
    assert not dark(figure, 180.0).any()


def test_what_stands_before_eyes_hides_them() -> None:
    figure = add_mannequin(bpy.context, "adult_woman")
    bpy.ops.mesh.primitive_cube_add(size=0.6, location=(0.0, -0.6, landmarks(figure)["chin"].z))
    wall = bpy.context.object
    wall.pose_to_anime.in_depth = True
    assert not dark(figure, 0.0).any()
    wall.pose_to_anime.in_depth = False
    assert dark(figure, 0.0).any()
