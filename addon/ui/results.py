# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the Image Editor: what to do with the picture that it shows."""

from __future__ import annotations

import bpy

from ..generate import history, pictures
from ..operators.results import (
    P2A_OT_compare_result,
    P2A_OT_discard_result,
    P2A_OT_keep_result,
    P2A_OT_restore_result,
    P2A_OT_save_comparison,
    P2A_OT_save_result,
    P2A_OT_vary_result,
    shown_job,
)
from . import parts
from .jobs import draw_jobs


class _Panel:
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = parts.TAB

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.ui_type == "IMAGE_EDITOR"


class P2A_PT_result(_Panel, bpy.types.Panel):
    bl_idname = "P2A_PT_result"
    bl_label = "Picture"
    bl_order = 10

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        draw_jobs(layout, context)
        parts.messages(layout, context)
        image = context.space_data.image
        if image is None or not image.pose_to_anime.job_id:
            hint = layout.column()
            hint.enabled = False
            hint.label(text="Pictures that you generate appear here")
            return
        is_sheet = image.pose_to_anime.role == "SHEET"
        column = layout.column(align=True)
        column.scale_y = 1.2
        row = column.row(align=True)
        kept = pictures.is_kept(pictures.image_of(image.pose_to_anime.job_id))
        row.operator(P2A_OT_keep_result.bl_idname, text="Kept" if kept else "Keep", icon="CHECKMARK" if kept else "PINNED")
        row.operator(P2A_OT_vary_result.bl_idname, icon="FILE_REFRESH")
        column.operator(
            P2A_OT_compare_result.bl_idname,
            text="Back to the Picture" if is_sheet else "Compare with the Figure",
            icon="ARROW_LEFTRIGHT",
            depress=is_sheet,
        )
        if is_sheet:
            column.operator(P2A_OT_save_comparison.bl_idname, icon="FILE_IMAGE")
        column = layout.column(align=True)
        pose = column.operator(P2A_OT_restore_result.bl_idname, icon="ARMATURE_DATA")
        pose.scene, pose.settings = True, False
        numbers = column.operator(P2A_OT_restore_result.bl_idname, text="Restore Prompt and Seed", icon="TEXT")
        numbers.scene, numbers.settings = False, True
        row = layout.row(align=True)
        row.operator(P2A_OT_save_result.bl_idname, icon="FILE_TICK")
        row.operator(P2A_OT_discard_result.bl_idname, icon="TRASH")
        layout.prop(context.scene.pose_to_anime.generation, "keep_results")


class P2A_PT_result_recipe(_Panel, bpy.types.Panel):
    bl_idname = "P2A_PT_result_recipe"
    bl_label = "Recipe"
    bl_order = 20
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        job_id = shown_job(context)
        record = next((item for item in history.known() if item.job_id == job_id), None)
        if record is None:
            self.layout.label(text="No picture of ours is shown")
            return
        request = record.request
        parts.text(self.layout, context, request.prompt)
        if request.negative_prompt:
            parts.text(self.layout, context, f"Not: {request.negative_prompt}")
        column = self.layout.column(align=True)
        column.label(text=f"{request.model}, seed {request.seed}")
        column.label(text=f"{request.width} × {request.height}, {request.steps} steps, guidance {request.guidance_scale:g}")
        for control in request.controls:
            column.label(text=f"{control.kind} {control.strength:.2f}, {control.start:.2f}–{control.end:.2f}")


class P2A_PT_image_last_pictures(_Panel, bpy.types.Panel):
    bl_idname = "P2A_PT_image_last_pictures"
    bl_label = "Last Pictures"
    bl_order = 30

    def draw(self, context: bpy.types.Context) -> None:
        parts.last_results(self.layout, context, shown_job(context))


CLASSES: tuple[type, ...] = (P2A_PT_result, P2A_PT_result_recipe, P2A_PT_image_last_pictures)
