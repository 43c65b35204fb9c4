# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of this computer without what belongs to its user alone: tokens, names, paths, prompts. No bpy."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...generation_server.endings import without_secrets

SHORTEST_SECRET = 6
"""Characters of a text that is taken out wherever it stands: shorter ones are parts of ordinary words."""

_SHORTEST_NAME = 3
_PATH = re.compile(r"(?!/v1/)(?<![\w.:/\\>])(?:[A-Za-z]:)?(?:[\\/][^\s\\/\"'<>|:,;()]+){2,}[\\/]?")
_SECRET_NAMES = re.compile("TOKEN|SECRET|PASSWORD|KEY")


class Redaction:
    """What is taken out of texts."""

    def __init__(self, secrets: Iterable[str] = (), places: Mapping[str, Path] | None = None) -> None:
        """
        Args:
            secrets: texts that must not be told: tokens, prompts, and each line of them.
            places: folders that may be told by a name instead of by their path.
        """
        told = {line.strip() for secret in secrets for line in (secret, *secret.splitlines())}
        told |= {value.strip() for name, value in os.environ.items() if _SECRET_NAMES.search(name.upper())}
        self._secrets = sorted((text for text in told if len(text) >= SHORTEST_SECRET), key=len, reverse=True)
        folders = {**(places or {}), "HOME": Path.home()}
        known = {text: name for name, folder in folders.items() for text in (str(folder), str(folder.resolve()))}
        self._places = sorted(((text, name) for text, name in known.items() if len(text) > 1), key=lambda p: -len(p[0]))
        names = {name for name in (_user(), Path.home().name, socket.gethostname()) if len(name) >= _SHORTEST_NAME}
        self._names = [re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", re.IGNORECASE) for name in sorted(names)]

    def __call__(self, text: str) -> str:
        """The text without them, line by line."""
        return "\n".join(map(self._line, text.splitlines()))

    def _line(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, "…")
        for path, name in self._places:
            line = line.replace(path, f"<{name}>")
        line = without_secrets(line)
        line = _PATH.sub(_end_of_code, line)
        for name_pattern in self._names:
            line = name_pattern.sub("…", line)
        return line


def _end_of_code(found: re.Match[str]) -> str:
    """Of a path, the name of a file of code alone: it says where a fault is, and is nobody's own."""
    name = re.split(r"[\\/]", found.group().rstrip("\\/"))[-1]
    return f"…/{name}" if name.endswith((".py", ".so", ".dll", ".pyd", ".dylib")) else "…"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a system without a name for its user
        return ""
