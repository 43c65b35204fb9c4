# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Blender with a window, in which the built zip is installed: one for each version that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from blender_windows import WINDOWS, BlenderWindow, Session
from checkout import build_zip


@pytest.fixture(scope="session")
def extension_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_zip(tmp_path_factory.mktemp("zip"))


def window_parameters() -> list[object]:
    return [pytest.param(w, id=f"window-{w.version}", marks=pytest.mark.requires(f"window-{w.version}")) for w in WINDOWS]


@pytest.fixture(scope="module", params=window_parameters())
def session(request: pytest.FixtureRequest, extension_zip: Path) -> Iterator[Session]:
    """Its scenarios run one after another, in a Blender that starts anew for each."""
    window: BlenderWindow = request.param
    if missing := window.missing():
        pytest.skip(missing)
    opened = Session(window, extension_zip, free_display())
    try:
        yield opened
    finally:
        opened.close()


def free_display() -> int:
    """A display number that no X server of this machine has: their abstract sockets are seen from every folder."""
    taken = set(map(int, re.findall(r"@/tmp/\.X11-unix/X(\d+)", Path("/proc/net/unix").read_text())))
    return next(number for number in range(90, 190) if number not in taken)
