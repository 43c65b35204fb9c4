# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the product, from the one place that says it: the extension's manifest."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

MANIFEST = Path(__file__).parent.parent / "blender_manifest.toml"


@functools.cache
def version() -> str:
    """Like ``0.1.0``; ``unknown`` where the code was copied without its manifest."""
    try:
        return str(tomllib.loads(MANIFEST.read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"
