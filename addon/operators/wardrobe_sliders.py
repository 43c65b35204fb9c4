# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaze and colours of what figures wear, as properties: ``object.pose_to_anime_wardrobe`` of a figure, and of each piece.

They store nothing. What is shown is read from the outfit or the materials, and a change dresses the figure anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import bpy
from bpy.props import FloatProperty, FloatVectorProperty, PointerProperty

from ..armature.mannequin import is_mannequin
from ..armature.worn import WORN, is_worn
from ..dressing import wearing
from ..dressing.piece_mesh import parts_of
from ..errors import UserError
from ..wardrobe.colours import from_linear, hex_of
from .body_sliders import tell

MOST_PARTS = 12
"""Parts of a piece whose colours can be changed by swatches."""


def _gaze(axis: int, name: str, tip: str) -> object:
    def read(group: bpy.types.PropertyGroup) -> float:
        return wearing.outfit_of(group.id_data).gaze[axis]

    def look(group: bpy.types.PropertyGroup, value: float) -> None:
        figure = group.id_data
        before = wearing.outfit_of(figure).gaze
        gaze = list(before)
        gaze[axis] = min(max(value, -1.0), 1.0)
        if is_mannequin(figure) and tuple(gaze) != before:
            _try(lambda: wearing.put_on(figure, replace(wearing.noted_outfit(figure), gaze=(gaze[0], gaze[1]))))

    return FloatProperty(name=name, description=tip, min=-1.0, max=1.0, step=5, precision=2, options=set(), get=read, set=look)


def _colour(index: int) -> object:
    def part(group: bpy.types.PropertyGroup) -> tuple[str, bpy.types.Material] | None:
        parts = list(parts_of(group.id_data).items()) if is_worn(group.id_data) else []
        return parts[index] if index < len(parts) else None

    def read(group: bpy.types.PropertyGroup) -> tuple[float, float, float]:
        found = part(group)
        red, green, blue, _ = found[1].diffuse_color if found else (0.0, 0.0, 0.0, 1.0)
        return red, green, blue

    def paint(group: bpy.types.PropertyGroup, value: tuple[float, float, float]) -> None:
        piece, found = group.id_data, part(group)
        if found and is_mannequin(piece.parent):
            _try(lambda: wearing.recolour(piece.parent, piece[WORN], found[0], hex_of(from_linear(value))))

    return FloatVectorProperty(
        name="Colour", description="Colour of this part; a prompt calls it by the nearest name", subtype="COLOR", size=3,
        min=0.0, max=1.0, options=set(), get=read, set=paint,
    )  # fmt: skip


def _try(act: Callable[[], None]) -> None:
    try:
        act()
    except UserError as error:
        tell(str(error), "Wardrobe")


P2A_PG_worn = type(
    "P2A_PG_worn",
    (bpy.types.PropertyGroup,),
    {
        "__doc__": "``object.pose_to_anime_wardrobe``.",
        "__annotations__": {
            "gaze_side": _gaze(0, "Side", "Where the drawn eyes look: to the figure's right, or to its left"),
            "gaze_up": _gaze(1, "Up", "Where the drawn eyes look: down, or up"),
            **{f"colour_{index}": _colour(index) for index in range(MOST_PARTS)},
        },
    },
)

CLASSES: tuple[type, ...] = (P2A_PG_worn,)


def register() -> None:
    bpy.types.Object.pose_to_anime_wardrobe = PointerProperty(type=P2A_PG_worn)


def unregister() -> None:
    del bpy.types.Object.pose_to_anime_wardrobe
