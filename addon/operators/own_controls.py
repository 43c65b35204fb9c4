# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the user's own in the place of a control image."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...generation_server.protocol import CONTROL_KINDS
from ..errors import UserError
from .picture_reference import OfPicture, load_picture


class P2A_OT_open_own_control(OfPicture, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_own_control"
    bl_label = "Open Own Image"
    bl_description = "Follow a picture from a file instead of what is made from the scene"

    kind: StringProperty(
        name="Kind", description="Of the control image, as in openpose or depth", options={"HIDDEN", "SKIP_SAVE"}
    )

    def run(self, context: bpy.types.Context) -> None:
        if self.kind not in CONTROL_KINDS:
            raise UserError(f"There is no control image '{self.kind}': choose one of {', '.join(CONTROL_KINDS)}.")
        image = load_picture(Path(self.path()))
        setattr(context.scene.pose_to_anime.own_controls, self.kind, image)


CLASSES: tuple[type, ...] = (P2A_OT_open_own_control,)
