# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as images of Blender. Nothing here is the only copy: that is in the history on disk."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..png import PngError, read_info
from . import thumbnails
from .records import Record, write_file

PREVIEW = "Pose to Anime Preview"
SHEET = "Pose to Anime Comparison"


def image_of(job_id: str) -> bpy.types.Image | None:
    """The image that shows a result, or None."""
    return next((image for image in result_images() if image.pose_to_anime.job_id == job_id), None)


def result_images() -> Iterator[bpy.types.Image]:
    """All images of the open file that show results: of one there may be two, where it is linked from another file too."""
    return (image for image in bpy.data.images if image.pose_to_anime.role == "RESULT")


def open_image(record: Record) -> bpy.types.Image:
    """The image of a result, loaded if need be; its pixels are read by Blender when it is first drawn.

    Raises:
        UserError: the file is gone.
    """
    if found := image_of(record.job_id):
        return found
    if not record.result_path.exists():
        whole_png(record)
    image = _lazy_image(title(record), record.result_path)
    image.pose_to_anime.job_id = record.job_id
    image.pose_to_anime.role = "RESULT"
    return image


def whole_png(record: Record) -> bytes:
    """The file of a result, which nothing has cut or damaged. Raises UserError."""
    try:
        data = record.result_path.read_bytes()
        read_info(data)
    except OSError as error:
        raise UserError(f"The picture {record.result_path} is gone from the history: discard it, or bring it back.") from error
    except PngError as error:
        why = str(error).rstrip(".")
        raise UserError(f"The picture {record.result_path} cannot be used ({why}): discard it and make it anew.") from error
    return data


def size_of(record: Record) -> tuple[int, int]:
    """Width and height of a result in pixels, without asking Blender, which would read the file."""
    return record.request.width, record.request.height


def title(record: Record) -> str:
    """What a result is called: when it was made, and its seed."""
    made = time.strftime("%Y-%m-%d %H.%M.%S", time.localtime(record.created))
    return f"Anime {made} seed {record.request.seed}"


def _lazy_image(name: str, path: Path) -> bpy.types.Image:
    """An image of a file that Blender reads when it first draws it. ``images.load`` looks into the file at once, which takes
    Blender 5.2 a fifth of a second the first time."""
    image = bpy.data.images.new(name, 8, 8)
    image.source = "FILE"
    image.filepath = str(path)
    return image


_can_read = False


def _reading_is_quick() -> bool:
    """Whether Blender has read an image in this session, after which reading a small one takes a millisecond."""
    global _can_read
    _can_read = _can_read or any(image.has_data and image.source == "FILE" for image in bpy.data.images)
    return _can_read


def preview_image() -> bpy.types.Image | None:
    return next((image for image in bpy.data.images if image.pose_to_anime.role == "PREVIEW"), None)


def read_preview(path: str) -> bpy.types.Image:
    """The preview image, with the picture so far in it."""
    image = preview_image()
    quick = _reading_is_quick()
    if image is None:
        image = _lazy_image(PREVIEW, Path(path))
        image.pose_to_anime.role = "PREVIEW"
    else:
        image.filepath = path
        image.reload()
    if not quick:
        return image
    width, height = image.size
    if width and height:
        flat = np.empty(width * height * image.channels, np.float32)
        image.pixels.foreach_get(flat)
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., : image.channels] = flat.reshape(height, width, image.channels)
        thumbnails.set_running(pixels)
    return image


def enlarge_preview(image: bpy.types.Image, size: tuple[int, int]) -> None:
    """Make it as large as the result will be, so that the view does not jump: that takes longer than to read it."""
    if _can_read and image.has_data and tuple(image.size) != size:
        image.scale(*size)


def remove_preview() -> None:
    for image in list(bpy.data.images):
        if image.pose_to_anime.role == "PREVIEW":
            bpy.data.images.remove(image)


def keep(record: Record, how: str) -> bpy.types.Image:
    """Make a result part of the .blend: packed into it ("PACK"), or as a PNG beside it ("BESIDE"), never over another file.

    Raises:
        UserError: the .blend was never saved, or the picture is gone or broken.
        RecordError: the disk is full or the folder cannot be written.
    """
    whole_png(record)
    image = open_image(record)
    if how == "BESIDE":
        if not bpy.data.filepath:
            raise UserError("This file was never saved, so there is no place beside it: save it, or keep pictures in the .blend.")
        folder = Path(bpy.data.filepath).parent
        target = free_name(folder, f"{Path(bpy.data.filepath).stem}-{title(record)}")
        copy_to(record, target)
        image.filepath = bpy.path.relpath(str(target))
    elif not image.packed_file:
        if not image.has_data:
            image.update()
        image.pack()
    image.use_fake_user = True
    return image


def is_kept(image: bpy.types.Image | None) -> bool:
    return image is not None and bool(image.use_fake_user)


def unused(images: Iterable[bpy.types.Image]) -> list[bpy.types.Image]:
    """Those that nothing uses: an editor that shows one does not count."""
    images = list(images)
    users = bpy.data.user_map(subset=set(images)) if any(image.users for image in images) else {}
    shows = (bpy.types.Screen, bpy.types.WindowManager)
    return [image for image in images if all(isinstance(user, shows) for user in users.get(image, ()))]


def copy_to(record: Record, target: Path) -> None:
    """Copy a result, recipe and all; what ``target`` held stays where there is no room. Raises UserError, RecordError."""
    write_file(target, whole_png(record))


def free_name(folder: Path, stem: str, ending: str = ".png") -> Path:
    """A path that does not exist yet."""
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", stem)
    path = folder / f"{stem}{ending}"
    number = 2
    while path.exists():
        path = folder / f"{stem} {number}{ending}"
        number += 1
    return path


def pixels_of(image: bpy.types.Image) -> NDArray[np.uint8]:
    """An image's pixels as (H, W, 3) uint8 sRGB, row 0 at the top. Raises UserError where it cannot be read."""
    width, height = image.size
    if not width or not height:
        raise UserError(f"The picture “{image.name}” cannot be read: its file is gone or broken.")
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    pixels = flat.reshape(height, width, image.channels)[::-1]
    rgb = pixels[..., :3] if image.channels >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
    return np.rint(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8)


def read_png(path: Path) -> NDArray[np.uint8]:
    """A PNG of ours through Blender's own reader. Raises UserError."""
    try:
        image = bpy.data.images.load(str(path))
    except RuntimeError as error:
        raise UserError(f"The picture {path} is gone from the history.") from error
    try:
        return pixels_of(image)
    finally:
        bpy.data.images.remove(image)


def show_pixels(pixels: NDArray[np.uint8], name: str, job_id: str) -> bpy.types.Image:
    """Put (H, W, 3) uint8 pixels into the one image called ``name``, packed, so that undo and saving keep it."""
    height, width = pixels.shape[:2]
    image = next((image for image in bpy.data.images if image.pose_to_anime.role == "SHEET"), None)
    if image is None:
        image = bpy.data.images.new(name, width, height)
        image.pose_to_anime.role = "SHEET"
    elif tuple(image.size) != (width, height):
        image.scale(width, height)
    image.pose_to_anime.job_id = job_id
    flat = np.ones((height, width, 4), np.float32)
    flat[..., :3] = pixels[::-1] / np.float32(255.0)
    image.pixels.foreach_set(flat.ravel())
    image.update()
    image.pack()
    return image
