# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge does with pictures of people: has the server find their poses. No bpy."""

from __future__ import annotations

from pathlib import Path

from .errand_runner import Errand, ErrandError, Progress, Served

LARGEST = 100_000_000
"""Bytes of a picture."""


def find_poses(served: Served, path: str) -> Errand:
    """The people in a picture file, as OpenPose JSON. The server says which file is missing where it cannot look."""
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST:
            raise ErrandError(f"{file.name} is too large: save it smaller, as PNG, JPEG or WebP.")
        data = file.read_bytes()
    except OSError as error:
        raise ErrandError(f"{path} cannot be read: {error.strerror}.") from error
    client = served()
    yield Progress(text="Looking for people in the picture")
    return client.poses(data)
