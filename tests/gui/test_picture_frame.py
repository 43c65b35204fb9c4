# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame that is drawn in the viewport is the picture to the pixel, measured in photographs of the screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from blender_windows import Session
from PIL import Image


def pixels(path: Path, facts: dict[str, object]) -> np.ndarray:
    """The 3D view out of a photograph: (height, width, 3), row 0 at the bottom as Blender counts."""
    x, y, width, height = facts["region"]
    with Image.open(path) as photograph:
        screen = np.asarray(photograph.convert("RGB"), np.int16)[::-1]
    return screen[y : y + height, x : x + width]


def is_red(colours: np.ndarray) -> np.ndarray:
    return (colours[..., 0] > 140) & (colours[..., 1] < 60) & (colours[..., 2] < 60)


def is_line(colours: np.ndarray) -> np.ndarray:
    return colours.min(axis=-1) > 200


def test_the_line_lies_beside_the_pictures_last_pixels(session: Session) -> None:
    for backend in session.window.backends:
        check_frame(session, backend)


def check_frame(session: Session, backend: str) -> None:
    outcome = session.run("picture_frame", backend=backend)
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    width, height = facts["region"][2:]
    sides = 0
    for name, view in facts["views"].items():
        screen = pixels(outcome.photographs[name], facts)
        left, bottom, right, top = (round(side) for side in view["frame"])
        assert (right - left) / (top - bottom) == pytest.approx(view["size"][0] / view["size"][1], rel=0.01)
        row = (max(bottom, 60) + min(top, height - 120)) // 2
        column = (max(left, 200) + min(right, width - 200)) // 2
        rows, columns = slice(row - 20, row + 20), slice(column - 20, column + 20)
        strips = []  # the line's pixel, six of the picture beside it, six of the outside
        if left > 60:
            strips.append((screen[rows, left - 1], screen[rows, left : left + 6], screen[rows, left - 8 : left - 2]))
        if right < width - 60:
            strips.append((screen[rows, right], screen[rows, right - 6 : right], screen[rows, right + 2 : right + 8]))
        part = screen[:, columns]
        if bottom > 40:
            strips.append((part[bottom - 1], part[bottom : bottom + 6], part[bottom - 8 : bottom - 2]))
        if top < height - 70:
            strips.append((part[top], part[top - 6 : top], part[top + 2 : top + 8]))
        for line, inside, outside in strips:
            assert is_line(line).mean() > 0.9, name
            assert is_red(inside).mean() > 0.8, name  # the outermost pixel may be half covered
            assert outside.max() < 80, f"{name}: the outside is not darkened"
        sides += len(strips)
    assert sides >= 8, "too few sides of the frame are on the screen for this test to mean anything"

    # All of it, with its label, beside headers and toolbar.
    left, bottom, right, top = facts["frame"]
    assert 40 <= left < right <= width
    assert 15 <= bottom < top <= height - 50
    assert facts["perspective afterwards"] == "PERSP"
    assert facts["turned by looking"] < 0.01
    last = pixels(outcome.photographs["shifted lens"], facts), pixels(outcome.photographs["no frame"], facts)
    assert last[1].mean() > 30 and is_line(last[1]).sum() < is_line(last[0]).sum() - 500, "the frame can be switched off"
