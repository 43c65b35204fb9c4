# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a request can be served: its model, its sizes and numbers, its control images. Asked before a job is accepted."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from ..batches import pictures_of
from ..drawn_prompt import PromptError, Wildcards
from ..families.catalogue import Family, FamilyError, NumberRange, family
from ..models.entry import ModelError
from ..models.loras import find_lora
from ..protocol import GenerationRequest, ModelStatus
from ..safety import refusal

if TYPE_CHECKING:
    from ..models.catalogue import ModelCatalogue
    from .blobs import BlobStore

EIGHT_BIT_MODES = ("RGB", "RGBA", "L", "LA", "P", "1")
"""Pillow's modes that hold what a control image may be; others would lose their values on the way to RGB."""
LONGEST_STYLE = 200
"""Characters of a style's name, which stands in every recipe."""
_TITLES = {"init_image": "starting"}
"""What an input is called in a sentence, before the word image; the others by their names."""


class RequestRejected(ValueError):
    """The request cannot be served as it is. The text is one sentence that says what to change."""


def check_request(request: GenerationRequest, models: ModelCatalogue, blobs: BlobStore) -> None:
    """Raise RequestRejected unless a worker could make this picture now. Reads files: not for an event loop."""
    try:
        model = models.status(request.model)
        if model.kind != "checkpoint":
            raise RequestRejected(f"{model.title} is a {model.kind}, which makes no pictures by itself: choose a model.")
        if not model.present:
            raise RequestRejected(models.missing_sentence(request.model))
        missing_controls = models.missing_controls(request.model)
        rules = family(model.family)
    except (ModelError, FamilyError) as error:
        raise RequestRejected(str(error)) from error
    check_drawn(request, models, model)
    _check_numbers(request, model, rules)
    _check_names(request, model, rules)
    for control in request.controls:
        if control.kind not in rules.controls:
            known = ", ".join(rules.controls)
            raise RequestRejected(f"The model {model.title} cannot follow a {control.kind} image: use {known}.")
        if control.kind in missing_controls and control.strength > 0.0:
            raise RequestRejected(missing_controls[control.kind])
    for name, sha256 in request.inputs:
        _check_image(name, sha256, request, blobs)


def check_drawn(request: GenerationRequest, models: ModelCatalogue, model: ModelStatus) -> list[GenerationRequest]:
    """The request of each picture alone, its prompt as it is painted. Raises RequestRejected where one of them may not be."""
    try:
        pictures = pictures_of(request, Wildcards(models.user_dir))
        for name in sorted({lora.name for picture in pictures for lora in picture.loras if lora.weight}):
            find_lora(models, name, models.entry(model.name))
    except (PromptError, ModelError) as error:
        raise RequestRejected(str(error)) from error
    for picture in pictures:
        if sentence := refusal(picture):
            raise RequestRejected(sentence)
    return pictures


def _check_numbers(request: GenerationRequest, model: ModelStatus, rules: Family) -> None:
    size = rules.size
    if not size.accepts(request.width, request.height):
        raise RequestRejected(
            f"The model {model.title} makes pictures of {size.smallest} to {size.largest} pixels a side, "
            f"not {request.width}×{request.height}: choose another size or ratio."
        )
    _check_range("number of steps", request.steps, rules.steps, model)
    _check_range("guidance scale", request.guidance_scale, rules.guidance_scale, model)
    if request.batch_size > rules.batch.size or request.pictures > rules.batch.pictures:
        raise RequestRejected(
            f"The model {model.title} makes up to {rules.batch.size} pictures at once and {rules.batch.pictures} in a job, "
            f"not {request.batch_size} and {request.pictures}: choose fewer."
        )


def _check_range(what: str, value: float, allowed: NumberRange, model: ModelStatus) -> None:
    if not allowed.lowest <= value <= allowed.highest:
        raise RequestRejected(
            f"The {what} must be between {allowed.lowest:g} and {allowed.highest:g} for the model {model.title}, not {value:g}."
        )


def _check_names(request: GenerationRequest, model: ModelStatus, rules: Family) -> None:
    if request.sampler and request.sampler not in rules.samplers:
        raise RequestRejected(
            f"The model {model.title} knows no sampler '{request.sampler:.40}': use one of {', '.join(rules.samplers)}."
        )
    if len(request.style) > LONGEST_STYLE:
        raise RequestRejected(f"The name of a style has up to {LONGEST_STYLE} characters: choose a shorter one.")


def _check_image(name: str, sha256: str, request: GenerationRequest, blobs: BlobStore) -> None:
    data = blobs.get(sha256) if blobs.has(sha256) else None
    if data is None:
        raise RequestRejected(f"The {_TITLES.get(name, name)} image {sha256[:12]}… is not on the server: upload it first.")
    open_input(data, name, (request.width, request.height))


def open_input(data: bytes, name: str, size: tuple[int, int]) -> Image.Image:
    """The decoded RGB image of one of a request's ``inputs``, or RequestRejected when it is no PNG of this width and height."""
    kind = _TITLES.get(name, name)
    try:
        # The size first: what a file claims to be must not decide how much memory decoding it takes.
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.size != size:
                raise RequestRejected(
                    f"The {kind} image is {image.width}×{image.height} pixels, the picture {size[0]}×{size[1]}: "
                    "both must have the same size."
                )
            if image.mode not in EIGHT_BIT_MODES:
                raise RequestRejected(f"The {kind} image has more than 8 bits a channel: save it as an 8-bit PNG.")
            image.verify()  # the checksums; decoding alone takes a file for whole whose end is missing
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return image.convert("RGB")
    except RequestRejected:
        raise
    except Exception as error:  # Pillow raises a dozen kinds for what is broken inside a file
        raise RequestRejected(f"The {kind} image is not a whole PNG: render and send it again.") from error
