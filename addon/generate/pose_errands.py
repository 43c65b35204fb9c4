# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge does with pictures of people: has the server find their poses. No bpy."""

from __future__ import annotations

from pathlib import Path

from .errand_runner import Errand, ErrandError, Served
from .errand_thread import asked

LARGEST = 64 * 1024**2
"""Bytes of a picture: no server takes more."""


def find_poses(served: Served, path: str) -> Errand:
    """The people in a picture file, as OpenPose JSON. The server says which file is missing where it cannot look."""
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST:
            raise ErrandError(f"{file.name} is too large: save it smaller, as PNG, JPEG or WebP.")
        data = file.read_bytes()
    except OSError as error:
        raise ErrandError(f"{path} cannot be read: {error.strerror}.") from error
    return (yield from asked(served(), lambda client: client.poses(data), "Looking for people in the picture"))
