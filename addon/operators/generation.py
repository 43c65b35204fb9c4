# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of a generation: ask for it, cancel it, find the server, choose the model."""

from __future__ import annotations

import secrets
import time

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..errors import UserError
from ..framing.camera import picture_camera, sync_render_size
from ..generate import history, models, session, timer, viewing
from ..generate.link import LinkError
from ..generate.request import ensure_camera, prepare, write_job
from ..settings.generation import SEED_MAX, use_family_defaults
from . import reporting

MENDABLE = (*reporting.MENDABLE, LinkError)
"""Errors whose text is a sentence for the user."""


def new_seed() -> int:
    return secrets.randbelow(SEED_MAX + 1)


class _Clock:
    """Milliseconds of each part of a click."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._last = time.perf_counter()

    def __call__(self, part: str) -> None:
        now = time.perf_counter()
        self.parts[part] = (now - self._last) * 1000.0
        self._last = now


class P2A_OT_generate(bpy.types.Operator):
    bl_idname = "pose_to_anime.generate"
    bl_label = "Generate"
    bl_description = "Paint the figures in their pose, as the camera sees them; Blender stays usable meanwhile"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None and context.view_layer is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        clock = _Clock()
        scene, settings = context.scene, context.scene.pose_to_anime.generation
        try:
            models.settle(settings)
            had_camera = picture_camera(scene) is not None
            ensure_camera(scene, context.view_layer)
            sync_render_size(scene)
            clock("camera")
            seed = new_seed() if settings.random_seed else settings.seed
            prepared = prepare(scene, context.view_layer, seed=seed, pictures=settings.pictures)
            clock("passes")
            record = write_job(prepared, history.ensure_file_id(scene), blend=bpy.data.filepath)
            clock("files")
            session.submit(record)
            clock("bridge")
        except MENDABLE as error:
            session.fail(str(error))
            timer.redraw()
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        settings.seed = seed
        session.session.warnings = prepared.passes.warnings
        viewing.choose(False)
        viewing.open_editor(context)
        clock("editor")
        session.session.stats.click_ms, session.session.stats.click_parts = sum(clock.parts.values()), clock.parts
        if not had_camera:
            self.report({"INFO"}, "A pose camera was added and framed")
        timer.redraw()
        return {"FINISHED"}


class P2A_OT_cancel(bpy.types.Operator):
    bl_idname = "pose_to_anime.cancel"
    bl_label = "Cancel"
    bl_description = "Stop this picture"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(description="Empty cancels all", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        for job_id in [self.job_id] if self.job_id else list(session.session.jobs):
            session.cancel(job_id)
        timer.redraw()
        return {"FINISHED"}


class P2A_OT_connect(bpy.types.Operator):
    bl_idname = "pose_to_anime.connect"
    bl_label = "Connect"
    bl_description = "Look for the generation server and ask what it has"

    start: BoolProperty(name="Start", description="Start one on this computer where none runs", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.start:
            return "Start the generation server on this computer; it ends by itself after ten idle minutes"
        return cls.bl_description

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            session.connect(self.start)
        except (UserError, LinkError) as error:
            session.fail(str(error))
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        timer.redraw()
        return {"FINISHED"}


class P2A_OT_free_memory(bpy.types.Operator):
    bl_idname = "pose_to_anime.free_memory"
    bl_label = "Free GPU Memory"
    bl_description = "Make the server give the GPU's memory back to Blender; the next picture loads its model again"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return session.session.server.state == "connected"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            session.free_memory()
        except LinkError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class P2A_OT_choose_model(bpy.types.Operator):
    bl_idname = "pose_to_anime.choose_model"
    bl_label = "Choose Model"
    bl_description = "Paint with this model; its size, steps, guidance and control strengths follow"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    model: StringProperty(name="Model")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        found = models.model(properties.model)
        if found is None:
            return cls.bl_description
        return "\n".join(filter(None, (found.reason, found.note))) or cls.bl_description

    def execute(self, context: bpy.types.Context) -> set[str]:
        if models.model(self.model) is None:
            self.report({"ERROR"}, f"There is no model '{self.model}'.")
            return {"CANCELLED"}
        context.scene.pose_to_anime.generation.model = self.model
        return {"FINISHED"}


class P2A_OT_model_defaults(bpy.types.Operator):
    bl_idname = "pose_to_anime.model_defaults"
    bl_label = "Model's Defaults"
    bl_description = "Set steps, guidance and control strengths to what suits the model"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.pose_to_anime.generation
        use_family_defaults(settings, models.family_of(settings))
        return {"FINISHED"}


class P2A_OT_negative_preset(bpy.types.Operator):
    bl_idname = "pose_to_anime.negative_preset"
    bl_label = "Negative Prompt"
    bl_description = "Write this in the place of the negative prompt"
    bl_options = {"REGISTER", "UNDO"}

    text: StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.pose_to_anime.generation.negative_prompt = self.text
        return {"FINISHED"}


class P2A_OT_roll_seed(bpy.types.Operator):
    bl_idname = "pose_to_anime.roll_seed"
    bl_label = "New Seed"
    bl_description = "Throw the dice once"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.pose_to_anime.generation.seed = new_seed()
        return {"FINISHED"}


_PROMPTS = (("prompt", "Prompt", ""), ("negative_prompt", "Negative Prompt", ""))


class P2A_OT_edit_prompt(bpy.types.Operator):
    bl_idname = "pose_to_anime.edit_prompt"
    bl_label = "Edit Prompt"
    bl_description = "Copy, paste or empty a whole prompt at once"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    prompt: EnumProperty(items=_PROMPTS, options={"HIDDEN"})
    action: EnumProperty(
        items=(("COPY", "Copy", ""), ("PASTE", "Paste", ""), ("CLEAR", "Clear", ""), ("RESET", "Reset", "")), options={"HIDDEN"}
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return {
            "COPY": "Copy the whole prompt",
            "PASTE": "Replace the whole prompt by the clipboard",
            "CLEAR": "Empty the prompt",
            "RESET": "Back to the prompt of a new scene",
        }[properties.action]

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.pose_to_anime.generation
        if self.action == "COPY":
            context.window_manager.clipboard = getattr(settings, self.prompt)
        elif self.action == "PASTE":
            setattr(settings, self.prompt, " ".join(context.window_manager.clipboard.split()))
        elif self.action == "CLEAR":
            setattr(settings, self.prompt, "")
        else:
            settings.property_unset(self.prompt)
        return {"FINISHED"}


class P2A_OT_copy_error(bpy.types.Operator):
    bl_idname = "pose_to_anime.copy_error"
    bl_label = "Copy Error"
    bl_description = "Copy the message, to search for it or to send it to somebody"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = session.session.error
        self.report({"INFO"}, "The message is in the clipboard")
        return {"FINISHED"}


class P2A_OT_close_message(bpy.types.Operator):
    bl_idname = "pose_to_anime.close_message"
    bl_label = "Close"
    bl_description = "Take this message away"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        session.session.error = session.session.notice = ""
        session.session.warnings = ()
        timer.redraw()
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (
    P2A_OT_generate,
    P2A_OT_cancel,
    P2A_OT_connect,
    P2A_OT_free_memory,
    P2A_OT_choose_model,
    P2A_OT_model_defaults,
    P2A_OT_negative_preset,
    P2A_OT_roll_seed,
    P2A_OT_edit_prompt,
    P2A_OT_copy_error,
    P2A_OT_close_message,
)
