# SPDX-License-Identifier: GPL-3.0-or-later
"""A real disk that is small enough to be filled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """``folder`` as a file system of its own, in memory. Skips the test where this user may not make one."""
    folder.mkdir()
    if sys.platform != "linux":
        pytest.skip("only Linux makes a small disk in memory")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Fill the disk but for ``leave`` bytes; the file to delete for room."""
    ballast = folder / "ballast"
    space = os.statvfs(folder)
    ballast.write_bytes(b"\0" * (space.f_bavail * space.f_frsize - leave))
    return ballast
