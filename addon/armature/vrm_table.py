# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of human bones that the VRM add-on keeps on an armature, read as stored data: with that add-on or without it.

VRM 1 keeps ``human_bones.left_upper_arm.node.bone_name``, VRM 0 a list of entries with ``bone`` (``leftUpperArm``) and
``node.bone_name``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import bpy

from ..compat import stored_properties
from .joint_map import MAPPED, JointMap

_EXTENSION = "vrm_addon_extension"
_NAMES = ("bone_name", "value")
"""Under which the bone's name is stored, in newer and in older versions."""
_THUMBS_OF_VRM_0 = {"ThumbProximal": "ThumbMetacarpal", "ThumbIntermediate": "ThumbProximal"}
"""VRM 1 named two bones of the thumb anew."""


def stored_table(armature: bpy.types.Armature) -> JointMap:
    """Humanoid joint → bone, as far as the table names bones that there are; empty without a table."""
    extension = getattr(armature, _EXTENSION, None)
    if extension is None:
        extension = _part(stored_properties(armature), _EXTENSION)
    found: JointMap = {}
    for joint, bone in {**_of_vrm_0(extension), **_of_vrm_1(extension)}.items():
        if joint in MAPPED and bone in armature.bones and bone not in found.values():
            found[joint] = bone
    return found


def _of_vrm_1(extension: Any) -> dict[str, str]:
    bones = _part(_part(_part(extension, "vrm1"), "humanoid"), "human_bones")
    return {joint: name for joint in MAPPED if (name := _bone_name(_part(bones, _snake(joint))))}


def _of_vrm_0(extension: Any) -> dict[str, str]:
    entries = _part(_part(_part(extension, "vrm0"), "humanoid"), "human_bones")
    found = {}
    try:
        for entry in entries or ():
            joint = _part(entry, "bone")
            if isinstance(joint, str) and (name := _bone_name(entry)):
                for old, new in _THUMBS_OF_VRM_0.items():
                    if joint.endswith(old):
                        joint = joint.removesuffix(old) + new
                        break
                found[joint] = name
    except TypeError:
        return {}
    return found


def _bone_name(entry: Any) -> str:
    node = _part(entry, "node")
    names = (_part(node, name) for name in _NAMES)
    return next((name for name in names if isinstance(name, str) and name), "")


def _part(whole: Any, name: str) -> Any:
    """A part of stored data, be it a property or an entry; None where there is none."""
    if whole is None:
        return None
    if isinstance(whole, Mapping) or hasattr(whole, "keys"):
        try:
            return whole[name] if name in whole.keys() else getattr(whole, name, None)  # noqa: SIM118 (ID properties are no Mapping)
        except (KeyError, TypeError):
            return getattr(whole, name, None)
    return getattr(whole, name, None)


def _snake(joint: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", joint).lower()
