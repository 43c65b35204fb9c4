# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view: which control images the picture follows, and how strictly."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..errors import UserError
from ..generate import models
from ..generate.asked import offered, why_no_control
from ..generate.scene_info import NO_START
from ..operators.controls import P2A_OT_control_defaults
from ..operators.messages import P2A_OT_why
from ..passes.kinds import KINDS
from ..settings.controls import is_custom, word_of
from . import parts
from .sidebar import InSidebar


def model_or_none(settings: bpy.types.PropertyGroup) -> models.Model | None:
    try:
        return models.model_of(settings)
    except UserError:
        return None


class P2A_PT_controls(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_controls"
    bl_label = "Controls"
    bl_order = 52
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        """What is followed stays in sight while the panel is closed."""
        settings = context.scene.pose_to_anime.generation
        model = model_or_none(settings)
        used = [kind for kind in offered(settings) if getattr(settings, f"use_{word_of(kind)}")]
        lacking = any(why_no_control(model, kind) for kind in used)
        row = self.layout.row()
        row.active = False
        names = ", ".join(iface_(KINDS[kind].title) for kind in used[:_NAMED])
        row.label(text=names if len(used) <= _NAMED else f"{names}, …", icon="ERROR" if lacking else "NONE", translate=False)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        model = model_or_none(settings)
        column = layout.column(align=True)
        for kind in offered(settings):
            _draw_control(column, context, settings, kind, why_no_control(model, kind))
        column = layout.column(align=True)
        column.label(text="Begin With")  # of its own: beside the menu nobody could read it
        column.prop(settings, "start_from", text="")
        if settings.start_from != NO_START:
            column.prop(settings, "denoising_strength", slider=True)


_NAMED = 2  # kinds that the header has room for
_TITLES = {"depth": "Depth: Follow Shape"}


def _draw_control(
    layout: bpy.types.UILayout, context: bpy.types.Context, settings: bpy.types.PropertyGroup, kind: str, reason: str
) -> None:
    """One row: used or not, and how strictly; where its ControlNet is missing, disabled, with the reason."""
    word, title = word_of(kind), _TITLES.get(kind, KINDS[kind].title)
    used = getattr(settings, f"use_{word}")
    row = layout.row(align=True)
    tick = row.row(align=True)
    tick.enabled = used or not reason  # what is used can always be left out
    tick.prop(settings, f"use_{word}", text="")
    slider = row.row(align=True)
    slider.enabled = used and not reason
    if not is_custom(settings, kind):
        slider.prop(settings, f"{word}_level", text=title, slider=True)
    else:  # numbers of the user's own, and the way back to the steps
        slider.prop(settings, f"{word}_strength", text=title, slider=True)
        slider.operator(P2A_OT_control_defaults.bl_idname, text="", icon="LOOP_BACK").kind = kind
    if reason:
        row.operator(P2A_OT_why.bl_idname, text="", icon="INFO", emboss=False).sentence = reason
        if used:
            parts.text(layout, context, reason, "ERROR")


class P2A_PT_control_numbers(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_control_numbers"
    bl_label = "Strength, Start and End"
    bl_parent_id = "P2A_PT_controls"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.pose_to_anime.generation
        for kind in offered(settings):
            word = word_of(kind)
            if not getattr(settings, f"use_{word}"):
                continue
            column = self.layout.column(align=True)
            column.prop(settings, f"{word}_strength", text=KINDS[kind].title, slider=True)
            row = column.row(align=True)
            row.prop(settings, f"{word}_start", slider=True)
            row.prop(settings, f"{word}_end", slider=True)


CLASSES: tuple[type, ...] = (P2A_PT_controls, P2A_PT_control_numbers)
