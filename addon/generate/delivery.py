# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels for one job: its images to the server, its pictures back into the history. No bpy."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ...generation_server.client import Client, RequestRefused
from ...generation_server.protocol import JobStatus
from ..png import PngError, read_info
from .records import Record, further_picture, mark, write_file, write_record


def send_inputs(client: Client, record: Record) -> None:
    """Put the images that a picture is made from on the server. Raises ServerError, and OSError where one is gone or was
    changed."""
    for name, sha256 in record.request.inputs:
        path = record.input_path(name)
        if client.upload(path.read_bytes()) != sha256:
            raise FileNotFoundError(2, f"{path.name} was changed")


def cancel_jobs(client: Client, job_ids: set[str]) -> None:
    """Cancel these on the server, as far as it knows them. Raises ServerError; those that it was not told of are left then."""
    for job_id in tuple(job_ids):
        with contextlib.suppress(RequestRefused):
            client.cancel(job_id)
        job_ids.discard(job_id)


def fetch_pictures(client: Client, record: Record, status: JobStatus) -> None:
    """Write the pictures of a job, all or some, to the history, once each has shown to be whole and of the right size.

    The first is the record's; each further one gets a record of its own.

    Raises:
        ServerError: it cannot be fetched.
        PngError: it is none, or has another size.
        RecordError: the disk is full or the folder cannot be written.
    """
    if not status.results:
        raise PngError("the server keeps it no longer" if status.removed else "the server sent none")
    for index, sha256 in enumerate(status.results):
        picture = further_picture(record, index) if index else record
        _fetch(client, picture, sha256)
        mark(picture.new_path, True)
        if index:
            for name, _sha256 in picture.request.inputs:
                _copy(record.input_path(name), picture.input_path(name))
            _copy(record.figure_path, picture.figure_path)
            write_record(picture.with_changes(warnings=status.warnings))


def _fetch(client: Client, record: Record, sha256: str) -> None:
    data = client.blob(sha256)
    info = read_info(data)
    width, height = record.request.width, record.request.height
    if (info.width, info.height) != (width, height):
        raise PngError(f"it has {info.width} × {info.height} pixels instead of {width} × {height}.")
    write_file(record.result_path, data)


def _copy(source: Path, target: Path) -> None:
    """Not where it is gone: the picture is worth more than what it was made from."""
    with contextlib.suppress(FileNotFoundError):
        write_file(target, source.read_bytes())
