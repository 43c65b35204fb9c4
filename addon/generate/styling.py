# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles in a scene: what choosing one changes, what a request gets of it, and the way back from a result.

Prompt and negative prompt stay as the user wrote them: a style wraps them when the request is made. Its numbers and LoRAs go
into the settings, where the user sees and changes them; without the style the former ones come back, unless the user has changed
them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import bpy

from ...generation_server.families.catalogue import NumberRange, families
from ...generation_server.protocol import GenerationRequest
from ..errors import UserError
from ..prompting.dialects import Dialect, dialect_of
from ..prompting.styles import ANY, Look, Style
from ..settings.generation import model_listeners
from ..settings.loras import remove_lora, set_lora
from ..told.tags import with_told
from . import models, style_shelf
from .pose_tags import added_in

INFO = "style"
"""Key of the ``scene`` part of a job: the style, and the prompts as the user wrote them."""

_NUMBERS = ("steps", "guidance_scale", "sampler")
_SAME = 1e-4  # Blender keeps numbers in single precision


def chosen(scene: bpy.types.Scene) -> Style | None:
    """The scene's style, or None. Raises UserError for one that is not here."""
    name = scene.pose_to_anime.styles.style
    return style_shelf.styles().called(name) if name else None


def dialect(generation: Any) -> Dialect:
    """That of the model that these settings mean."""
    try:
        model = models.model_of(generation)
    except UserError:
        return dialect_of("", generation.family)
    return dialect_of(model.name, model.family)


def choose(scene: bpy.types.Scene, name: str, *, keep_model: bool = False) -> list[str]:
    """Give the scene a style, or none for an empty name. Returns sentences about what could not be had.

    The model changes where the chosen one is none of those that the style is made for and one of them is here.

    Raises:
        UserError: there is no such style.
    """
    style = style_shelf.styles().called(name) if name else None
    _take_back(scene)
    scene.pose_to_anime.styles.style = style.name if style else ""
    if style is None:
        return []
    said = [] if keep_model else _choose_model(scene, style)
    _give_numbers(scene, style)
    return said


def forget(scene: bpy.types.Scene) -> None:
    """No style, and all numbers stay as they are."""
    chosen_style = scene.pose_to_anime.styles
    chosen_style.style = chosen_style.before = chosen_style.given = ""


def write_out(scene: bpy.types.Scene) -> None:
    """Put the style's words into the prompts, where they can be changed, and take the style away; its numbers stay.

    Raises:
        UserError: the style is not here.
    """
    style = chosen(scene)
    if style is not None:
        generation = scene.pose_to_anime.generation
        spoken = dialect(generation)
        prompts = style.look(spoken).prompts(spoken, generation.prompt, generation.negative_prompt)
        generation.prompt, generation.negative_prompt = prompts
        forget(scene)


def styled(scene: bpy.types.Scene, request: GenerationRequest) -> GenerationRequest:
    """The request with the words of the scene's style in it. Raises UserError where it is not here."""
    style = chosen(scene)
    if style is None:
        return request
    generation = scene.pose_to_anime.generation
    spoken = dialect(generation)
    prompt, negative = style.look(spoken).prompts(spoken, request.prompt, request.negative_prompt)
    return dataclasses.replace(request, style=style.name, prompt=prompt, negative_prompt=negative)


def from_settings(scene: bpy.types.Scene, title: str, *, description: str, prompt: str, negative: str) -> Style:
    """A style of the scene's model and numbers, with these words; of what the chosen style asks of other models, nothing is lost.

    Raises:
        UserError: the chosen style is not here, or no model is.
    """
    generation = scene.pose_to_anime.generation
    base, spoken, model = chosen(scene), dialect(generation), models.model_of(generation)
    looks = {name: dict(lines) for name, lines in base.looks.items()} if base else {}
    lines = looks.setdefault(ANY if base is None else spoken.name, {})
    lines |= {"prompt": prompt, "negative": negative}
    numbers = looks.setdefault(spoken.name, {})
    numbers |= {"steps": generation.steps, "guidance_scale": round(generation.guidance_scale, 4), "sampler": generation.sampler}
    numbers["loras"] = [{"name": lora.name, "weight": round(lora.weight, 4)} for lora in generation.loras if lora.use]
    others = [name for name in (base.models if base else ()) if name != model.name]
    return Style("", title, description, (model.name, *others), looks, own=True)


def info(scene: bpy.types.Scene) -> dict[str, Any]:
    """For the ``scene`` part of a job: the style, and what the user wrote."""
    name = scene.pose_to_anime.styles.style
    generation = scene.pose_to_anime.generation
    if not name:
        return {}
    return {INFO: {"name": name, "prompt": generation.prompt, "negative_prompt": generation.negative_prompt}}


def restore(scene: bpy.types.Scene, request: GenerationRequest, scene_info: Mapping[str, Any]) -> list[str]:
    """After all else of a request was restored: its style, and the prompts as they were written. Returns sentences.

    Where the style is gone, or is another by now, its words stay in the prompt and the picture is the same.
    """
    forget(scene)
    if not request.style:
        return []
    style = style_shelf.styles().entries.get(request.style)
    prompt, negative = _written(scene_info)
    if style is None or not prompt:
        return [f"The style '{request.style}' is not here: its words are in the prompt."]
    generation = scene.pose_to_anime.generation
    spoken = dialect(generation)
    asked = with_told(prompt.strip(), added_in(scene_info))
    if style.look(spoken).prompts(spoken, asked, negative)[0] != request.prompt:
        return [f"The style {style.title} is not as it was for this picture: its former words are in the prompt."]
    generation.prompt, generation.negative_prompt = prompt, negative
    scene.pose_to_anime.styles.style = style.name
    return []


def restore_words(scene: bpy.types.Scene, scene_info: Mapping[str, Any]) -> None:
    """The prompts alone, as the user wrote them: the scene's style puts its own words round them."""
    prompt, negative = _written(scene_info)
    if prompt:
        generation = scene.pose_to_anime.generation
        generation.prompt, generation.negative_prompt = prompt, negative


def restore_look(scene: bpy.types.Scene, request: GenerationRequest) -> list[str]:
    """The style alone, after model and numbers of a request were restored. Returns sentences about what could not be had."""
    forget(scene)
    if not request.style:
        return []
    if request.style not in style_shelf.styles().entries:
        return [f"The style '{request.style}' is not here."]
    scene.pose_to_anime.styles.style = request.style
    return []


def _written(scene_info: Mapping[str, Any]) -> tuple[str, str]:
    """Prompt and negative prompt without a style's words; empty where they are not known."""
    written = scene_info.get(INFO)
    if not isinstance(written, Mapping):
        return "", ""
    return str(written.get("prompt", "")), str(written.get("negative_prompt", ""))


def _choose_model(scene: bpy.types.Scene, style: Style) -> list[str]:
    """The first model of the style that is here, unless the user has chosen one of them, or one of the user's own."""
    generation = scene.pose_to_anime.generation
    try:
        current = models.model_of(generation)
    except UserError:
        current = None
    if not style.models:
        return []
    if (
        current is not None
        and generation.model
        and current.present is not False
        and (current.name in style.models or not models.is_known(current.name))
    ):
        return []
    for name in style.models:
        found = models.model(name)
        if found is not None and found.present:
            generation.model = name
            return [f"{style.title} is painted with {found.title}."]
    title = current.title if current else "the model that was chosen"
    return [f"None of the models that {style.title} is made for is here: {title} stays."]


def _numbers_of(generation: Any, look: Look) -> dict[str, Any]:
    """What a look sets, within the limits of the model's family."""
    family = families().get(generation.family)
    numbers: dict[str, Any] = {}
    if look.steps:
        numbers["steps"] = int(_within(look.steps, family.steps) if family else look.steps)
    if look.guidance_scale:
        numbers["guidance_scale"] = _within(look.guidance_scale, family.guidance_scale) if family else look.guidance_scale
    if look.sampler and family is not None and look.sampler in family.samplers:
        numbers["sampler"] = look.sampler
    return numbers


def _within(value: float, limits: NumberRange) -> float:
    return float(min(max(value, limits.lowest), limits.highest))


def _give_numbers(scene: bpy.types.Scene, style: Style) -> None:
    """Set the style's numbers and LoRAs, and remember what was there."""
    generation, kept = scene.pose_to_anime.generation, scene.pose_to_anime.styles
    spoken = dialect(generation)
    look = style.look(spoken)
    numbers = _numbers_of(generation, look)
    loras = {lora.name: lora.weight for lora in look.loras if generation.loras.find(lora.name) < 0}
    kept.before = json.dumps({name: getattr(generation, name) for name in numbers} | {"family": generation.family})
    for name, value in numbers.items():
        setattr(generation, name, value)
    for name, weight in loras.items():
        set_lora(generation, name, weight)
    kept.given = json.dumps(numbers | {"dialect": spoken.name, "loras": loras})


def _take_back(scene: bpy.types.Scene) -> None:
    """Put back what was there before the style, where the user has not changed it since."""
    generation, kept = scene.pose_to_anime.generation, scene.pose_to_anime.styles
    before, given = _loaded(kept.before), _loaded(kept.given)
    if before.get("family") == generation.family:
        for name in _NUMBERS:
            if name in given and name in before and _same(getattr(generation, name), given[name]):
                setattr(generation, name, before[name])
    for name, weight in given.get("loras", {}).items():
        found = generation.loras.get(name)
        if found is not None and _same(found.weight, weight):
            remove_lora(generation, name)
    kept.before = kept.given = ""


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) if isinstance(one, str) or isinstance(other, str) else abs(one - other) < _SAME


def _loaded(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _follow_model(generation: Any) -> None:
    """Another kind of model was chosen: the style sets what it asks of that one."""
    scene = generation.id_data
    kept = scene.pose_to_anime.styles
    style = style_shelf.styles().entries.get(kept.style) if kept.style else None
    if style is not None and kept.given and _loaded(kept.given).get("dialect") != dialect(generation).name:
        _take_back(scene)
        _give_numbers(scene, style)


CLASSES: tuple[type, ...] = ()


def register() -> None:
    model_listeners.append(_follow_model)


def unregister() -> None:
    model_listeners.remove(_follow_model)
