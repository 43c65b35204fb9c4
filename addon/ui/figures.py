# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures in view as a short list: which is meant, colour, name, shown or hidden, away with it."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ..armature.control_rig.link import is_control_rig
from ..armature.figures import is_figure_shown
from ..armature.mannequin import is_mannequin, skins_of
from ..operators.body import P2A_OT_give_skin
from ..operators.figure import P2A_OT_add_mannequin, P2A_OT_remove_mannequin
from ..operators.figure_list import P2A_OT_choose_figure, P2A_OT_duplicate_mannequin, P2A_OT_show_figure


def in_view(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The figures of the view layer, hidden ones too, by name."""
    return sorted((obj for obj in context.view_layer.objects if is_mannequin(obj)), key=lambda obj: obj.name)


def draw(layout: bpy.types.UILayout, found: Sequence[bpy.types.Object], chosen: bpy.types.Object | None) -> None:
    """One row for each figure, and what adds another; ``chosen`` is the figure that panels and verbs mean."""
    split = layout.row()
    rows = split.column(align=True)
    for obj in found:
        row = rows.row(align=True)
        mark = row.operator(P2A_OT_choose_figure.bl_idname, text="", icon="ARMATURE_DATA", depress=obj == chosen)
        mark.armature = obj.name
        swatch = row.row(align=True)
        swatch.ui_units_x = 1.0
        swatch.enabled = not is_control_rig(obj)  # the colours of a character are the artist's
        swatch.prop(obj.pose_to_anime_figure, "colour", text="")
        row.prop(obj, "name", text="")
        eye = "HIDE_OFF" if is_figure_shown(obj) else "HIDE_ON"
        row.operator(P2A_OT_show_figure.bl_idname, text="", icon=eye).armature = obj.name
        row.operator(P2A_OT_remove_mannequin.bl_idname, text="", icon="X").armature = obj.name
    if chosen is not None and not is_control_rig(chosen) and not skins_of(chosen):
        rows.operator(P2A_OT_give_skin.bl_idname, icon="ERROR")
    tools = split.row(align=True) if len(found) == 1 else split.column(align=True)
    tools.operator_menu_enum(P2A_OT_add_mannequin.bl_idname, "mannequin", text="", icon="ADD")
    if chosen is not None and not is_control_rig(chosen):
        tools.operator(P2A_OT_duplicate_mannequin.bl_idname, text="", icon="DUPLICATE")


CLASSES: tuple[type, ...] = ()
