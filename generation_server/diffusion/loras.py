# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRAs on a loaded checkpoint: put on and taken off between pictures, while the checkpoint stays where it is.

They are peft's adapters, beside the weights that they change, so that taking one off gives the checkpoint back exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..models.places import Place
from .interface import GenerationError
from .memory import Device, is_out_of_memory

_IDLE = 4
"""LoRAs that stay on the device though the last picture did not use them: who tries one against another needs both again."""
_SCARCE = 0.1
"""Share of the device's memory under which none stays."""


@dataclass(frozen=True)
class ActiveLora:
    """A LoRA that a picture is made with, and its weight, which is not zero."""

    place: Place
    weight: float


class LoraSlots:
    """The LoRAs of one checkpoint."""

    def __init__(self, pipeline: Any, device: Device) -> None:
        """``pipeline``: one of diffusers' with the checkpoint's UNet and text encoders, which knows how LoRAs go into them."""
        self._pipeline = pipeline
        self._device = device
        self._loaded: dict[str, str] = {}  # identity of the file to the adapter's name, the one used last at the end
        self._count = 0

    def __contains__(self, place: Place) -> bool:
        return place.identity in self._loaded

    def use(self, loras: Sequence[ActiveLora]) -> None:
        """Makes the next picture with these and no others. Raises GenerationError for one that does not fit the checkpoint."""
        for lora in loras:
            self._load(lora.place)
        self._let_go(len(loras))
        networks = [getattr(self._pipeline, name) for name in self._pipeline._lora_loadable_modules]
        state = ""
        if loras:
            self._pipeline.enable_lora()
            self._pipeline.set_adapters([self._loaded[lora.place.identity] for lora in loras], [lora.weight for lora in loras])
            state = "|".join(f"{lora.place.identity}*{lora.weight}" for lora in loras)
        elif self._loaded:
            self._pipeline.disable_lora()
        for network in networks:
            network.changed_by = state

    def _load(self, place: Place) -> None:
        identity, file = place.identity, place.file
        assert file is not None
        if identity in self._loaded:
            self._loaded[identity] = self._loaded.pop(identity)
            return
        self._count += 1
        adapter = f"lora{self._count}"
        try:
            self._pipeline.load_lora_weights(
                str(file.parent), weight_name=file.name, adapter_name=adapter, use_safetensors=True, local_files_only=True
            )
            if not any(adapter in names for names in self._pipeline.get_list_adapters().values()):
                raise ValueError("it changes nothing of this kind of model")
        except Exception as error:  # three libraries, and what a foreign file makes them raise is documented for none
            self._remove_all()
            if is_out_of_memory(error):
                raise
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise GenerationError(
                f"The LoRA {place.entry.title} is damaged or does not fit this model ({reason}): choose another."
            ) from error
        self._loaded[identity] = adapter

    def _let_go(self, used: int) -> None:
        """Removes those that were not used for longest; ``used`` of them are the last picture's."""
        total, free = self._device.memory()
        kept = used + (0 if free < _SCARCE * total else _IDLE)
        while len(self._loaded) > kept:
            identity = next(iter(self._loaded))
            self._pipeline.delete_adapters(self._loaded.pop(identity))
        if not self._loaded:
            self._remove_all()

    def _remove_all(self) -> None:
        if self._count:
            self._pipeline.unload_lora_weights()
        self._loaded.clear()


def changed_by(network: torch.nn.Module) -> str:
    """What tells a network with its LoRAs from the same with others or none: what it computed then is of no use now."""
    state = getattr(network, "changed_by", "")
    return state if isinstance(state, str) else ""
