# SPDX-License-Identifier: GPL-3.0-or-later
"""What is being painted and what waits, with the way to cancel it: in the sidebar and beside pictures."""

from __future__ import annotations

import bpy

from ...generation_server.protocol import JobState
from ..generate import history, session, thumbnails
from ..generate.session import Job
from ..operators.generation import P2A_OT_cancel
from . import parts

_PREVIEW = 7.0  # interface rows
_SHOWN_JOBS = 4


def draw_jobs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What is painted and what waits, and beside it every way to cancel."""
    jobs = sorted(session.session.jobs.values(), key=lambda job: (job.state is JobState.QUEUED, job.position))
    if len(jobs) > 1:
        waiting = sum(job.state is JobState.QUEUED for job in jobs)
        row = layout.row(align=True)
        row.label(text="Cancel")
        for which, enabled in (("ACTIVE", waiting < len(jobs)), ("WAITING", waiting > 0), ("ALL", True)):
            button = row.row(align=True)
            button.enabled = enabled
            button.operator(P2A_OT_cancel.bl_idname, text=which.capitalize()).which = which
    for job in jobs[:_SHOWN_JOBS]:
        box = layout.box()
        row = box.row(align=True)  # above the preview, which may reach beyond the sidebar's end
        row.progress(factor=job.progress, text=progress_text(job))
        row.operator(P2A_OT_cancel.bl_idname, text="", icon="CANCEL").job_id = job.id
        if job.state is JobState.RUNNING and (icon := thumbnails.running_icon()):
            box.template_icon(icon_value=icon, scale=_PREVIEW)
        if not history.belongs_here(job.record):
            box.label(text="For another file", icon="FILE_BLEND")
        if job.lost:
            parts.text(box, context, job.lost, "ERROR")
    if len(jobs) > _SHOWN_JOBS:
        layout.label(text=f"and {len(jobs) - _SHOWN_JOBS} more that wait")


def progress_text(job: Job) -> str:
    if job.lost:
        return "Waiting for the server"
    if job.phase == "cancelling":
        return "Cancelling"
    if job.state is JobState.QUEUED:
        if job.phase == session.HELD:
            return "Waiting for the set-up"
        if session.session.server.state == "starting":
            return "Starting the server"
        return f"Waiting, {job.position} before it{_time_left(job)}" if job.position else "Waiting"
    steps = f" {job.step} / {job.steps}" if job.steps and job.step else ""
    return f"{(job.phase or 'running').capitalize()}{steps}{_time_left(job)}"


def _time_left(job: Job) -> str:
    """What the server expects, after a comma: in minutes where seconds would only pretend to be exact."""
    if job.eta is None:
        return ""
    return f", {max(1, round(job.eta))} s left" if job.eta < 100.0 else f", {round(job.eta / 60.0)} min left"
