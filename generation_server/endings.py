# SPDX-License-Identifier: GPL-3.0-or-later
"""What an exit code means, and texts without their secrets: of workers, servers, and all that is told of them. Stdlib only."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path


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
