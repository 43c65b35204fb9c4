# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures from files as icons of a panel, each read when it is first drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import bpy.utils.previews


class Icons:
    """Blender wants such pictures given back: a panel's module hands ``open`` and ``close`` on as its hooks."""

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        """``path_of``: where the picture for a name lies, if it has one."""
        self._path_of = path_of
        self._loaded: bpy.utils.previews.ImagePreviewCollection | None = None
        self._missing: set[str] = set()

    def open(self) -> None:
        self._loaded = bpy.utils.previews.new()

    def close(self) -> None:
        if self._loaded is not None:
            bpy.utils.previews.remove(self._loaded)
        self._loaded = None
        self._missing.clear()

    def icon(self, name: str) -> int:
        """The icon for a name; 0 for one without a picture, which is looked for once: panels are drawn often."""
        if self._loaded is None or name in self._missing:
            return 0
        if name not in self._loaded:
            path = self._path_of(name)
            if not path.is_file():
                self._missing.add(name)
                return 0
            self._loaded.load(name, str(path), "IMAGE")
        return int(self._loaded[name].icon_id)
