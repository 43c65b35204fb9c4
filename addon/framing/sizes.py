# SPDX-License-Identifier: GPL-3.0-or-later
"""Aspect ratios, and the one function that says how many pixels a picture has. No bpy.

Scene resolution, control images and the request to the server all take their size from ``picture_size``, so that every image
of one picture lies on one pixel grid.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator

from ...generation_server.families.catalogue import SizeRule

PRESETS: tuple[str, ...] = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "1:2", "2:1")
"""Width : height, in the order in which the menus show them."""

CUSTOM = "CUSTOM"
"""The name of a ratio that the user types as two numbers."""

LONGEST = 8.0
"""No picture is longer than this many times its other side: diffusion models have seen nothing of the kind."""

RATIO_WEIGHT = 4.0
"""How much a wrong ratio costs against a wrong area: an artist sees the one and not the other."""

EXCESS_WEIGHT = 3.0
"""How much an area above the rule's costs against one below: too large costs memory, and models repeat limbs in it.

With these two weights a rule of 1024² pixels in steps of 64 gives the sizes that Stable Diffusion XL was trained on for these
ratios (Podell et al. 2023, appendix I): 1024×1024, 896×1152, 832×1216, 768×1344 and 704×1408.
"""

_SEPARATOR = re.compile(r"\s*[:x×/]\s*", re.IGNORECASE)


class SizeError(ValueError):
    """A ratio that is none, or that a model cannot paint; the text says what to choose instead."""


def parse_ratio(text: str) -> tuple[float, float]:
    """Width and height of a ratio as people write it: ``2:3``, ``2/3``, ``832x1216``, ``832 × 1216`` or ``0.75``.

    Raises:
        SizeError: it is not one or two numbers, or one that ``checked_ratio`` refuses.
    """
    parts = _SEPARATOR.split(text.strip())
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise SizeError(f"'{text}' is not a ratio: write width and height as in 2:3.")
    width, height = numbers if len(numbers) == 2 else (numbers[0], 1.0)
    checked_ratio((width, height))
    return width, height


def checked_ratio(ratio: tuple[float, float]) -> float:
    """Width / height.

    Raises:
        SizeError: a side is zero, negative or not finite, or one side is more than ``LONGEST`` times the other.
    """
    width, height = ratio
    if not (math.isfinite(width) and math.isfinite(height) and width > 0.0 and height > 0.0):
        raise SizeError(f"The ratio {ratio_text(ratio)} is no picture: both sides must be above zero, as in 2:3.")
    # Compared by multiplication: the quotient of two extreme floats can overflow or become zero.
    if max(width, height) > LONGEST * min(width, height) * (1.0 + 1e-6):
        raise SizeError(f"The ratio {ratio_text(ratio)} is too long: one side may be at most {LONGEST:g} times the other.")
    return width / height


def ratio_text(ratio: tuple[float, float]) -> str:
    """``2:3``, with no more digits than the numbers need."""
    return f"{ratio[0]:g}:{ratio[1]:g}"


@functools.lru_cache(maxsize=256)  # panels and the viewport ask at every redraw
def picture_size(ratio: tuple[float, float], rule: SizeRule) -> tuple[int, int]:
    """Width and height in pixels of a picture with this ratio for a family with this rule.

    Both are multiples of ``rule.step`` from ``rule.smallest`` to ``rule.largest``; the area is close to ``rule.pixels`` and the
    ratio as near as that grid allows. Turning the ratio turns the size.

    Raises:
        SizeError: the ratio is none, or longer than the rule's sides allow, or the rule itself allows no size.
    """
    wanted = checked_ratio(ratio)
    sides = range(-(-rule.smallest // rule.step) * rule.step, rule.largest + 1, rule.step)
    if not sides:
        raise SizeError(
            f"The model accepts no size: no multiple of {rule.step} lies from {rule.smallest} to {rule.largest} pixels. "
            "Mend its family's file."
        )
    longest = sides[-1] / sides[0]
    if max(wanted, 1.0 / wanted) > longest * (1.0 + 1e-6):
        limit = f"{longest:.3g}:1" if wanted > 1.0 else f"1:{longest:.3g}"
        raise SizeError(
            f"The ratio {ratio_text(ratio)} is too long for this model, whose sides have {sides[0]} to {sides[-1]} pixels: "
            f"use {limit} or a shorter one."
        )
    tall = min(wanted, 1.0 / wanted)  # one case for both orientations, so that 3:2 is exactly 2:3 turned
    short, long = min(_candidates(tall, sides, rule.pixels), key=lambda size: (_cost(size, tall, rule.pixels), size))
    return (short, long) if wanted < 1.0 else (long, short)


DRAFT_PART = 0.5
"""Of a picture's pixels, those of its draft."""

_DRAFT_RATIO_WEIGHT = 20.0  # how much a wrong ratio costs a draft against a wrong area: it has to show the same frame


@functools.lru_cache(maxsize=256)
def draft_size(size: tuple[int, int], rule: SizeRule) -> tuple[int, int]:
    """Width and height in pixels of the draft of a picture of ``size``: about half the pixels in the same frame.

    Multiples of 8 rather than of ``rule.step``, so that the ratio stays; ``size`` itself where the rule allows none smaller.
    """
    ratio, pixels = size[0] / size[1], size[0] * size[1] * DRAFT_PART
    widths = range(8, size[0], 8)
    found = [(width, height) for width in widths for height in _near(width / ratio) if rule.accepts(width, height)]

    def cost(other: tuple[int, int]) -> float:
        off = abs(math.log(other[0] / other[1] / ratio))
        return _DRAFT_RATIO_WEIGHT * off + abs(math.log(other[0] * other[1] / pixels))

    return min(found, key=lambda other: (cost(other), other), default=size)


def _near(side: float) -> tuple[int, int]:
    """The multiples of 8 below and above."""
    below = int(side) // 8 * 8
    return below, below + 8


def _candidates(ratio: float, sides: range, pixels: int) -> Iterator[tuple[int, int]]:
    """Short and long sides of which one costs least.

    Along the logarithm of the long side the cost is made of straight pieces that meet where the ratio or the area is exact, so
    that it is least beside one of these two.
    """
    for short in sides:
        for exact in (short / ratio, pixels / short):
            below = int(exact) // sides.step * sides.step
            for long in (below, below + sides.step):
                yield short, min(max(long, short), sides[-1])


def _cost(size: tuple[int, int], ratio: float, pixels: int) -> float:
    """How far a size is from the wanted ratio and area, both as logarithms, so that half and double weigh the same."""
    off = abs(math.log(size[0] / size[1] / ratio))
    excess = math.log(size[0] * size[1] / pixels)
    return RATIO_WEIGHT * off + (EXCESS_WEIGHT * excess if excess > 0.0 else -excess)
