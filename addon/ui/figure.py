# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view, upper part: the figure, its pose, camera and ratio."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..armature.control_rig.link import controls_of, is_control_rig
from ..framing.camera import chosen_camera, pose_camera, scene_size
from ..framing.sizes import CUSTOM, SizeError
from ..operators.characters import active_character
from ..operators.control_rig import (
    P2A_OT_bake_to_character,
    P2A_OT_let_go_of_character,
    P2A_OT_use_character,
)
from ..operators.figure import P2A_OT_add_mannequin, P2A_OT_reset_pose, the_mannequin
from ..operators.framing import (
    P2A_OT_add_camera,
    P2A_OT_frame_figures,
    P2A_OT_look_through,
    P2A_OT_orbit_camera,
    P2A_OT_reset_camera,
    P2A_OT_set_ratio,
    P2A_OT_take_advice,
)
from ..operators.posing import P2A_OT_start_posing, P2A_OT_stop_posing
from . import advice, figures, parts
from .sidebar import InSidebar, OfFigure, is_narrow


class P2A_PT_figure(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_figure"
    bl_label = "Figure"
    bl_order = 10

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        figure = the_mannequin(context)
        there = figures.in_view(context)
        if there:
            figures.draw(layout, there, figure)
        else:
            row = layout.row(align=True)
            row.scale_y = 1.3
            row.operator(P2A_OT_add_mannequin.bl_idname, text="Add Mannequin", icon="OUTLINER_OB_ARMATURE")
            row.operator_menu_enum(P2A_OT_add_mannequin.bl_idname, "mannequin", text="", icon="DOWNARROW_HLT")
        _draw_character(layout, context, figure)
        if figure is None:
            hint = layout.column()
            hint.enabled = False
            hint.label(text="Choose the one you mean" if there else "Add one, then drag its dots")
            return
        row = layout.split(factor=0.62)
        poses = row.row(align=True)
        poses.popover("P2A_PT_poses", text="Choose a Pose")
        if not is_narrow(context):
            poses.operator(P2A_OT_reset_pose.bl_idname, text="", icon="LOOP_BACK")
        if context.mode == "POSE":
            row.operator(P2A_OT_stop_posing.bl_idname)
        else:
            row.operator(P2A_OT_start_posing.bl_idname)


class P2A_PT_figure_more(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_figure_more"
    bl_label = "Poses, Body, Wardrobe, Props"
    bl_parent_id = "P2A_PT_figure"
    bl_order = 10

    def draw(self, _context: bpy.types.Context) -> None:
        """Nothing of its own: the panels below it."""


def _draw_character(layout: bpy.types.UILayout, context: bpy.types.Context, figure: bpy.types.Object | None) -> None:
    """What can be done with a character of the artist's own: in place as soon as one is meant."""
    character = active_character(context)
    if character is not None and controls_of(character) is None:
        row = layout.row()
        row.scale_y = 1.3
        row.operator(P2A_OT_use_character.bl_idname, icon="OUTLINER_OB_ARMATURE")
    elif figure is not None and is_control_rig(figure):
        column = layout.column(align=True)
        column.operator(P2A_OT_bake_to_character.bl_idname, icon="ACTION").armature = figure.name
        column.operator(P2A_OT_let_go_of_character.bl_idname, icon="UNLINKED").armature = figure.name


class P2A_PT_camera(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_camera"
    bl_label = "Camera & Ratio"
    bl_order = 20

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """The ratio: in the head it needs no row, and stays in sight while the panel is closed."""
        framing = context.scene.pose_to_anime.framing
        # The verb, not the property: it also frames the figures anew where they were wholly in the picture.
        self.layout.operator_menu_enum(
            P2A_OT_set_ratio.bl_idname, "ratio", text=framing.bl_rna.properties["ratio"].enum_items[framing.ratio].name
        )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        scene = context.scene
        framing = scene.pose_to_anime.framing
        if framing.ratio == CUSTOM:
            row = layout.row(align=True)
            row.prop(framing, "custom_width", text="")
            row.label(text=":")
            row.prop(framing, "custom_height", text="")
        try:
            scene_size(scene)
        except SizeError as error:
            parts.text(layout, context, str(error), "ERROR")
        if advised := advice.current(scene):
            box = layout.box()
            parts.text(box, context, advised.text, "INFO")
            box.operator(
                P2A_OT_take_advice.bl_idname, text=iface_("Use {ratio}").format(ratio=advised.preset)
            ).ratio = advised.preset
        # One row, each of which adds the pose camera where there is none: a second one would push Generate out of sight.
        row = layout.row(align=True)
        through = row.row(align=True)
        through.scale_x = 1.5  # the longest word of the row
        through.operator(P2A_OT_look_through.bl_idname, text="Look Through")
        row.operator(P2A_OT_orbit_camera.bl_idname, text="Orbit", depress=framing.orbit_camera)
        row.operator(P2A_OT_frame_figures.bl_idname, text="", icon="FULLSCREEN_ENTER")
        row.operator(P2A_OT_reset_camera.bl_idname, text="", icon="LOOP_BACK")
        if pose_camera(scene) is None and chosen_camera(scene) is not None:  # the user's own takes the picture
            layout.operator(P2A_OT_add_camera.bl_idname, icon="OUTLINER_OB_CAMERA")


CLASSES: tuple[type, ...] = (P2A_PT_figure, P2A_PT_figure_more, P2A_PT_camera)
