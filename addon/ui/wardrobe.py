# SPDX-License-Identifier: GPL-3.0-or-later
"""What a figure wears, below its body: outfits, slots, colours, face, and the toon look."""

from __future__ import annotations

import bpy

from ..armature.reshape import require_figure
from ..armature.worn import pieces_of
from ..dressing import toon
from ..dressing.piece_mesh import parts_of
from ..dressing.wearing import noted_outfit
from ..errors import UserError
from ..operators.figure import readable, the_mannequin
from ..operators.own_outfits import P2A_OT_delete_outfit, P2A_OT_own_styles, P2A_OT_save_outfit
from ..operators.wardrobe import (
    P2A_OT_colour_part,
    P2A_OT_expression,
    P2A_OT_outfit_tags,
    P2A_OT_random_outfit,
    P2A_OT_skin_tone,
    P2A_OT_toon_look,
    P2A_OT_undress,
    P2A_OT_wear,
    P2A_OT_wear_outfit,
)
from ..operators.wardrobe_sliders import MOST_PARTS
from ..translations import CONTEXT, translated
from ..wardrobe.catalogue import Catalogue, read_catalogue
from ..wardrobe.outfit import Outfit
from ..wardrobe.outfit_files import read_outfits
from ..wardrobe.piece import SLOTS
from . import parts
from .sidebar import OfFigure

_TITLES = {"outer": "Over It", "face": "Eyes"}


class P2A_PT_wardrobe(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_wardrobe"
    bl_label = "Wardrobe"
    bl_order = 27

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        figure = the_mannequin(context)
        if figure is None:
            return
        try:
            require_figure(figure)
        except UserError as error:
            parts.text(layout, context, str(error), "INFO")
            return
        catalogue = read_catalogue()
        try:
            outfit = noted_outfit(figure)
        except UserError as error:
            outfit = Outfit()
            parts.text(layout, context, str(error), "ERROR")
        row = layout.row(align=True)
        row.menu(P2A_MT_outfits.bl_idname, text=outfit.title or "Choose an Outfit", icon="MATCLOTH")
        row.operator(P2A_OT_save_outfit.bl_idname, text="", icon="FILE_TICK")
        row.operator(P2A_OT_undress.bl_idname, text="", icon="X")
        row = layout.row(align=True)
        row.operator(P2A_OT_random_outfit.bl_idname, icon="FILE_REFRESH").seed = -1
        row.prop(context.scene.pose_to_anime.wardrobe, "seed")
        _draw_slots(layout, figure, outfit, catalogue)
        column = layout.column(align=True)
        row = _labelled(column, "Face")
        row.operator_menu_enum(P2A_OT_expression.bl_idname, "expression", text=readable(outfit.expression))
        row = _labelled(column, "Gaze")
        row.prop(figure.pose_to_anime_wardrobe, "gaze_side", slider=True)
        row.prop(figure.pose_to_anime_wardrobe, "gaze_up", slider=True)
        row = _labelled(column, "Skin")
        row.operator_menu_enum(P2A_OT_skin_tone.bl_idname, "tone", text=readable(outfit.skin))
        row = layout.row(align=True)
        row.operator(P2A_OT_toon_look.bl_idname, icon="SHADING_TEXTURE", depress=toon.is_on(context.scene))
        row.operator(P2A_OT_outfit_tags.bl_idname, icon="TEXT")


def _draw_slots(layout: bpy.types.UILayout, figure: bpy.types.Object, outfit: Outfit, catalogue: Catalogue) -> None:
    pieces = pieces_of(figure)
    column = layout.column(align=True)
    for slot in SLOTS:
        worn = outfit.worn.get(slot)
        style = catalogue.styles.get(worn.style) if worn is not None else None
        row = _labelled(column, _TITLES.get(slot, readable(slot)))
        row.menu(_menu_of(slot), text=style.title if style else worn.style if worn else "—")
        piece = pieces.get(slot)
        if piece is None:
            continue
        swatch = row.row(align=True)
        swatch.ui_units_x = 1.0
        swatch.prop(piece.pose_to_anime_wardrobe, "colour_0", text="")
        row.popover(_colours_of(slot), text="", icon="COLOR")
        eye = "RESTRICT_RENDER_OFF" if piece.pose_to_anime.in_depth else "RESTRICT_RENDER_ON"
        row.prop(piece.pose_to_anime, "in_depth", text="", icon=eye)


def _labelled(column: bpy.types.UILayout, text: str) -> bpy.types.UILayout:
    """A row with its label before it, in line with the others."""
    split = column.row(align=True).split(factor=0.26, align=True)
    split.label(text=text, text_ctxt=CONTEXT)
    return split.row(align=True)


class P2A_MT_outfits(bpy.types.Menu):
    bl_idname = "P2A_MT_outfits"
    bl_label = "Outfits"

    def draw(self, _context: bpy.types.Context) -> None:
        layout, found = self.layout, read_outfits()
        for key, outfit in found.entries.items():
            row = layout.row()
            row.operator(
                P2A_OT_wear_outfit.bl_idname, text=outfit.title, icon="USER" if key in found.own else "NONE"
            ).outfit = key
        if found.own:
            layout.separator()
            layout.menu(P2A_MT_delete_outfits.bl_idname, icon="TRASH")
        layout.separator()
        layout.operator(P2A_OT_own_styles.bl_idname, icon="FILE_FOLDER")
        for problem in (*found.problems, *read_catalogue().problems):
            layout.label(text=translated(problem), icon="ERROR")


class P2A_MT_delete_outfits(bpy.types.Menu):
    bl_idname = "P2A_MT_delete_outfits"
    bl_label = "Delete"

    def draw(self, _context: bpy.types.Context) -> None:
        found = read_outfits()
        for key in sorted(found.own & set(found.entries)):
            self.layout.operator(P2A_OT_delete_outfit.bl_idname, text=found.entries[key].title).outfit = key


def _colours_of(slot: str) -> str:
    return f"P2A_PT_colours_{slot}"


def _slot_colours(slot: str) -> type:
    """What opens beside a piece: the colour of each of its parts, to be chosen freely or by name."""

    def draw(self: bpy.types.Panel, context: bpy.types.Context) -> None:
        figure = the_mannequin(context)
        piece = pieces_of(figure).get(slot) if figure is not None else None
        if piece is None:
            return
        for index, part in enumerate(list(parts_of(piece))[:MOST_PARTS]):
            row = self.layout.row(align=True)
            row.prop(piece.pose_to_anime_wardrobe, f"colour_{index}", text=readable(part))
            button = row.operator_menu_enum(P2A_OT_colour_part.bl_idname, "colour", text="", icon="DOWNARROW_HLT")
            button.slot, button.part = slot, part

    name = _colours_of(slot)
    places = {"bl_space_type": "VIEW_3D", "bl_region_type": "HEADER", "bl_label": "Colours"}
    return type(name, (bpy.types.Panel,), {"bl_idname": name, **places, "draw": draw})


def _menu_of(slot: str) -> str:
    return f"P2A_MT_wear_{slot}"


def _slot_menu(slot: str) -> type:
    """The menu of all that can be worn in a slot."""

    def draw(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
        for style in (None, *read_catalogue().in_slot(slot)):
            text, icon = (style.title, "USER" if style.own else "NONE") if style else ("None", "X")
            button = self.layout.operator(P2A_OT_wear.bl_idname, text=text, icon=icon)
            button.slot, button.style = slot, style.key if style else ""

    return type(_menu_of(slot), (bpy.types.Menu,), {"bl_idname": _menu_of(slot), "bl_label": readable(slot), "draw": draw})


CLASSES: tuple[type, ...] = (
    P2A_MT_outfits,
    P2A_MT_delete_outfits,
    *map(_slot_menu, SLOTS),
    *map(_slot_colours, SLOTS),
    P2A_PT_wardrobe,
)
