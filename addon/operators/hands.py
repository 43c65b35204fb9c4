# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of hands: a shape with one click, and opening, closing and spreading by sliders."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty

from ..armature.hands import apply_hand, change_hand
from ..generate.shelf import Shelf
from ..generate.timer import redraw
from ..pieces import Pieces
from ..pose.hands import adjusted, hand_files, hand_names, load_hand
from .figure import EnumItems, _Posing

SIDES = (
    ("L", "Left", "The figure's left hand"),
    ("R", "Right", "The figure's right hand"),
    ("BOTH", "Both", "Both hands, the right one as the mirror image of the left one"),
)


def _read() -> Pieces[EnumItems]:
    for name in hand_files():
        load_hand(name)  # which is kept
        yield
    redraw()
    return [(name, load_hand(name).name, "") for name in hand_names()]


_shapes = Shelf(_read)  # shapes come with the extension: they do not change while it is enabled
known_shapes = _shapes.shown
"""For panels: None until they have been read."""


def shape_items(_operator: object, _context: bpy.types.Context | None) -> EnumItems:
    return _shapes.current()  # Blender does not keep the strings of a dynamic enum alive: the shelf does


class P2A_OT_apply_hand(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.apply_hand"
    bl_label = "Apply Hand Shape"
    bl_description = "Bring the fingers into this shape; the arm and the wrist stay as they are"

    shape: EnumProperty(name="Shape", items=shape_items)
    side: EnumProperty(name="Hand", items=SIDES, default="BOTH")
    factor: FloatProperty(
        name="Blend",
        description="How far to go from the present shape into the new one",
        min=0.0,
        max=1.0,
        default=1.0,
        subtype="FACTOR",
        options={"SKIP_SAVE"},
    )

    def act(self, obj: bpy.types.Object) -> None:
        apply_hand(obj, self.side, load_hand(self.shape), self.factor)


def _slider(name: str, description: str) -> object:
    return FloatProperty(
        name=name, description=description, min=-1.0, max=1.0, default=0.0, subtype="FACTOR", options={"SKIP_SAVE"}
    )


class P2A_OT_adjust_hand(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.adjust_hand"
    bl_label = "Adjust Hand"
    bl_description = "Spread, open and close the fingers from where they are"

    side: EnumProperty(name="Hand", items=SIDES, default="BOTH")
    spread: _slider("Spread", "Fan the fingers out, or draw them together")
    grasp: _slider("Grasp", "Close all fingers toward the fist, or open them toward the flat hand")
    thumb: _slider("Thumb", "Curl or straighten the thumb")
    index: _slider("Index", "Curl or straighten the index finger")
    middle: _slider("Middle", "Curl or straighten the middle finger")
    ring: _slider("Ring", "Curl or straighten the ring finger")
    little: _slider("Little", "Curl or straighten the little finger")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_popup(self, event)

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.row(align=True).prop(self, "side", expand=True)
        layout.prop(self, "spread", slider=True)
        layout.prop(self, "grasp", slider=True)
        column = layout.column(heading="Curl", align=True)
        for finger in ("thumb", "index", "middle", "ring", "little"):
            column.prop(self, finger, slider=True)

    def act(self, obj: bpy.types.Object) -> None:
        curls = {"Thumb": self.thumb, "Index": self.index, "Middle": self.middle, "Ring": self.ring, "Little": self.little}
        change_hand(obj, self.side, lambda present: adjusted(present, self.spread, self.grasp, curls))


CLASSES: tuple[type, ...] = (P2A_OT_apply_hand, P2A_OT_adjust_hand)


def register() -> None:
    bpy.types.WindowManager.pose_to_anime_hand = EnumProperty(
        name="Hand", description="Which hand the next shape is for", items=SIDES, default="BOTH"
    )
    _shapes.open()


def unregister() -> None:
    _shapes.close()
    del bpy.types.WindowManager.pose_to_anime_hand
