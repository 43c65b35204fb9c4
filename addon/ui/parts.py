# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces that several panels draw: long texts, prompts, messages, thumbnails. They draw, they never compute."""

from __future__ import annotations

import bpy

from ..generate import history, thumbnails
from ..generate.session import session
from ..operators.messages import P2A_OT_close_message, P2A_OT_copy_error
from ..operators.prompt import P2A_OT_edit_prompt
from ..operators.results import P2A_OT_bring_back, P2A_OT_show_result
from ..operators.set_up import OFFLINE, draw_online_switch
from ..settings.prompt_fields import PROMPT_BOXES, text_columns
from ..settings.wrapping import PROMPT_ROWS, rows_of, wrap
from ..translations import translated

TAB = "Pose to Anime"
THUMBNAIL = 5.0
"""Height of a thumbnail in interface rows: three beside each other fit a sidebar of usual width."""

_PER_ROW = 3
_SPARE = 40  # pixels that an icon and the box's border take from a text


def text(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str, icon: str = "NONE") -> None:
    """A sentence in as many rows as it needs, in the user's language where that is known."""
    words(layout, context, translated(sentence), icon)


def words(layout: bpy.types.UILayout, context: bpy.types.Context, written: str, icon: str = "NONE") -> None:
    """What somebody has written, as it stands, in as many rows as it needs."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    columns = text_columns(context, 60 if icon == "NONE" else 60 + _SPARE)
    for number, line in enumerate(wrap(written, columns)):
        column.label(text=line, icon=icon if number == 0 else ("NONE" if icon == "NONE" else "BLANK1"), translate=False)


def prompt_tools(layout: bpy.types.UILayout, name: str) -> None:
    """What can be done with a whole prompt, for the head of its panel: in a row of its own it would take the place of another."""
    tools = layout.row(align=True)
    for action, icon in (("COPY", "COPYDOWN"), ("PASTE", "PASTEDOWN"), ("RESET", "LOOP_BACK"), ("CLEAR", "X")):
        button = tools.operator(P2A_OT_edit_prompt.bl_idname, text="", icon=icon, emboss=False)
        button.prompt, button.action = name, action


def prompt(layout: bpy.types.UILayout, context: bpy.types.Context, name: str, rows: int) -> None:
    """A whole prompt in an editable field: Blender's text box from 5.2 on, rows that fill themselves before."""
    settings = context.scene.pose_to_anime.generation
    shown = rows_of(getattr(settings, name), text_columns(context))
    if hasattr(layout, "textbox"):
        lines = next((lines for lines in PROMPT_BOXES if len(shown) < lines), PROMPT_BOXES[-1])
        layout.textbox(settings, f"{name}_box_{lines}", initial_visible_lines=lines)
        return
    field = layout.column(align=True)
    for index in range(min(max(rows, len(shown)), PROMPT_ROWS)):  # what is written on in the last fills the next
        field.prop(settings, f"{name}_row_{index}", text="")


def messages(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The last error, warnings and notices, each to be read in full."""
    offline = session.error == OFFLINE
    if session.error and not (offline and bpy.app.online_access):
        box = layout.box()
        box.alert = True
        head = box.row(align=True)
        head.label(text="Something is in the way", icon="ERROR")
        head.operator(P2A_OT_copy_error.bl_idname, text="", icon="COPYDOWN", emboss=False)
        head.operator(P2A_OT_close_message.bl_idname, text="", icon="X", emboss=False)
        text(box, context, session.error)
        if offline:
            draw_online_switch(box, context)
    elif session.warnings or session.notice:
        box = layout.box()
        for number, sentence in enumerate(filter(None, (*session.warnings, session.notice))):
            row = box.row()
            text(row, context, sentence, "INFO")
            if number == 0:
                row.operator(P2A_OT_close_message.bl_idname, text="", icon="X", emboss=False)


def last_results(layout: bpy.types.UILayout, context: bpy.types.Context, shown: str = "") -> None:
    """Thumbnails of the last results; ``shown`` is the job of the one in the editor."""
    layout.row().prop(context.window_manager.pose_to_anime, "history", expand=True)
    records = history.entries()
    if not records:
        empty = layout.row()
        empty.enabled = False
        empty.label(text="No pictures yet")
    grid = layout.grid_flow(row_major=True, columns=_PER_ROW, even_columns=True, even_rows=True, align=True)
    for number in range(-(-len(records) // _PER_ROW) * _PER_ROW):  # whole rows, or the last would be drawn wider
        cell = grid.column(align=True)
        if number >= len(records):
            cell.label(text="")
            continue
        record = records[number]
        cell.template_icon(icon_value=thumbnails.icon_of(record.job_id), scale=THUMBNAIL)
        show = cell.operator(P2A_OT_show_result.bl_idname, text="", icon="HIDE_OFF", depress=record.job_id == shown)
        show.job_id = record.job_id
    if history.can_bring_back():
        layout.operator(P2A_OT_bring_back.bl_idname, icon="LOOP_BACK")
