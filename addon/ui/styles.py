# SPDX-License-Identifier: GPL-3.0-or-later
"""The style of the pictures: one row above the prompt."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..generate import style_shelf
from ..operators.styles import (
    P2A_OT_choose_style,
    P2A_OT_delete_style,
    P2A_OT_duplicate_style,
    P2A_OT_open_styles,
    P2A_OT_save_style,
    P2A_OT_write_style,
)
from ..prompting.styles import Style
from . import parts
from .saved_prompts import P2A_MT_prompts

_NONE = "No Style"


class P2A_MT_styles(bpy.types.Menu):
    bl_idname = "P2A_MT_styles"
    bl_label = "Style"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        chosen = context.scene.pose_to_anime.styles.style
        layout.operator(P2A_OT_choose_style.bl_idname, text=_NONE, icon="BLANK1" if chosen else "CHECKMARK").style = ""
        layout.separator()
        if recent := style_shelf.recent():
            layout.label(text="Last Used")
            for style in recent:
                _line(layout, style, chosen)
            layout.separator()
            layout.label(text="All Styles")
        shown = style_shelf.shown()
        entries = list(shown.entries.values()) if shown else []
        for style in entries:
            if not style.own:
                _line(layout, style, chosen)
        if any(style.own for style in entries):
            layout.separator()
            for style in entries:
                if style.own:
                    _line(layout, style, chosen)


class P2A_MT_style_tools(bpy.types.Menu):
    bl_idname = "P2A_MT_style_tools"
    bl_label = "My Styles"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(P2A_OT_write_style.bl_idname, icon="TEXT")
        layout.separator()
        layout.operator(P2A_OT_save_style.bl_idname, icon="FILE_TICK")
        layout.operator(P2A_OT_duplicate_style.bl_idname, icon="DUPLICATE")
        layout.operator(P2A_OT_delete_style.bl_idname, icon="TRASH")
        layout.separator()
        layout.operator(P2A_OT_open_styles.bl_idname, icon="FILE_FOLDER")


def _line(layout: bpy.types.UILayout, style: Style, chosen: str) -> None:
    icon = "CHECKMARK" if style.name == chosen else "BLANK1"
    button = layout.operator(P2A_OT_choose_style.bl_idname, text=style.title, translate=not style.own, icon=icon)
    button.style = style.name


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The row: which style, what can be done with styles, and with whole prompts."""
    name = context.scene.pose_to_anime.styles.style
    shown = style_shelf.shown()
    found = shown.entries.get(name) if shown and name else None
    row = layout.row(align=True)
    title = found.title if found else name or _NONE
    row.menu(P2A_MT_styles.bl_idname, text=title, translate=found is None or not found.own, icon="BRUSHES_ALL")
    row.menu(P2A_MT_style_tools.bl_idname, text="", icon="DOWNARROW_HLT")
    row.separator()
    row.menu(P2A_MT_prompts.bl_idname, text="", icon="BOOKMARKS")
    if name and shown is not None and found is None:
        lost = iface_("There is no style “{name}” here: choose another, or none.").format(name=name)
        parts.text(layout, context, lost, "ERROR")


CLASSES: tuple[type, ...] = (P2A_MT_styles, P2A_MT_style_tools)
