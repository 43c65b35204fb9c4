# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe into a scene's settings: every field that there is, and one sentence about what could not be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...generation_server.families.catalogue import Family, families
from .. import exif, png
from ..framing.camera import scene_size
from ..framing.sizes import CUSTOM, PRESETS, SizeError, parse_ratio, picture_size
from ..prompting.recipes import Recipe, RecipeError, read_png_texts, read_text, same_model, sampler_called
from ..settings.controls import set_control, word_of
from ..settings.generation import SEED_MAX
from ..settings.loras import set_lora
from . import models, styling
from .restore import restore_settings
from .scene_info import NO_START

LARGEST_PICTURE = 512 * 1024**2
"""Bytes of a PNG that is opened for its recipe."""

_UNUSED = "Not used of the recipe: {things}."
_MOST_STEPS = 1000
_HASH = 10  # digits of a model's hash; the eight of old texts are of something else


def recipe_of_picture(path: Path) -> Recipe:
    """The recipe in a PNG, JPEG or WebP. Raises UserError."""
    try:
        if path.stat().st_size > LARGEST_PICTURE:
            raise RecipeError(f"{path.name} is too large to be opened for its recipe.")
        data = path.read_bytes()
        if data.startswith((b"\xff\xd8", b"RIFF")):
            return read_png_texts({"parameters": exif.comment_in(data)})
        return read_png_texts(png.read_info(data).texts)
    except OSError as error:
        raise RecipeError(f"{path.name} cannot be read ({error.strerror or error}).") from error
    except (png.PngError, exif.ExifError) as error:
        raise RecipeError(f"{path.name} cannot be opened for its recipe: {error}") from error


def fill(scene: bpy.types.Scene, recipe: Recipe) -> list[str]:
    """Put everything that the recipe says into the settings. Returns sentences about what could not be used.

    A recipe holds all words of its picture, so that the scene has no style afterwards, unless the recipe is of our own kind and
    names one.
    """
    if recipe.request is not None:
        said = restore_settings(scene, recipe.request, recipe.scene)
        said += styling.restore(scene, recipe.request, recipe.scene)
        unused = _set_size(scene, (recipe.request.width, recipe.request.height))
        return [*said, *_sentence(unused)]
    settings = scene.pose_to_anime.generation
    styling.forget(scene)
    unused = _set_model(settings, recipe)
    family = families().get(settings.family) or models.family_of(settings)
    settings.prompt = recipe.prompt or settings.prompt
    if recipe.negative_prompt is not None:
        settings.negative_prompt = recipe.negative_prompt
    unused += _set_numbers(settings, recipe, family)
    if recipe.steps is not None or recipe.loras:  # a prompt alone leaves them
        settings.loras.clear()
    for lora in recipe.loras:
        known = models.lora(lora.name)
        set_lora(settings, known.name if known else lora.name, lora.weight)
        if models.is_told() and (known is None or known.family != family.name):
            unused.append(f"the LoRA “{lora.name}”, which is not here")
    for unit in recipe.controls:
        if unit.kind in family.controls:
            setattr(settings, f"use_{word_of(unit.kind)}", True)
            set_control(settings, unit.kind, (unit.strength, unit.start, unit.end))
        else:
            unused.append(f"a control image of the kind {unit.kind}, which {family.title} cannot follow")
    if recipe.size is not None:
        unused += _set_size(scene, recipe.size) or _other_size(scene, recipe.size)
    if recipe.denoising_strength is not None and settings.start_from == NO_START:
        unused.append("the picture that it was painted over, which no recipe holds")
    if recipe.clip_skip is not None and recipe.clip_skip != family.clip_skip:
        unused.append(f"Clip skip {recipe.clip_skip}")
    return _sentence([*unused, *recipe.unknown])


def from_clipboard(context: bpy.types.Context) -> Recipe:
    """The recipe in the clipboard. Raises UserError."""
    return read_text(context.window_manager.clipboard)


def _set_model(settings: Any, recipe: Recipe) -> list[str]:
    name = recipe.model
    if not name and not recipe.model_hash:
        return []
    listed = models.models()
    found = [model for model in listed if len(recipe.model_hash) >= _HASH and model.sha256.startswith(recipe.model_hash)]
    found += [model for model in listed if name in (model.name, *model.called)]
    found += [model for model in listed if any(same_model(name, other) for other in (model.name, model.title, *model.called))]
    if not found:
        return [
            f"the model “{name}”, which is not here"
            if name
            else f"the model with the hash {recipe.model_hash}, which is not here"
        ]
    settings.model = found[0].name
    return [f"the model {found[0].title}, which is not on the server yet"] if found[0].present is False else []


def _set_numbers(settings: Any, recipe: Recipe, family: Family) -> list[str]:
    unused = []
    settings.draft = settings.draft and recipe.steps is None  # whose numbers are its own
    if recipe.steps is not None:
        settings.steps = min(max(recipe.steps, 1), _MOST_STEPS)
    if recipe.guidance_scale is not None:
        settings.guidance_scale = recipe.guidance_scale
    if recipe.sampler:
        sampler, other_schedule = sampler_called(recipe.sampler)
        if sampler and sampler in family.samplers:
            settings.sampler = sampler
        if not sampler or sampler not in family.samplers:
            unused.append(f"the sampler “{recipe.sampler}”, which {family.title} does not know")
        elif other_schedule:
            unused.append(f"the schedule of “{recipe.sampler}”")
    if recipe.seed is not None and recipe.seed > SEED_MAX:
        unused.append(f"the seed {recipe.seed}, which is above {SEED_MAX}")
    elif recipe.seed is not None:
        settings.seed = max(recipe.seed, 0)
        settings.random_seed = recipe.seed < 0
    if recipe.denoising_strength is not None:
        settings.denoising_strength = recipe.denoising_strength
    return unused


def _set_size(scene: bpy.types.Scene, size: tuple[int, int]) -> list[str]:
    """The ratio of a size: the one of the menu that gives it, else its two sides. How many pixels that is, the model decides."""
    framing = scene.pose_to_anime.framing
    family = families().get(scene.pose_to_anime.generation.family)
    width, height = size
    for preset in PRESETS:
        ratio = parse_ratio(preset)
        if ratio[0] * height == ratio[1] * width or (family and _pixels(ratio, family) == size):
            framing.ratio = preset
            return []
    if family and _pixels((float(width), float(height)), family) is None:
        return [f"the size {width} × {height}, which is too long for this model"]
    framing.custom_width, framing.custom_height = float(width), float(height)
    framing.ratio = CUSTOM
    return []


def _other_size(scene: bpy.types.Scene, size: tuple[int, int]) -> list[str]:
    """Where the model paints another number of pixels than the recipe says."""
    family = families().get(scene.pose_to_anime.generation.family)
    painted = scene_size(scene)
    if family is None or painted == size:
        return []
    return [f"the size {size[0]} × {size[1]}: {family.title} paints this ratio as {painted[0]} × {painted[1]}"]


def _pixels(ratio: tuple[float, float], family: Family) -> tuple[int, int] | None:
    """The size of a picture of this ratio; None where the family paints none."""
    try:
        return picture_size(ratio, family.size)
    except SizeError:
        return None


def _sentence(things: list[str]) -> list[str]:
    return [_UNUSED.format(things="; ".join(things))] if things else []
