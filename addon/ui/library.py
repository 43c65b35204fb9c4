# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view: the pose library and the tools for whole poses."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..armature.mannequin import is_mannequin
from ..generate import pose_shelf
from ..operators.figure import P2A_OT_reset_pose, the_mannequin
from ..operators.library import (
    P2A_OT_apply_pose,
    P2A_OT_delete_pose,
    P2A_OT_export_pose,
    P2A_OT_import_pose,
    P2A_OT_mark_pose,
    P2A_OT_read_library,
    P2A_OT_rename_pose,
    P2A_OT_save_pose,
    P2A_OT_turn_page,
)
from ..operators.motion import P2A_OT_import_bvh
from ..operators.pose_assets import P2A_OT_add_pose_assets, P2A_OT_remove_pose_assets, is_registered
from ..operators.pose_tools import (
    P2A_OT_copy_pose_to,
    P2A_OT_flip_pose,
    P2A_OT_look_at_camera,
    P2A_OT_mirror_pose,
    P2A_OT_put_on_ground,
    P2A_OT_reset_selected,
)
from ..pose.collection import Collection, Entry, filtered
from ..settings.library import PAIRS, P2A_PG_library
from .pairs import draw_pairs
from .sidebar import OfFigure

_IN_POPOVER = 3
"""Pictures beside each other."""
_COLUMN_WIDTH = 116
"""Pixels at a scale of 1 that a name such as "Shy, toes turned in" needs: two columns in a sidebar of usual width."""
_ROWS = 4
_THUMBNAIL = 4.2
"""Height in interface rows."""


class P2A_PT_poses(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_poses"
    bl_label = "Poses"
    bl_order = 10
    bl_ui_units_x = 22  # so wide that a name is read to its end, beside a figure that stays in sight

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.window_manager.pose_to_anime.library
        found = pose_shelf.shown()
        if found is None:
            layout.label(text="Reading the library …")
            return
        column = layout.column(align=True)
        row = column.row(align=True)
        row.prop(settings, "group", text="")
        row.prop(settings, "mirrored", text="", icon="MOD_MIRROR")
        row.menu(P2A_MT_library.bl_idname, text="", icon="DOWNARROW_HLT")
        if settings.group == PAIRS:
            draw_pairs(layout, context)
            return
        column.prop(settings, "search", text="", icon="VIEWZOOM")
        entries = filtered(found.entries, settings.group, settings.search, pose_shelf.marked())
        columns = _IN_POPOVER if self.is_popover else _columns(context)
        per_page = columns * _ROWS
        pages = max(1, -(-len(entries) // per_page))
        page = min(settings.page, pages - 1)
        _draw_grid(layout, settings, entries[page * per_page : (page + 1) * per_page], columns, whole=pages > 1)
        if not entries:
            empty = layout.column()
            empty.enabled = False
            empty.label(text=_nothing(settings))
        if pages > 1:
            _draw_pages(layout, page, pages)
        _draw_chosen(layout, settings, found)
        layout.operator(P2A_OT_save_pose.bl_idname, text="Save Pose…", icon="FILE_TICK")


class P2A_MT_library(bpy.types.Menu):
    bl_idname = "P2A_MT_library"
    bl_label = "Pose Library"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator(P2A_OT_save_pose.bl_idname, text="Save Pose…", icon="FILE_TICK")
        layout.operator(P2A_OT_import_pose.bl_idname, text="Import…", icon="IMPORT")
        layout.operator(P2A_OT_import_bvh.bl_idname, text="Import BVH…", icon="ARMATURE_DATA")
        layout.separator()
        layout.operator(P2A_OT_read_library.bl_idname, icon="FILE_REFRESH")
        layout.separator()
        if is_registered():
            layout.operator(P2A_OT_remove_pose_assets.bl_idname, icon="X")
        else:
            layout.operator(P2A_OT_add_pose_assets.bl_idname, icon="ASSET_MANAGER")


class P2A_PT_pose_tools(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_pose_tools"
    bl_label = "Pose Tools"
    bl_order = 20

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        column = layout.column(align=True)
        row = column.row(align=True)
        row.operator(P2A_OT_mirror_pose.bl_idname, text="Mirror", icon="MOD_MIRROR")
        row.operator(P2A_OT_flip_pose.bl_idname, text="Turn About", icon="FILE_REFRESH")
        row = column.row(align=True)
        row.operator(P2A_OT_put_on_ground.bl_idname, text="On Ground", icon="TRIA_DOWN_BAR")
        row.operator(P2A_OT_look_at_camera.bl_idname, text="To Camera", icon="HIDE_OFF")
        row = column.row(align=True)
        row.operator(P2A_OT_reset_pose.bl_idname, text="Reset All", icon="LOOP_BACK")
        row.operator(P2A_OT_reset_selected.bl_idname, icon="LOOP_BACK")
        figure = the_mannequin(context)
        column.prop(figure, "pose_to_anime_dynamic", slider=True)
        others = [obj for obj in context.view_layer.objects if is_mannequin(obj) and obj != figure]
        for other in others:
            label = iface_("Copy to {figure}").format(figure=other.name)
            layout.operator(P2A_OT_copy_pose_to.bl_idname, text=label, icon="COPYDOWN").target = other.name


def _columns(context: bpy.types.Context) -> int:
    """How many pictures with their names fit beside each other in the sidebar."""
    return max(2, int(context.region.width / context.preferences.system.ui_scale // _COLUMN_WIDTH))


def _draw_grid(layout: bpy.types.UILayout, settings: P2A_PG_library, entries: list[Entry], columns: int, whole: bool) -> None:
    """``whole``: fill the page up, so that the buttons below stay where they are from page to page."""
    grid = layout.grid_flow(row_major=True, columns=columns, even_columns=True, even_rows=True, align=True)
    cells = columns * (_ROWS if whole else -(-len(entries) // columns))
    for number in range(cells):
        cell = grid.column(align=True)
        if number >= len(entries):
            cell.template_icon(icon_value=0, scale=_THUMBNAIL)
            cell.label(text="")
            continue
        entry = entries[number]
        cell.template_icon(icon_value=pose_shelf.icon_of(entry), scale=_THUMBNAIL)
        button = cell.operator(P2A_OT_apply_pose.bl_idname, text=entry.title, depress=entry.key == settings.chosen)
        button.pose, button.mirrored = entry.key, settings.mirrored


def _draw_pages(layout: bpy.types.UILayout, page: int, pages: int) -> None:
    row = layout.row(align=True)
    back = row.row(align=True)
    back.enabled = page > 0
    back.operator(P2A_OT_turn_page.bl_idname, text="", icon="TRIA_LEFT").page = max(0, page - 1)
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    middle.label(text=iface_("{page} of {pages}").format(page=page + 1, pages=pages))
    on = row.row(align=True)
    on.enabled = page < pages - 1
    on.operator(P2A_OT_turn_page.bl_idname, text="", icon="TRIA_RIGHT").page = page + 1


def _draw_chosen(layout: bpy.types.UILayout, settings: P2A_PG_library, found: Collection) -> None:
    """What can be done with the pose that was applied last."""
    entry = found.entry(settings.chosen)
    if entry is None:
        return
    row = layout.row(align=True)
    row.label(text=entry.title, icon="USER" if entry.own else "POSE_HLT")
    is_marked = entry.key in pose_shelf.marked()
    mark = row.operator(P2A_OT_mark_pose.bl_idname, text="", icon="SOLO_ON" if is_marked else "SOLO_OFF")
    mark.pose, mark.favourite = entry.key, not is_marked
    row.operator(P2A_OT_export_pose.bl_idname, text="", icon="EXPORT").pose = entry.key
    if entry.own:
        row.operator(P2A_OT_rename_pose.bl_idname, text="", icon="GREASEPENCIL").pose = entry.key
        row.operator(P2A_OT_delete_pose.bl_idname, text="", icon="TRASH").pose = entry.key


def _nothing(settings: P2A_PG_library) -> str:
    if settings.search:
        return "No pose has these words"
    return {"FAVOURITES": "Mark poses with the star", "OWN": "Save a pose of your own"}.get(settings.group, "No poses here")


CLASSES: tuple[type, ...] = (P2A_MT_library, P2A_PT_poses, P2A_PT_pose_tools)
