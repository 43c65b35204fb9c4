# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters that come from another file, appended, linked and overridden: joints and images as in their own file."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from family_rigs import FAMILIES, build, random_turns  # noqa: E402
from pass_scene import look_from, passes, workbench_mask  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.joint_map import joint_map  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.passes.kinds import KINDS  # noqa: E402
from pose_to_anime.addon.passes.render import PassSet  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime
LIMBS = slice(2, 14)


def stage(use_empty: bool = True) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=use_empty)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    look_from(25.0, pitch=5.0)
    bpy.context.view_layer.update()


@pytest.fixture(name="library")
def library_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, PassSet, np.ndarray]:
    """A file with a character in a collection; its passes there, and where its joints are."""
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    stage()
    character = build(FAMILIES["vroid"], random_turns(np.random.default_rng(6), 20.0), name="Guest")
    bpy.ops.mesh.primitive_cone_add(radius1=0.12, depth=0.2)
    hat = bpy.context.object
    hat.name = "Hat"
    hat.parent, hat.parent_type, hat.parent_bone = character.armature, "BONE", "J_Bip_C_Head"
    holder = bpy.data.collections.new("Guests")
    bpy.context.scene.collection.children.link(holder)
    for obj in (character.armature, character.mesh, hat):
        for owner in tuple(obj.users_collection):
            owner.objects.unlink(obj)
        holder.objects.link(obj)
    bpy.context.view_layer.update()
    rendered = passes(kinds=tuple(KINDS))
    path = str(tmp_path / "guest.blend")
    bpy.data.libraries.write(path, {holder}, fake_user=True)
    return path, rendered, character.keypoints()


def bring(path: str, link: bool) -> bpy.types.Collection:
    with bpy.data.libraries.load(path, link=link) as (_, target):
        target.collections = ["Guests"]
    (found,) = target.collections
    bpy.context.scene.collection.children.link(found)
    bpy.context.view_layer.update()
    return found


def check(library: tuple[str, PassSet, np.ndarray], folder: Path) -> None:
    """Joints, every image and the JSON are those of the character's own file, and the outline is that of Blender's render."""
    _, expected, truth = library
    (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    assert {key[0] for key in figure.meshes} == {"Guest body", "Hat"}
    found, _ = body_keypoints(figure, bpy.context.view_layer.depsgraph)
    assert np.abs(found[LIMBS] - truth[LIMBS]).max() < 1e-4
    seen = passes(kinds=tuple(KINDS))
    assert seen.pose_json == expected.pose_json and seen.warnings == ()
    for kind, image in expected.images.items():
        assert np.array_equal(seen.images[kind], image), kind
    mine, theirs = seen.images["mask"][..., 0] > 0, workbench_mask(folder)
    assert (mine & theirs).sum() >= 0.995 * (mine | theirs).sum()


def use_and_pose() -> None:
    """Our dots on the character, and that it follows them, in the pictures too."""
    armature = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    bpy.context.view_layer.objects.active = armature
    armature.select_set(True)
    assert OPS.use_character() == {"FINISHED"}
    controls = bpy.context.view_layer.objects.active
    assert OPS.apply_pose(armature=controls.name, pose="running_sprint") == {"FINISHED"}
    bpy.context.view_layer.update()
    names = FAMILIES["vroid"].names
    for joint in ("leftHand", "rightFoot", "head"):
        own = armature.matrix_world @ armature.pose.bones[names[joint]].head
        ours = controls.matrix_world @ controls.pose.bones[joint_map("mannequin")[joint]].head
        assert (own - ours).length < 1e-3, joint
    assert len(passes().people) == 1


def test_an_appended_character(library: tuple[str, PassSet, np.ndarray], tmp_path: Path) -> None:
    stage()
    bring(library[0], link=False)
    check(library, tmp_path)
    use_and_pose()


def test_an_appended_character_beside_one_of_the_same_names(library: tuple[str, PassSet, np.ndarray]) -> None:
    stage()
    for _ in range(2):
        bring(library[0], link=False)
    _, second = (obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    second.location.x += 0.8
    result = passes(kinds=("openpose", "figure_mask"))
    assert [name for name, _ in result.figures] == ["Guest", "Guest.001"] and len(result.people) == 2
    masks = [result.images[f"figure_mask_{number}"][..., 0] > 0 for number in (1, 2)]
    assert all(mask.any() for mask in masks) and not (masks[0] & masks[1]).any()
    assert OPS.include_character(armature="Guest") == {"FINISHED"}
    assert [name for name, _ in passes(kinds=("openpose",)).figures] == ["Guest.001"]


def test_a_linked_character(library: tuple[str, PassSet, np.ndarray], tmp_path: Path) -> None:
    stage()
    bring(library[0], link=True)
    check(library, tmp_path)
    count = len(bpy.data.objects)
    for verb, words in (
        (OPS.include_character, {"armature": "Guest"}),
        (OPS.set_joint, {"joint": "head", "bone": "J_Bip_C_Neck"}),
    ):
        with pytest.raises(RuntimeError, match="is linked from another file: make a library override of it"):
            verb(**words)
    armature = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    bpy.context.view_layer.objects.active = armature
    with pytest.raises(RuntimeError, match="is linked from another file: make a library override of it first"):
        OPS.use_character()
    assert len(bpy.data.objects) == count


def test_an_overridden_character(library: tuple[str, PassSet, np.ndarray], tmp_path: Path) -> None:
    stage()
    linked = bring(library[0], link=True)
    bpy.context.scene.collection.children.unlink(linked)
    assert linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True) is not None
    bpy.context.view_layer.update()
    check(library, tmp_path)
    use_and_pose()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    before = passes().pose_json
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.context.view_layer.update()
    assert passes().pose_json == before
    assert OPS.let_go_of_character() == {"FINISHED"}
    bpy.context.view_layer.update()
    check(library, tmp_path)
