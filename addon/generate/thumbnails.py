# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the panels: of results, read by Blender in its own time, and of the job that is running."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import bpy
import bpy.utils.previews
import numpy as np

_RUNNING = "running"

_icons: bpy.utils.previews.ImagePreviewCollection | None = None
_wanted: dict[str, Mapping[str, Path]] = {}


def icon_of(job_id: str) -> int:
    """The icon of a result, 0 where there is none."""
    preview = _icons.get(job_id) if _icons is not None else None
    return preview.icon_id if preview else 0


def running_icon() -> int:
    return icon_of(_RUNNING)


def offer(whose: str, wanted: Mapping[str, Path]) -> None:
    """Have icons of these pictures, by name (of a result: its job), and no others of those that ``whose`` had before."""
    if _icons is None:
        return
    _wanted[whose] = wanted
    every = {name for names in _wanted.values() for name in names}
    for name in [name for name in _icons if name not in every and name != _RUNNING]:
        del _icons[name]
    for name, path in wanted.items():
        if name not in _icons and path.exists():
            _icons.load(name, str(path), "IMAGE")


def set_running(pixels: np.ndarray | None) -> None:
    """The icon of the job that is running: (H, W, 4) float32 with row 0 at the bottom, or None for none."""
    if _icons is None:
        return
    if pixels is None:
        if _RUNNING in _icons:
            del _icons[_RUNNING]
        return
    step = max(1, -(-max(pixels.shape[:2]) // 192))  # an icon is drawn at less than 200 pixels
    small = np.ascontiguousarray(pixels[::step, ::step], dtype=np.float32)
    preview = _icons[_RUNNING] if _RUNNING in _icons else _icons.new(_RUNNING)
    preview.image_size = (small.shape[1], small.shape[0])
    preview.image_pixels_float.foreach_set(small.ravel())


CLASSES: tuple[type, ...] = ()


def register() -> None:
    global _icons
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    global _icons
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _wanted.clear()
    _icons = None
