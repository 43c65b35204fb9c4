# SPDX-License-Identifier: GPL-3.0-or-later
"""Displays for the windows of several test runs at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import free_display


@pytest.mark.skipif(sys.platform != "linux", reason="windows are tested on Linux")
def test_nobody_is_given_the_display_of_another() -> None:
    mine = {free_display(), free_display()}
    other = subprocess.run(
        [sys.executable, "-c", "from conftest import free_display; print(free_display())"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len({*mine, int(other.stdout)}) == 3
