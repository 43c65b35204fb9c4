# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for the wardrobe of a scene, saved in the .blend. What a figure wears is noted on the figure."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty, StringProperty


class P2A_PG_wardrobe(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.wardrobe``."""

    seed: IntProperty(
        name="Seed",
        description="Which random outfit: the same seed gives the same outfit again",
        default=0,
        min=0,
        max=999_999,
    )
    told: StringProperty(
        name="Tags",
        description="The tags of outfits that were put into the prompt, so that those of another outfit take their place",
        options={"HIDDEN"},
    )


CLASSES: tuple[type, ...] = (P2A_PG_wardrobe,)
