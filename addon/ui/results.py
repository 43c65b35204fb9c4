# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the Image Editor: what to do with the picture that it shows."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .. import compat
from ..generate import gallery, history, pictures, restore, viewing
from ..generate.asked import sampler_title
from ..operators.history import P2A_OT_star_result
from ..operators.result_files import P2A_OT_browse_results, P2A_OT_copy_picture, P2A_OT_show_in_folder
from ..operators.results import (
    P2A_OT_bring_back,
    P2A_OT_compare_result,
    P2A_OT_discard_result,
    P2A_OT_keep_result,
    P2A_OT_restore_result,
    P2A_OT_show_result,
    P2A_OT_vary_result,
    shown_job,
)
from ..operators.save_result import P2A_OT_copy_recipe, P2A_OT_save_comparison, P2A_OT_save_result
from ..operators.workspace import P2A_OT_picture_tools
from ..passes.kinds import KINDS
from . import parts
from .jobs import draw_jobs
from .sidebar import InImageEditor


class P2A_PT_result(InImageEditor, bpy.types.Panel):
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
        if history.is_gone(image.pose_to_anime.job_id):
            _draw_gone(layout, context, image)
            return
        is_sheet = image.pose_to_anime.role == "SHEET"
        column = layout.column(align=True)
        column.scale_y = 1.2
        row = column.row(align=True)
        kept = pictures.is_kept(pictures.image_of(image.pose_to_anime.job_id))
        row.operator(P2A_OT_keep_result.bl_idname, text="Kept" if kept else "Keep", icon="CHECKMARK" if kept else "PINNED")
        row.operator(P2A_OT_vary_result.bl_idname, icon="FILE_REFRESH")
        known = gallery.item(image.pose_to_anime.job_id)
        star = "SOLO_ON" if known is not None and known.favourite else "SOLO_OFF"
        row.operator(P2A_OT_star_result.bl_idname, text="", icon=star)
        column.operator(
            P2A_OT_compare_result.bl_idname,
            text="Back to the Picture" if is_sheet else "Compare with the Figure",
            icon="ARROW_LEFTRIGHT",
            depress=is_sheet,
        )
        if is_sheet:
            column.operator(P2A_OT_save_comparison.bl_idname, icon="FILE_IMAGE")
        _draw_siblings(layout, image.pose_to_anime.job_id)
        column = layout.column(align=True)
        column.label(text="Restore")
        for parts_of_row in _RESTORED:
            row = column.row(align=True)
            for text, icon, restored in parts_of_row:
                row.operator(P2A_OT_restore_result.bl_idname, text=text, icon=icon).parts = restored
        row = layout.row(align=True)
        row.operator(P2A_OT_save_result.bl_idname, icon="FILE_TICK")
        row.operator(P2A_OT_copy_recipe.bl_idname, text="Recipe", icon="TEXT")
        row.operator(P2A_OT_discard_result.bl_idname, text="", icon="TRASH")
        row = layout.row(align=True)
        row.operator(P2A_OT_show_in_folder.bl_idname, icon="FILE_FOLDER")
        row.operator(P2A_OT_browse_results.bl_idname, text="", icon="IMGDISPLAY")
        row.operator(P2A_OT_copy_picture.bl_idname, text="", icon="COPYDOWN")
        layout.prop(context.scene.pose_to_anime.generation, "keep_results")


def _draw_gone(layout: bpy.types.UILayout, context: bpy.types.Context, image: bpy.types.Image) -> None:
    """A picture whose result was deleted, or is in the history of another computer."""
    parts.text(layout, context, "This picture is not in the history: it was deleted, or made on another computer.", "INFO")
    if image.packed_file is None and not image.has_data:
        parts.text(layout, context, "This file did not keep it, so there is nothing to show.", "ERROR")
    else:
        parts.text(layout, context, "This file has a copy of its own.")
        row = layout.row(align=True)
        row.operator("image.save_as", text="Save As", icon="FILE_TICK")  # Blender's own, as the next
        if compat.clipboard_takes_pictures():  # elsewhere that one does nothing, and there is no file to copy
            row.operator("image.clipboard_copy", text="", icon="COPYDOWN")
    if history.can_bring_back():
        layout.operator(P2A_OT_bring_back.bl_idname, icon="LOOP_BACK")


_RESTORED = (
    (("Pose", "ARMATURE_DATA", {"POSE"}), ("Camera", "CAMERA_DATA", {"CAMERA"}), ("All", "RECOVER_LAST", set(restore.ALL))),
    (("Prompt", "TEXT", {"PROMPT"}), ("Seed", "MOD_NOISE", {"SEED"}), ("Style", "BRUSHES_ALL", {"STYLE"})),
)
"""Rows of buttons: text, icon, what is brought back."""


def _draw_siblings(layout: bpy.types.UILayout, job_id: str) -> None:
    """To the other pictures of the same press."""
    number, jobs = gallery.siblings(job_id)
    if not number:
        return
    row = layout.row(align=True)
    row.operator(P2A_OT_show_result.bl_idname, text="", icon="TRIA_LEFT").job_id = jobs[number - 2]
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    middle.label(text=iface_("Picture {number} of {count}").format(number=number, count=len(jobs)))
    row.operator(P2A_OT_show_result.bl_idname, text="", icon="TRIA_RIGHT").job_id = jobs[number % len(jobs)]


class P2A_PT_result_recipe(InImageEditor, bpy.types.Panel):
    bl_idname = "P2A_PT_result_recipe"
    bl_label = "Recipe"
    bl_order = 20
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        job_id = shown_job(context)
        record = history.in_memory(job_id)
        if record is None:
            gone = bool(job_id) and history.is_gone(job_id)
            self.layout.label(text="Its recipe is gone with it" if gone else "No picture of ours is shown")
            return
        request = record.request
        parts.words(self.layout, context, request.prompt)
        if request.negative_prompt:
            parts.words(self.layout, context, iface_("Not: {prompt}").format(prompt=request.negative_prompt))
        column = self.layout.column(align=True)
        column.label(text=iface_("{model}, seed {seed}").format(model=request.model, seed=request.seed))
        size, numbers = f"{request.width} × {request.height}", {"steps": request.steps, "guidance": request.guidance_scale}
        column.label(text=iface_("{size}, {steps} steps, guidance {guidance:g}").format(size=size, **numbers))
        if request.sampler:
            column.label(text=sampler_title(request.sampler))
        if record.scene.get("draft"):
            column.label(text="Draft")
        for lora in request.loras:
            column.label(text=iface_("LoRA {name} {weight:.2f}").format(name=lora.name, weight=lora.weight))
        for control in request.controls:
            title = iface_(KINDS[control.kind].title)
            column.label(text=f"{title} {control.strength:.2f}, {control.start:.2f}–{control.end:.2f}")


def _draw_in_header(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Where a picture of ours is seen without the sidebar: the way to what can be done with it."""
    space = context.space_data  # in the header's menus: what stands behind them is out of sight in a narrow editor
    if context.area.ui_type == "IMAGE_EDITOR" and viewing.shows_ours(context.area) and not space.show_region_ui:
        self.layout.operator(P2A_OT_picture_tools.bl_idname, icon="IMAGE_DATA")


CLASSES: tuple[type, ...] = (P2A_PT_result, P2A_PT_result_recipe)


def register() -> None:
    bpy.types.IMAGE_MT_editor_menus.append(_draw_in_header)


def unregister() -> None:
    bpy.types.IMAGE_MT_editor_menus.remove(_draw_in_header)
