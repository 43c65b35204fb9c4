# SPDX-License-Identifier: GPL-3.0-or-later
"""What this copy of the package is called, and where its data lies."""

import tomllib
from functools import cache
from pathlib import Path

from .. import __package__ as _base

BASE: str = _base or "pose_to_anime"
"""``pose_to_anime`` when installed as a package, ``bl_ext.REPOSITORY.pose_to_anime`` as a Blender extension."""

ROOT = Path(__file__).resolve().parent.parent
RIGS = ROOT / "rigs"
ASSETS = RIGS / "assets"
"""The pose library as native assets, with its catalogues."""


@cache
def version() -> str:
    """Like ``0.1.0``; ``unknown`` where the code was copied without its manifest. Read once."""
    try:
        return str(tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"
