# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Blender with a window, in which the built zip is installed: one for each version that is there."""

from __future__ import annotations

import socket
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


_claims: list[socket.socket] = []
"""Of the numbers that were given out; they end with this process."""


def free_display() -> int:
    """A display number that no X server of this machine has, and that nobody else is given as long as this process lives.

    An X server takes its number a moment after it was chosen: until then an abstract socket of ours claims it. Those are seen
    from every folder, and of all that want one at once one gets it.
    """
    for number in range(90, 1090):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(b"\0pose-to-anime-display-%d" % number)
        except OSError:
            claim.close()
            continue
        if f"/tmp/.X11-unix/X{number}\n" in Path("/proc/net/unix").read_text():
            claim.close()
            continue
        _claims.append(claim)
        return number
    raise RuntimeError("No display number is free: end X servers that nobody needs.")
