# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices what any tool of Blender did to a mannequin's controls, and lets IK and FK follow.

Our own operators settle the rig inside their own undo step. This is for all others (G, R, the gizmos, the N panel, Clear, Paste,
scripts): it runs after each evaluation of a mannequin and is idempotent, so what it writes after an undo is what it wrote before.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from .. import handlers
from .control_rig.use import tidy_up
from .follow import come_to_rest, follow
from .mannequin import is_mannequin, is_own, remove_orphaned_skins
from .matching import is_paused, paused
from .pin_copies import bring_pins_along
from .pins import has_pins, hold, hold_in_other_frames
from .rig import fault_of
from .settled import remember
from .solving import is_animated
from .wishes import forget_wishes

_MODAL_PREFIXES = ("TRANSFORM_OT_", "POSE_OT_", "POSELIB_OT_", "POSE_TO_ANIME_OT_")
"""Operators during which the mouse is still holding a control: nothing is snapped before they end."""


class _State:
    """What the handler knows between two calls. No references to Blender's data."""

    frames: dict[str, int] = {}
    object_count = 0


@persistent
def _after_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if is_paused() or depsgraph.mode != "VIEWPORT" or not depsgraph.id_type_updated("OBJECT"):
        return
    changed = [update.id.original for update in depsgraph.updates if isinstance(update.id, bpy.types.Object)]
    # Twice, because a figure may be pinned to another one that is pinned itself.
    pinned = [obj for obj in scene.objects if obj.type == "ARMATURE" and has_pins(obj)] * 2 if changed else []
    for obj in (*changed, *pinned):
        if is_mannequin(obj) and is_own(obj) and not fault_of(obj):
            with paused(is_watcher=True):
                _follow(scene, obj)
    if len(bpy.data.objects) != _State.object_count:
        remove_orphaned_skins()
        tidy_up()
        _State.object_count = len(bpy.data.objects)


@persistent
def _after_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Not every change of the frame is followed by an update; without this the next edit would be taken for the animation's."""
    if is_paused() or depsgraph.mode != "VIEWPORT":
        return
    for obj in scene.objects:
        if is_mannequin(obj) and is_own(obj) and not fault_of(obj):
            with paused(is_watcher=True):
                _follow(scene, obj, is_other_frame=True)


def _follow(scene: bpy.types.Scene, obj: bpy.types.Object, is_other_frame: bool = False) -> None:
    is_other_frame |= _State.frames.get(obj.name, scene.frame_current) != scene.frame_current
    _State.frames[obj.name] = scene.frame_current
    if is_played := is_other_frame and is_animated(obj):
        # The controls were moved by an animation, not by a hand: limbs keep their modes.
        forget_wishes(obj)
        remember(obj)
        bring_pins_along(obj, is_animated=True)
        hold_in_other_frames(obj)
        bpy.context.view_layer.update()
        hold(obj)
    else:
        follow(obj)
    if not _is_being_dragged():
        come_to_rest(obj, force=is_played)


def _is_being_dragged() -> bool:
    manager = bpy.context.window_manager
    windows = manager.windows if manager is not None else ()
    return any(operator.bl_idname.startswith(_MODAL_PREFIXES) for window in windows for operator in window.modal_operators)


@persistent
def _before_other_frames(*_: object) -> None:
    """A render, or who opens the file, goes through frames without asking us."""
    for obj in bpy.data.objects:
        if is_mannequin(obj) and is_own(obj) and not fault_of(obj):
            with paused(is_watcher=True):
                hold_in_other_frames(obj)


@persistent
def _forget(*_: object) -> None:
    _State.frames.clear()


CLASSES: tuple[type, ...] = ()
_HANDLERS = (
    ("depsgraph_update_post", _after_update),
    ("frame_change_post", _after_frame),
    ("load_post", _forget),
    ("save_pre", _before_other_frames),
    ("render_init", _before_other_frames),
)


def register() -> None:
    handlers.put_on(_HANDLERS)


def unregister() -> None:
    handlers.take_off(_HANDLERS)
    _forget()
