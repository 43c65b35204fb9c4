# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the history as a whole: favourites, pages, tidying up, its folder, the server's store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty, IntProperty, StringProperty

from ...generation_server.amounts import in_gb
from ..errors import UserError
from ..generate import errands, gallery, history, server_limits, session, timer
from ..generate.amounts import pictures
from ..generate.history_items import Item
from ..generate.records import history_dir
from .folders import open_folder
from .reporting import Reporting, report
from .results import OnResult, Record

_NOT_READ = "The history is still being read: try again in a moment."


class P2A_OT_star_result(OnResult, bpy.types.Operator):
    bl_idname = "pose_to_anime.star_result"
    bl_label = "Favourite"
    bl_description = "Mark this picture with a star, or take the star away; favourites are never removed by themselves"
    bl_options = {"REGISTER", "INTERNAL"}  # the star is beside the picture on disk: undo has no part in it

    def act(self, _context: bpy.types.Context, record: Record) -> None:
        known = gallery.item(record.job_id)
        if known is None:
            raise UserError(_NOT_READ)
        gallery.star(record.job_id, not known.favourite)


class P2A_OT_turn_history_page(bpy.types.Operator):
    bl_idname = "pose_to_anime.turn_history_page"
    bl_label = "Turn Page"
    bl_description = "Show the next or the previous pictures"
    bl_options = {"INTERNAL"}

    page: IntProperty(name="Page", description="From 0", min=0, options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.pose_to_anime.browser.page = self.page
        return {"FINISHED"}


class _Tidying(Reporting):
    """Deletes results for ever, after the user has seen how many."""

    bl_options = {"INTERNAL"}  # not REGISTER: Repeat Last would delete with no question

    layout: bpy.types.UILayout  # of bpy.types.Operator
    asked: tuple[Item, ...] | None = None
    """What the dialog is about: a picture that comes meanwhile is not deleted unseen."""

    def items(self, context: bpy.types.Context) -> tuple[Item, ...]:
        raise NotImplementedError

    def leaving(self, context: bpy.types.Context) -> tuple[Item, ...]:
        """What is to be deleted: what was asked about, as far as it is there and has got no star since."""
        if self.asked is None:
            return self.items(context)
        now = (gallery.item(item.job_id) for item in self.asked)
        return tuple(item for item in now if item is not None and not item.favourite)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not gallery.is_read():
            return self.refuse(UserError(_NOT_READ))
        self.asked = self.items(context)
        if not self.asked:
            report(self, {"INFO"}, "There is nothing to delete")
            return {"CANCELLED"}
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Delete")

    def draw(self, context: bpy.types.Context) -> None:
        items = self.leaving(context)
        column = self.layout.column(align=True)
        size = in_gb(sum(item.bytes for item in items))
        column.label(
            text=iface_("Pictures that are deleted for ever: {count} ({size})").format(count=len(items), size=size), icon="ERROR"
        )
        unseen = sum(item.new for item in items)
        if unseen:
            column.label(text=iface_("Nobody has looked at {count} of them yet.").format(count=unseen), icon="BLANK1")
        column.label(text=iface_("Pictures that stay: {count}").format(count=gallery.count() - len(items)), icon="BLANK1")

    def run(self, context: bpy.types.Context) -> None:
        if not gallery.is_read():
            raise UserError(_NOT_READ)
        gallery.remove(self.leaving(context))


class P2A_OT_discard_others(_Tidying, bpy.types.Operator):
    bl_idname = "pose_to_anime.discard_others"
    bl_label = "Delete All but Favourites"
    bl_description = "Delete every picture of the history that has no star, of this file or of all as the history shows"

    def items(self, context: bpy.types.Context) -> tuple[Item, ...]:
        return gallery.others(context.window_manager.pose_to_anime.history == "FILE")


class P2A_OT_discard_shown(_Tidying, bpy.types.Operator):
    bl_idname = "pose_to_anime.discard_shown"
    bl_label = "Delete Those Shown"
    bl_description = "Delete the pictures that the history shows: of this page, or of all pages of what is searched for"

    all_pages: BoolProperty(name="All Pages", description="Not those of this page alone", options={"SKIP_SAVE"})

    def items(self, _context: bpy.types.Context) -> tuple[Item, ...]:
        return gallery.shown(self.all_pages)


class P2A_OT_keep_history_limits(_Tidying, bpy.types.Operator):
    bl_idname = "pose_to_anime.keep_history_limits"
    bl_label = "Delete the Oldest"
    bl_description = "Delete the oldest pictures until the history is within its limits; favourites and unseen ones stay"

    def items(self, _context: bpy.types.Context) -> tuple[Item, ...]:
        return gallery.too_much().leaving


class P2A_OT_open_history(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.open_history"
    bl_label = "Open Folder"
    bl_description = "Show the folder of the history in the system's file manager"
    bl_options = {"INTERNAL"}

    def run(self, _context: bpy.types.Context) -> None:
        open_folder(history_dir())


class P2A_OT_fetch_results(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.fetch_results"
    bl_label = "Fetch from the Server"
    bl_description = (
        "Bring pictures that the server keeps and that are not in this history: made by the command line, by another "
        "Blender, or before the history was lost"
    )
    bl_options = {"REGISTER"}

    also_discarded: BoolProperty(
        name="Discarded Ones Too", description="Bring those back as well that you have thrown away", options={"SKIP_SAVE"}
    )

    def run(self, _context: bpy.types.Context) -> None:
        session.session.error = session.session.notice = ""
        errands.begin("fetch_results", _fetched, also_discarded=self.also_discarded)
        timer.redraw()


def _fetched(result: Mapping[str, Any]) -> None:
    """What came of it, as a notice."""
    fetched, removed, problems = result["fetched"], result["removed"], result["problems"]
    said = [f"{pictures(fetched)} came from the server." if fetched else "The server has no other pictures than those here."]
    if removed:
        said.append(f"It has removed those of {removed} more jobs.")
    if problems:
        said.append(f"{len(problems)} cannot be used: {problems[0]}")
    session.session.notice = " ".join(said)
    history.refresh()


class P2A_OT_stop_errand(bpy.types.Operator):
    bl_idname = "pose_to_anime.stop_errand"
    bl_label = "Stop"
    bl_description = "End this; what has come so far stays"
    bl_options = {"INTERNAL"}

    errand: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        errands.stop(self.errand)
        return {"FINISHED"}


class P2A_OT_ask_server_limits(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.ask_server_limits"
    bl_label = "Show the Server's Limits"
    bl_description = "Ask the server how long it keeps results"
    bl_options = {"INTERNAL"}

    def run(self, _context: bpy.types.Context) -> None:
        server_limits.ask()


CLASSES: tuple[type, ...] = (
    P2A_OT_star_result,
    P2A_OT_turn_history_page,
    P2A_OT_discard_others,
    P2A_OT_discard_shown,
    P2A_OT_keep_history_limits,
    P2A_OT_open_history,
    P2A_OT_fetch_results,
    P2A_OT_stop_errand,
    P2A_OT_ask_server_limits,
)
