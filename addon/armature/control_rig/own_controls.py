# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that move their deform bones themselves: the controls from which Rigify does so, and a pose written on these.

Rigify's deform bones (``DEF-…``) copy a mechanism, which follows the controls: ``upper_arm_fk.L`` turns ``DEF-upper_arm.L``,
``f_index.01.L`` turns ``DEF-f_index.01.L``, ``torso`` carries all, ``neck`` and ``head`` are called so whatever bones they turn
(https://docs.blender.org/manual/en/latest/addons/rigging/rigify/rig_types/spines.html and …/limbs.html). ``upper_arm_parent.L``
has the switch between IK and FK. How a twist spreads along a limb is the rig's own matter and stays so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import bpy
from mathutils import Matrix

from ..joint_map import joint_map
from .joints import REQUIRED

_DEFORM = "DEF-"
SWITCH = "IK_FK"
"""Custom property of Rigify's limbs: 0 is IK, 1 is FK."""
_NAMED = {"hips": "torso", "neck": "neck", "head": "head"}
"""Joints whose control has a name of its own."""
_PARTS = re.compile(r"(?P<stem>.+?)(?P<number>\.\d+)?(?P<side>\.[LR])?")


class OwnControls(NamedTuple):
    """A rig's controls for a pose: control → the deform bone as whose part it moves, and the bones with switches to FK."""

    carriers: Mapping[str, str]
    switches: tuple[str, ...]


def own_controls(character: bpy.types.Object, followers: Mapping[str, str]) -> OwnControls | None:
    """The controls of a rig that Rigify generated; None of any other. ``followers``: bone → the bone of ours that carries it, in
    the order of the rig."""
    bones, joints = character.pose.bones, {bone: joint for joint, bone in joint_map("mannequin").items()}
    carriers: dict[str, str] = {}
    switches: list[str] = []
    led: set[str] = set()
    for bone, ours in followers.items():
        if not bone.startswith(_DEFORM):
            continue
        joint = joints.get(ours, "")
        for name in _names(bone, joint, is_first=joint not in led):
            if name in bones:
                carriers.setdefault(name, bone)
                led.add(joint)
        parts = _PARTS.fullmatch(bone.removeprefix(_DEFORM))
        switch = f"{parts['stem']}_parent{parts['side'] or ''}" if parts is not None else ""
        if switch in bones and SWITCH in bones[switch]:
            switches.append(switch)
    return OwnControls(carriers, tuple(switches)) if all(joint in led for joint in REQUIRED) else None


def _names(bone: str, joint: str, is_first: bool) -> Iterator[str]:
    """What the controls of a deform bone may be called. Only the first bone of a joint has one of its own name: the others are
    parts of a face, a palm, a second breast bone, and go along."""
    parts = _PARTS.fullmatch(bone.removeprefix(_DEFORM))
    if parts is None:
        return
    if joint in _NAMED:
        yield _NAMED[joint]
    stem, number, side = (parts[name] or "" for name in ("stem", "number", "side"))
    yield f"{stem}_fk{number}{side}"
    if is_first and joint not in _NAMED:
        yield f"{stem}{number}{side}"


def places_of(character: bpy.types.Object, controls: OwnControls, seen: Mapping[str, Matrix]) -> dict[str, Matrix]:
    """Control → where it comes (4, 4) when each is moved with its deform bone to where that is ``seen``, in the armature's axes;
    in the order of the rig."""
    bones = character.data.bones
    return {
        bone.name: seen[controls.carriers[bone.name]]
        @ bones[controls.carriers[bone.name]].matrix_local.inverted()
        @ bone.matrix_local
        for bone in bones
        if bone.name in controls.carriers
    }
