# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the user's own in the place of a control image."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...generation_server.protocol import CONTROL_KINDS
from ..errors import UserError
from ..generate.asked import offered
from ..passes.kinds import KINDS
from ..settings.controls import word_of
from .picture_reference import OfPicture, load_picture


class P2A_OT_open_own_control(OfPicture, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_own_control"
    bl_label = "Picture as Control Image"
    bl_description = "Follow a picture from a file instead of what is made from the scene"

    kind: StringProperty(
        name="Kind", description="Of the control image, as in openpose or depth", options={"HIDDEN", "SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath or self.kind:
            return super().invoke(context, event)
        _ask_kind(context, self.filepath)  # it was dropped
        return {"INTERFACE"}

    def run(self, context: bpy.types.Context) -> None:
        if self.kind not in CONTROL_KINDS:
            raise UserError(f"There is no control image '{self.kind}': choose one of {', '.join(CONTROL_KINDS)}.")
        image = load_picture(Path(self.path()))
        setattr(context.scene.pose_to_anime.own_controls, self.kind, image)
        setattr(context.scene.pose_to_anime.generation, f"use_{word_of(self.kind)}", True)


def _ask_kind(context: bpy.types.Context, filepath: str) -> None:
    """A menu at the mouse: in the place of which control image a picture is followed."""
    kinds = offered(context.scene.pose_to_anime.generation)

    def draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
        menu.layout.operator_context = "EXEC_DEFAULT"
        for kind in kinds:
            verb = menu.layout.operator(P2A_OT_open_own_control.bl_idname, text=KINDS[kind].title)
            verb.kind, verb.filepath = kind, filepath

    context.window_manager.popup_menu(draw, title=P2A_OT_open_own_control.bl_label, icon="FILE_IMAGE")


CLASSES: tuple[type, ...] = (P2A_OT_open_own_control,)
