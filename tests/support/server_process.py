# SPDX-License-Identifier: GPL-3.0-or-later
"""A real generation server in a process of its own, and what tests say to it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from pose_to_anime.generation_server.client import Client
from pose_to_anime.generation_server.protocol import (
    Control,
    GenerationRequest,
    JobState,
    JobStatus,
    JobSubmission,
    ServerAddress,
    new_job_id,
)

SUPPORT = Path(__file__).parent
PATIENCE = 300.0
"""Seconds until something that must happen is held not to happen: no measure of speed, only an end for a hung test."""

STEP_ENGINE = ("--engine", "step_engine:Engine")


class RunningServer:
    """A server process and a client of it."""

    def __init__(self, data_dir: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.process = start_server(data_dir, *arguments, environment=environment)
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().decode()
        if not self.line:
            raise AssertionError(f"The server ended with {self.process.wait()}: {self.errors()}")
        address = ServerAddress.read(data_dir)
        assert address is not None
        self.address = address
        self.client = Client.at(address)

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def stop(self) -> int:
        self.client.close()
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.stop()

    def worker_pid(self) -> int:
        """The worker's process, once there is one."""

        def children() -> list[int]:
            listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
            return [int(pid) for pid in listed.stdout.split()]

        return until(children)[0]

    def wait_until_ready(self) -> None:
        until(lambda: self.client.health().device not in ("starting", "none"))

    # Shorthands

    def submit(
        self, prompt: str = "a girl", job_id: str | None = None, scene: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        request = make_request(prompt, **changes)
        return self.client.submit(JobSubmission(job_id or new_job_id(), request, scene or {})).id

    def wait_for_state(self, job_id: str, *states: JobState) -> JobStatus:
        until(lambda: self.client.job(job_id).state in states)
        return self.client.job(job_id)

    def wait_for_step(self, job_id: str) -> JobStatus:
        """Until a job is in the midst of its denoising."""
        until(lambda: self.client.job(job_id).step > 0)
        return self.client.job(job_id)


@contextmanager
def running_server(data_dir: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[RunningServer]:
    server = RunningServer(data_dir, *(arguments or STEP_ENGINE), environment=environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def start_server(data_dir: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """``serve`` at a free port, with pipes to read. It ends by itself when its test was killed."""
    port = () if "--port" in arguments else ("--port", "0")
    end = () if "--idle-exit" in arguments else ("--idle-exit", "900")
    paths = [str(SUPPORT), str(Path(sys.modules["pose_to_anime"].__file__ or "").parent.parent), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-m", "pose_to_anime.generation_server", "serve", "--data-dir", str(data_dir), *port, *end, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def make_request(prompt: str = "a girl", **changes: Any) -> GenerationRequest:
    values: dict[str, Any] = {"model": "builtin", "width": 64, "height": 128, "steps": 4, "guidance_scale": 5.0, **changes}
    return GenerationRequest(prompt=prompt, **values)


def make_png(width: int = 64, height: int = 128, colour: tuple[int, int, int] = (200, 30, 60), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).convert(mode).save(file, "PNG")
    return file.getvalue()


def openpose(sha256: str) -> tuple[Control, ...]:
    return (Control("openpose", sha256),)


def until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait for something true, and return it."""
    end = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"Nothing came of {condition} in {patience:.0f} seconds.")
        time.sleep(0.02)
    return result


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not waited for does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def kill_hard(pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
