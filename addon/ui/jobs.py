# SPDX-License-Identifier: GPL-3.0-or-later
"""What is being painted and what waits, with the way to cancel it: in the sidebar and beside pictures."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.protocol import JobState
from ..generate import history, session, thumbnails
from ..generate.session import Job
from ..operators.generation import P2A_OT_cancel
from . import parts

_PREVIEW = 7.0  # interface rows
_SHOWN_JOBS = 4
_PHASES = (
    "Getting ready",
    "Preparing",
    "Loading model",
    "Loading LoRAs",
    "Reading the prompt",
    "Denoising",
    "Decoding",
    "Saving",
    "Running",
)
"""What servers say of a job that is under way, to be translated."""

_WHICH = (("ACTIVE", "Active"), ("WAITING", "Waiting"), ("ALL", "All"))


def in_order() -> list[Job]:
    """The unfinished jobs: what is painted, then what waits."""
    return sorted(session.session.jobs.values(), key=lambda job: (job.state is JobState.QUEUED, job.position))


def draw_jobs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What is painted and what waits, and beside it every way to cancel."""
    jobs = in_order()
    if len(jobs) > 1:
        waiting = sum(job.state is JobState.QUEUED for job in jobs)
        row = layout.row(align=True)
        row.label(text="Cancel")
        for (which, text), enabled in zip(_WHICH, (waiting < len(jobs), waiting > 0, True), strict=True):
            button = row.row(align=True)
            button.enabled = enabled
            button.operator(P2A_OT_cancel.bl_idname, text=text).which = which
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
        layout.label(text=iface_("and {count} more that wait").format(count=len(jobs) - _SHOWN_JOBS))


def progress_text(job: Job) -> str:
    """Where a job is and how long it takes, in the language of the interface."""
    if job.lost:
        return iface_("Waiting for the server")
    if job.phase == "cancelling":
        return iface_("Cancelling")
    if job.state is JobState.QUEUED:
        if job.phase == session.HELD:
            return iface_("Waiting for the set-up")
        if session.session.server.state == "starting":
            return iface_("Starting the server")
        if not job.position:
            return iface_("The server is getting ready") if session.session.server.is_getting_ready else iface_("Waiting")
        return _with_time_left(iface_("Waiting, {count} before it").format(count=job.position), job)
    words = {"starting": "getting ready"}.get(job.phase) or job.phase or "running"
    phase = iface_(words[0].upper() + words[1:])
    return _with_time_left(f"{phase} {job.step} / {job.steps}" if job.steps and job.step else phase, job)


def _with_time_left(text: str, job: Job) -> str:
    """And what the server expects: in minutes where seconds would only pretend to be exact."""
    if job.eta is None:
        return text
    if job.eta < 100.0:
        return iface_("{what}, {seconds} s left").format(what=text, seconds=max(1, round(job.eta)))
    return iface_("{what}, {minutes} min left").format(what=text, minutes=round(job.eta / 60.0))
