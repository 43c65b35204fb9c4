# SPDX-License-Identifier: GPL-3.0-or-later
"""Our dots on a rig that Rigify generated: its deform bones copy a mechanism that stays where it is, so all must follow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import addon_utils  # noqa: E402
from character_scene import dump  # noqa: E402
from mathutils import Matrix, Quaternion  # noqa: E402
from pose_to_anime.addon.armature.control_rig.bake import bake  # noqa: E402
from pose_to_anime.addon.armature.control_rig.link import constraints_of  # noqa: E402
from pose_to_anime.addon.armature.control_rig.use import let_go, use_character  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

_FINGERS = {"Index": "f_index", "Middle": "f_middle", "Ring": "f_ring", "Little": "f_pinky"}


def _joints() -> dict[str, str]:
    found = {
        "hips": "spine", "spine": "spine.001", "chest": "spine.002", "upperChest": "spine.003", "neck": "spine.004",
        "head": "spine.006",
    }  # fmt: skip
    limbs = {
        "Shoulder": "shoulder", "UpperArm": "upper_arm", "LowerArm": "forearm", "Hand": "hand",
        "UpperLeg": "thigh", "LowerLeg": "shin", "Foot": "foot", "Toes": "toe",
    }  # fmt: skip
    for side, suffix in (("left", ".L"), ("right", ".R")):
        found |= {side + joint: bone + suffix for joint, bone in limbs.items()}
        for finger, bone in _FINGERS.items():
            for number, phalanx in enumerate(("Proximal", "Intermediate", "Distal"), 1):
                found[side + finger + phalanx] = f"{bone}.0{number}{suffix}"
        for number, phalanx in enumerate(("Metacarpal", "Proximal", "Distal"), 1):
            found[f"{side}Thumb{phalanx}"] = f"thumb.0{number}{suffix}"
    return {joint: f"DEF-{bone}" for joint, bone in found.items()}


@pytest.fixture(name="rig")
def rig_fixture() -> Iterator[bpy.types.Object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if addon_utils.enable("rigify", default_set=True) is None:
        pytest.skip("this Blender comes without Rigify")
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    yield bpy.data.objects["rig"]
    addon_utils.disable("rigify", default_set=True)


def _places(rig: bpy.types.Object) -> dict[str, np.ndarray]:
    bpy.context.view_layer.update()
    return {bone.name: np.array(rig.matrix_world @ bone.matrix) for bone in rig.pose.bones if bone.bone.use_deform}


def test_every_deform_bone_goes_along(rig: bpy.types.Object) -> None:
    before = dump(rig)
    rest = {bone.name: np.array(rig.matrix_world @ bone.matrix_local) for bone in rig.data.bones if bone.use_deform}
    controls = use_character(rig, _joints())
    apply_pose(controls, load_pose("running_sprint"))
    seen = _places(rig)
    carrier = {
        bone.name: controls.data.bones[c.subtarget].parent.name for bone, c in constraints_of(rig) if c.type == "COPY_ROTATION"
    }
    expected = {
        "DEF-lip.T.L": "head", "DEF-ear.R.002": "head", "DEF-spine.005": "neck", "DEF-upper_arm.L.001": "upper_arm.L",
        "DEF-forearm.R.001": "forearm.R", "DEF-shin.L.001": "shin.L", "DEF-pelvis.L": "hips",
    }  # fmt: skip
    assert {name: carrier.get(name) for name in expected} == expected
    for name, place in seen.items():
        ours = controls.pose.bones[carrier[name]] if name in carrier else None
        if ours is not None:
            moved = np.array(
                controls.matrix_world @ ours.matrix @ ours.bone.matrix_local.inverted() @ controls.matrix_world.inverted()
            )
            assert np.linalg.norm((moved @ rest[name] - place)[:3, 3]) < 0.001, name
            turned = (moved @ rest[name])[:3, :3] - place[:3, :3]
            assert np.abs(turned).max() < 0.01, name  # neither tilted nor stretched
    away = {name: np.linalg.norm(seen[name][:3, 3] - rest[name][:3, 3]) for name in seen}
    assert set(away) == set(rest) and min(away.values()) > 0.005, min(away, key=lambda name: away[name])
    let_go(controls)
    bpy.context.view_layer.update()
    assert dump(rig) == before


def _joint_places(rig: bpy.types.Object) -> dict[str, np.ndarray]:
    bpy.context.view_layer.update()
    return {bone: np.array(rig.matrix_world @ rig.pose.bones[bone].head) for bone in _joints().values()}


def _farthest(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    return max(float(np.linalg.norm(a[bone] - b[bone])) for bone in a)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_a_pose_is_baked_on_the_rigs_own_controls(rig: bpy.types.Object, scale: float) -> None:
    rig.scale, rig.location, rig.rotation_euler = (scale,) * 3, (1.0, 2.0, 0.5), (0.0, 0.0, 1.0)
    rig.pose.bones["chest"].rotation_quaternion = Quaternion((1.0, 0.0, 0.0), 0.2)  # a pose of the artist's own before
    rig.pose.bones["hand_ik.L"].location = (0.1, 0.2, 0.0)
    bpy.context.view_layer.update()
    for name in ("running_sprint", "sitting_cross_legged", "lying_side"):
        controls = use_character(rig, _joints())
        apply_pose(controls, load_pose(name))
        seen = _joint_places(rig)
        turned = {bone: rig.pose.bones[bone].matrix.to_quaternion() for bone in ("DEF-hand.L", "DEF-foot.R", "DEF-spine.006")}
        assert bake(controls, key=False) == rig and not list(constraints_of(rig))
        assert _farthest(seen, _joint_places(rig)) < 0.0005 * scale, name
        for bone, before in turned.items():
            assert before.rotation_difference(rig.pose.bones[bone].matrix.to_quaternion()).angle < 0.02, (name, bone)
    assert rig.pose.bones["upper_arm_parent.L"]["IK_FK"] == rig.pose.bones["thigh_parent.R"]["IK_FK"] == 1.0
    written = {bone.name for bone in rig.pose.bones if bone.matrix_basis != Matrix.Identity(4)}
    assert not [name for name in written if name.startswith(("DEF-", "ORG-", "MCH-")) or "tweak" in name]
    rig.pose.bones["upper_arm_fk.L"].rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    assert _farthest(seen, _joint_places(rig)) > 0.05 * scale, "the artist goes on with the rig's own controls"


def test_what_is_baked_on_controls_is_keyed_with_their_switches(rig: bpy.types.Object) -> None:
    controls = use_character(rig, _joints())
    apply_pose(controls, load_pose("jumping_star"))
    seen = _joint_places(rig)
    bake(controls, key=True)
    for bone in rig.pose.bones:
        bone.matrix_basis = Matrix.Identity(4)
        if "IK_FK" in bone:
            bone["IK_FK"] = 0.0
    bpy.context.scene.frame_set(bpy.context.scene.frame_current)
    assert _farthest(seen, _joint_places(rig)) < 0.0005


def test_a_rig_that_does_not_come_into_the_pose_is_left_as_it_was(rig: bpy.types.Object) -> None:
    stuck = rig.pose.bones["forearm_fk.L"].constraints.new("LIMIT_ROTATION")
    stuck.use_limit_x = stuck.use_limit_y = stuck.use_limit_z = True
    stuck.owner_space = "LOCAL"
    controls = use_character(rig, _joints())
    apply_pose(controls, load_pose("sitting_cross_legged"))
    seen, before = _places(rig), dump(rig)
    with pytest.raises(UserError, match="keep the controls, or mute"):
        bake(controls, key=True)
    after = _places(rig)
    assert dump(rig) == before and max(np.abs(after[name] - seen[name]).max() for name in seen) < 1e-5


def test_a_rig_without_known_controls_is_refused(rig: bpy.types.Object) -> None:
    rig.pose.bones["forearm_fk.L"].name = "my_forearm.L"
    controls = use_character(rig, _joints())
    with pytest.raises(UserError, match="keep the controls, or mute"):
        bake(controls, key=False)
    assert list(constraints_of(rig))
