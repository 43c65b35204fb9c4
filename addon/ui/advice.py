# SPDX-License-Identifier: GPL-3.0-or-later
"""What is advised about the ratio, found out after the figure has come to rest: panels must not compute."""

from __future__ import annotations

import time
from typing import Any

import bpy
from bpy.app.handlers import persistent

from .. import handlers
from ..armature.figures import figures_in
from ..framing.advice import Advice
from ..framing.camera import chosen_camera, picture_ratio
from ..framing.sizes import SizeError
from ..framing.subject import scene_advice
from ..generate import timer
from ..generate.at_rest import at_rest
from ..generate.session import session
from ..settings import framing as settings

_advice: dict[str, Advice] = {}


def current(scene: bpy.types.Scene) -> Advice | None:
    """The advice for a scene, as of the last time its figures rested."""
    return _advice.get(scene.name)


def _look() -> None:
    began = time.perf_counter()
    try:
        _find_advice()
    finally:
        session.stats.note((time.perf_counter() - began) * 1000.0, "advice")


def _find_advice() -> None:
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    before = _advice.get(scene.name)
    figures, camera = figures_in(scene, view_layer), chosen_camera(scene)
    found = None
    if figures and camera is not None:
        try:
            found = scene_advice(scene, view_layer.depsgraph, figures, camera, picture_ratio(scene))
        except SizeError:
            found = None
    _advice.clear()
    if found is not None:
        _advice[scene.name] = found
    if found != before:
        timer.redraw()


@persistent
def _changed(*_: Any) -> None:
    if not bpy.app.background:
        at_rest(_look)


@persistent
def _loaded(*_: Any) -> None:
    _advice.clear()
    _changed()


def _size_changed(_scene: bpy.types.Scene) -> None:
    _changed()


CLASSES: tuple[type, ...] = ()
_HANDLERS = (("depsgraph_update_post", _changed), ("load_post", _loaded))


def register() -> None:
    handlers.put_on(_HANDLERS)
    settings.size_listeners.append(_size_changed)


def unregister() -> None:
    settings.size_listeners.remove(_size_changed)
    handlers.take_off(_HANDLERS)
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    _advice.clear()
