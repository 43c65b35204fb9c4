# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the user's own that are followed in the place of what the scene shows, saved in the .blend."""

from __future__ import annotations

import bpy
from bpy.props import PointerProperty

from ...generation_server.protocol import CONTROL_KINDS


class P2A_PG_own_controls(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.own_controls``: an image for each kind of control, by its name."""


P2A_PG_own_controls.__annotations__.update({
    kind: PointerProperty(
        name="Own Image",
        description="Follow this picture instead of what is made from the scene; it fills the frame and is cut at its edges",
        type=bpy.types.Image,
    )
    for kind in CONTROL_KINDS
})  # fmt: skip

CLASSES: tuple[type, ...] = (P2A_PG_own_controls,)
