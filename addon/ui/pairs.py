# SPDX-License-Identifier: GPL-3.0-or-later
"""The pairs, as one of the library's groups."""

from __future__ import annotations

import bpy
import bpy.utils.previews

from ..operators.pairs import P2A_OT_apply_pair, pair_items
from ..pose.pairs import preview_path

_PER_ROW = 2
_THUMBNAIL = 6.0
"""Height in interface rows: two figures need a larger picture than one."""

_icons: bpy.utils.previews.ImagePreviewCollection | None = None


def draw_pairs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Every pair as a picture with a button."""
    grid = layout.grid_flow(row_major=True, columns=_PER_ROW, even_columns=True, even_rows=True, align=True)
    for name, label, _words in pair_items(None, context):
        cell = grid.column(align=True)
        cell.template_icon(icon_value=_icon(name), scale=_THUMBNAIL)
        cell.operator(P2A_OT_apply_pair.bl_idname, text=label).pair = name
    hint = layout.column()
    hint.enabled = False
    hint.label(text="With one figure selected, another is added")


def _icon(name: str) -> int:
    """The icon of a pair, read on first use; 0 for a pair without a picture."""
    if _icons is None:
        return 0
    if name not in _icons:
        path = preview_path(name)
        if not path.is_file():
            return 0
        _icons.load(name, str(path), "IMAGE")
    return _icons[name].icon_id


CLASSES: tuple[type, ...] = ()


def register() -> None:
    global _icons
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    global _icons
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _icons = None
