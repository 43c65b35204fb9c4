# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's own store as the history's second home: results that are not in the history are fetched from it. No bpy.

The server keeps the jobs that no Blender was there to see: of the command line, of another Blender, of a deleted history.
A picture says itself from which scene it was made, and in the history of which file it belongs.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...generation_server.client import Client, ServerError
from ...generation_server.protocol import JobState, JobStatus
from ..png import PngError, read_info
from .delivery import fetch_pictures
from .errand_runner import Errand, Progress, Served
from .records import (
    FILE_ID,
    Record,
    RecordError,
    gone,
    is_file_id,
    new_record_path,
    read_record,
    record_paths,
    write_file,
    write_record,
)

ELSEWHERE = "5e7e4" + "0" * 27
"""The history of what no file of this user claims: made by the command line, or by another Blender before files were noted."""


def fetch_results(served: Served, also_discarded: bool = False) -> Errand:
    """Bring every result that the server keeps and that is not in the history. Returns how many came (``fetched``), how many the
    server has removed (``removed``), and a sentence for each that cannot be used (``problems``)."""
    client = served()
    yield Progress(text="Asking the server")
    here = {path.stem.rpartition("-")[2]: path for path in record_paths()}
    unwanted = set() if also_discarded else gone()
    missing: list[tuple[JobStatus, Record | None]] = []
    removed = 0
    for status in _finished(client):
        has_made_some = status.state is JobState.DONE or status.results or status.removed  # also one that was cancelled then
        if not has_made_some or status.request is None:
            continue
        path = here.get(status.id[:8])
        record = _without_picture(path) if path else None
        if (path and record is None) or status.id in unwanted:
            continue
        if not status.results:
            removed += 1
            continue
        missing.append((status, record))
    fetched, problems = 0, []
    for number, (status, record) in enumerate(missing):
        yield Progress(number, len(missing), "Fetching pictures")
        try:
            fetched += _fetch(client, status, record)
        except (PngError, ServerError) as error:
            if isinstance(error, ServerError):
                client.health()  # gone: that ends it; else it is this picture alone
            problems.append(f"Job {status.id[:8]}: {str(error).rstrip('.')}.")
    return {"fetched": fetched, "removed": removed, "problems": problems}


def server_settings(served: Served, changes: Mapping[str, float] | None = None) -> Errand:
    """How long the server keeps its results, after ``changes`` of that. Returns its ServerSettings as JSON."""
    client = served()
    yield Progress(text="Asking the server")
    settings = client.change_settings(**changes) if changes else client.settings()
    return settings.to_json()


def _finished(client: Client) -> list[JobStatus]:
    """All finished jobs, oldest first: so that what is fetched first is what is removed first."""
    found: dict[str, JobStatus] = {}
    until = 0.0
    while True:
        page = [status for status in client.jobs(until) if status.state.is_final and status.id not in found]
        if not page:
            return list(reversed(found.values()))
        found |= {status.id: status for status in page}
        until = min(status.finished for status in page)


def _without_picture(path: Path) -> Record | None:
    """A record whose picture was deleted by hand, or never came: it can be had again. One that the user has cancelled cannot."""
    if path.with_suffix(".png").exists():
        return None
    try:
        record = read_record(path)
    except RecordError:
        return None
    return record if record.state is not JobState.CANCELLED else None


def _fetch(client: Client, status: JobStatus, record: Record | None) -> int:
    """One job's pictures into the history; how many."""
    assert status.request is not None
    scene = _scene_in(client.blob(status.results[0]))
    named = str(scene.get(FILE_ID, ""))
    file_id = named if is_file_id(named) else ELSEWHERE
    record = record or Record(
        path=new_record_path(file_id, status.id, status.created),
        job_id=status.id,
        file_id=file_id,
        request=status.request,
        scene=scene,
        created=status.created,
    )
    for name, sha256 in record.request.inputs:
        with contextlib.suppress(ServerError, RecordError):  # uploads that no job needs any more are removed; the picture counts
            write_file(record.input_path(name), client.blob(sha256))
    fetch_pictures(client, record, status)
    write_record(record.with_changes(state=JobState.DONE, error="", warnings=status.warnings))
    return len(status.results)


def _scene_in(png: bytes) -> Mapping[str, Any]:
    """The scene in a picture's own recipe; empty where it has none, or none that can be read. Raises PngError."""
    text = read_info(png).texts.get("pose_to_anime", "{}")
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        scene = json.loads(text).get("scene")
        if isinstance(scene, dict):
            return scene
    return {}
