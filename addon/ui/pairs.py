# SPDX-License-Identifier: GPL-3.0-or-later
"""The pairs, as one of the library's groups."""

from __future__ import annotations

import bpy

from ..operators.pairs import P2A_OT_apply_pair, pair_items
from ..pose.pairs import preview_path
from .icons import Icons

_PER_ROW = 2
_THUMBNAIL = 6.0
"""Height in interface rows: two figures need a larger picture than one."""

_icons = Icons(preview_path)


def draw_pairs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Every pair as a picture with a button."""
    grid = layout.grid_flow(row_major=True, columns=_PER_ROW, even_columns=True, even_rows=True, align=True)
    for name, label, _words in pair_items(None, context):
        cell = grid.column(align=True)
        cell.template_icon(icon_value=_icons.icon(name), scale=_THUMBNAIL)
        cell.operator(P2A_OT_apply_pair.bl_idname, text=label).pair = name
    hint = layout.column()
    hint.enabled = False
    hint.label(text="With one figure in view, another is added")


CLASSES: tuple[type, ...] = ()

register, unregister = _icons.open, _icons.close
