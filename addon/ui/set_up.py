# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the server's set-up is, where there is no server yet: in the panel and in the Preferences."""

from __future__ import annotations

import bpy

from ..generate import environment, session
from ..generate.amounts import in_words
from ..generate.setting_up import Progress
from ..operators.set_up import P2A_OT_cancel_set_up, P2A_OT_set_up, duration
from ..preferences import preferences
from . import parts


def draw_set_up(layout: bpy.types.UILayout, context: bpy.types.Context) -> bool:
    """What is there instead of a server; False where a server can be started or is elsewhere, and nothing was drawn."""
    set_up = environment.set_up()
    if set_up.running and set_up.progress is not None:
        draw_progress(layout, context, set_up.progress)
        return True
    if set_up.is_planning:
        layout.label(text="Looking at this computer", icon="SORTTIME")
        return True
    prefs = preferences()
    if (
        environment.is_there()
        or session.session.server.state in ("connected", "starting")
        or (prefs is not None and prefs.server_url)
    ):
        return False
    row = layout.row(align=True)
    row.label(text="No server is set up yet", icon="UNLINKED")
    row = layout.row(align=True)
    again = set_up.problem or set_up.cancelled
    row.operator(P2A_OT_set_up.bl_idname, text="Go On with the Set-Up…" if again else "Set Up…", icon="IMPORT")
    return True


def draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context, progress: Progress) -> None:
    box = layout.box()
    row = box.row(align=True)
    row.progress(factor=progress.factor, text=progress_text(progress))
    row.operator(P2A_OT_cancel_set_up.bl_idname, text="", icon="CANCEL")
    if progress.note:
        note = box.row()
        note.enabled = False
        note.label(text=progress.note)
    if progress.warning:
        parts.text(box, context, progress.warning, "INFO")


def progress_text(progress: Progress) -> str:
    """The phase, how much of it is done, and how long it still takes."""
    phase = (progress.phase or "starting").capitalize()
    amount = f" {in_words(progress.done)} of {in_words(progress.total)}" if progress.total else ""
    left = f", {duration(progress.eta)} left" if progress.eta is not None else ""
    return f"{phase}{amount}{left}"
