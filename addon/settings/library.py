# SPDX-License-Identifier: GPL-3.0-or-later
"""How the pose library is shown: what is searched for, which group, which page. Neither saved nor undone."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

EnumItems = list[tuple[str, str, str, str, int]]

PAIRS = "PAIRS"

_FIXED: EnumItems = [
    ("ALL", "All Poses", "Every pose of the library", "POSE_HLT", 0),
    ("FAVOURITES", "Favourites", "The poses that you have marked with a star", "SOLO_ON", 1),
    ("OWN", "My Poses", "The poses that you have saved or imported", "USER", 2),
    (PAIRS, "Pairs", "What two figures do together", "COMMUNITY", 3),
]
_items: EnumItems = list(_FIXED)  # Blender does not keep the strings of a dynamic enum alive


def offer_groups(groups: Iterable[str]) -> None:
    """Which groups there are to choose from."""
    _items[:] = _FIXED + [
        (group, group.capitalize(), f"Poses of the group “{group}”", "NONE", number_of(group)) for group in groups
    ]


def number_of(name: str) -> int:
    """A number for an item of an enum that stays the same when others come and go: Blender remembers numbers, not names."""
    return 16 + zlib.crc32(name.encode("utf-8")) % (2**31 - 17)


def _group_items(_owner: object, _context: bpy.types.Context | None) -> EnumItems:
    return _items


def _first_page(settings: P2A_PG_library, _context: bpy.types.Context) -> None:
    settings.page = 0


class P2A_PG_library(bpy.types.PropertyGroup):
    """``window_manager.pose_to_anime.library``."""

    search: StringProperty(
        name="Search", description="Words of a pose's name, group or tags", options={"TEXTEDIT_UPDATE"}, update=_first_page
    )
    group: EnumProperty(name="Group", description="Which poses are shown", items=_group_items, update=_first_page)
    mirrored: BoolProperty(name="Mirrored", description="Apply poses as a mirror shows them", default=False)
    page: IntProperty(name="Page", min=0, options={"HIDDEN"})
    chosen: StringProperty(name="Pose", description="The pose that was applied last", options={"HIDDEN"})


CLASSES: tuple[type, ...] = (P2A_PG_library,)
