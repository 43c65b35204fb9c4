# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is whole gets its name. Standard library only: both sides write files that others read meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

WINDOWS = os.name == "nt"
HELD = 1.0
"""Seconds for which a reader, or a virus scanner, may hold a small file there."""
SCANNED = 30.0
"""Seconds for which a virus scanner may hold a file of gigabytes."""

_PAUSE = 0.02


def put_in_place(part: Path, target: Path, patience: float = HELD) -> None:
    """``part.replace(target)``; on Windows, where nobody else may have either of them open, again for ``patience`` seconds.

    Raises OSError.
    """
    end = time.monotonic() + patience
    while True:
        try:
            part.replace(target)
            return
        except PermissionError:
            if not WINDOWS or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
