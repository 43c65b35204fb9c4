# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests inside Blender: a real generation server with the step engine, run by the server's own Python."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from checkout import server_python
from pose_to_anime.addon.generate.server_process import PYTHON_VARIABLE
from pose_to_anime.generation_server.client import Client
from pose_to_anime.generation_server.protocol import ServerAddress

T = TypeVar("T")
SUPPORT = Path(__file__).parent
PATIENCE = 180.0
"""Seconds until something that must happen is held not to happen: no measure of speed, only an end for a hung test."""


def start_step_servers(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """From now on, who starts a server of this computer starts one with the step engine; user data lie in ``home``."""
    python = server_python()
    if python is None:
        pytest.skip("the server's environment is not there")
    monkeypatch.setenv(PYTHON_VARIABLE, str(python))
    monkeypatch.setenv("POSE_TO_ANIME_SERVER_ENGINE", "step_engine:Engine")
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(home))


class StepServer:
    def __init__(self, data_dir: Path, *options: str) -> None:
        python = server_python()
        if python is None:
            pytest.skip("the server's environment is not there")
        self.data_dir = data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"} | {"PYTHONPATH": str(SUPPORT)}
        serve = ["serve", "--data-dir", str(data_dir), "--port", "0", "--engine", "step_engine:Engine", *options]
        self.process = subprocess.Popen(
            [str(python), "-m", "pose_to_anime.generation_server", *serve],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        address = wait_for(lambda: self.process.poll() is not None or ServerAddress.read(data_dir))
        assert isinstance(address, ServerAddress), f"the server ended with {self.process.poll()}"
        self.address = address

    def client(self) -> Client:
        return Client.at(self.address)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        (self.data_dir / ServerAddress.FILE_NAME).unlink(missing_ok=True)


def wait_for(what: Callable[[], T], meanwhile: Callable[[], object] = lambda: None) -> T:
    """The first true value of ``what``, calling ``meanwhile`` in between."""
    end = time.monotonic() + PATIENCE
    while True:
        if found := what():
            return found
        if time.monotonic() > end:
            raise AssertionError("what was waited for did not happen")
        meanwhile()
        time.sleep(0.03)
