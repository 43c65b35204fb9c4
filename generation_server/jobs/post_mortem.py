# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a worker died: its exit code, the likely cause, and the last lines of its log with all secrets taken out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..endings import describe_end, without_secrets

TOLD_LINES = 8
"""Lines of the log that a job carries: a traceback's end, or the beginning of what faulthandler says of a crash."""

LONGEST_TOLD = 300
"""Characters of one of these lines."""

_READ = 64 * 1024
"""Bytes of the log's end in which the cause is sought."""


@dataclass(frozen=True)
class End:
    """How a worker ended."""

    how: str  # for a person, part of a sentence
    log: tuple[str, ...] = ()


class Watch:
    """Begun before a worker starts, so that what its log and the kernel say later is about this one."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        """``environment``: the worker's, whose secrets are kept out of what is told."""
        self._log = log
        self._begin = log.stat().st_size if log.exists() else 0
        self._killed_for_memory = _killed_for_memory()
        self._secrets = [
            value
            for name, value in environment.items()
            if len(value) >= 8 and re.search("TOKEN|SECRET|PASSWORD|KEY", name.upper())
        ]

    def end(self, code: int) -> End:
        """How the worker with this exit code ended."""
        lines = self._lines()
        before, now = self._killed_for_memory, _killed_for_memory()
        killed = None if before is None or now is None else now > before
        return End(describe_end(code, "\n".join(lines), killed), tuple(self.told(lines)))

    def told(self, lines: list[str]) -> list[str]:
        """The lines that a job carries."""
        chosen = lines[-TOLD_LINES:]
        for number, line in enumerate(lines):  # what faulthandler says of a crash: what, and in which thread, among all threads
            if line.startswith("Fatal Python error"):
                thread = next((n for n in range(number, len(lines)) if lines[n].startswith("Current thread")), number + 1)
                chosen = [line, *lines[thread : thread + TOLD_LINES - 1]]
        return [without_secrets(line, self._secrets)[:LONGEST_TOLD] for line in chosen]

    def last_lines(self) -> tuple[str, ...]:
        """What the worker said last."""
        return tuple(self.told(self._lines()))

    def _lines(self) -> list[str]:
        """What this worker printed, its end; no empty lines."""
        try:
            size = self._log.stat().st_size
            begin = self._begin if self._begin <= size else 0  # a log that was too long is begun anew
            with self._log.open("rb") as file:
                file.seek(max(begin, size - _READ))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        return [line.rstrip() for line in text.splitlines() if line.strip()]


def _killed_for_memory() -> int | None:
    """How often Linux' kernel has ended a process for want of memory, cgroups included; None on other systems."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), None)
    except (OSError, ValueError):
        return None
