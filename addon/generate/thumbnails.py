# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the panels: of results, which Blender keeps small in its cache, and of the job that is running."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import bpy
import bpy.utils.previews
import numpy as np

from .icon_files import IconFiles

_RUNNING = "running"

_icons = IconFiles()
_running: bpy.utils.previews.ImagePreviewCollection | None = None
_wanted: dict[str, Mapping[str, Path]] = {}


def icon_of(job_id: str) -> int:
    """The icon of a result, empty until it is read, 0 where there is none."""
    return _icons.icon(job_id)


def running_icon() -> int:
    preview = _running.get(_RUNNING) if _running is not None else None
    return preview.icon_id if preview else 0


def offer(whose: str, wanted: Mapping[str, Path]) -> None:
    """Have icons of these pictures, by name (of a result: its job), and no others of those that ``whose`` had before."""
    if not _icons.is_open:
        return
    _wanted[whose] = wanted
    every = {name for names in _wanted.values() for name in names}
    for name in _icons.names():
        if name not in every:
            _icons.drop(name)
    for name, path in wanted.items():
        if path.exists():
            _icons.load(name, path)


def set_running(pixels: np.ndarray | None) -> None:
    """The icon of the job that is running: (H, W, 4) float32 with row 0 at the bottom, or None for none."""
    if _running is None:
        return
    if pixels is None:
        if _RUNNING in _running:
            del _running[_RUNNING]
        return
    step = max(1, -(-max(pixels.shape[:2]) // 192))  # an icon is drawn at less than 200 pixels
    small = np.ascontiguousarray(pixels[::step, ::step], dtype=np.float32)
    preview = _running[_RUNNING] if _RUNNING in _running else _running.new(_RUNNING)
    preview.image_size = (small.shape[1], small.shape[0])
    preview.image_pixels_float.foreach_set(small.ravel())


CLASSES: tuple[type, ...] = ()


def register() -> None:
    global _running
    _icons.open()
    _running = bpy.utils.previews.new()


def unregister() -> None:
    global _running
    _icons.close()
    if _running is not None:
        bpy.utils.previews.remove(_running)
    _wanted.clear()
    _running = None
