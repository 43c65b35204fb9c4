# SPDX-License-Identifier: GPL-3.0-or-later
"""How a model lies in a device's memory, and which way fits: arithmetic alone, without torch.

``gpu`` has everything on the device. ``offload`` has there only what the current phase needs: the text encoders, then the UNet
with its ControlNets, then the VAE; the picture is the same, and weights are copied for each one. ``fp8`` does so too, and keeps
the UNet's and the ControlNets' large weights in 8 bits: half the room, and a picture that differs in details. ``sequential``
copies the UNet and the ControlNets layer by layer in every step: it needs next to no room for them, gives the same picture, and
is slow.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ALLOWANCE = 1.25
"""What working memory is multiplied by, for the workspaces of convolutions and for gaps between blocks. Allowed, not measured."""


class Mode(enum.Enum):
    """From the one that needs the most memory to the one that needs the least."""

    GPU = "gpu"
    OFFLOAD = "offload"
    FP8 = "fp8"
    SEQUENTIAL = "sequential"


WISHES = ("auto", *(mode.value for mode in Mode))
"""What a user may ask for."""

MEANING = {
    Mode.GPU: "with all of the model in the GPU's memory",
    Mode.OFFLOAD: "with the model's parts in the GPU's memory by turns, which takes longer",
    Mode.FP8: "with weights in 8 bits, which can change details",
    Mode.SEQUENTIAL: "with the model's layers in the GPU's memory one by one, which takes many times as long",
}
"""What a mode does, as the end of a sentence about a picture."""


@dataclass(frozen=True)
class Costs:
    """What a model needs with the ControlNets of a picture: bytes, and bytes for each of the picture's pixels."""

    encoders: int  # weights of the text encoders
    denoisers: int  # and of the UNet with the ControlNets
    denoisers_in_8_bits: int  # the latter as mode ``fp8`` keeps them
    largest_layer: int  # of the latter: what is unpacked or copied at a time
    decoder: int  # weights of the VAE, in the format in which it decodes
    denoising: float  # a pixel: the most that the tensors between the UNet's layers take, with those of its ControlNets
    encoding: float  # a pixel of a starting picture in the VAE's encoder
    decoding: float  # and of the picture in its decoder
    tiled_from: int  # pixels above which the VAE works in tiles,
    tile: int  # of so many pixels

    def peak(self, mode: Mode, pixels: int, pictures: int = 1, start: bool = False) -> int:
        """The most bytes of the device that so many pictures at once of so many pixels take; ``start``: they begin with one."""
        at_once = pixels if pixels <= self.tiled_from else min(self.tile, pixels)
        denoising = max(self.denoising * pixels * pictures, self.encoding * at_once if start else 0.0)
        work = ALLOWANCE * denoising
        decoding = self.decoder + ALLOWANCE * self.decoding * at_once
        if mode is Mode.GPU:
            weights = self.encoders + self.denoisers + self.decoder
            return math.ceil(weights + max(work, decoding - self.decoder))
        denoisers = {
            Mode.OFFLOAD: self.denoisers,
            Mode.FP8: self.denoisers_in_8_bits + self.largest_layer,
            Mode.SEQUENTIAL: self.largest_layer,
        }[mode]
        # The VAE is there while there is denoising too: it takes a starting picture in, and previews learn their colours from it.
        return math.ceil(max(self.encoders, denoisers + self.decoder + work, decoding))


def choose(modes: Sequence[Mode], costs: Costs, room: int, pixels: int, pictures: int = 1, start: bool = False) -> Mode:
    """The first of ``modes`` that fits into ``room`` bytes, or the last where none does."""
    return next((mode for mode in modes if costs.peak(mode, pixels, pictures, start) <= room), modes[-1])


def lower(modes: Sequence[Mode], mode: Mode) -> Sequence[Mode]:
    """Those of ``modes`` that need less than ``mode``."""
    order = list(Mode)
    return [other for other in modes if order.index(other) > order.index(mode)]


def largest_size(fits: Callable[[int], bool], width: int, height: int, step: int, smallest: int) -> tuple[int, int] | None:
    """The largest size of nearly this ratio, smaller than it, of which ``fits(pixels)``; sides are multiples of ``step``."""
    short = min(width, height)
    for side in range((short - 1) // step * step, smallest - 1, -step):
        long = max(step, round(max(width, height) * side / short / step) * step)
        if long * side < width * height and fits(long * side):
            return (side, long) if width <= height else (long, side)
    return None
