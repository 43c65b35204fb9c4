# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model's weights are while a picture is made: on the device for good, or lent to it as copies.

What is lent stays in the computer's memory as well, so that taking it back copies nothing and loses nothing, not even where the
copy has 8 bits. Networks are used by themselves and by pipelines that are made for one picture; so weights are exchanged under
the modules, and no pipeline has to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from .modes import Mode

FLOAT8 = torch.float8_e4m3fn
_HIGHEST = 448.0
"""The largest number of float8_e4m3fn (Micikevicius et al. 2022, "FP8 formats for deep learning")."""

_KEPT_WHOLE = (
    *("norm", "time_embed", "add_embed", "conv_in", "conv_out"),
    *("lora_", "task_embedding", "spatial_ch_projs", "controlnet_cond_embedding"),
)
"""Parts of names: what is small and feels rounding most, and what was added to a model. What a ControlNet makes of its image is
remembered between pictures (``HintMemory``), and those are not all made in the same mode: it must be the same in each."""


class Residence:
    """The order in which the parts of one model are on a device."""

    def __init__(self, device: torch.device, mode: Mode) -> None:
        self._device = device
        self.mode = mode

    def settle(self, modules: Sequence[nn.Module]) -> None:
        """Bring modules to where they stay between pictures."""
        place = self._device if self.mode is Mode.GPU else torch.device("cpu")
        for module in modules:
            if any(slot.now.device != place for slot in _slots(module.modules())):  # looking costs less than moving nothing
                module.to(place)

    @contextmanager
    def encoding(self, encoders: Sequence[nn.Module]) -> Iterator[None]:
        """While this lasts, each of ``encoders`` is on the device from its first use on: a known prompt uses none."""
        if self.mode is Mode.GPU:
            yield
            return
        with ExitStack() as stack:
            for encoder in encoders:
                stack.enter_context(self._lent_on_use(encoder))
            yield

    @contextmanager
    def denoising(self, networks: Sequence[nn.Module], vae: nn.Module) -> Iterator[None]:
        """While this lasts, the UNet and the ControlNets can be used on the device, and so can the VAE."""
        if self.mode is Mode.GPU:
            yield
            return
        with ExitStack() as stack:
            stack.enter_context(lent(vae, self._device))
            for network in dict.fromkeys(networks):
                if self.mode is Mode.OFFLOAD:
                    stack.enter_context(lent(network, self._device))
                elif self.mode is Mode.FP8:
                    stack.enter_context(lent_in_8_bits(network, self._device))
                else:
                    stack.enter_context(lent_by_layers(network, self._device))
            yield

    @contextmanager
    def decoding(self, vae: nn.Module) -> Iterator[None]:
        """While this lasts, the VAE is on the device."""
        if self.mode is Mode.GPU:
            yield
            return
        with lent(vae, self._device):
            yield

    @contextmanager
    def _lent_on_use(self, module: nn.Module) -> Iterator[None]:
        with ExitStack() as stack:

            def lend(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
                handle.remove()
                stack.enter_context(lent(module, self._device))
                return inputs

            handle = module.register_forward_pre_hook(lend)
            move = module.register_forward_pre_hook(
                lambda _, inputs: tuple(x.to(self._device) if isinstance(x, torch.Tensor) else x for x in inputs)
            )
            try:
                yield
            finally:
                handle.remove()
                move.remove()


class _Slot(NamedTuple):
    """Where a module keeps one of its weights."""

    weights: dict[str, Any]  # the module's own, by their names
    name: str

    def put(self, tensor: torch.Tensor) -> None:
        """Set what the module computes with."""
        self.weights[self.name] = tensor

    @property
    def now(self) -> torch.Tensor:
        tensor: torch.Tensor = self.weights[self.name]
        return tensor


def _slots(parts: Iterable[nn.Module]) -> list[_Slot]:
    """Those of modules themselves, without their children's."""
    return [
        _Slot(weights, name)
        for part in parts
        for weights in (part._parameters, part._buffers)
        for name, tensor in weights.items()
        if tensor is not None
    ]


def _layer(module: nn.Module) -> list[_Slot]:
    """Of all weights that a module reads when it is called."""
    reads_child = isinstance(module, nn.MultiheadAttention)  # which takes its child's weight without calling it
    return _slots(module.modules() if reads_child else [module])


def _copied(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):  # a parameter cannot be one of inference mode's tensors
        copy = tensor.detach().to(device, copy=True)
        return nn.Parameter(copy, requires_grad=False) if isinstance(tensor, nn.Parameter) else copy


@contextmanager
def lent(module: nn.Module, device: torch.device) -> Iterator[None]:
    """While this lasts, all weights of ``module`` are copies on ``device``."""
    kept: list[tuple[_Slot, torch.Tensor]] = []
    try:
        for slot in _slots(module.modules()):
            kept.append((slot, slot.now))
            slot.put(_copied(slot.now, device))
        yield
    finally:
        for slot, original in kept:
            slot.put(original)


@contextmanager
def lent_by_layers(module: nn.Module, device: torch.device) -> Iterator[None]:
    """While this lasts, the weights of each layer of ``module`` are copied to ``device`` for as long as that layer computes."""
    handles = []
    waiting: dict[nn.Module, list[tuple[_Slot, torch.Tensor]]] = {}

    def bring(part: nn.Module, _inputs: Any) -> None:
        kept = waiting.setdefault(part, [])
        for slot in _layer(part):
            kept.append((slot, slot.now))
            slot.put(_copied(slot.now, device))

    def take_back(part: nn.Module, *_: Any) -> None:
        for slot, original in waiting.pop(part, []):
            slot.put(original)

    for part in module.modules():
        if _layer(part):
            handles.append(part.register_forward_pre_hook(bring, prepend=True))
            handles.append(part.register_forward_hook(take_back))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for part in list(waiting):  # what was computing when it ended
            take_back(part)


def fits_8_bits(name: str, part: nn.Module) -> bool:
    """Whether mode ``fp8`` keeps the weight of this layer in 8 bits."""
    if isinstance(part, nn.modules.linear.NonDynamicallyQuantizableLinear):  # of nn.MultiheadAttention, see ``_layer``
        return False
    return isinstance(part, nn.Linear | nn.Conv2d) and not any(word in name for word in _KEPT_WHOLE)


@contextmanager
def lent_in_8_bits(module: nn.Module, device: torch.device) -> Iterator[None]:
    """While this lasts, ``module`` is on ``device``, its large weights in 8 bits with a scale for each output channel; each is
    unpacked for as long as its layer computes."""
    handles = []
    packed: dict[nn.Module, tuple[torch.Tensor, torch.Tensor]] = {}

    def unpack(part: nn.Module, _inputs: Any) -> None:
        weight, scale = packed[part]
        with torch.inference_mode(False):
            part._parameters["weight"] = nn.Parameter(weight.to(scale.dtype) * scale, requires_grad=False)

    def pack(part: nn.Module, *_: Any) -> None:
        with torch.inference_mode(False):  # a weight of no size: pipelines ask for its format and place
            part._parameters["weight"] = nn.Parameter(packed[part][1].new_empty(0), requires_grad=False)

    large = {part for name, part in module.named_modules() if fits_8_bits(name, part)}
    kept: list[tuple[_Slot, torch.Tensor]] = []
    try:
        for part in module.modules():
            for slot in _slots([part]):
                kept.append((slot, slot.now))
                slot.put(_copied(slot.now, device))
            if part in large:
                packed[part] = in_8_bits(part._parameters["weight"])  # type: ignore[arg-type]
                pack(part)
                handles.append(part.register_forward_pre_hook(unpack, prepend=True))
                handles.append(part.register_forward_hook(pack))
        yield
    finally:
        for handle in handles:
            handle.remove()
        for slot, original in kept:
            slot.put(original)


def in_8_bits(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A weight (out, …) in float8_e4m3fn, and the scale (out, 1, …), in its own format, that it is to be multiplied by."""
    with torch.inference_mode(False):
        weight = weight.detach()
        axes = list(range(1, weight.ndim))
        scale = weight.abs().amax(dim=axes, keepdim=True).float() / _HIGHEST
        scale = scale.clamp(min=torch.finfo(weight.dtype).tiny).to(weight.dtype)
        return (weight / scale).clamp(-_HIGHEST, _HIGHEST).to(FLOAT8), scale
