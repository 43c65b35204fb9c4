# SPDX-License-Identifier: GPL-3.0-or-later
"""The bone of each joint of a character as a property, for fields with a search. Changing one chooses the bone for that joint."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import bpy
from bpy.props import PointerProperty, StringProperty

from ..armature.characters import is_character
from ..armature.joint_map import MAPPED
from ..armature.recognition import Recognition, recognise, spoken
from ..errors import UserError
from .characters import set_joint

_ONE_DRAW = 0.05
"""Seconds for which a panel's many fields ask but once."""
_last: list[tuple[str, float, Recognition]] = []


def _seen(obj: bpy.types.Object) -> Recognition:
    now = time.monotonic()
    if _last and _last[0][0] == obj.name_full and now - _last[0][1] < _ONE_DRAW:
        return _last[0][2]
    found = recognise(obj) if is_character(obj) else Recognition()
    _last[:] = [(obj.name_full, now, found)]
    return found


def _getter(joint: str) -> Callable[[bpy.types.PropertyGroup], str]:
    def get(group: bpy.types.PropertyGroup) -> str:
        found = _seen(group.id_data)
        return found.joints.get(joint) or found.eyes.get(joint, "")

    return get


def _setter(joint: str) -> Callable[[bpy.types.PropertyGroup, str], None]:
    def change(group: bpy.types.PropertyGroup, value: str) -> None:
        with contextlib.suppress(UserError):  # the panel says what is wrong with a linked character
            set_joint(group.id_data, joint, value)
        _last.clear()

    return change


class P2A_PG_character_bones(bpy.types.PropertyGroup):
    """``object.pose_to_anime_bones``: a text for each joint. It stores nothing: the choice is in ``pose_to_anime.character``."""

    __annotations__ = {
        joint: StringProperty(
            name=spoken(joint).removeprefix("the ").capitalize(),
            description="The bone that has this joint at its head",
            options=set(),
            get=_getter(joint),
            set=_setter(joint),
        )
        for joint in MAPPED
    }


CLASSES: tuple[type, ...] = (P2A_PG_character_bones,)


def register() -> None:
    bpy.types.Object.pose_to_anime_bones = PointerProperty(type=P2A_PG_character_bones)


def unregister() -> None:
    del bpy.types.Object.pose_to_anime_bones
    _last.clear()
