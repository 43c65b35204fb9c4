# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings ask for, as far as it can be had: numbers, size, controls, LoRAs. What is missing leaves out only itself.

Reads memory alone, so that panels may ask as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ...generation_server.families.catalogue import Draft, Family, families
from ...generation_server.families.samplers import SAMPLERS
from ...generation_server.protocol import MOST_LORAS, Lora
from ..errors import UserError
from ..framing.camera import scene_size
from ..framing.sizes import draft_size
from ..passes.kinds import KINDS
from ..settings.controls import control_settings
from . import models
from .models import Model


@dataclass(frozen=True)
class Numbers:
    """How the picture is painted."""

    steps: int
    guidance_scale: float
    sampler: str


def numbers_of(settings: Any, family: Family) -> Numbers:
    """The numbers of the settings within the family's limits; those of its drafts for a draft.

    With a LoRA for few steps the numbers stay: they are few already, and others would spoil what it paints.
    """
    if (draft := draft_of(settings, family)) is not None:
        return Numbers(draft.steps, draft.guidance_scale, draft.sampler)
    return Numbers(
        int(min(max(settings.steps, family.steps.lowest), family.steps.highest)),
        round(min(max(settings.guidance_scale, family.guidance_scale.lowest), family.guidance_scale.highest), 4),
        sampler_of(settings, family),
    )


def draft_of(settings: Any, family: Family) -> Draft | None:
    """The numbers of a draft where they are in the place of the settings' own."""
    return family.draft if settings.draft and not few_steps_loras(settings, family) else None


def sampler_of(settings: Any, family: Family) -> str:
    """The chosen sampler; the family's own where none is chosen or it is of another family."""
    return settings.sampler if settings.sampler in family.samplers else family.default_sampler


def offered(settings: bpy.types.PropertyGroup) -> list[str]:
    """The control kinds of the chosen model's family, in the order in which images are offered."""
    family = families().get(settings.family)
    return [kind for kind in KINDS if family is not None and kind in family.controls]


def sampler_title(name: str) -> str:
    return SAMPLERS[name].title if name in SAMPLERS else name


def few_steps_loras(settings: Any, family: Family) -> list[str]:
    """The LoRAs for few steps that are used."""
    known = {preset.lora for preset in family.few_steps}
    return [lora.name for lora in settings.loras if lora.use and lora.name in known]


def request_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Width and height in pixels of what Generate asks for now: of a draft, about half the pixels. Raises SizeError."""
    size = scene_size(scene)
    settings = scene.pose_to_anime.generation
    family = families().get(settings.family)
    return draft_size(size, family.size) if settings.draft and family is not None else size


def why_no_control(model: Model | None, kind: str) -> str:
    """Why a control cannot be followed with this model now, in a sentence; empty where it can, or where nobody knows."""
    return model.missing_controls.get(kind, "") if model is not None and models.is_told() else ""


def controls_of(settings: Any, family: Family, model: Model) -> tuple[dict[str, tuple[float, float, float]], list[str]]:
    """Strength, start and end of each kind that is used and can be followed; sentences about those that are left out.

    Raises:
        UserError: of all that are used none can be followed, or one acts never.
    """
    wanted = {kind: values for kind, values in control_settings(settings).items() if kind in family.controls}
    lacking = {kind: sentence for kind in wanted if (sentence := why_no_control(model, kind))}
    if lacking and len(lacking) == len(wanted):
        raise UserError(next(iter(lacking.values())))
    for kind, (_, start, end) in wanted.items():
        if start >= end:
            what = KINDS[kind].title.lower()
            raise UserError(f"The {what} is followed from {start:g} to {end:g}, which is never: set its start below its end.")
    warnings = [f"{KINDS[kind].title} was left out. {sentence}" for kind, sentence in lacking.items()]
    return {kind: values for kind, values in wanted.items() if kind not in lacking}, warnings


def why_no_lora(name: str, family: Family | None) -> str:
    """Why a LoRA cannot be used now, in a sentence; empty where it can, or where nobody knows."""
    known = models.lora(name)
    if known is None:
        return f"There is no LoRA '{name}' on the server: put it there, or remove it here." if models.is_told() else ""
    if family is not None and known.family != family.name:
        other = families().get(known.family)
        return f"{known.title} is for {other.title if other else known.family}: the chosen model cannot use it."
    return known.reason if known.present is False and models.is_told() else ""


def loras_of(settings: Any, family: Family) -> tuple[tuple[Lora, ...], list[str]]:
    """The LoRAs that are used and can be, and sentences about those that are left out. Raises UserError."""
    wanted = [lora for lora in settings.loras if lora.use and lora.weight != 0.0]
    reasons = {lora.name: why_no_lora(lora.name, family) for lora in wanted}
    used = {lora.name: round(lora.weight, 4) for lora in wanted if not reasons[lora.name]}
    if len(used) > MOST_LORAS:
        raise UserError(f"A picture takes up to {MOST_LORAS} LoRAs, not {len(used)}: use fewer.")
    warnings = [f"A LoRA was left out. {reason}" for reason in reasons.values() if reason]
    return tuple(Lora(name, weight) for name, weight in used.items()), warnings
