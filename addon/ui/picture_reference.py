# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to pose after: rows of the panel of control images."""

from __future__ import annotations

import bpy

from ..framing.camera import picture_camera
from ..generate import errands
from ..operators.picture_reference import (
    ERRAND,
    P2A_OT_find_skeleton,
    P2A_OT_open_backdrop,
    P2A_OT_remove_backdrop,
    P2A_OT_stop_finding,
)
from ..passes.backdrop import backdrop_of
from . import parts


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The picture behind the view and how clearly it is seen; the skeleton of a picture, or how far that is."""
    camera = picture_camera(context.scene)
    backdrop = backdrop_of(camera) if camera is not None else None
    row = layout.row(align=True)
    row.operator(P2A_OT_open_backdrop.bl_idname, icon="IMAGE_REFERENCE")
    row.operator(P2A_OT_remove_backdrop.bl_idname, text="", icon="X")
    if backdrop is not None:
        column = layout.column(align=True)  # beside each other nobody could read them
        column.prop(backdrop, "alpha", text="Opacity", slider=True)
        column.prop(backdrop, "frame_method", text="")
    errand = errands.errand(ERRAND)
    if errand is not None and errand.is_running:
        row = layout.row(align=True)
        row.label(text="Looking for people", icon="SORTTIME")
        row.operator(P2A_OT_stop_finding.bl_idname, text="", icon="X")
        return
    layout.operator(P2A_OT_find_skeleton.bl_idname, icon="ARMATURE_DATA")
    if errand is not None and errand.state == "failed":
        parts.text(layout, context, errand.sentence, "ERROR")


CLASSES: tuple[type, ...] = ()
