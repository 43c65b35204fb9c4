# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scene to one ``GenerationRequest``: settings and passes in, everything that decides the picture out."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import bpy

from ...generation_server.families.catalogue import Family, families
from ...generation_server.protocol import QUEUE_PLACES, Control, GenerationRequest, JobSubmission, ProtocolError, new_job_id
from .. import png
from ..armature.characters import why_no_figure
from ..armature.figures import figures_in
from ..armature.mannequin import is_child
from ..dressing.following import fit_waiting
from ..errors import UserError
from ..framing.camera import chosen_camera, picture_camera, reset_camera, use_pose_camera
from ..framing.sizes import SizeError
from ..keys import object_in
from ..openpose.profiles import ProfileError, profile
from ..passes.render import KINDS, PassSet, render_passes
from ..passes.skeleton import SkeletonRules
from ..passes.start_picture import start_picture
from ..preferences import allows_explicit
from ..prompting.weights import tags_of
from . import clay, pose_tags
from .asked import controls_of, loras_of, numbers_of, request_size
from .models import Model, model_of
from .models import model as model_named
from .own_controls import own_images
from .own_controls import sentences as own_sentences
from .records import FILE_ID, Record, RecordError, new_record_path, remove, write_file, write_record
from .scene_info import NO_START, scene_info
from .styling import styled

_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\n]*", re.MULTILINE)
"""What the server leaves out of a prompt, to the end of the line."""

_BRACKET = re.compile(r"\\.|([()\[\]])", re.DOTALL)

NO_FIGURE = "There is no visible figure: add one with Add ▸ Mannequin, or show a hidden one."


@dataclass(frozen=True)
class Prepared:
    """A generation that is ready to be sent. ``images``: SHA-256 → PNG of each of its inputs."""

    request: GenerationRequest
    images: Mapping[str, bytes]
    scene: Mapping[str, Any]
    passes: PassSet
    model: Model

    def submission(self) -> JobSubmission:
        return JobSubmission(id=new_job_id(), request=self.request, scene=self.scene)


def ensure_camera(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> bpy.types.Object:
    """The camera that takes the picture: the scene's own, or, where there is none but Blender's first, the pose camera, framed.

    Raises:
        UserError: there is neither a camera nor a figure to frame.
        SizeError: a ratio that is none.
    """
    camera = chosen_camera(scene)
    if camera is not None:
        return camera
    figures = figures_in(scene, view_layer)
    if not figures:
        raise UserError(why_no_figure(view_layer) or NO_FIGURE)
    camera = use_pose_camera(scene)
    reset_camera(scene, view_layer, camera, figures)
    return camera


def warm_up(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> None:
    """Do once, where the user waits anyway, what the first passes need: shaders, tables. Without a window nobody does."""
    if bpy.app.background or not scene.camera:
        return
    with contextlib.suppress(UserError):
        render_passes(scene, view_layer, scene.camera, (64, 64))


def prepare(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    *,
    seed: int | None = None,
    numbers: Mapping[str, Any] = MappingProxyType({}),
    pictures: int = 1,
) -> Prepared:
    """Render the passes and put everything together. The scene must have its camera (see ``ensure_camera``).

    ``seed``: that of the settings where none is given; ``numbers``: those of ``Numbers`` that take the place of the settings' or
    their draft's; ``pictures``: how many the job makes, as far as the family allows.

    Raises:
        UserError: in a sentence for the user, for everything that is missing or cannot be.
    """
    unfitted = fit_waiting()
    settings = scene.pose_to_anime.generation
    model = model_of(settings)
    family = family_named(model.family)
    if not settings.prompt.strip():
        raise UserError("The prompt is empty: describe the picture in a few words.")
    try:
        size = request_size(scene)
    except SizeError as error:
        raise UserError(str(error)) from error
    if not family.size.accepts(*size):
        raise UserError(
            f"{size[0]} × {size[1]} pixels are not for {family.title}: it paints sides from {family.size.smallest} to "
            f"{family.size.largest} pixels. Choose a ratio that is nearer to square."
        )
    followed, left_out = controls_of(settings, family, model)
    loras, missing = loras_of(settings, family)
    painted = replace(numbers_of(settings, family), **numbers)
    rules = _rules_of(model)
    kinds = tuple(dict.fromkeys((*KINDS, *followed)))
    passes = render_passes(scene, view_layer, picture_camera(scene), size, kinds=kinds, rules=rules)
    own = own_images(scene, followed, size)
    passes = replace(passes, warnings=(*left_out, *missing, *unfitted, *own_sentences(scene, own), *passes.warnings))
    images: dict[str, bytes] = {}
    controls: list[Control] = []
    for kind, (strength, start, end) in followed.items():
        data = png.encode(own[kind] if kind in own else passes.images[kind], level=1)
        sha256 = hashlib.sha256(data).hexdigest()
        images[sha256] = data
        controls.append(Control(kind, sha256, round(strength, 4), round(start, 4), round(end, 4)))
    init_image = ""
    if settings.start_from != NO_START:
        data = png.encode(start_picture(scene, picture_camera(scene), size, settings.start_from), level=1)
        init_image = hashlib.sha256(data).hexdigest()
        images[init_image] = data
    try:
        request = GenerationRequest(
            model=model.name,
            prompt=pose_tags.prompt_of(scene, view_layer),
            negative_prompt=negative_prompt(settings.negative_prompt),
            width=size[0],
            height=size[1],
            steps=painted.steps,
            guidance_scale=painted.guidance_scale,
            seed=settings.seed if seed is None else seed,
            sampler=painted.sampler,
            loras=loras,
            batch_count=min(pictures, family.batch.pictures),
            controls=tuple(controls),
            init_image=init_image,
            denoising_strength=round(settings.denoising_strength, 4) if init_image else 1.0,
            explicit=allows_explicit(),
            child_in_view=any(is_child(object_in(scene, key)) for key in passes.figures),
        )
        request = styled(scene, request)
    except ProtocolError as error:
        raise UserError(str(error)) from error
    return Prepared(request, images, scene_info(scene, view_layer, passes), passes, model)


def negative_prompt(written: str) -> str:
    """What the user wrote, after "nsfw" where that is not surely an entry of it in full weight, unless the Preferences allow
    explicit content. It goes first: what is last may be part of a comment, or of a bracket that is never closed."""
    written = written.strip(" ,\n")
    counted = _COMMENT.sub("", written)
    if allows_explicit() or any(
        tag.name.casefold() == "nsfw" and tag.weight >= 1.0 and _is_plain(counted[: tag.start]) for tag in tags_of(counted)
    ):
        return written
    return ", ".join(filter(None, ("nsfw", written)))


def _is_plain(text: str) -> bool:
    """Whether what stands before an entry cannot weigh it: no bracket is open, and no wildcard or choice may bring one."""
    opened: list[str] = []
    for bracket in filter(None, _BRACKET.findall(text)):
        if bracket in "([":
            opened.append(bracket)
        elif not opened or opened.pop() + bracket not in ("()", "[]"):
            return False
    return not opened and "__" not in text and "{" not in text


def allowed_now(request: GenerationRequest) -> GenerationRequest:
    """A request of an earlier day with what the Preferences say now of explicit content."""
    return replace(request, explicit=allows_explicit(), negative_prompt=negative_prompt(request.negative_prompt))


def skeleton_rules(scene: bpy.types.Scene) -> SkeletonRules:
    """How the pose ControlNet of the scene's model was shown people, as a request of this scene draws them. Where no model is
    chosen, or one that is not known here, the family that decides the picture's size says it. Raises UserError."""
    settings = scene.pose_to_anime.generation
    found = model_named(settings.model)
    return _rules_of(found) if found is not None and found.family == settings.family else SkeletonRules.of(scene)


def _rules_of(model: Model) -> SkeletonRules:
    try:
        known = profile(model.skeletons.profile)
    except ProfileError as error:
        raise UserError(f"The model '{model.name}' cannot be shown this pose. {error}") from error
    return SkeletonRules(known, known.hands and model.skeletons.hands, known.face and model.skeletons.face)


def family_named(name: str) -> Family:
    try:
        return families()[name]
    except KeyError:
        raise UserError(f"This version does not know the model family '{name}': update Pose to Anime.") from None


def write_job(
    prepared: Prepared, file_id: str, *, blend: str = "", folder: Path | None = None, place: str = QUEUE_PLACES[0]
) -> Record:
    """Write a generation to the history, from where the bridge takes it to that ``place`` of the queue.

    Raises:
        RecordError: the disk is full or the folder cannot be written.
    """
    submission = prepared.submission()
    created = time.time()
    record = Record(
        path=new_record_path(file_id, submission.id, created, folder),
        job_id=submission.id,
        file_id=file_id,
        request=prepared.request,
        scene={**prepared.scene, FILE_ID: file_id},
        blend=blend,
        created=created,
        place=place,
        client=file_id,
    )
    try:
        for name, sha256 in prepared.request.inputs:
            write_file(record.input_path(name), prepared.images[sha256])
        if prepared.passes.buffers is not None and prepared.passes.view is not None:
            view = prepared.passes.view
            write_file(record.clay_path, clay.pack(prepared.passes.buffers.depth, view.projection, view.perspective))
        write_record(record)
    except RecordError:
        remove(record)
        raise
    return record
