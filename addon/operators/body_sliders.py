# SPDX-License-Identifier: GPL-3.0-or-later
"""The body sliders as properties: ``object.pose_to_anime_body.height`` and so on.

They store nothing. What a slider shows is read from the figure's data, and moving one reshapes the figure, so that undo, copies
and saved files cannot make the two differ. A drag of a slider is one undo step, because Blender pushes it when the mouse lets go.
"""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty, PointerProperty

from ..armature.mannequin import is_mannequin, slider_values
from ..armature.reshape import reshape
from ..armature.skin.sliders import SLIDERS, Slider
from ..dressing import wearing
from ..errors import UserError


def _property(name: str, slider: Slider) -> object:
    def read(group: bpy.types.PropertyGroup) -> float:
        obj = group.id_data
        return float(slider_values(obj).get(name, slider.neutral)) if is_mannequin(obj) else slider.neutral

    def move(group: bpy.types.PropertyGroup, value: float) -> None:
        value = min(max(value, slider.low), slider.high)  # Blender keeps only properties that it stores within their range
        if value != read(group):
            _reshape(group.id_data, name, value)

    return FloatProperty(
        name=slider.title, description=slider.tip, min=slider.low, max=slider.high, default=slider.neutral,
        step=1, precision=2, options=set(), get=read, set=move,
    )  # fmt: skip


def _reshape(obj: bpy.types.Object, name: str, value: float) -> None:
    try:
        reshape(obj, {name: value})
        wearing.refit(obj)
    except UserError as error:
        tell(str(error), "Body")


def tell(sentence: str, title: str) -> None:
    """A property cannot report: say it beside the mouse, or on the console where there is no window."""
    if bpy.app.background:
        print(sentence)
        return
    bpy.context.window_manager.popup_menu(lambda menu, _context: menu.layout.label(text=sentence), title=title, icon="ERROR")


P2A_PG_body = type(
    "P2A_PG_body",
    (bpy.types.PropertyGroup,),
    {
        "__doc__": "``object.pose_to_anime_body``: one number for each of ``SLIDERS``.",
        "__annotations__": {name: _property(name, slider) for name, slider in SLIDERS.items()},
    },
)

CLASSES: tuple[type, ...] = (P2A_PG_body,)


def register() -> None:
    bpy.types.Object.pose_to_anime_body = PointerProperty(type=P2A_PG_body)


def unregister() -> None:
    del bpy.types.Object.pose_to_anime_body
