# SPDX-License-Identifier: GPL-3.0-or-later
"""What every command without a window needs: a progress line, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import sys
import time
from pathlib import Path
from typing import Any

from .errors import UserError


class Progress(contextlib.AbstractContextManager["Progress"]):
    """One line on stderr that appears when the work takes more than two seconds, and goes away when it is done."""

    PATIENCE = 2.0
    WIDTH = 30

    def __init__(self, title: str, total: int = 0) -> None:
        self.title, self.total = title, total
        self._began = time.monotonic()
        self._drawn = 0
        self._live = sys.stderr.isatty()
        self._last_line = ""

    def update(self, done: int | None, what: str = "", total: int | None = None) -> None:
        """``done`` of ``total``; None where nobody knows."""
        if total is not None:
            self.total = total
        if time.monotonic() - self._began < self.PATIENCE:
            return
        if done is None or not self.total:
            line = f"{self.title} … {what}".rstrip()
        else:
            filled = self.WIDTH * done // self.total
            line = f"{self.title} [{'#' * filled}{'.' * (self.WIDTH - filled)}] {done}/{self.total} {what}"
        if self._live:
            line = line[:100]
            print("\r" + line.ljust(self._drawn), end="", file=sys.stderr, flush=True)
            self._drawn = len(line)
        elif self._last_line != line and (not self.total or done in (None, self.total) or (done or 0) % 5 == 0):
            print(line, file=sys.stderr, flush=True)  # a log: no line is drawn over
        self._last_line = line

    def say(self, sentence: str) -> None:
        self._clear()
        say(sentence)

    def _clear(self) -> None:
        if self._drawn:
            print("\r" + " " * self._drawn + "\r", end="", file=sys.stderr, flush=True)
            self._drawn = 0

    def __exit__(self, *_: object) -> None:
        self._clear()


def out_folder(text: str) -> Path:
    out = Path(text)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {out} cannot be made ({error.strerror}): choose another --out.") from None
    return out


def png_path(text: str) -> Path:
    """A PNG to write, in a folder that is there. Raises UserError."""
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise UserError(f"'{text}' does not end in .png: name the picture to write, as in sheet.png.")
    if path.is_dir():
        raise UserError(f"{path} is a folder: name the picture to write in it.")
    out_folder(str(path.parent))
    return path


def write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise UserError(f"The disk is full: make room for {path.parent}, then try again.") from None
        raise UserError(f"{path} cannot be written ({error.strerror}): choose another --out.") from None
    print(path)


def write_png(path: Path, image: Any) -> None:
    from . import png

    write(path, png.encode(image))


def read_picture(path: Path) -> Any:
    """A PNG as (height, width, 3) uint8, row 0 at the top."""
    import bpy
    import numpy as np

    image = bpy.data.images.load(str(path))
    try:
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
    finally:
        bpy.data.images.remove(image)
    return np.rint(pixels.reshape(height, width, 4)[::-1, :, :3] * 255).astype(np.uint8)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
