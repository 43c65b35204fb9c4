# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures from files as icons of a panel, each looked for when it is first drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..generate.icon_files import IconFiles


class Icons:
    """Blender wants such pictures given back: a panel's module hands ``open`` and ``close`` on as its hooks."""

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        """``path_of``: where the picture for a name lies, if it has one."""
        self._path_of = path_of
        self._files = IconFiles()
        self._missing: set[str] = set()

    def open(self) -> None:
        self._files.open()

    def close(self) -> None:
        self._files.close()
        self._missing.clear()

    def icon(self, name: str) -> int:
        """The icon for a name; 0 for one without a picture, which is looked for once: panels are drawn often."""
        if not self._files.is_open or name in self._missing:
            return 0
        if found := self._files.icon(name):
            return found
        path = self._path_of(name)
        if not path.is_file():
            self._missing.add(name)
            return 0
        self._files.load(name, path)
        return self._files.icon(name)
