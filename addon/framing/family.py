# SPDX-License-Identifier: GPL-3.0-or-later
"""Which model family a scene paints with."""

from __future__ import annotations

import bpy

from ...generation_server.families.catalogue import SizeRule, families
from ..settings.controls import FIRST_FAMILY


def family_of_scene(scene: bpy.types.Scene) -> str:
    """The name of the chosen model's family, or ``FIRST_FAMILY`` where none is chosen or this version does not know it."""
    name = getattr(scene.pose_to_anime.generation, "family", "")
    return name if name in families() else FIRST_FAMILY


def size_rule(scene: bpy.types.Scene) -> SizeRule:
    """Which sizes the chosen model accepts."""
    return families()[family_of_scene(scene)].size
