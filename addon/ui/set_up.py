# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the server's set-up is, where there is no server yet: in the panel and in the Preferences."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.amounts import in_gb
from ..generate import environment, session
from ..generate.setting_up import Progress
from ..operators.set_up import P2A_OT_cancel_set_up, P2A_OT_set_up, duration
from ..preferences import preferences
from ..translations import translated
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
    row.progress(factor=progress.factor, text=phase_text(progress))
    row.operator(P2A_OT_cancel_set_up.bl_idname, text="", icon="CANCEL")
    if amount := amount_text(progress):
        parts.text(box, context, amount)
    if progress.note:
        note = box.row()
        note.enabled = False
        note.label(text=translated(progress.note))
    if progress.warning:
        parts.text(box, context, progress.warning, "INFO")


def phase_text(progress: Progress) -> str:
    """The phase and its share: so short that it is read to its end in the bar of a narrow sidebar."""
    phase = iface_((progress.phase or "starting").capitalize())
    return f"{phase}  {progress.factor:.0%}" if progress.total else phase


def amount_text(progress: Progress) -> str:
    """How much of the phase is done, and how long it still takes."""
    left = duration(progress.eta) if progress.eta is not None else ""
    if not progress.total:
        return iface_("{time} left").format(time=left) if left else ""
    amounts = {"done": in_gb(progress.done), "total": in_gb(progress.total)}
    if not left:
        return iface_("{done} of {total}").format(**amounts)
    return iface_("{done} of {total}, {time} left").format(**amounts, time=left)
