# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker process as the server holds it: start, talk in lines of JSON over its pipes, notice its end.

Its standard input closing is the worker's sign that the server is gone, so no worker outlives a server, however that one ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of one message; the largest are previews, some tens of kilobytes."""

LARGEST_LOG = 2 * 1024 * 1024
"""Bytes of the worker's log from which a new one is begun."""


class WorkerSilent(Exception):
    """The worker has not given a sign of life for too long."""


def module_command(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment that run a module of this package, whatever the package is called and wherever it lies."""
    package = __package__.rpartition(".")[0]  # …generation_server
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    folder = Path(__file__).absolute().parents[len(__package__.split("."))]  # not resolved: the package may be a link there
    if (folder / __package__.partition(".")[0]).is_dir():
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return [sys.executable, "-m", f"{package}.{module}", *arguments], environment


class WorkerProcess:
    """One running worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Self:
        """Start it; what it prints goes to the end of ``log``. Raises OSError when it cannot be started."""
        mode = "wb" if log.exists() and log.stat().st_size > LARGEST_LOG else "ab"
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        else:
            options["start_new_session"] = True  # Ctrl-C in the server's terminal is for the server, which then ends its worker
        with log.open(mode) as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=dict(environment),
                limit=LONGEST_LINE,
                **options,
            )
        return cls(process)

    def send(self, message: Mapping[str, Any]) -> None:
        """Put a message on its way. One that is dead gets nothing; ``messages`` tells of its end."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(message).encode("utf-8") + b"\n")

    async def messages(self, silence: float) -> AsyncIterator[dict[str, Any]]:
        """What it says, until it ends. Raises WorkerSilent when nothing comes for ``silence`` seconds."""
        assert self._process.stdout is not None
        while True:
            try:
                line = await asyncio.wait_for(self._process.stdout.readline(), silence)
            except TimeoutError:
                raise WorkerSilent from None
            if not line.endswith(b"\n"):
                return  # nothing, or the half of a message of one that was killed
            yield json.loads(line)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        """Its exit code; negative is the signal that ended it."""
        return await self._process.wait()

    async def stop(self, patience: float) -> None:
        """End it: by word, then, after ``patience`` seconds, by force."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            self.kill()
            await self._process.wait()
