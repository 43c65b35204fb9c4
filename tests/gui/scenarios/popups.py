# SPDX-License-Identifier: GPL-3.0-or-later
"""Menus and dialogs that stand over the window: where they are, found by their colours, and a click on their entries."""

import subprocess
from collections.abc import Generator

import hands
import numpy as np

BACK = 24
"""Grey of menus and dialogs in Blender's dark theme."""
BLUE = (71, 114, 179)
"""Of the button that Return would press."""
ROW = 21  # pixels of an entry
PADDING = 4  # below the last one


_before: list[np.ndarray] = []


def look() -> np.ndarray:
    """The screen as (height, width, 3) uint8, row 0 at the bottom; a photograph takes five times as long."""
    command = ["import", "-window", "root", "-depth", "8", "rgb:-"]
    seen = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    return np.frombuffer(seen, np.uint8).reshape(-1, hands.window().width, 3)[::-1]


def remember() -> None:
    """What is on the screen now is neither menu nor dialog."""
    _before[:] = [look()]


def pick(entry: int) -> Generator[object, None, None]:
    """Wait for a menu that was not there when the screen was remembered, and click an entry, -1 is the last."""
    before = _is_back(_before[0])
    boxes: list[tuple[int, int, int, int] | None] = []

    def is_open() -> bool:
        """a menu"""
        boxes.append(_box(_is_back(look()) & ~before))
        return boxes[-1] is not None and boxes[-2:-1] == boxes[-1:]  # it stays where it is

    yield is_open
    left, bottom, right, top = boxes[-1]
    y = bottom + PADDING - ROW * (entry + 0.5) if entry < 0 else top - PADDING - ROW * (entry + 0.5)
    yield from hands.click((left + right) / 2, y)


def press_blue(photographed: str = "") -> Generator[object, None, None]:
    """Wait for a dialog that was not there when the screen was remembered, and press its blue button."""
    before = _is_blue(_before[0])
    found: list[tuple[float, float] | None] = []

    def is_open() -> bool:
        """a dialog"""
        found.append(_lowest_button(_is_blue(look()) & ~before))
        return found[-1] is not None and found[-2:-1] == found[-1:]

    yield is_open
    if photographed:
        hands.photograph(photographed)
    yield from hands.click(*found[-1])


def _box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Left, bottom, right and top of the largest thing that is mostly filled; None where that is no menu."""
    bands = _bands(np.nonzero(mask.sum(axis=1) > 60)[0])
    bottom, top = max(bands, key=lambda band: mask[band[0] : band[1] + 1].sum(), default=(0, 0))
    columns = np.nonzero(mask[bottom : top + 1].sum(axis=0) > 10)[0]
    if top - bottom < ROW or len(columns) < 60:
        return None
    return int(columns.min()), bottom, int(columns.max()), top


def _lowest_button(mask: np.ndarray) -> tuple[float, float] | None:
    """The middle of the lowest thing that is filled and as wide and high as a button; what is chosen stands above it."""
    rows = np.nonzero(mask.sum(axis=1) > 60)[0]
    for run in np.split(rows, np.nonzero(np.diff(rows) > 1)[0] + 1):
        if len(run) > ROW // 2:
            columns = np.nonzero(mask[run].sum(axis=0) > ROW // 3)[0]
            return float(np.median(columns)), float(np.median(run))
    return None


def _bands(rows: np.ndarray) -> list[tuple[int, int]]:
    """Rows as runs (first, last), upwards; an entry that is highlighted does not part a menu."""
    if not len(rows):
        return []
    return [(int(run[0]), int(run[-1])) for run in np.split(rows, np.nonzero(np.diff(rows) > 1.5 * ROW)[0] + 1)]


def _is_back(image: np.ndarray) -> np.ndarray:
    return np.abs(image.astype(np.int16) - BACK).max(axis=-1) < 3


def _is_blue(image: np.ndarray) -> np.ndarray:
    return np.abs(image.astype(np.int16) - BLUE).max(axis=-1) < 8
