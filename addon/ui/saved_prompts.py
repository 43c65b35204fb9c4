# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of prompts: recipes from elsewhere, and the prompts that the user keeps."""

from __future__ import annotations

import bpy

from ..generate import prompt_shelf
from ..operators.recipes import P2A_OT_open_recipe, P2A_OT_paste_recipe
from ..operators.saved_prompts import P2A_OT_apply_prompt, P2A_OT_delete_prompt, P2A_OT_rename_prompt, P2A_OT_save_prompt


class P2A_MT_prompts(bpy.types.Menu):
    bl_idname = "P2A_MT_prompts"
    bl_label = "Prompts"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(P2A_OT_paste_recipe.bl_idname, icon="PASTEDOWN")
        layout.operator(P2A_OT_open_recipe.bl_idname, icon="FILE_IMAGE")
        layout.separator()
        layout.operator(P2A_OT_save_prompt.bl_idname, icon="FILE_TICK")
        if not _entries():
            return
        layout.menu(P2A_MT_append_prompt.bl_idname, icon="ADD")
        layout.menu(P2A_MT_rename_prompt.bl_idname, icon="GREASEPENCIL")
        layout.menu(P2A_MT_delete_prompt.bl_idname, icon="TRASH")
        layout.separator()
        _apply(layout, "REPLACE")


class P2A_MT_append_prompt(bpy.types.Menu):
    bl_idname = "P2A_MT_append_prompt"
    bl_label = "Append"

    def draw(self, _context: bpy.types.Context) -> None:
        _apply(self.layout, "APPEND")


class P2A_MT_rename_prompt(bpy.types.Menu):
    bl_idname = "P2A_MT_rename_prompt"
    bl_label = "Rename"

    def draw(self, _context: bpy.types.Context) -> None:
        _each(self.layout, P2A_OT_rename_prompt.bl_idname)


class P2A_MT_delete_prompt(bpy.types.Menu):
    bl_idname = "P2A_MT_delete_prompt"
    bl_label = "Delete"

    def draw(self, _context: bpy.types.Context) -> None:
        _each(self.layout, P2A_OT_delete_prompt.bl_idname)


def _entries() -> tuple:
    shown = prompt_shelf.shown()
    return shown.entries if shown else ()


def _apply(layout: bpy.types.UILayout, how: str) -> None:
    for entry in _entries():
        button = layout.operator(P2A_OT_apply_prompt.bl_idname, text=entry.title, translate=False)
        button.saved, button.how = entry.key, how


def _each(layout: bpy.types.UILayout, operator: str) -> None:
    layout.operator_context = "INVOKE_DEFAULT"
    for entry in _entries():
        layout.operator(operator, text=entry.title, translate=False).saved = entry.key


CLASSES: tuple[type, ...] = (
    P2A_MT_append_prompt,
    P2A_MT_rename_prompt,
    P2A_MT_delete_prompt,
    P2A_MT_prompts,
)
