# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices what any tool of Blender did to a mannequin's controls, and lets IK and FK follow.

Our own operators settle the rig inside their own undo step. This is for all others (G, R, the gizmos, the N panel, Clear, Paste,
scripts): it runs after each evaluation of a mannequin and is idempotent, so what it writes after an undo is what it wrote before.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from .limbs import LIMBS
from .mannequin import is_mannequin, remove_orphaned_skins
from .matching import follow_edits, is_paused, paused, remember, settle

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
    for update in depsgraph.updates:
        if isinstance(update.id, bpy.types.Object) and update.id.type == "ARMATURE":
            obj = update.id.original
            if is_mannequin(obj) and obj.library is None and _is_complete(obj):
                with paused():
                    _follow(scene, obj)
    if (count := len(bpy.data.objects)) != _State.object_count:
        remove_orphaned_skins()
        _State.object_count = count


def _follow(scene: bpy.types.Scene, obj: bpy.types.Object) -> None:
    is_other_frame = _State.frames.get(obj.name, scene.frame_current) != scene.frame_current
    _State.frames[obj.name] = scene.frame_current
    if is_other_frame:
        # The controls were moved by an animation, not by a hand: limbs keep their modes.
        remember(obj)
    elif follow_edits(obj):
        bpy.context.view_layer.update()
    if not _is_being_dragged():
        settle(obj, force=is_other_frame)


def _is_being_dragged() -> bool:
    manager = bpy.context.window_manager
    windows = manager.windows if manager is not None else ()
    return any(operator.bl_idname.startswith(_MODAL_PREFIXES) for window in windows for operator in window.modal_operators)


def _is_complete(obj: bpy.types.Object) -> bool:
    """A figure whose controls were deleted by hand is left alone."""
    bones = obj.pose.bones
    return all(
        name in bones for limb in LIMBS for name in (limb.upper, limb.lower, limb.end, limb.target, limb.hinge, *limb.mechanism)
    )


@persistent
def _forget(*_: object) -> None:
    _State.frames.clear()


CLASSES: tuple[type, ...] = ()


def register() -> None:
    bpy.app.handlers.depsgraph_update_post.append(_after_update)
    bpy.app.handlers.load_post.append(_forget)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_forget)
    bpy.app.handlers.depsgraph_update_post.remove(_after_update)
    _forget()
