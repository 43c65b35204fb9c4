# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of this computer in the Preferences: its environment, starting and stopping it, what a helper needs."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..generate import environment, session
from ..generate.versions import other_version
from ..operators.server import P2A_OT_connect
from ..operators.server_tools import (
    P2A_OT_diagnostics,
    P2A_OT_models_folder,
    P2A_OT_open_folder,
    P2A_OT_open_log,
    P2A_OT_stop_server,
)
from ..operators.set_up import P2A_OT_environment, P2A_OT_set_up, draw_online
from ..preferences import preferences, sections
from ..translations import translated
from .set_up import draw_progress


def draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    prefs = preferences()
    if prefs is None or prefs.server_url:
        return
    column = layout.column()
    column.use_property_split = False
    column.label(text="On This Computer")
    _draw_environment(column, context)
    server = session.session.server
    runs = server.state == "connected"
    row = column.row(align=True)
    row.label(text=_server_words(server), icon="CHECKMARK" if runs else "UNLINKED")
    if other := other_version(server.health, server.elsewhere):
        column.label(text=translated(other), icon="ERROR")
    row = column.row(align=True)
    start = row.row(align=True)
    start.enabled = environment.is_there() and not runs
    start.operator(P2A_OT_connect.bl_idname, text="Start").start = True
    stop = row.row(align=True)
    stop.enabled = server.state in ("connected", "starting")
    stop.operator(P2A_OT_stop_server.bl_idname, text="Stop").restart = False
    stop.operator(P2A_OT_stop_server.bl_idname, text="Restart").restart = True
    row.operator(P2A_OT_connect.bl_idname, text="Connect").start = False
    _draw_folders(column)
    row = column.row(align=True)
    row.operator(P2A_OT_open_log.bl_idname, text="Server's Log").of_set_up = False
    row.operator(P2A_OT_open_log.bl_idname, text="Set-Up's Log").of_set_up = True
    row.operator(P2A_OT_open_folder.bl_idname, icon="FILE_FOLDER")
    column.operator(P2A_OT_diagnostics.bl_idname, icon="TEXT")


def _draw_environment(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    set_up = environment.set_up()
    if set_up.running and set_up.progress is not None:
        draw_progress(column, context, set_up.progress)
        return
    there = environment.is_there()
    last = set_up.progress
    words = "The server's environment is installed" if there else "The server's environment is not installed"
    if set_up.is_planning:
        words = "Looking at this computer"
    elif set_up.problem:
        words = set_up.problem
    elif last is not None and last.sentence:
        words = last.sentence
    column.label(text=translated(words), icon="ERROR" if set_up.problem else "CHECKMARK" if there else "INFO")
    if environment.is_outdated():
        column.label(text=translated(environment.OUTDATED), icon="ERROR")
    if last is not None and last.warning and there:
        column.label(text=translated(last.warning), icon="INFO")
    row = column.row(align=True)
    if not there:
        row.operator(P2A_OT_set_up.bl_idname, text="Install…", icon="IMPORT")
    for work, title in (("verify", "Verify"), ("repair", "Repair"), ("update", "Update"), ("remove", "Remove…")):
        button = row.row(align=True)
        button.enabled = there or bool(set_up.problem)
        button.operator(P2A_OT_environment.bl_idname, text=title).work = work
    if not there or set_up.problem:
        draw_online(column, context)


def _draw_folders(column: bpy.types.UILayout) -> None:
    """Whose models are used from where they are."""
    folders = environment.folders
    row = column.row(align=True)
    row.operator(P2A_OT_models_folder.bl_idname, text="Show Folders of Models", icon="VIEWZOOM").show = True
    row.operator(P2A_OT_models_folder.bl_idname, text="Add Folder…", icon="ADD")
    for number, line in enumerate(folders.lines):
        row = column.row(align=True)
        row.label(text=line, icon="FILE_FOLDER")
        if number:  # the first is the user's own
            button = row.operator(P2A_OT_models_folder.bl_idname, text="", icon="X", emboss=False)
            button.directory, button.remove = line.rpartition(":")[0], True
    for folder in folders.found:
        row = column.row(align=True)
        row.label(text=str(folder), icon="QUESTION")
        row.operator(P2A_OT_models_folder.bl_idname, text="Use Its Models").directory = str(folder)
    if folders.error:
        column.label(text=translated(folders.error), icon="ERROR")


def _server_words(server: session.Server) -> str:
    if server.state == "connected" and server.health:
        return iface_("The server runs on {device}").format(device=server.health.device)
    return "The server is starting" if server.state == "starting" else "The server does not run"


CLASSES: tuple[type, ...] = ()


def register() -> None:
    sections.append(draw)


def unregister() -> None:
    sections.remove(draw)
