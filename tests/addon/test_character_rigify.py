# SPDX-License-Identifier: GPL-3.0-or-later
"""Our dots on a rig that Rigify generated: its deform bones copy a mechanism that stays where it is, so all must follow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import addon_utils  # noqa: E402
from character_scene import dump  # noqa: E402
from pose_to_anime.addon.armature.control_rig.link import constraints_of  # noqa: E402
from pose_to_anime.addon.armature.control_rig.use import bake, let_go, use_character  # noqa: E402
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
    with pytest.raises(UserError, match="move it back"):
        bake(controls, key=False)
    let_go(controls)
    bpy.context.view_layer.update()
    assert dump(rig) == before
