# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as files for others: PNG, JPEG or WebP, with their recipe or without. The one in the history stays as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy

from ..errors import UserError
from ..exif import ExifError, with_comment
from ..png import read_info, without_texts
from .pictures import whole_png
from .records import Record

ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
"""File format, as Blender calls it → how its files end."""

_PARAMETERS = "parameters"
"""Keyword of the text that A1111 began and that other programs read."""


def recipe_text(record: Record) -> str:
    """A result's recipe as A1111 writes it: prompt, negative prompt, and a line of settings. Raises UserError."""
    text = read_info(whole_png(record)).texts.get(_PARAMETERS, "")
    if not text:
        raise UserError("There is no recipe in this picture: it was made without.")
    return text


def encoded(record: Record, form: str, quality: int = 90, with_recipe: bool = True) -> bytes:
    """A result as a file of ``form``, one of ``ENDINGS``; ``quality`` (1 … 100) is for JPEG and WebP, whose 100 is without loss.

    A PNG has the whole recipe, with pose and camera; the others its text, as EXIF's UserComment. Raises UserError.
    """
    data = whole_png(record)
    if form == "PNG":
        return data if with_recipe else without_texts(data)
    text = read_info(data).texts.get(_PARAMETERS, "")
    packed = _through_blender(record, form, quality)
    if not with_recipe or not text:
        return packed
    try:
        return with_comment(packed, text)
    except ExifError as error:
        raise UserError(str(error)) from error


def _through_blender(record: Record, form: str, quality: int) -> bytes:
    try:
        image = bpy.data.images.load(str(record.result_path))
    except RuntimeError as error:
        raise UserError(f"The picture {record.result_path} is gone from the history.") from error
    try:
        with tempfile.TemporaryDirectory(prefix="pose-to-anime-") as folder:
            path = Path(folder, f"picture{ENDINGS[form]}")
            if not image.size[0] or not len(image.pixels):  # Blender writes another format only of pixels that it has read
                raise UserError(f"The picture {record.result_path} cannot be read: its file is broken.")
            image.file_format = form
            image.save(filepath=str(path), quality=quality)
            return path.read_bytes()
    except (OSError, RuntimeError) as error:
        raise UserError(f"The picture cannot be written as {form} ({error}): choose another format.") from error
    finally:
        bpy.data.images.remove(image)
