# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a scene back to what a result was made from: poses, outfits, camera, ratio, prompt and numbers."""

from __future__ import annotations

from collections.abc import Container, Mapping
from contextlib import suppress
from typing import Any

import bpy
from mathutils import Matrix

from ...generation_server.protocol import CONTROL_KINDS, GenerationRequest
from ..armature.figures import is_figure_shown, show_figure
from ..armature.mannequin import add_mannequin, is_mannequin
from ..armature.posing import apply_pose
from ..armature.recorded_bones import restore_bones
from ..dressing import toon
from ..dressing.face_points import restore_face
from ..dressing.recorded import restore_outfit
from ..errors import UserError
from ..framing.camera import use_pose_camera
from ..pose import normalised
from ..settings.controls import set_control, word_of
from ..settings.generation import SEED_MAX
from ..settings.loras import set_lora
from . import own_controls, pose_tags
from .models import model
from .scene_info import NO_START, SCENE_VERSION

_ONE_MORE = "'{name}' is not in this picture: hide it to make the same one again."

_LENS = ("lens", "sensor_width", "sensor_height", "ortho_scale", "shift_x", "shift_y", "clip_start", "clip_end")


ALL = frozenset({"POSE", "CAMERA", "PROMPT", "SEED", "STYLE", "NUMBERS"})
"""What can be brought back, each alone: figures with what they wear; camera and ratio; prompts; seed; model, LoRAs, sampler,
steps and guidance; controls and what the picture began with."""


def restore_scene(scene: bpy.types.Scene, info: Mapping[str, Any], parts: Container[str] = ALL) -> list[str]:
    """Poses, outfits ("POSE"), camera and ratio ("CAMERA") from the ``scene`` part of a job. Returns sentences about what could
    not be done.

    Figures are found by name, else the mannequins that are there are taken in order; one that is missing is added. A character of
    the user's own is found by name alone.

    Raises:
        UserError: the result does not say what it was made from, or is damaged.
    """
    if not info.get("figures") and not info.get("camera"):
        raise UserError("This picture does not say from which pose it was made.")
    if info.get("version") != SCENE_VERSION:
        raise UserError("The pose in this picture was written by another version of Pose to Anime: update it.")
    try:
        warnings = _restore_figures(scene, info.get("figures", ())) if "POSE" in parts else []
        if "CAMERA" in parts:
            _restore_ratio(scene, info.get("ratio"))
            _restore_camera(scene, info.get("camera"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"The pose in this picture is damaged ({error}).") from error
    return warnings


def restore_settings(
    scene: bpy.types.Scene, request: GenerationRequest, info: Mapping[str, Any] | None = None, parts: Container[str] = ALL
) -> list[str]:
    """What of ``parts`` a request says ("PROMPT", "SEED", "STYLE", "NUMBERS"); from ``info``, the ``scene`` part of its job,
    what it began with and whether it was a draft. Returns sentences about what could not be done."""
    info = info or {}
    settings = scene.pose_to_anime.generation
    warnings = _restore_style(settings, request, info) if "STYLE" in parts else []
    if "PROMPT" in parts:
        settings.prompt, settings.negative_prompt = request.prompt, request.negative_prompt
        pose_tags.restore(scene, request, info)
    if "SEED" in parts:
        settings.pictures = 1  # a recipe is that of one picture
        settings.seed = min(request.seed, SEED_MAX)
        settings.random_seed = False  # or the next picture would be another one
    if "NUMBERS" in parts:
        _restore_numbers(settings, request, info)
        warnings += own_controls.restore(scene, info)
    return warnings


def _restore_style(settings: bpy.types.PropertyGroup, request: GenerationRequest, info: Mapping[str, Any]) -> list[str]:
    """What the look comes from: model, LoRAs, sampler, steps, guidance."""
    warnings = []
    if model(request.model):
        settings.model = request.model
    else:
        warnings.append(f"The model '{request.model}' is not here; the one that was chosen stays.")
    settings.loras.clear()
    for lora in request.loras:
        set_lora(settings, lora.name, lora.weight)
    settings.draft = bool(info.get("draft"))
    if not settings.draft:  # whose numbers are the family's
        settings.steps, settings.guidance_scale, settings.sampler = request.steps, request.guidance_scale, request.sampler
    return warnings


def _restore_numbers(settings: bpy.types.PropertyGroup, request: GenerationRequest, info: Mapping[str, Any]) -> None:
    """What it began with, and its controls."""
    settings.start_from = NO_START
    if request.init_image:
        with suppress(TypeError):  # from a version that knew others
            settings.start_from = str(info.get("start_from", ""))
        settings.denoising_strength = request.denoising_strength
    used = {control.kind: control for control in request.controls}
    for kind in CONTROL_KINDS:
        control = used.get(kind)
        setattr(settings, f"use_{word_of(kind)}", control is not None)
        if control:
            set_control(settings, kind, (control.strength, control.start, control.end))


def _restore_figures(scene: bpy.types.Scene, figures: Any) -> list[str]:
    warnings = []
    for info in figures:
        if "bones" in info:
            warnings += restore_bones(scene.objects.get(info["armature"]), info["armature"], info["bones"], info["matrix_world"])
    figures = [info for info in figures if "bones" not in info]
    free = [obj for obj in scene.objects if is_mannequin(obj)]
    named = [(info, next((obj for obj in free if obj.name == info["armature"]), None)) for info in figures]
    taken = {obj for _, obj in named if obj}
    for info, found in named:
        armature = found or next((obj for obj in free if obj not in taken), None)
        if armature is None:
            armature = add_mannequin(scene, info["mannequin"])
            toon.follow(scene, armature)
            warnings.append(f"'{info['armature']}' was gone: a new mannequin took its place.")
        taken.add(armature)
        warnings += _show(armature)
        pose = normalised.from_json(info["pose"])
        armature.matrix_world = Matrix(info["matrix_world"])
        apply_pose(armature, pose)
        if "worn" in info:  # not in pictures from before there was a wardrobe
            warnings += restore_outfit(armature, info["worn"])
        restore_face(armature, info.get("face", {}))
    if named:
        warnings += [_ONE_MORE.format(name=obj.name) for obj in free if obj not in taken and is_figure_shown(obj)]
    return warnings


def _show(armature: bpy.types.Object) -> list[str]:
    """A figure of the picture is seen again, where that can be; else the sentence why not."""
    if is_figure_shown(armature):
        return []
    try:
        show_figure(armature, True)
    except UserError as error:
        return [str(error)]
    return []


def _restore_ratio(scene: bpy.types.Scene, ratio: Any) -> None:
    if ratio:
        framing = scene.pose_to_anime.framing
        framing.custom_width, framing.custom_height = ratio["width"], ratio["height"]
        framing.ratio = ratio["ratio"]


def _restore_camera(scene: bpy.types.Scene, info: Any) -> None:
    """Into the pose camera, whichever camera took the picture: a user's own camera is never moved."""
    if not info:
        return
    camera = use_pose_camera(scene)
    data = camera.data
    data.type, data.sensor_fit = info["type"], info["sensor_fit"]
    for name in _LENS:
        setattr(data, name, info[name])
    camera.matrix_world = Matrix(info["matrix_world"])
