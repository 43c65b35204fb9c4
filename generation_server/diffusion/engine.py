# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: requests in, pictures out, on one device, with the models that were used last kept on it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..families.catalogue import Family, NumberRange
from ..models.catalogue import ModelCatalogue, ResolvedModel
from ..models.entry import ModelError
from ..models.loras import find_lora
from ..protocol import GenerationRequest
from ..safety import refusal
from .cache import ComponentCache
from .interface import GenerationCancelled, GenerationError, Progress
from .loras import ActiveLora
from .memory import choose_device, is_out_of_memory, out_of_memory_advice
from .modes import MEANING, Costs, Mode, largest_size, lower
from .unet_model import ActiveControl
from .watching import Watcher

__all__ = ["Engine", "GenerationCancelled", "GenerationError", "Progress"]

_LESS = 0.75
"""Share of what a picture was reckoned to need that a smaller one may need, after memory ran out."""

_FLAT = 3
"""A picture whose values span less than this, of 255, in every channel shows nothing."""


class Engine:
    """One device and what is loaded on it. One thread may generate at a time; ``memory`` may be asked from any."""

    def __init__(self, device: str, catalogue: ModelCatalogue, memory: str = "auto") -> None:
        """``device``: "auto", "cuda", "cuda:1", "mps" or "cpu"; ``memory``: one of ``modes.WISHES``. Raises GenerationError when
        there is none such."""
        self._device = choose_device(device, memory)
        self._catalogue = catalogue
        self._cache = ComponentCache()
        self._model: tuple[str, Any] | None = None  # identity of the checkpoint's files, and the loaded model
        # The same request shall give the same bytes: cuDNN must neither try out algorithms nor use ones that vary.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True

    @property
    def device_name(self) -> str:
        return self._device.name

    def memory(self) -> tuple[int, int]:
        """Total and free bytes on the device."""
        return self._device.memory()

    def free_memory(self) -> None:
        """Lets go of every model; the next picture loads its own again."""
        self._model = None
        self._cache.clear()
        self._device.release()

    def generate(
        self,
        request: GenerationRequest,
        images: Mapping[str, Image.Image],
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> list[Image.Image]:
        """The pictures of one batch, RGB, of the request's size: ``batch_size`` of them.

        ``images``: each of its ``inputs`` by its SHA-256.

        ``cancelled`` is asked before every block of the networks. Raises GenerationError with a sentence, or GenerationCancelled.
        """
        watcher = Watcher(report, cancelled)
        try:
            resolved = self._catalogue.resolve(request.model)
        except ModelError as error:
            raise GenerationError(str(error)) from error
        check_request(request, resolved)
        loras = self._active_loras(request, resolved)
        controls = active_controls(request, resolved, images)
        start = input_image("starting picture", request.init_image, request, images) if request.init_image else None
        watcher.check()
        try:
            pictures = self._made(request, resolved, controls, loras, start, watcher)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # What failed still holds its tensors in the traceback.
            error.__traceback__ = None
            costs = self._costs(controls)
            self.free_memory()
            raise GenerationError(self._advice(request, resolved.family, costs, len(controls))) from None
        for picture in pictures:
            check_picture(picture)
        return pictures

    def _made(
        self,
        request: GenerationRequest,
        resolved: ResolvedModel,
        controls: list[ActiveControl],
        loras: list[ActiveLora],
        start: Image.Image | None,
        watcher: Watcher,
    ) -> list[Image.Image]:
        """The pictures; where memory runs out, once more in the next mode that needs less."""
        failed: Mode | None = None
        while True:
            mode: Mode | None = None
            try:
                model = self._load(resolved, controls, loras, watcher)
                if hasattr(model, "arrange"):
                    mode = self._device.modes[0]  # until it is known, for memory may run out on the way
                    mode = model.arrange(request, [control.kind for control in controls], failed)
                    watcher.report(Progress("preparing", warnings=tuple(_told(mode, failed, self.device_name))))
                if resolved.entry.warning:
                    watcher.report(Progress("preparing", warnings=(resolved.entry.warning,)))
                pictures: list[Image.Image] = model.generate(request, controls, start, watcher)
                return pictures
            except Exception as error:
                if failed or mode is None or not is_out_of_memory(error) or not lower(self._device.modes, mode):
                    raise
                error.__traceback__ = None  # it holds the tensors of what failed
            failed, model = mode, None

    def _costs(self, controls: list[ActiveControl]) -> Costs | None:
        """What the loaded model needs of memory, where it can tell."""
        if self._model is None or not hasattr(self._model[1], "costs"):
            return None
        costs: Costs = self._model[1].costs([control.kind for control in controls])
        return costs

    def _advice(self, request: GenerationRequest, family: Family, costs: Costs | None, controls: int) -> str:
        """What is said when memory ran out: with the largest size that fits into what is free."""
        smaller = None
        if costs is not None:
            mode, pictures, start = self._device.modes[-1], request.batch_size, bool(request.init_image)
            # Where it was reckoned to fit and did not, something else takes memory: then less must do.
            asked = costs.peak(mode, request.width * request.height, pictures, start)
            room = min(self.memory()[1], int(_LESS * asked))
            smaller = largest_size(
                lambda pixels: costs.peak(mode, pixels, pictures, start) <= room,
                request.width,
                request.height,
                family.size.step,
                family.size.smallest,
            )
        return out_of_memory_advice(self._device, request.width, request.height, smaller, controls)

    def _active_loras(self, request: GenerationRequest, resolved: ResolvedModel) -> list[ActiveLora]:
        """Those that change the picture; the others need not even be there. One that is named twice has both weights together."""
        active: dict[str, ActiveLora] = {}
        for lora in request.loras:
            if lora.weight == 0:
                continue
            try:
                place = find_lora(self._catalogue, lora.name, resolved.entry)
            except ModelError as error:
                raise GenerationError(str(error)) from error
            former = active.get(place.identity, ActiveLora(place, 0.0)).weight
            active[place.identity] = ActiveLora(place, former + lora.weight)
        return [lora for lora in active.values() if lora.weight != 0]

    def _load(self, resolved: ResolvedModel, controls: list[ActiveControl], loras: list[ActiveLora], watcher: Watcher) -> Any:
        """The model with the ControlNets and LoRAs that are needed. Another checkpoint goes first; ControlNets stay as long as
        they fit."""
        identity = resolved.identity
        kinds = [control.kind for control in controls]
        needed = [resolved.controlnets[kind] for kind in kinds]
        current = self._model[1] if self._model and self._model[0] == identity else None
        if current is None or any(place not in self._cache for place in needed):
            watcher.report(Progress("loading model"))
        if current is None:
            self._model = None
            self._cache.keep_only(list(resolved.controlnets.values()))
            self._device.release()
            loader = importlib.import_module(f".{resolved.family.loader}", __package__)
            current = loader.load(resolved, self._device, self._cache)
            self._model = (identity, current)
        watcher.check()
        if not current.has_loras(loras):
            watcher.report(Progress("loading LoRAs"))
        current.prepare(resolved, kinds, loras)
        watcher.check()
        return current


def _told(mode: Mode, failed: Mode | None, device: str) -> list[str]:
    """What the person should know of the way in which the picture is made."""
    if failed:
        return [f"Memory ran out on the {device}, so the picture was made once more {MEANING[mode]}."]
    return [f"There is little free memory on the {device}, so the picture was made {MEANING[mode]}."] * (mode is Mode.FP8)


def check_request(request: GenerationRequest, resolved: ResolvedModel) -> None:
    """Raises GenerationError where a request asks for what its model or this server has not."""
    family = resolved.family
    if not family.size.accepts(request.width, request.height):
        raise GenerationError(
            f"{family.title} makes pictures of {family.size.smallest} to {family.size.largest} pixels a side, "
            f"not {request.width} × {request.height}: choose another size."
        )
    _check_range("number of steps", request.steps, family.steps, family)
    _check_range("guidance scale", request.guidance_scale, family.guidance_scale, family)
    if request.batch_size > family.batch.size:
        raise GenerationError(f"{family.title} makes up to {family.batch.size} pictures at once, not {request.batch_size}.")
    if request.sampler and request.sampler not in family.samplers:
        raise GenerationError(f"{family.title} has no sampler '{request.sampler}': use one of {', '.join(family.samplers)}.")
    if sentence := refusal(request):  # asked at the door already, but what is painted decides
        raise GenerationError(sentence)


def _check_range(what: str, value: float, allowed: NumberRange, family: Family) -> None:
    if not allowed.lowest <= value <= allowed.highest:
        span = f"between {allowed.lowest:g} and {allowed.highest:g}"
        raise GenerationError(f"With {family.title} the {what} must be {span}, not {value:g}.")


def active_controls(
    request: GenerationRequest, resolved: ResolvedModel, images: Mapping[str, Image.Image]
) -> list[ActiveControl]:
    """The controls that act in at least one step, with their images; the others cost nothing and need not even be there."""
    active: list[ActiveControl] = []
    steps = request.denoised_steps
    for control in request.controls:
        if control.kind not in resolved.family.controls:
            known = ", ".join(resolved.family.controls)
            raise GenerationError(f"{resolved.family.title} cannot be controlled by {control.kind}: use {known}.")
        if control.strength == 0 or not any(
            step / steps >= control.start and (step + 1) / steps <= control.end for step in range(steps)
        ):
            continue
        if control.kind not in resolved.controlnets:
            raise GenerationError(resolved.missing_controls[control.kind])
        image = input_image(f"{control.kind} control's image", control.image, request, images)
        active.append(ActiveControl(control.kind, image, control.strength, control.start, control.end))
    return active


def input_image(what: str, sha256: str, request: GenerationRequest, images: Mapping[str, Image.Image]) -> Image.Image:
    """One of a request's ``inputs``, RGB. Raises GenerationError where it is not there or has another size than the picture."""
    image = images.get(sha256)
    if image is None:
        raise GenerationError(f"The {what} did not arrive: send the picture again.")
    if image.size != (request.width, request.height):
        raise GenerationError(
            f"The {what} is {image.width} × {image.height} pixels, "
            f"but the picture is to be {request.width} × {request.height}: render the control images again."
        )
    return image.convert("RGB")


def check_picture(picture: Image.Image) -> None:
    """Raises GenerationError for a picture that shows nothing, which is how a model that broke inside looks."""
    pixels = np.asarray(picture.convert("RGB"))
    if int((pixels.max((0, 1)).astype(int) - pixels.min((0, 1))).max()) < _FLAT:
        colour = "#{:02x}{:02x}{:02x}".format(*pixels[0, 0])
        raise GenerationError(
            f"The picture came out as one flat colour ({colour}): try another sampler, a lower guidance scale or another seed."
        )
