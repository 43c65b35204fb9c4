# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of a generation: ask for it, cancel it, throw the dice."""

from __future__ import annotations

import secrets
import time

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, StringProperty

from ...generation_server.protocol import JobState
from ..framing.camera import chosen_camera, sync_render_size
from ..generate import environment, history, models, session, timer, viewing
from ..generate.request import ensure_camera, prepare, write_job
from ..settings.generation import SEED_MAX
from ..translations import translated
from .reporting import InPanel, report
from .set_up import ask_first


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


class P2A_OT_generate(InPanel, bpy.types.Operator):
    bl_idname = "pose_to_anime.generate"
    bl_label = "Generate"
    bl_description = "Paint the figures in their pose, as the camera sees them; Blender stays usable meanwhile"
    bl_options = {"REGISTER", "UNDO"}

    place: EnumProperty(
        name="Place",
        description="Where in the queue it goes",
        items=(
            ("BACK", "Back", "Behind all that wait"),
            ("FRONT", "Front", "Before all that wait"),
            ("REPLACE", "Replace", "In the place of those of this file that wait; they are cancelled"),
        ),
        default="BACK",
        options={"HIDDEN", "SKIP_SAVE"},  # or Adjust Last Operation would offer to do it once more
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None and context.view_layer is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return ask_first(self, picture=True) if environment.is_needed() else self.execute(context)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return {
            "FRONT": tip_("Paint it before all that wait"),
            "REPLACE": tip_("Paint it in the place of those of this file that wait, which are cancelled"),
        }.get(properties.place) or tip_(cls.bl_description)

    def run(self, context: bpy.types.Context) -> None:
        clock = _Clock()
        scene, settings = context.scene, context.scene.pose_to_anime.generation
        models.settle(settings)
        had_camera = chosen_camera(scene) is not None
        ensure_camera(scene, context.view_layer)
        sync_render_size(scene)
        clock("camera")
        seed = new_seed() if settings.random_seed else settings.seed
        prepared = prepare(scene, context.view_layer, seed=seed, pictures=settings.pictures)
        clock("passes")
        record = write_job(prepared, history.ensure_file_id(scene), blend=bpy.data.filepath, place=self.place.lower())
        clock("files")
        session.submit(record)
        clock("bridge")
        random = settings.random_seed
        settings.seed, settings.random_seed = seed, random  # for a seed that is set is kept otherwise
        session.session.warnings = prepared.passes.warnings
        viewing.choose(False)
        if viewing.open_editor(context) is None and not bpy.app.background:
            report(self, {"INFO"}, "There is no Image Editor with room for the picture: press “Open Workspace”, or open one.")
        clock("editor")
        session.session.stats.click_ms, session.session.stats.click_parts = sum(clock.parts.values()), clock.parts
        if not had_camera:
            report(self, {"INFO"}, "A pose camera was added and framed")


class P2A_OT_cancel(bpy.types.Operator):
    bl_idname = "pose_to_anime.cancel"
    bl_label = "Cancel Pictures"
    bl_description = "Stop the pictures that are painted and those that wait"
    bl_options = {"REGISTER"}

    job_id: StringProperty(name="Job", description="This one alone", options={"HIDDEN", "SKIP_SAVE"})
    which: EnumProperty(
        name="Which",
        description="Which pictures are not wanted any more",
        items=(
            ("ALL", "All", "Stop the picture that is being painted, and all that wait"),
            ("ACTIVE", "Active", "Stop the picture that is being painted; the next one begins"),
            ("WAITING", "Waiting", "Take all that wait out of the queue; the picture that is being painted goes on"),
        ),
        default="ALL",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if session.session.jobs:
            return True
        cls.poll_message_set(translated("No picture is being painted"))
        return False

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.job_id:
            return tip_("Stop this picture")
        return {
            "ACTIVE": tip_("Stop the picture that is being painted; the next one begins"),
            "WAITING": tip_("Take all that wait out of the queue; the picture that is being painted goes on"),
        }.get(properties.which) or tip_(cls.bl_description)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        for job in list(session.session.jobs.values()):
            waits = job.state is JobState.QUEUED
            if self.job_id:
                wanted = job.id == self.job_id
            else:
                wanted = self.which == "ALL" or waits == (self.which == "WAITING")
            if wanted:
                session.cancel(job.id)
        timer.redraw()
        return {"FINISHED"}


class P2A_OT_roll_seed(bpy.types.Operator):
    bl_idname = "pose_to_anime.roll_seed"
    bl_label = "New Seed"
    bl_description = "Throw the dice once"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.pose_to_anime.generation.seed = new_seed()
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_generate, P2A_OT_cancel, P2A_OT_roll_seed)
