# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a loaded model's networks lie on the device for the next picture."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from ..protocol import GenerationRequest
from .costs import weight_bytes
from .memory import Device
from .modes import Costs, Mode, choose, lower
from .residence import Residence


class Arrangement:
    """The networks of one model between a device and the computer's memory."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._known: WeakSet[nn.Module] = WeakSet()
        self.residence = Residence(device.torch, device.modes[0])

    def choose(
        self, needed: Sequence[nn.Module], costs: Callable[[], Costs], request: GenerationRequest, below: Mode | None = None
    ) -> Mode:
        """Settle the networks of a picture in the first of the device's modes that fits, and say which. ``below``: a mode that
        has failed. ``costs()`` is asked only where there is something to choose or to make room for."""
        modes = lower(self._device.modes, below) if below else self._device.modes
        idle = [network for network in self._known if network not in needed]
        self._known.update(needed)
        mode, crowded = modes[0], False
        if self._device.torch.type != "cpu" or len(modes) > 1:
            reckoned = costs()
            pixels, pictures, start = request.width * request.height, request.batch_size, bool(request.init_image)
            room = self._device.memory()[1] + sum(weight_bytes([network]) for network in self._known if self._is_there(network))
            mode = choose(modes, reckoned, room, pixels, pictures, start)
            crowded = reckoned.peak(mode, pixels, pictures, start) + weight_bytes(idle) > room
        self.residence = Residence(self._device.torch, mode)
        away = Residence(self._device.torch, Mode.OFFLOAD)
        if crowded or mode is not Mode.GPU:
            away.settle(idle)
        if mode is not Mode.GPU or below:
            away.settle(needed)  # first of all, so that none waits for the room of another
            self._device.release()
        self.residence.settle(needed)
        return mode

    def _is_there(self, network: nn.Module) -> bool:
        return self._device.torch.type != "cpu" and next(network.parameters()).device.type == self._device.torch.type


@functools.cache
def executing_on(device: torch.device, kind: Any) -> Any:
    """diffusers' pipeline ``kind``, computing on ``device`` wherever its networks' weights lie at the moment."""
    return type(kind.__name__, (kind,), {"_execution_device": property(lambda _: device), "__module__": kind.__module__})
