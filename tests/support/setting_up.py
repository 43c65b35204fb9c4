# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the set-up of a server as Blender does, as a process of its own, and looks at what it tells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checkout import ROOT

PATIENCE = 300.0
"""Seconds until something that must happen is held not to happen: no measure of speed."""

FAKES = {
    "torch": b"__version__ = '0'\nclass cuda:\n    is_available = lambda: False\nclass backends:\n    mps = cuda\n",
    "diffusers": b"", "transformers": b"", "fastapi": b"", "uvicorn": b"",
}  # fmt: skip
"""What a set-up imports in the end, for those that are about everything else."""


@dataclass
class User:
    """A user's folder and the program that works on it."""

    home: Path
    index_url: str
    program: Path = ROOT / "requirements" / "server_setup.py"
    variables: dict[str, str] = field(default_factory=dict)

    def start(self, command: str, *options: str) -> subprocess.Popen[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        environment |= {"PIP_INDEX_URL": self.index_url, "PIP_CONFIG_FILE": os.devnull, **self.variables}
        arguments = [sys.executable, "-I", str(self.program), command, "--home", str(self.home), *options]
        return subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def run(self, command: str, *options: str) -> dict[str, Any]:
        """Do a command to its end; what it prints."""
        process = self.start(command, *options)
        out, err = process.communicate(timeout=PATIENCE)
        assert err == ""
        told: dict[str, Any] = json.loads(out)
        assert process.returncode == (2 if told["error"] else 0)
        return told

    def status(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads((self.home / "server-setup" / "status.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return told

    def start_and_wait(self, command: str, true: Callable[[dict[str, Any]], Any]) -> subprocess.Popen[str]:
        """Start a command, and come back when its status is as ``true`` wants it, while it still works."""
        process = self.start(command)
        end = time.monotonic() + PATIENCE
        while True:
            status = self.status()
            if status.get("pid") == process.pid and true(status):
                return process
            assert process.poll() is None, (status, process.communicate())
            assert time.monotonic() < end, status
            time.sleep(0.005)

    def log(self) -> str:
        return (self.home / "server-setup" / "setup.log").read_text("utf-8")


def copy_of_program(folder: Path, lock: str) -> Path:
    """The set-up of an extension whose server needs what ``lock`` says; the path of its program."""
    made = folder / "requirements"
    shutil.copytree(ROOT / "requirements", made, ignore=shutil.ignore_patterns("*.txt", "*.in", "__pycache__"))
    (made / "server.txt").write_text(lock, "utf-8")
    return made / "server_setup.py"
