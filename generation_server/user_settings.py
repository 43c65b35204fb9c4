# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's user has set, in a file of its data directory."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .jobs.blobs import DiskFull, is_disk_full
from .protocol import ProtocolError, ServerSettings
from .replacing import put_in_place

FILE_NAME = "settings.json"


class SettingsError(Exception):
    """The file, or what overrides it, cannot be used. The text is one sentence."""


class UserSettings:
    """The settings as they are now. ``overrides`` are of this run alone: the command line's."""

    def __init__(self, data_dir: Path, overrides: Mapping[str, Any] | None = None) -> None:
        """Raises SettingsError: with other settings than the user's, pictures might be removed that shall stay."""
        self._path = data_dir / FILE_NAME
        try:
            self._saved = ServerSettings.from_json(json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            self._saved = ServerSettings()
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"The settings in {self._path} cannot be read ({str(error).rstrip('.')}): correct that file, or delete it."
            ) from error
        self._overrides = dict(overrides or {})
        try:
            self.now = dataclasses.replace(self._saved, **self._overrides)
        except ProtocolError as error:
            raise SettingsError(f"The options of the command line cannot be used: {error}") from error

    def change(self, changes: Any) -> ServerSettings:
        """Set what ``changes``, an object, names, and keep it; an option of this run ends where it is named.

        Raises ProtocolError, DiskFull; then nothing changed.
        """
        if not isinstance(changes, Mapping):
            raise ProtocolError("Settings are changed with a JSON object that names some of them.")
        former = self._saved.to_json()
        if unknown := [name for name in changes if name not in former]:
            raise ProtocolError(f"There is no setting '{unknown[0]!s:.40}': there are {', '.join(former)}.")
        new = ServerSettings.from_json({**former, **changes})
        draft = self._path.with_name(f"{FILE_NAME}.{os.getpid()}")
        try:
            draft.write_text(json.dumps(new.to_json(), indent=1), "utf-8")
            put_in_place(draft, self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            if is_disk_full(error):
                raise DiskFull(self._path.parent) from error
            raise
        self._saved = new
        self._overrides = {name: value for name, value in self._overrides.items() if name not in changes}
        self.now = dataclasses.replace(new, **self._overrides)
        return self.now
