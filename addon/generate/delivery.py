# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels for one job: its images to the server, its picture back into the history. No bpy."""

from __future__ import annotations

from ...generation_server.client import Client
from ...generation_server.protocol import JobStatus
from ..png import PngError, read_info
from .records import Record, write_file


def send_inputs(client: Client, record: Record) -> None:
    """Put the images that a picture is made from on the server. Raises ServerError, and OSError where one is gone or was
    changed."""
    for name, sha256 in record.request.inputs:
        path = record.input_path(name)
        if client.upload(path.read_bytes()) != sha256:
            raise FileNotFoundError(2, f"{path.name} was changed")


def fetch_picture(client: Client, record: Record, status: JobStatus) -> None:
    """Write the picture of a job that is done to the history, once it has shown to be whole and of the size that was asked for.

    Raises:
        ServerError: it cannot be fetched.
        PngError: it is none, or has another size.
        RecordError: the disk is full or the folder cannot be written.
    """
    if not status.results:
        raise PngError("the server keeps it no longer" if status.removed else "the server sent none")
    data = client.blob(status.results[0])
    info = read_info(data)
    width, height = record.request.width, record.request.height
    if (info.width, info.height) != (width, height):
        raise PngError(f"it has {info.width} × {info.height} pixels instead of {width} × {height}.")
    write_file(record.result_path, data)
