# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the open file that outlive their results in the history: they are packed before those leave it.

An image of a result is a view of a file in the history. Where the user keeps it, or a material or another thing of the file
uses it, it must not become empty when that result is deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import bpy

from .pictures import image_of, is_kept, result_images, unused
from .records import Record, history_dir

_packed: dict[str, bytes] = {}
"""What was packed in this session because its result left, by its job: an undo unpacks it, and there is no file any more."""


def needed(images: Iterable[bpy.types.Image]) -> list[bpy.types.Image]:
    """Those that the user keeps, or that something other than an editor uses."""
    images = list(images)
    idle = set(unused(image for image in images if not is_kept(image)))
    return [image for image in images if image not in idle]


def hold(record: Record) -> bool:
    """Have the open file keep the image of a result that is about to leave the history. False where it needs none, or cannot:
    the picture's file is broken, or the image is linked, and nothing can be packed into another file from here."""
    image = image_of(record.job_id)
    if image is None or image.library is not None or not needed([image]):
        return False
    if _is_view(image):
        _pack(image)
    if _is_view(image):
        return False
    if image.packed_file is not None:
        _packed[record.job_id] = bytes(image.packed_file.data)
    return True


def hold_all() -> None:
    """Before a file is saved: what it needs is in it, whatever becomes of the history."""
    for image in needed(image for image in result_images() if _is_view(image) and image.library is None):
        _pack(image)


def put_back() -> None:
    """After an undo, which takes back what we have packed."""
    for job_id, data in _packed.items():
        image = image_of(job_id)
        if image is not None and _is_view(image) and not _path(image).exists():
            image.pack(data=data, data_len=len(data))


def forget() -> None:
    """Another file is open."""
    _packed.clear()


def empty(images: Iterable[bpy.types.Image]) -> list[bpy.types.Image]:
    """Those that have nothing to show, because their results are gone."""
    return [image for image in images if _is_view(image) and not _path(image).exists()]


def missing() -> list[str]:
    """Names of the images that the open file needs and whose results are gone."""
    return [image.name for image in needed(empty(result_images()))]


def _is_view(image: bpy.types.Image) -> bool:
    """Whether an image has its pixels from a file of the history alone."""
    return image.packed_file is None and _path(image).is_relative_to(history_dir())


def _path(image: bpy.types.Image) -> Path:
    """Its file, without "..": Blender's Make Paths Relative leads out of the folder of the .blend."""
    return Path(os.path.normpath(bpy.path.abspath(image.filepath, library=image.library)))


def _pack(image: bpy.types.Image) -> None:
    """One whose file is gone or broken stays as it is: there is nothing to pack."""
    with contextlib.suppress(OSError, RuntimeError):
        if image.is_dirty:  # painted on in Blender
            image.pack()
        else:
            data = _path(image).read_bytes()
            image.pack(data=data, data_len=len(data))
