# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library among Blender's own asset libraries: added on a click alone, and taken out with the extension."""

from __future__ import annotations

import bpy

from ..package import ASSETS
from ..preferences import preferences
from ..translations import translated
from .reporting import report

_NAME = "Pose to Anime"


def is_registered() -> bool:
    """Whether Blender's preferences have our asset library."""
    return _ours() is not None


def _ours() -> bpy.types.UserAssetLibrary | None:
    place = str(ASSETS)
    libraries = bpy.context.preferences.filepaths.asset_libraries
    return next((library for library in libraries if library.path.rstrip("/\\") == place), None)


def _add() -> None:
    if _ours() is None:
        bpy.context.preferences.filepaths.asset_libraries.new(name=_NAME, directory=str(ASSETS))


def _remove() -> None:
    if (library := _ours()) is not None:
        bpy.context.preferences.filepaths.asset_libraries.remove(library)


def _wish(wanted: bool) -> None:
    """What is put back when the extension is enabled again, from wherever it then is."""
    if (own := preferences()) is not None:
        own.pose_assets = wanted


class P2A_OT_add_pose_assets(bpy.types.Operator):
    bl_idname = "pose_to_anime.add_pose_assets"
    bl_label = "Add to Asset Browser"
    bl_description = "Add the pose library to Blender's asset libraries: Pose Mode then shows it in its asset shelf"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not is_registered():
            return True
        cls.poll_message_set(translated("The pose library is in the Asset Browser already"))
        return False

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if not ASSETS.is_dir():
            report(self, {"ERROR"}, f"The folder {ASSETS} is missing: install the extension again.")
            return {"CANCELLED"}
        _add()
        _wish(True)
        report(self, {"INFO"}, f"“{_NAME}” is in Blender's asset libraries now")
        return {"FINISHED"}


class P2A_OT_remove_pose_assets(bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_pose_assets"
    bl_label = "Remove from Asset Browser"
    bl_description = "Take the pose library out of Blender's asset libraries; its files stay"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if is_registered():
            return True
        cls.poll_message_set(translated("The pose library is not in the Asset Browser"))
        return False

    def execute(self, _context: bpy.types.Context) -> set[str]:
        _remove()
        _wish(False)
        return {"FINISHED"}


CLASSES: tuple[type, ...] = (P2A_OT_add_pose_assets, P2A_OT_remove_pose_assets)


def register() -> None:
    own = preferences()
    if own is not None and own.pose_assets:
        _add()


def unregister() -> None:
    _remove()
