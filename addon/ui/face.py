# SPDX-License-Identifier: GPL-3.0-or-later
"""The face of a figure on which none is drawn: what the points of its face show in the control images."""

from __future__ import annotations

import bpy

from ..armature.worn import pieces_of
from ..operators.figure import the_mannequin
from ..translations import CONTEXT
from .sidebar import InSidebar


class P2A_PT_face(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_face"
    bl_label = "Face"
    bl_parent_id = "P2A_PT_control_images"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return the_mannequin(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        figure = the_mannequin(context)
        assert figure is not None  # or poll() would have hidden the panel
        if "face" in pieces_of(figure):
            hint = layout.column()
            hint.enabled = False
            hint.label(text="Its drawn face decides: see Wardrobe")
            return
        face = figure.pose_to_anime.face
        for title, names in (
            ("Gaze", ("gaze_side", "gaze_up")),
            ("Eyes Closed", ("closed_left", "closed_right")),
            ("Brows", ("brow_inner", "brow_outer")),
            ("Mouth", ("mouth_open", "smile", "mouth_width")),
        ):
            layout.label(text=title, text_ctxt=CONTEXT)
            row = layout.row(align=True)
            for name in names:
                row.prop(face, name, slider=True)


CLASSES: tuple[type, ...] = (P2A_PT_face,)
