# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view, lower part: prompt, model, Generate, what is going on, the last pictures."""

from __future__ import annotations

import bpy

from ...generation_server.families.catalogue import families
from ...generation_server.protocol import JobState
from ..errors import UserError
from ..framing.camera import scene_size
from ..framing.sizes import SizeError
from ..generate import history, models, session, thumbnails
from ..generate.request import NO_START
from ..generate.session import Job
from ..operators.generation import (
    P2A_OT_cancel,
    P2A_OT_choose_model,
    P2A_OT_connect,
    P2A_OT_free_memory,
    P2A_OT_generate,
    P2A_OT_model_defaults,
    P2A_OT_negative_preset,
    P2A_OT_roll_seed,
)
from ..operators.workspace import P2A_OT_open_workspace
from . import parts
from .sidebar import InSidebar

_PREVIEW = 7.0  # interface rows
_SHOWN_JOBS = 4


class P2A_PT_prompt(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_prompt"
    bl_label = "Prompt"
    bl_order = 30

    def draw(self, context: bpy.types.Context) -> None:
        parts.prompt(self.layout, context, "prompt", "What the picture shows", 3)


class P2A_MT_negative_presets(bpy.types.Menu):
    bl_idname = "P2A_MT_negative_presets"
    bl_label = "Presets"

    def draw(self, context: bpy.types.Context) -> None:
        family = families().get(context.scene.pose_to_anime.generation.family)
        if family is None:
            return
        for name, text in {"Usual": family.negative_prompt, **family.negative_presets}.items():
            self.layout.operator(P2A_OT_negative_preset.bl_idname, text=name).text = text


class P2A_PT_negative_prompt(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_negative_prompt"
    bl_label = "Negative Prompt"
    bl_parent_id = "P2A_PT_prompt"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        parts.prompt(self.layout, context, "negative_prompt", "What it must not show", 2)
        self.layout.menu(P2A_MT_negative_presets.bl_idname, icon="PRESET")


class P2A_MT_models(bpy.types.Menu):
    bl_idname = "P2A_MT_models"
    bl_label = "Model"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        chosen = context.scene.pose_to_anime.generation.model
        for item in models.models():
            row = layout.row()
            row.enabled = item.present is not False
            suffix = "  (not on the server)" if item.present is False else ""
            icon = "CHECKMARK" if item.name == chosen else "BLANK1"
            row.operator(P2A_OT_choose_model.bl_idname, text=item.title + suffix, icon=icon).model = item.name
        if not models.models():
            layout.label(text="No models are known: start the server")


class P2A_PT_model(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_model"
    bl_label = "Model"
    bl_order = 40
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """The model's name stays in sight while the panel is closed."""
        model = _chosen(context.scene.pose_to_anime.generation)
        name = self.layout.row()
        name.active = False
        name.label(text=model.title if model else "not chosen", icon="ERROR" if model is None or model.reason else "NONE")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        model = _chosen(settings)
        row = layout.row(align=True)
        row.menu(P2A_MT_models.bl_idname, text=model.title if model else settings.model or "Choose a model")
        row.operator(P2A_OT_model_defaults.bl_idname, text="", icon="LOOP_BACK")
        if model is None:
            parts.text(layout, context, f"There is no model “{settings.model}”: choose another.", "ERROR")
        elif model.reason:
            parts.text(layout, context, model.reason, "ERROR")
        elif model.note and not model.advised:
            parts.text(layout, context, model.note, "INFO")
        family = families().get(settings.family)
        column = layout.column(align=True)
        column.prop(settings, f"steps_{family.name}" if family else "steps", slider=True)
        column.prop(settings, f"guidance_scale_{family.name}" if family else "guidance_scale", slider=True)
        if family:
            low, high = family.steps.advised
            least, most = family.guidance_scale.advised
            hint = layout.row()
            hint.enabled = False
            hint.label(text=f"Advised: {low:g}–{high:g} steps, guidance {least:g}–{most:g}")


class P2A_PT_controls(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_controls"
    bl_label = "How Strictly It Follows"
    bl_parent_id = "P2A_PT_model"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.pose_to_anime.generation
        column = self.layout.column(align=True)
        column.prop(settings, "pose_strength", slider=True)
        column.prop(settings, "depth_strength", slider=True)
        column = self.layout.column(align=True)
        column.prop(settings, "start_from")
        if settings.start_from != NO_START:
            column.prop(settings, "denoising_strength", slider=True)


class P2A_PT_control_ranges(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_control_ranges"
    bl_label = "Start and End"
    bl_parent_id = "P2A_PT_controls"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.pose_to_anime.generation
        for word in ("pose", "depth"):
            row = self.layout.row(align=True)
            row.label(text=word.capitalize())
            row.prop(settings, f"{word}_start", text="")
            row.prop(settings, f"{word}_end", text="")


class P2A_PT_generate(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_generate"
    bl_label = "Generate"
    bl_order = 50

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        row = layout.row(align=True)
        seed = row.row(align=True)
        seed.active = not settings.random_seed
        seed.prop(settings, "seed")
        row.operator(P2A_OT_roll_seed.bl_idname, text="", icon="FILE_REFRESH")
        row.prop(settings, "random_seed", text="", icon="MOD_NOISE")
        count = row.row(align=True)
        count.scale_x = 0.6
        count.prop(settings, "pictures", text="×")
        big = layout.row(align=True)
        big.scale_y = 1.6
        big.operator(P2A_OT_generate.bl_idname, text=_what_will_happen(context.scene), icon="RENDER_STILL")
        draw_jobs(layout, context)
        parts.messages(layout, context)
        _draw_server(layout, context)
        layout.separator(factor=0.5)
        layout.operator(P2A_OT_open_workspace.bl_idname, icon="WINDOW")


class P2A_PT_last_pictures(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_last_pictures"
    bl_label = "Last Pictures"
    bl_order = 60

    def draw(self, context: bpy.types.Context) -> None:
        parts.last_results(self.layout, context)


def _what_will_happen(scene: bpy.types.Scene) -> str:
    verb = "Queue" if session.session.jobs else "Generate"
    try:
        width, height = scene_size(scene)
    except SizeError:
        return verb  # the panel above says what is wrong with the ratio
    return f"{verb}  {width} × {height}"


def _chosen(settings: bpy.types.PropertyGroup) -> models.Model | None:
    try:
        return models.model_of(settings)
    except UserError:
        return None


def draw_jobs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    jobs = list(session.session.jobs.values())
    for job in jobs[:_SHOWN_JOBS]:
        box = layout.box()
        row = box.row(align=True)  # above the preview, which may reach beyond the sidebar's end
        row.progress(factor=job.progress, text=_progress_text(job))
        row.operator(P2A_OT_cancel.bl_idname, text="", icon="CANCEL").job_id = job.id
        if job.state is JobState.RUNNING and (icon := thumbnails.running_icon()):
            box.template_icon(icon_value=icon, scale=_PREVIEW)
        if not history.belongs_here(job.record):
            box.label(text="For another file", icon="FILE_BLEND")
        if job.lost:
            parts.text(box, context, job.lost, "ERROR")
    if len(jobs) > 1:
        row = layout.row()
        row.label(text=f"{len(jobs)} pictures in the queue")
        row.operator(P2A_OT_cancel.bl_idname, text="Cancel All").job_id = ""


def _progress_text(job: Job) -> str:
    if job.lost:
        return "Waiting for the server"
    if job.phase == "cancelling":
        return "Cancelling"
    if job.state is JobState.QUEUED:
        if session.session.server.state == "starting":
            return "Starting the server"
        return f"Waiting, {job.position} before it{_time_left(job)}" if job.position else "Waiting"
    steps = f" {job.step} / {job.steps}" if job.steps and job.step else ""
    return f"{(job.phase or 'running').capitalize()}{steps}{_time_left(job)}"


def _time_left(job: Job) -> str:
    """What the server expects, after a comma: in minutes where seconds would only pretend to be exact."""
    if job.eta is None:
        return ""
    return f", {max(1, round(job.eta))} s left" if job.eta < 100.0 else f", {round(job.eta / 60.0)} min left"


def _draw_server(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    server = session.session.server
    row = layout.row(align=True)
    if server.state == "connected" and server.health:
        memory = f", {server.health.memory_free / 2**30:.1f} GB free" if server.health.memory_total else ""
        row.label(text=f"{server.health.device}{server.whose}{memory}", icon="CHECKMARK")
        row.operator(P2A_OT_free_memory.bl_idname, text="", icon="MEMORY")
        row.operator(P2A_OT_connect.bl_idname, text="", icon="FILE_REFRESH")
    elif server.state == "starting":
        row.label(text="Looking for the server" if not server.sentence else server.sentence, icon="SORTTIME")
    else:
        row.label(text="Not connected yet" if server.state == "unknown" else "No server is running", icon="UNLINKED")
        row = layout.row(align=True)  # of its own: beside the buttons nobody could read it
        row.operator(P2A_OT_connect.bl_idname, text="Connect").start = False
        row.operator(P2A_OT_connect.bl_idname, text="Start").start = True


CLASSES: tuple[type, ...] = (
    P2A_PT_prompt,
    P2A_MT_negative_presets,
    P2A_PT_negative_prompt,
    P2A_MT_models,
    P2A_PT_model,
    P2A_PT_controls,
    P2A_PT_control_ranges,
    P2A_PT_generate,
    P2A_PT_last_pictures,
)
