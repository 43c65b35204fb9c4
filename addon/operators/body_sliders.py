# SPDX-License-Identifier: GPL-3.0-or-later
"""The body sliders as properties: ``object.pose_to_anime_body.height`` and so on.

They store nothing. What a slider shows is read from the figure's data, and moving one reshapes the figure, so that undo, copies
and saved files cannot make the two differ. A drag of a slider is one undo step, because Blender pushes it when the mouse lets go.
Clothes are fitted once the slider rests; without a window, where nothing is dragged, at once.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent
from bpy.props import FloatProperty, PointerProperty

from .. import handlers
from ..armature.mannequin import is_mannequin, slider_values
from ..armature.reshape import reshape
from ..armature.skin.sliders import SLIDERS, Slider
from ..dressing import following, wearing
from ..errors import UserError
from ..generate.at_rest import at_rest
from ..translations import translated

_REST = 0.3
"""Seconds for which a slider rests before clothes are fitted: longer than between two moves of a hand that still drags."""
_FITTING_MODES = {"OBJECT", "POSE"}
"""Modes in which meshes may be written."""


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
        if not _is_dragged() or not wearing.is_dressed(obj):
            reshape(obj, {name: value})
            wearing.refit(obj)
            return
        with following.carried(obj):
            reshape(obj, {name: value})
        _fit_soon()
    except UserError as error:
        tell(str(error), "Body")


def _is_dragged() -> bool:
    return not bpy.app.background


def _fit_soon() -> None:
    at_rest(_fit, _REST)


def _fit() -> None:
    """Fit all clothes that wait for it, in every window: a timer has none of its own."""
    for window in bpy.context.window_manager.windows:
        with bpy.context.temp_override(window=window):
            for sentence in following.fit_waiting() if bpy.context.mode in _FITTING_MODES else ():
                tell(sentence, "Wardrobe")


@persistent
def _before_save(*_: object) -> None:
    if bpy.context.mode in _FITTING_MODES:  # else they wait in the file, too
        for sentence in following.fit_waiting():
            tell(sentence, "Wardrobe")


@persistent
def _after_undo(*_: object) -> None:
    """A step may end while clothes wait: then it brings them back unfitted."""
    if not following.waiting():
        return
    if bpy.app.background:
        following.fit_waiting()
    else:
        _fit_soon()


def tell(sentence: str, title: str) -> None:
    """A property cannot report: say it beside the mouse, or on the console where there is no window."""
    if bpy.app.background:
        print(sentence)
        return
    told = translated(sentence)
    bpy.context.window_manager.popup_menu(
        lambda menu, _context: menu.layout.label(text=told), title=translated(title), icon="ERROR"
    )


P2A_PG_body = type(
    "P2A_PG_body",
    (bpy.types.PropertyGroup,),
    {
        "__doc__": "``object.pose_to_anime_body``: one number for each of ``SLIDERS``.",
        "__annotations__": {name: _property(name, slider) for name, slider in SLIDERS.items()},
    },
)

CLASSES: tuple[type, ...] = (P2A_PG_body,)


_HANDLERS = (("save_pre", _before_save), ("undo_post", _after_undo), ("redo_post", _after_undo), ("load_post", _after_undo))


def register() -> None:
    bpy.types.Object.pose_to_anime_body = PointerProperty(type=P2A_PG_body)
    handlers.put_on(_HANDLERS)


def unregister() -> None:
    handlers.take_off(_HANDLERS)
    if bpy.app.timers.is_registered(_fit):
        bpy.app.timers.unregister(_fit)
    del bpy.types.Object.pose_to_anime_body
