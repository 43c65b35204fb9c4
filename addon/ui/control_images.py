# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of control images: which one to look at while posing, how they are made, and where to save them."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..armature.figures import figures_in
from ..framing.viewport import is_looking_through
from ..generate import live_preview
from ..operators.control_images import (
    P2A_OT_choose_control_image,
    P2A_OT_save_control_images,
    P2A_OT_show_control_image,
)
from ..operators.framing import P2A_OT_look_through
from ..operators.pose_reference import P2A_OT_open_pose_reference, P2A_OT_remove_pose_reference
from ..passes.geometry import can_be_ticked
from ..passes.kinds import KINDS
from . import parts, picture_reference
from .sidebar import InSidebar


class P2A_PT_control_images(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_control_images"
    bl_label = "Control Images"
    bl_order = 55
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.passes
        kind = KINDS.get(settings.preview_kind)
        row = layout.row(align=True)
        row.operator_menu_enum(
            P2A_OT_choose_control_image.bl_idname, "kind", text=kind.title if kind else settings.preview_kind, icon="IMAGE_DATA"
        )
        row.prop(settings, "overlay", text="", icon="OVERLAY")
        row.operator(P2A_OT_show_control_image.bl_idname, text="", icon="IMAGE", depress=live_preview.is_in_editor())
        opacity = layout.row()
        opacity.active = settings.overlay
        opacity.prop(settings, "overlay_opacity", slider=True)
        area = context.area
        if settings.overlay and area is not None and area.type == "VIEW_3D" and not is_looking_through(area):
            layout.operator(P2A_OT_look_through.bl_idname, text="Look Through to See It", icon="VIEW_CAMERA")
        if live_preview.is_wanted(context.scene) and (problem := live_preview.preview().problem):
            parts.text(layout, context, problem, "ERROR")
        layout.operator(P2A_OT_save_control_images.bl_idname, icon="FILE_FOLDER")
        row = layout.row(align=True)
        row.operator(P2A_OT_open_pose_reference.bl_idname, text="Reference from JSON", icon="IMPORT")
        row.operator(P2A_OT_remove_pose_reference.bl_idname, text="", icon="X")
        picture_reference.draw(layout, context)


class P2A_PT_control_image_settings(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_control_image_settings"
    bl_label = "How They Are Made"
    bl_parent_id = "P2A_PT_control_images"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.passes
        layout.prop(settings, "keep_outside")
        layout.prop(settings, "hide_occluded")
        row = layout.row(heading="In the pose")
        row.prop(settings, "hands", toggle=True)
        row.prop(settings, "face", toggle=True)
        column = layout.column(align=True)
        column.prop(settings, "depth_floor", text="Farthest Grey")
        column.prop(settings, "depth_gamma")
        layout.prop(settings, "depth_is_fixed")
        if settings.depth_is_fixed:
            row = layout.row(align=True)
            row.prop(settings, "depth_near")
            row.prop(settings, "depth_far")
        obj = context.object
        if obj is not None and can_be_ticked(obj, figures_in(context.scene, context.view_layer)):
            layout.prop(obj.pose_to_anime, "in_depth", text=iface_("“{object}” in the control images").format(object=obj.name))


CLASSES: tuple[type, ...] = (P2A_PT_control_images, P2A_PT_control_image_settings)
