# SPDX-License-Identifier: GPL-3.0-or-later
"""Words in the 3D view."""

from __future__ import annotations

import math

import blf
import bpy

TEXT_SIZE = 11.0
"""As Blender's own labels, before the interface's scale."""


def width(context: bpy.types.Context, text: str) -> float:
    """Pixels that a text takes."""
    blf.size(0, TEXT_SIZE * context.preferences.system.ui_scale)
    return float(blf.dimensions(0, text)[0])


def write(context: bpy.types.Context, text: str, x: float, y: float, alpha: float = 1.0) -> None:
    """White with a shadow, its lower left corner at a place of the region in pixels."""
    font = 0
    blf.size(font, TEXT_SIZE * context.preferences.system.ui_scale)
    blf.enable(font, blf.SHADOW)
    blf.shadow(font, 3, 0.0, 0.0, 0.0, 0.8)
    blf.shadow_offset(font, 0, 0)
    blf.color(font, 1.0, 1.0, 1.0, alpha)
    blf.position(font, math.floor(x), math.floor(y), 0.0)
    blf.draw(font, text)
    blf.disable(font, blf.SHADOW)
