# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of the user's in the system's file manager."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..errors import UserError


def open_folder(folder: Path) -> None:
    """Show a folder, made if need be; a Blender without a window only makes it. Raises UserError where one of these fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error
    if bpy.app.background:
        return
    try:
        bpy.ops.wm.path_open(filepath=str(folder))
    except RuntimeError as error:  # of the system: Blender hands it on, with its traceback, on Windows and macOS
        raise UserError(f"The folder {folder} cannot be shown from here: open it in your file manager.") from error
