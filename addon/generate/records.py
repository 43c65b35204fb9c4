# SPDX-License-Identifier: GPL-3.0-or-later
"""Generations on disk: one JSON record each, with its control images and its result beside it. No bpy.

``history/FILE_ID/STAMP-JOB.json`` with ``STAMP-JOB.openpose.png``, ``STAMP-JOB.depth.png`` and, when it is done,
``STAMP-JOB.png``. Blender writes a record once, when the job starts; from then on only the bridge does until the job is final.
So nothing of a job lives in Blender's data, which undo, another file or a crash would take with it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...generation_server.protocol import (
    QUEUE_PLACES,
    SEED_LIMIT,
    GenerationRequest,
    JobState,
    JobSubmission,
    ProtocolError,
    user_data_dir,
)
from ...generation_server.replacing import put_in_place

VERSION = 1
THUMBNAILS = 8
"""How many of the last results the panel shows."""

DISCARDED_KEPT = 20
"""Discarded results that can still be brought back by undo."""

STAR, NEW = ".star", ".new"
"""Endings of the files that mark a result as a favourite, and as one that nobody has seen."""

GONE = "gone.txt"
"""In the history: the jobs whose pictures the user threw away, one a line; they are not fetched from the server again."""

FILE_ID = "file_id"
"""In the ``scene`` of a job: the history to which its pictures belong, for the day on which they are fetched from the server."""

_DISCARDED = "discarded"
_FILE_ID = re.compile(r"[0-9a-f]{32}")


class RecordError(Exception):
    """A record cannot be read or written; the text is a sentence for a person."""


@dataclass(frozen=True)
class Record:
    """One generation: what was asked, where it came from, and how it ended."""

    path: Path  # of the JSON file
    job_id: str
    file_id: str  # which .blend it belongs to
    request: GenerationRequest
    scene: Mapping[str, Any] = field(default_factory=dict)  # poses, outfits, camera, ratio: to restore them
    blend: str = ""  # path of the .blend when the job began, or empty
    created: float = 0.0  # seconds since the epoch
    state: JobState = JobState.QUEUED
    error: str = ""
    warnings: tuple[str, ...] = ()
    place: str = QUEUE_PLACES[0]  # where in the queue it goes
    client: str = ""  # whose waiting jobs "replace" takes the place of: the file's; empty in records from before there was one
    of_job: str = ""  # the job that made it, where it is one of several pictures and not the first

    @property
    def result_path(self) -> Path:
        return self.path.with_suffix(".png")

    @property
    def figure_path(self) -> Path:
        return self.path.with_suffix(".figure.png")

    @property
    def clay_path(self) -> Path:
        """The figure's depth in metres, until the bridge has made the picture at ``figure_path`` of it."""
        return self.path.with_suffix(".clay.npz")

    @property
    def star_path(self) -> Path:
        """There as long as it is a favourite: beside the picture, so that nothing that takes other things away takes the star."""
        return self.path.with_suffix(STAR)

    @property
    def new_path(self) -> Path:
        """There until somebody has looked at the picture."""
        return self.path.with_suffix(NEW)

    def input_path(self, name: str) -> Path:
        """Of one of the request's ``inputs``."""
        return self.path.with_suffix(f".{name}.png")

    @property
    def files(self) -> tuple[Path, ...]:
        inputs = tuple(self.input_path(name) for name, _sha256 in self.request.inputs)
        return (self.path, self.result_path, self.figure_path, self.clay_path, self.star_path, self.new_path, *inputs)

    @property
    def has_result(self) -> bool:
        return self.state is JobState.DONE

    def submission(self) -> JobSubmission:
        """What the server is sent; always the same, so that to send it again is no second job."""
        return JobSubmission(self.job_id, self.request, self.scene, self.place, self.client)

    def with_changes(self, **changes: Any) -> Record:
        return dataclasses.replace(self, **changes)


def history_dir() -> Path:
    return user_data_dir() / "history"


def is_file_id(text: str) -> bool:
    """Whether a .blend may name its history so: files come from anywhere, and this becomes the name of a folder."""
    return _FILE_ID.fullmatch(text) is not None


def new_record_path(file_id: str, job_id: str, created: float, folder: Path | None = None) -> Path:
    """Where a new record goes. Names begin with the time, so that sorting names sorts by age."""
    return (folder or history_dir()) / file_id / f"{record_stamp(created)}-{job_id[:8]}.json"


def record_stamp(created: float) -> str:
    """What the names of records begin with that were made at that time."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(created)) + f"{int(created * 1000) % 1000:03d}"


def further_picture(record: Record, index: int) -> Record:
    """The record of a job's picture after the first (``index`` from 1): done, with the seed that made it. Always the same for the
    same job, so that a picture that is fetched twice is there once."""
    job_id = hashlib.sha256(f"{record.job_id} {index}".encode()).hexdigest()[:32]
    created = record.created + index / 1000
    return record.with_changes(
        path=new_record_path(record.file_id, job_id, created, record.path.parents[1]),
        job_id=job_id,
        created=created,
        state=JobState.DONE,
        of_job=record.job_id,
        request=dataclasses.replace(record.request, seed=(record.request.seed + index) % SEED_LIMIT, batch_size=1, batch_count=1),
    )


def write_record(record: Record) -> None:
    """Write it so that a reader sees the old one or the new one, never half of one."""
    data = {
        "version": VERSION,
        "job_id": record.job_id,
        "file_id": record.file_id,
        "blend": record.blend,
        "created": record.created,
        "state": record.state.value,
        "error": record.error,
        "warnings": list(record.warnings),
        "place": record.place,
        "client": record.client,
        "request": record.request.to_json(),
        "scene": record.scene,
        "of_job": record.of_job,
    }
    write_file(record.path, json.dumps(data, ensure_ascii=False).encode("utf-8"))


def read_record(path: Path) -> Record:
    """The record in ``path``, or RecordError."""
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["version"] != VERSION:
            raise RecordError(f"{path.name} was written by another version of Pose to Anime.")
        return Record(
            path=path,
            job_id=str(data["job_id"]),
            file_id=str(data["file_id"]),
            request=GenerationRequest.from_json(data["request"]),
            scene=dict(data["scene"]),
            blend=str(data["blend"]),
            created=float(data["created"]),
            state=JobState(data["state"]),
            error=str(data["error"]),
            warnings=tuple(map(str, data["warnings"])),
            place=str(data.get("place", QUEUE_PLACES[0])),
            client=str(data.get("client", "")),
            of_job=str(data.get("of_job", "")),
        )
    except OSError as error:
        raise RecordError(f"The history entry {path.name} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, ProtocolError) as error:
        raise RecordError(f"The history entry {path.name} is damaged ({error}).") from error


def record_paths(file_ids: Iterable[str] | None = None, folder: Path | None = None) -> list[Path]:
    """Paths of all records, newest first; of some files alone when ``file_ids`` are given."""
    folder = folder or history_dir()
    folders = [folder / file_id for file_id in set(file_ids)] if file_ids is not None else list(subfolders(folder))
    paths = [path for sub in folders if sub.is_dir() for path in sub.glob("*.json")]
    return sorted(paths, key=lambda path: path.name, reverse=True)


def read_records(paths: Iterable[Path], limit: int, wanted: Callable[[Record], bool] = lambda record: True) -> list[Record]:
    """The first ``limit`` of ``paths`` that are ``wanted``; one that cannot be read does not hide the others."""
    records: list[Record] = []
    for path in paths:
        if len(records) == limit:
            break
        try:
            record = read_record(path)
        except RecordError:
            continue
        if wanted(record):
            records.append(record)
    return records


def discard(record: Record) -> None:
    """Take a result out of the history. The last few stay in a folder of their own, so that undo can bring them back."""
    bin_ = record.path.parents[1] / _DISCARDED
    bin_.mkdir(exist_ok=True)
    for path in record.files:
        if path.exists():
            path.replace(bin_ / f"{record.file_id}.{path.name}")
    with contextlib.suppress(OSError):  # the bin's order is that of discarding, and moving keeps a file's time
        os.utime(bin_ / f"{record.file_id}.{record.path.name}")
    note_gone([record.job_id], bin_.parent)
    for old in sorted(bin_.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)[DISCARDED_KEPT:]:
        for path in bin_.glob(f"{old.name[:-5]}.*"):
            path.unlink(missing_ok=True)


def bring_back(job_id: str, folder: Path | None = None) -> bool:
    """Undo ``discard``; False where the bin has no such job."""
    bin_ = (folder or history_dir()) / _DISCARDED
    for found in bin_.glob(f"*-{job_id[:8]}.json"):
        file_id, name = found.name.split(".", 1)
        stem = name[:-5]
        home = bin_.parent / file_id
        home.mkdir(exist_ok=True)
        for path in bin_.glob(f"{file_id}.{stem}.*"):
            path.replace(home / path.name.removeprefix(f"{file_id}."))
        return True
    return False


def mark(path: Path, on: bool) -> None:
    """Make or take away one of a result's marks. Raises RecordError."""
    try:
        path.touch() if on else path.unlink(missing_ok=True)
    except OSError as error:
        raise RecordError(disk_sentence(error, path.parent)) from error


def note_gone(job_ids: Iterable[str], folder: Path | None = None) -> None:
    """Remember that the user threw these away. Raises OSError."""
    with ((folder or history_dir()) / GONE).open("a", encoding="ascii", errors="replace") as file:
        file.writelines(f"{job_id}\n" for job_id in job_ids)


def gone(folder: Path | None = None) -> set[str]:
    """The jobs whose pictures the user threw away."""
    try:
        return set(((folder or history_dir()) / GONE).read_text("ascii", "replace").split())
    except OSError:
        return set()


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` atomically; RecordError with a sentence when the disk is full or the folder cannot be written."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
        put_in_place(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise RecordError(disk_sentence(error, path.parent)) from error


def remove(record: Record) -> None:
    """Take a job out of the history that was never begun; never fails, for it is called when something else has."""
    for path in record.files:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def disk_sentence(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return f"The disk is full: make room for {folder}, then try again."
    return f"Nothing can be written to {folder} ({error.strerror or error}): make that folder writable, then try again."


def subfolders(folder: Path) -> Iterable[Path]:
    """The folders of all files in a history."""
    if folder.is_dir():
        yield from (sub for sub in folder.iterdir() if sub.is_dir() and sub.name != _DISCARDED)
