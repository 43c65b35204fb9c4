# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of very many triangles: their pictures and dots work, and what is drawn again and again does not read their mesh."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from family_rigs import FAMILIES, Character, build, empty_scene  # noqa: E402
from mathutils import Matrix, Vector  # noqa: E402
from pass_scene import grey, look_from, passes  # noqa: E402
from pose_to_anime.addon.armature import head_points, mesh_content  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.ui.keypoint_overlay import overlay_points  # noqa: E402
from rig_scene import registered, undo_step  # noqa: E402, F401


@pytest.fixture(name="character")
def character_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Character:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    empty_scene()
    return build(FAMILIES["mixamo"], name="Hero")


@pytest.fixture(name="reads")
def reads_fixture(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows whenever the vertices of a mesh are read for the head, or its weights are."""
    reads: list[str] = []
    for module, name in ((mesh_content, "_read"), (head_points, "_head_mesh")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, real=real, name=name: reads.append(name) or real(*given))
    return reads


def nose() -> np.ndarray:
    """Where the overlay draws the nose, as at a redraw."""
    bpy.context.view_layer.update()
    (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    return overlay_points(figure, bpy.context.view_layer.depsgraph)[0][0]


def test_the_overlay_reads_a_mesh_once_whatever_the_pose(character: Character, reads: list[str]) -> None:
    first = nose()
    assert reads == ["_read", "_head_mesh"]
    reads.clear()
    for angle in (0.1, 0.2, 0.3):
        character.armature.pose.bones["mixamorig:Spine"].matrix_basis = Matrix.Rotation(angle, 4, "X")
        character.armature.location.x = angle
        assert np.linalg.norm(nose() - first) > 0.05
    assert reads == []


def test_a_changed_mesh_is_read_again_and_after_an_undo_too(character: Character) -> None:
    first = nose()
    undo_step("before")
    front = [v for v in character.mesh.data.vertices if (v.co - Vector(first)).length < 0.05]
    for vertex in front:
        vertex.co.y -= 0.05
    undo_step("a longer nose")
    longer = nose()
    assert longer[1] < first[1] - 0.03
    bpy.ops.ed.undo()
    assert np.linalg.norm(nose() - first) < 1e-4
    bpy.ops.ed.redo()
    assert np.linalg.norm(nose() - longer) < 1e-4


def test_a_million_triangles(character: Character) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    look_from(25.0)
    bpy.context.view_layer.update()
    coarse, pose = grey(passes()) > 0, passes().people[0].body
    bpy.context.view_layer.objects.active = character.mesh
    dense = character.mesh.modifiers.new("Dense", "SUBSURF")
    dense.subdivision_type, dense.levels = "SIMPLE", 3
    bpy.ops.object.modifier_move_to_index(modifier="Dense", index=0)
    bpy.ops.object.modifier_apply(modifier="Dense")
    assert sum(len(face.vertices) - 2 for face in character.mesh.data.polygons) > 1_000_000
    result = passes()
    fine = grey(result) > 0
    assert (coarse & fine).sum() / (coarse | fine).sum() > 0.99
    assert np.abs(result.people[0].body - pose).max() < 1.0
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj == character.mesh)
    assert bpy.ops.pose_to_anime.use_character() == {"FINISHED"}
    assert bpy.ops.pose_to_anime.apply_pose(pose="running_sprint") == {"FINISHED"}
    assert (grey(passes()) > 0).any()
    assert bpy.ops.pose_to_anime.let_go_of_character() == {"FINISHED"}
