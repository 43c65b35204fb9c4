# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a worker died: its exit code, the likely cause, and the last lines of its log with all secrets taken out."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


def describe_end(code: int, log: str = "", killed_for_memory: bool | None = None) -> str:
    """Exit code and likely cause, for a person.

    ``log`` is what the worker printed; ``killed_for_memory`` whether the kernel has ended a process for want of memory in the
    meantime, None where it does not say.
    """
    if sys.platform == "win32":
        code &= 0xFFFFFFFF
    if (text := _WINDOWS_ENDS.get(code)) is not None:
        return f"exit code 0x{code:08X}: {_cause_in(log) or text}"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        cause = _cause_in(log) or _SIGNAL_CAUSES.get(name, "another program ended it")
        if name == "SIGKILL" and killed_for_memory is not None:
            cause = _KILLED_FOR_MEMORY if killed_for_memory else _KILLED_FOR_ANOTHER_REASON
        return f"exit code {code}, {name}: {cause}"
    cause = _cause_in(log)
    return f"exit code {code}: {cause}" if cause else f"exit code {code}"


def without_secrets(line: str, secrets: list[str] | None = None) -> str:
    """The line with tokens, passwords, signed addresses and the user's name out of it."""
    for secret in secrets or ():
        line = line.replace(secret, "…")
    for pattern, replacement in _SECRETS:
        line = pattern.sub(replacement, line)
    home = str(Path.home())
    return line.replace(home, "~") if len(home) > 1 else line


def _cause_in(log: str) -> str:
    return next((cause for pattern, cause in _LOG_CAUSES if pattern.search(log)), "")


def _killed_for_memory() -> int | None:
    """How often Linux' kernel has ended a process for want of memory, cgroups included; None on other systems."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), None)
    except (OSError, ValueError):
        return None


_KILLED_FOR_MEMORY = "the system ended it because the computer ran out of memory"
_KILLED_FOR_ANOTHER_REASON = "a person or another program ended it; the system has ended nothing for want of memory"
_SIGNAL_CAUSES = {
    "SIGKILL": "most often because the computer ran out of memory",
    "SIGSEGV": "a segmentation fault, most often of the graphics driver or of a library",
    "SIGBUS": "most often a full disk or a fault of a library",
    "SIGABRT": "a library gave up, most often the graphics driver",
    "SIGILL": "this processor lacks an instruction that a library needs",
}
_WINDOWS_ENDS = {
    0xC0000005: "a crash, most often a fault of the graphics driver or of a library",
    0xC0000017: "the computer ran out of memory",
    0xC000012D: "the computer ran out of memory",
    0xC000001D: "this processor lacks an instruction that a library needs",
    0xC0000409: "a library gave up, most often the graphics driver",
}
# What torch, the drivers and the system print before the end; the first that fits is told.
_LOG_CAUSES = (
    (re.compile(r"(CUDA|HIP|MPS)[^\n]{0,40}out of memory|torch\.OutOfMemoryError"), "the GPU's memory was full"),
    (
        re.compile(r"(CUDA|HIP|cuDNN) error|CUBLAS_STATUS_|CUDNN_STATUS_|device-side assert|NVRM: Xid"),
        "the GPU or its driver reported an error",
    ),
    (re.compile(r"std::bad_alloc|MemoryError|[Cc]annot allocate memory|DefaultCPUAllocator"), "the computer's memory was full"),
    (re.compile(r"No space left on device"), "the disk was full"),
)
_SECRETS = (
    (re.compile(r"://[^/\s@]+@"), "://…@"),
    (re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']+"), r"\1?…"),
    (re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)(\w+\s+)?[^\s\"',}]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer\s+)[^\s\"',}]+"), r"\1…"),
    (re.compile(r"(?i)\b([\w-]*(?:token|secret|password|api[_-]?key)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+"), r"\1…"),
    (re.compile(r"\bhf_\w{8,}"), "hf_…"),
    (re.compile(r"\b(?!_Z)(?=[\w-]*\d)[\w-]{40,}"), "…"),  # random texts such as our own token, and hashes; no symbols of C++
)
