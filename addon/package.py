# SPDX-License-Identifier: GPL-3.0-or-later
"""What this copy of the package is called, and where its data lies."""

from pathlib import Path

from .. import __package__ as _base

BASE: str = _base or "pose_to_anime"
"""``pose_to_anime`` when installed as a package, ``bl_ext.REPOSITORY.pose_to_anime`` as a Blender extension."""

ROOT = Path(__file__).resolve().parent.parent
RIGS = ROOT / "rigs"
ASSETS = RIGS / "assets"
"""The pose library as native assets, with its catalogues."""
