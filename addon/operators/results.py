# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of a result: look at it, keep it, vary it, go back to its pose, compare it with the figure, save it, discard it."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, StringProperty
from numpy.typing import NDArray

from ...generation_server.protocol import QUEUE_PLACES, JobState, new_job_id
from ..errors import UserError
from ..generate import gallery, history, pictures, restore, session, styling, timer, viewing
from ..generate.clay import shade, unpack
from ..generate.records import FILE_ID, Record, RecordError, disk_sentence, new_record_path, remove, write_record
from ..generate.request import allowed_now
from ..passes.sheet import side_by_side
from ..translations import translated
from .generation import new_seed
from .reporting import InPanel, report


def shown_job(context: bpy.types.Context) -> str:
    """The job of the result that the Image Editor shows, or an empty text."""
    space = context.space_data
    image = space.image if space is not None and space.type == "IMAGE_EDITOR" else None
    return image.pose_to_anime.job_id if image is not None else ""


class OnResult(InPanel):
    """Acts on a result: that of ``job_id``, else the one in the Image Editor, else the last one."""

    poll_message_set: Callable[[str], None]  # of bpy.types.Operator

    bl_options = {"REGISTER", "UNDO"}

    job_id: StringProperty(
        name="Result", description="Job of the result; empty is the one shown", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if history.entries() or gallery.count() or shown_job(context):
            return True
        cls.poll_message_set(translated("There is no picture yet"))
        return False

    def record(self, context: bpy.types.Context) -> Record:
        job_id = self.job_id or shown_job(context)
        found = history.entry(job_id) if job_id else history.latest()
        if found is None or not found.has_result:
            raise UserError("This picture is not in the history any more." if job_id else "There is no picture yet.")
        return found

    def run(self, context: bpy.types.Context) -> None:
        self.act(context, self.record(context))

    def act(self, context: bpy.types.Context, record: Record) -> None:
        """What the operator does with the result. Raises as ``run``."""
        raise NotImplementedError


class P2A_OT_show_result(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.show_result"
    bl_label = "Show"
    bl_description = "Show this picture in the Image Editor"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        found = history.entry(properties.job_id)
        if found is None:
            return tip_(cls.bl_description)
        request = found.request
        return "{prompt}\n{told}".format(
            prompt=request.prompt,
            told=tip_("{width} × {height}, {model}, seed {seed}, from {file}").format(
                width=request.width,
                height=request.height,
                model=request.model,
                seed=request.seed,
                file=Path(found.blend).name if found.blend else tip_("a file that was not saved"),
            ),
        )

    def act(self, context: bpy.types.Context, record: Record) -> None:
        pictures.whole_png(record)
        viewing.choose(True)
        area = context.area if context.area and context.area.ui_type == "IMAGE_EDITOR" else viewing.open_editor(context)
        if not viewing.show(pictures.open_image(record), pictures.size_of(record), area):
            raise UserError("There is no Image Editor with room for the picture: press “Open Workspace”, or open one.")
        gallery.seen(record)


class P2A_OT_keep_result(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.keep_result"
    bl_label = "Keep"
    bl_description = "Make this picture part of the .blend: packed into it, or as a PNG beside it"

    def act(self, context: bpy.types.Context, record: Record) -> None:
        image = pictures.keep(record, context.scene.pose_to_anime.generation.keep_results)
        report(self, {"INFO"}, f"Kept as “{image.name}”")


class P2A_OT_vary_result(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.vary_result"
    bl_label = "Vary"
    bl_description = "The same pose, camera, prompt and numbers with another seed"
    bl_options = {"REGISTER"}

    def act(self, context: bpy.types.Context, record: Record) -> None:
        created, job_id = time.time(), new_job_id()
        file_id = history.ensure_file_id(context.scene)
        varied = dataclasses.replace(
            record,
            path=new_record_path(file_id, job_id, created),
            job_id=job_id,
            file_id=file_id,
            request=allowed_now(dataclasses.replace(record.request, seed=new_seed())),
            blend=bpy.data.filepath,
            created=created,
            state=JobState.QUEUED,
            warnings=(),
            of_job="",
            scene={**record.scene, FILE_ID: file_id},
            place=QUEUE_PLACES[0],
            client=file_id,
        )
        try:
            varied.path.parent.mkdir(parents=True, exist_ok=True)
            for name, _sha256 in record.request.inputs:
                shutil.copyfile(record.input_path(name), varied.input_path(name))
            if record.figure_path.exists():
                shutil.copyfile(record.figure_path, varied.figure_path)
            write_record(varied)
        except FileNotFoundError as error:
            remove(varied)
            raise UserError("The control images of this picture are gone: restore its pose and press Generate.") from error
        except OSError as error:
            remove(varied)
            raise RecordError(disk_sentence(error, varied.path.parent)) from error
        except RecordError:
            remove(varied)
            raise
        session.submit(varied)
        viewing.choose(False)
        viewing.open_editor(context)


class P2A_OT_restore_result(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.restore_result"
    bl_label = "Restore"
    bl_description = "Bring figures, what they wear, and the pose camera back to how they were for this picture"

    parts: EnumProperty(
        name="What",
        description="What is brought back",
        items=(
            ("POSE", "Pose", "Bring the figures and what they wear back to how they were for this picture"),
            ("CAMERA", "Camera", "Bring the pose camera and the ratio back to how they were for this picture"),
            ("PROMPT", "Prompt", "Take the prompt and the negative prompt of this picture over"),
            ("SEED", "Seed", "Take the seed of this picture over, and keep it"),
            ("STYLE", "Style", "Take model, LoRAs, sampler, steps and guidance of this picture over"),
            ("NUMBERS", "Controls", "Take the controls of this picture over, and what it began with"),
        ),
        options={"ENUM_FLAG", "SKIP_SAVE"},
        default={"POSE", "CAMERA"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        parts = properties.parts
        if parts >= restore.ALL:
            return tip_("Bring pose, camera, prompt, seed and all numbers back: the same picture could be made again")
        if len(parts) == 1:
            return tip_(cls.bl_rna.properties["parts"].enum_items[next(iter(parts))].description)
        return tip_(cls.bl_description)

    def act(self, context: bpy.types.Context, record: Record) -> None:
        said: list[str] = []
        if self.parts & {"POSE", "CAMERA"}:
            said += restore.restore_scene(context.scene, record.scene, self.parts)
        said += restore.restore_settings(context.scene, record.request, record.scene, self.parts)
        if {"PROMPT", "STYLE"} <= self.parts:
            said += styling.restore(context.scene, record.request, record.scene)
        elif "PROMPT" in self.parts:
            styling.restore_words(context.scene, record.scene)
        elif "STYLE" in self.parts:
            said += styling.restore_look(context.scene, record.request)
        for sentence in said:
            report(self, {"WARNING"}, sentence)


def comparison(record: Record) -> NDArray[np.uint8]:
    """The figure as it was sent and the result, side by side: (H, W, 3) uint8. Raises UserError."""
    pictures.whole_png(record)
    if record.figure_path.exists():
        figure = pictures.read_png(record.figure_path)
    elif record.clay_path.exists():
        figure = shade(*unpack(record.clay_path))
    else:
        raise UserError("The figure of this picture was not kept, so there is nothing to compare it with.")
    return side_by_side([figure, pictures.read_png(record.result_path)])


class P2A_OT_compare_result(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.compare_result"
    bl_label = "Compare with the Figure"
    bl_description = "Show the 3D figure and the picture side by side; again to go back"

    def act(self, context: bpy.types.Context, record: Record) -> None:
        area = context.area if context.area and context.area.ui_type == "IMAGE_EDITOR" else viewing.open_editor(context)
        viewing.choose(True)
        if area is not None and viewing.shows(area, "SHEET"):
            image, size = pictures.open_image(record), pictures.size_of(record)
        else:
            sheet = comparison(record)
            image, size = pictures.show_pixels(sheet, pictures.SHEET, record.job_id), (sheet.shape[1], sheet.shape[0])
        if not viewing.show(image, size, area):
            raise UserError("There is no Image Editor with room for the comparison: press “Open Workspace”, or open one.")


class P2A_OT_discard_result(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.discard_result"
    bl_label = "Discard"
    bl_description = "Take this picture out of the history; “Bring Back” undoes that"
    bl_options = {"REGISTER"}  # files are not part of undo: Bring Back is

    def act(self, context: bpy.types.Context, record: Record) -> None:
        if history.throw_away(record):
            report(self, {"INFO"}, "Out of the history; this file keeps its own copy")
        last = history.latest()
        for _, area in viewing.image_editors():
            if area.spaces.active.image is None and last is not None:
                viewing.show(pictures.open_image(last), pictures.size_of(last), area)
                break


class P2A_OT_bring_back(bpy.types.Operator):
    bl_idname = "pose_to_anime.bring_back"
    bl_label = "Bring Back"
    bl_description = "Put the picture that was discarded last back into the history"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if history.can_bring_back():
            return True
        cls.poll_message_set(translated("Nothing was discarded"))
        return False

    def execute(self, _context: bpy.types.Context) -> set[str]:
        record = history.bring_last_back()
        if record is None:
            report(self, {"ERROR"}, "The picture is gone for good: only the last twenty can be brought back.")
            return {"CANCELLED"}
        viewing.show(pictures.open_image(record), pictures.size_of(record))
        timer.redraw()
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (
    P2A_OT_show_result,
    P2A_OT_keep_result,
    P2A_OT_vary_result,
    P2A_OT_restore_result,
    P2A_OT_compare_result,
    P2A_OT_discard_result,
    P2A_OT_bring_back,
)
