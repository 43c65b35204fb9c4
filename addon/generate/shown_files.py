# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of results where they can be dragged from: in the system's file manager, and in Blender's own File Browser."""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from ..errors import UserError
from . import session, timer
from .file_manager import Showing
from .viewing import split_off

LOWEST = 420
"""Pixels of an editor at 100% below which no File Browser is split off it."""

_SHARE = 0.4  # of an editor's height
_RESULTS = "-????????.png"
"""What names of results end with: control images have their kind before the ending."""
_LOOKS = 100  # calls of the timer in which Blender has to have drawn a new File Browser


class _Shown:
    """What the system's file manager is being asked for."""

    showing: Showing | None = None

    @property
    def is_busy(self) -> bool:
        return self.showing is not None and self.showing.is_busy

    def poll(self) -> bool:
        if self.showing is None or not self.showing.poll():
            return False
        _tell(self.showing)
        self.showing = None
        return True


_shown = _Shown()


def show_in_folder(path: Path) -> None:
    """Have the system's file manager show a file in its folder."""
    _shown.showing = Showing(path)
    if _shown.is_busy:
        timer.start()
    else:
        _tell(_shown.showing)


def _tell(showing: Showing) -> None:
    if showing.has_failed:
        session.fail(f"The system has no file manager that could be opened: the picture lies at {showing.path}.")


def browse(context: bpy.types.Context, path: Path) -> None:
    """Show a result with the others of its folder in a File Browser of Blender's: one that is open in this window, else one that
    is split off below the editor in which this was asked for. Raises UserError where there is no room."""
    area = next((each for each in context.window.screen.areas if each.ui_type == "FILES"), None) or _split_off(context)
    area.ui_type = "FILES"
    area.spaces.active.show_region_toolbar = False
    _fill_later(area.as_pointer(), path)


def _split_off(context: bpy.types.Context) -> bpy.types.Area:
    area = context.area
    has_room = area is not None and area.height >= LOWEST * context.preferences.system.ui_scale
    new = split_off(context.window, area, "HORIZONTAL", _SHARE) if has_room else None
    if new is None:
        raise UserError("There is no room for a File Browser below this editor: make it higher, or open a File Browser.")
    return min(area, new, key=lambda each: each.y)


def _fill_later(pointer: int, path: Path, looks: int = _LOOKS) -> None:
    """Lead a File Browser to a file, once Blender has drawn it for the first time; by pointer, for areas come and go."""

    def fill() -> None:
        areas = (area for window in bpy.context.window_manager.windows for area in window.screen.areas)
        area = next((area for area in areas if area.as_pointer() == pointer and area.ui_type == "FILES"), None)
        if area is None:
            return
        params = area.spaces.active.params
        if params is None:
            if looks:
                _fill_later(pointer, path, looks - 1)
            return
        params.directory = os.fsencode(path.parent)
        params.filter_search = _RESULTS
        params.display_type = "THUMBNAIL"
        params.sort_method = "FILE_SORT_TIME"
        params.use_sort_invert = True
        params.use_filter = params.use_filter_image = True
        params.use_filter_folder = False
        area.spaces.active.activate_file_by_relative_path(relative_path=path.name)
        area.tag_redraw()

    timer.later(f"browse {pointer}", fill)


CLASSES: tuple[type, ...] = ()


def register() -> None:
    timer.watchers.append(_shown)


def unregister() -> None:
    timer.watchers.remove(_shown)
    _shown.showing = None
