# SPDX-License-Identifier: GPL-3.0-or-later
"""Below a prompt: a field and menus to add tags by, and each tag of the prompt with its weight."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..operators.prompt_help import P2A_OT_remove_tag, P2A_OT_toggle_tag
from ..operators.tag_fields import WEIGHED, field_of, weight_of
from ..prompting.tag_list import CATEGORIES, our_headings, our_tags
from ..prompting.tags import plain, said
from ..prompting.weights import tags_of
from .sidebar import InSidebar

_COLUMN = 24
"""Tags below each other in a menu."""


_FOR = "pose_to_anime_prompt"
"""In a layout's context: the prompt whose tags a menu toggles."""


def draw_add(layout: bpy.types.UILayout, context: bpy.types.Context, prompt: str) -> None:
    """One row: write a tag, or choose it from the menus."""
    row = layout.row(align=True)
    row.prop(context.scene.pose_to_anime_tags, field_of(prompt), text="", icon="ADD", placeholder="Add a tag")
    row.context_string_set(_FOR, prompt)
    row.menu(P2A_MT_tags.bl_idname, text="", icon="DOWNARROW_HLT")


class _TagsPanel(InSidebar):
    """Each tag of a prompt with its weight."""

    bl_label = "Tags and Weights"
    bl_options = {"DEFAULT_CLOSED"}

    layout: bpy.types.UILayout  # of bpy.types.Panel
    prompt = ""

    def draw(self, context: bpy.types.Context) -> None:
        tags = tags_of(getattr(context.scene.pose_to_anime.generation, self.prompt))
        column = self.layout.column(align=True)
        for index, tag in enumerate(tags[:WEIGHED]):
            row = column.row(align=True)
            row.prop(
                context.scene.pose_to_anime_tags,
                weight_of(self.prompt, index),
                text=tag.name.replace("\\", ""),
                slider=True,
                translate=False,
            )
            remove = row.operator(P2A_OT_remove_tag.bl_idname, text="", icon="X", emboss=False)
            remove.index, remove.prompt = index, self.prompt
        if len(tags) > WEIGHED:
            column.label(text=iface_("And {count} more").format(count=len(tags) - WEIGHED))
        if not tags:
            column.label(text="The prompt is empty")


class P2A_PT_tags(_TagsPanel, bpy.types.Panel):
    bl_idname = "P2A_PT_tags"
    bl_parent_id = "P2A_PT_prompt"
    prompt = "prompt"


class P2A_PT_negative_tags(_TagsPanel, bpy.types.Panel):
    bl_idname = "P2A_PT_negative_tags"
    bl_parent_id = "P2A_PT_negative_prompt"
    prompt = "negative_prompt"


class P2A_MT_tags(bpy.types.Menu):
    bl_idname = "P2A_MT_tags"
    bl_label = "Tags"

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.context_string_set(_FOR, _prompt_of(context))
        for category in CATEGORIES:
            self.layout.menu(_menu_of(category))


def _prompt_of(context: bpy.types.Context) -> str:
    """For which prompt a menu was opened; the first where nobody has said it."""
    return str(getattr(context, _FOR, "") or "prompt")


def _menu_of(category: str, number: int | None = None) -> str:
    return f"P2A_MT_tags_{category}" + ("" if number is None else f"_{number}")


def _category_menu(category: str) -> type:
    def draw(self: bpy.types.Menu, context: bpy.types.Context) -> None:
        self.layout.context_string_set(_FOR, _prompt_of(context))
        for number in range(len(our_headings(category))):
            self.layout.menu(_menu_of(category, number))

    name = _menu_of(category)
    return type(name, (bpy.types.Menu,), {"bl_idname": name, "bl_label": category.capitalize(), "draw": draw})


def _heading_menu(category: str, number: int, title: str) -> type:
    def draw(self: bpy.types.Menu, context: bpy.types.Context) -> None:
        tags = our_tags()[category][number].tags
        prompt = _prompt_of(context)
        there = said(getattr(context.scene.pose_to_anime.generation, prompt))
        flow = self.layout.column_flow(columns=-(-len(tags) // _COLUMN))
        for tag in tags:
            icon = "CHECKMARK" if plain(tag) in there else "BLANK1"
            toggle = flow.operator(P2A_OT_toggle_tag.bl_idname, text=tag.replace("\\", ""), icon=icon, translate=False)
            toggle.tag, toggle.prompt = tag, prompt

    name = _menu_of(category, number)
    return type(name, (bpy.types.Menu,), {"bl_idname": name, "bl_label": title, "draw": draw})


_MENUS = [
    menu
    for category in CATEGORIES
    for menu in (
        *(_heading_menu(category, number, title) for number, title in enumerate(our_headings(category))),
        _category_menu(category),
    )
]

CLASSES: tuple[type, ...] = (*_MENUS, P2A_MT_tags, P2A_PT_tags, P2A_PT_negative_tags)
