# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice for a pose that does not fit the ratio: which preset would show it larger. No bpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .sizes import PRESETS, checked_ratio, parse_ratio, ratio_text

POOR_FILL = 0.4
"""Below this part of the picture a pose is worth an advice. A standing figure, arms down, fills 0.45 of 2:3, which everybody
paints, and 0.3 of 1:1, which shows much ground on both sides."""

WORTHWHILE = 1.5
"""An advised preset shows the pose in at least this many times the area."""

LYING = 1.3
"""A body whose spine is level counts as lying when it is also this many times wider than high: seen from the feet it is not."""


@dataclass(frozen=True)
class Advice:
    """A better preset, and why."""

    preset: str  # one of sizes.PRESETS
    fill: float  # of the picture by the pose's bounding box in the present ratio, 0 … 1
    better_fill: float  # the same in the preset
    posture: str  # "lying", "wide" or "tall"
    present: str  # the present ratio as text

    @property
    def text(self) -> str:
        """One sentence for the panel."""
        return f"The pose is {self.posture}: it fills {self.fill:.0%} of {self.present}, try {self.preset}."


def fill_of(extent: tuple[float, float], ratio: tuple[float, float]) -> float:
    """Which part of a picture the bounding box of a pose covers once it is framed as large as it goes.

    Args:
        extent: width and height of the pose in the picture plane, in any one unit.
        ratio: width and height of the picture.
    """
    quotient = math.log(extent[0] / extent[1]) - math.log(ratio[0] / ratio[1])
    return math.exp(-abs(quotient))


def advise_ratio(extent: tuple[float, float], ratio: tuple[float, float], *, spine_is_level: bool = False) -> Advice | None:
    """The preset that shows the pose largest, or None where the present ratio does well enough.

    Args:
        extent: width and height of the pose in the picture plane, in any one unit. Without a finite size above zero there is
            no advice.
        ratio: width and height of the picture.
        spine_is_level: the (single) figure's spine lies rather than stands; decides a word only.

    Raises:
        SizeError: the ratio is none.
    """
    checked_ratio(ratio)
    if not all(math.isfinite(side) and side > 0.0 for side in extent):
        return None
    fill = fill_of(extent, ratio)
    best = max(PRESETS, key=lambda preset: fill_of(extent, parse_ratio(preset)))
    better = fill_of(extent, parse_ratio(best))
    if fill >= POOR_FILL or better < WORTHWHILE * fill:
        return None
    wide = extent[0] / extent[1] > ratio[0] / ratio[1]
    lying = spine_is_level and extent[0] >= LYING * extent[1]
    return Advice(best, fill, better, "lying" if wide and lying else "wide" if wide else "tall", ratio_text(ratio))
