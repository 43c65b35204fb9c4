# SPDX-License-Identifier: GPL-3.0-or-later
"""The history in the Image Editor's sidebar: search, thumbnails by the page, favourites, and how much there is."""

from __future__ import annotations

import time

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.amounts import in_gb, in_gib
from ..generate import errands, gallery, history, thumbnails
from ..generate.history_items import Item
from ..operators.history import (
    P2A_OT_ask_server_limits,
    P2A_OT_discard_others,
    P2A_OT_discard_shown,
    P2A_OT_fetch_results,
    P2A_OT_keep_history_limits,
    P2A_OT_open_history,
    P2A_OT_star_result,
    P2A_OT_stop_errand,
    P2A_OT_turn_history_page,
)
from ..operators.result_files import P2A_OT_browse_results
from ..operators.results import P2A_OT_bring_back, P2A_OT_show_result, shown_job
from ..preferences import preferences, sections
from ..translations import translated
from . import parts
from .sidebar import InImageEditor

_COLUMN_WIDTH = 72
"""Pixels at a scale of 1 of a thumbnail with its buttons."""


_MARGIN = 40  # pixels at a scale of 1 that the panel's borders and the tabs take
_ROW = 20  # height of an interface row
_TALLEST = 7.0  # rows of a thumbnail


class P2A_MT_history(bpy.types.Menu):
    bl_idname = "P2A_MT_history"
    bl_label = "History"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator(P2A_OT_fetch_results.bl_idname, icon="IMPORT")
        discarded = layout.operator(P2A_OT_fetch_results.bl_idname, text="Fetch Discarded Ones Too", icon="BLANK1")
        discarded.also_discarded = True
        layout.operator(P2A_OT_open_history.bl_idname, icon="FILE_FOLDER")
        layout.operator(P2A_OT_browse_results.bl_idname, icon="IMGDISPLAY")
        layout.separator()
        layout.operator(P2A_OT_bring_back.bl_idname, icon="LOOP_BACK")
        layout.separator()
        layout.operator(P2A_OT_discard_shown.bl_idname, text="Delete This Page…", icon="TRASH")
        if gallery.page_number()[1] > 1:
            layout.operator(P2A_OT_discard_shown.bl_idname, text="Delete All That Is Found…", icon="BLANK1").all_pages = True
        layout.operator(P2A_OT_discard_others.bl_idname, text="Delete All but Favourites…", icon="BLANK1")


class P2A_PT_history(InImageEditor, bpy.types.Panel):
    bl_idname = "P2A_PT_history"
    bl_label = "History"
    bl_order = 30

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        self.layout.menu(P2A_MT_history.bl_idname, text="", icon="DOWNARROW_HLT")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        window = context.window_manager.pose_to_anime
        browser = window.browser
        column = layout.column(align=True)
        row = column.row(align=True)
        row.prop(browser, "search", text="", icon="VIEWZOOM")
        row.prop(browser, "favourites", text="", icon="SOLO_ON" if browser.favourites else "SOLO_OFF")
        row.prop(browser, "sort", text="", icon="SORTSIZE", icon_only=True)
        column.row(align=True).prop(window, "history", expand=True)
        _draw_errand(layout, context)
        _draw_excess(layout, context)
        _draw_pages(layout)
        _draw_grid(layout, context)
        if history.can_bring_back():
            layout.operator(P2A_OT_bring_back.bl_idname, icon="LOOP_BACK")


class P2A_PT_history_limits(InImageEditor, bpy.types.Panel):
    bl_idname = "P2A_PT_history_limits"
    bl_label = "Limits"
    bl_parent_id = "P2A_PT_history"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = False  # names beside such narrow fields nobody could read
        draw_limits(layout, context)


def draw_limits(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """How much there is and may be, here and on the server; in the Preferences too."""
    column = layout.column(align=True, heading="History")
    column.label(text=iface_("Pictures: {count}, {size}").format(count=gallery.count(), size=in_gib(gallery.size())))
    prefs = preferences()
    if prefs is not None:
        column.prop(prefs, "history_gib")
        column.prop(prefs, "history_count")
        column.prop(prefs, "history_full")
    on_server = context.window_manager.pose_to_anime.server_limits
    column = layout.column(align=True)
    if on_server.known:
        column.prop(on_server, "keep_gib")
        column.prop(on_server, "keep_days")
    else:
        column.operator(P2A_OT_ask_server_limits.bl_idname)


def _draw_errand(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Pictures that come from the server."""
    errand = errands.errand("fetch_results")
    if errand is None:
        return
    if errand.is_running:
        row = layout.row(align=True)
        text = translated(errand.sentence)
        if errand.total:
            text = f"{text} {errand.done} / {errand.total}"
        row.progress(factor=errand.factor, text=text or "Asking the server")
        row.operator(P2A_OT_stop_errand.bl_idname, text="", icon="CANCEL").errand = errand.name
    elif errand.state == "failed":
        parts.text(layout, context, errand.sentence, "ERROR")


def _draw_excess(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What would have to go, before it goes."""
    found = gallery.too_much()
    prefs = preferences()
    leaves = prefs is not None and prefs.history_full == "OLDEST"
    if found.leaving:
        box = layout.box()
        count, size = len(found.leaving), in_gb(found.bytes)
        sentence = iface_("The history is beyond its limit: {count} old pictures ({size}) are too many.")
        if count == 1:
            sentence = iface_("The history is beyond its limit: its oldest picture ({size}) is too much.")
        parts.text(box, context, sentence.format(count=count, size=size), "ERROR")
        if leaves:
            gallery.warned()
            parts.text(box, context, "They are deleted when the next picture comes: star what shall stay, or raise the limit.")
        label = iface_("Delete the Oldest {count}…").format(count=count)
        box.operator(P2A_OT_keep_history_limits.bl_idname, text=label, icon="TRASH")
    elif not found.is_enough:
        parts.text(layout, context, "The history is beyond its limit, with favourites and unseen pictures alone.", "INFO")
    elif found.is_near:
        sentence = "The history is nearly full: beyond its limit it asks which pictures may go."
        if leaves:
            sentence = "The history is nearly full: beyond its limit the oldest are deleted; favourites and unseen ones stay."
        parts.text(layout, context, sentence, "INFO")


def _draw_grid(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    items = gallery.page()
    if not items:
        empty = layout.row()
        empty.enabled = False
        empty.label(text=_nothing(context))
        return
    shown = shown_job(context)
    width = context.region.width / context.preferences.system.ui_scale
    columns = max(2, min(6, int(width // _COLUMN_WIDTH)))
    column_width = (width - _MARGIN) / columns
    scale = min(_TALLEST, max(item.height for item in items) * column_width / _ROW)
    grid = layout.grid_flow(row_major=True, columns=columns, even_columns=True, even_rows=True, align=True)
    for number in range(-(-len(items) // columns) * columns):  # whole rows, or the last would be drawn wider
        cell = grid.column(align=True)
        if number < len(items):
            _draw_cell(cell, items[number], shown, scale)
        else:
            cell.label(text="")


def _draw_cell(cell: bpy.types.UILayout, item: Item, shown: str, scale: float) -> None:
    cell.template_icon(icon_value=thumbnails.icon_of(item.job_id), scale=scale)
    row = cell.row(align=True)
    number, jobs = gallery.siblings(item.job_id)
    text = f"{number}/{len(jobs)}" if number else _when(item.created)
    show = row.operator(
        P2A_OT_show_result.bl_idname, text=text, icon="RADIOBUT_ON" if item.new else "NONE", depress=item.job_id == shown
    )
    show.job_id = item.job_id
    star = row.operator(P2A_OT_star_result.bl_idname, text="", icon="SOLO_ON" if item.favourite else "SOLO_OFF")
    star.job_id = item.job_id


def _when(created: float) -> str:
    """The hour of a picture of the last twenty, else its day."""
    made = time.localtime(created)
    return time.strftime("%H:%M" if time.time() - created < 20 * 3600 else "%d %b", made)


def _draw_pages(layout: bpy.types.UILayout) -> None:
    page, pages = gallery.page_number()
    row = layout.row(align=True)
    if pages > 1:
        back = row.row(align=True)
        back.enabled = page > 0
        back.operator(P2A_OT_turn_history_page.bl_idname, text="", icon="TRIA_LEFT").page = max(0, page - 1)
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    found, count = gallery.found(), gallery.count()
    text = iface_("Pictures: {count}") if found == count else iface_("Pictures: {found} of {count}")
    text = text.format(found=found, count=count)
    if pages > 1:
        text = f"{page + 1} / {pages}, {text}"
    middle.label(text=text if gallery.is_read() else "Reading the history …")
    if pages > 1:
        on = row.row(align=True)
        on.enabled = page < pages - 1
        on.operator(P2A_OT_turn_history_page.bl_idname, text="", icon="TRIA_RIGHT").page = page + 1


def _nothing(context: bpy.types.Context) -> str:
    window = context.window_manager.pose_to_anime
    if not gallery.is_read():
        return "Reading the history …"
    if window.browser.search:
        return "No picture has these words"
    if window.browser.favourites:
        return "Mark pictures with the star"
    return "No pictures of this file yet" if window.history == "FILE" and gallery.count() else "No pictures yet"


CLASSES: tuple[type, ...] = (P2A_MT_history, P2A_PT_history, P2A_PT_history_limits)


def register() -> None:
    sections.append(draw_limits)


def unregister() -> None:
    sections.remove(draw_limits)
