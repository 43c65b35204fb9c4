# SPDX-License-Identifier: GPL-3.0-or-later
"""Where our panels are: in one tab of the 3D view's sidebar, those that need a figure below the one that lists them."""

from __future__ import annotations

import bpy

from ..operators.figure import the_mannequin
from .parts import TAB

_NARROW = 265
"""Pixels at an interface scale of 1, tabs and borders among them, below which buttons beside each other cut off their words; as
Blender opens a sidebar, it is wider."""


def is_narrow(context: bpy.types.Context) -> bool:
    """Whether the sidebar is too narrow for all words of a row."""
    return context.region is not None and context.region.width < _NARROW * context.preferences.system.ui_scale


class InSidebar:
    """A panel of our tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB


class InImageEditor:
    """A panel of our tab beside the pictures."""

    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = TAB

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.ui_type == "IMAGE_EDITOR"


class OfFigure(InSidebar):
    """A panel of the figure, folded at first: open, it would push Generate out of sight. It is there with a figure alone.

    Most are below one that is folded itself: their heads alone would take the place of Generate on a small screen.
    """

    bl_parent_id = "P2A_PT_figure_more"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return the_mannequin(context) is not None
