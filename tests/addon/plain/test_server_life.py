# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of this computer as the bridge starts, adopts, stops and restarts it: real processes, of which none is left.

With the server's packages alone: processes take their time, and in Blender ``test_server_verbs`` does the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

from bridge_parts import Bridge, make_record
from pose_to_anime.addon.generate import server_process
from pose_to_anime.addon.generate.processes import is_running
from pose_to_anime.addon.generate.records import Record, read_record
from pose_to_anime.addon.generate.server_process import Ending, stop_server
from pose_to_anime.generation_server.__main__ import DEFAULT_PORT
from pose_to_anime.generation_server.protocol import JobState, ServerAddress
from step_server import start_step_servers, wait_for

pytestmark = pytest.mark.requires("server")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a server may be started; whichever runs there in the end is ended."""
    start_step_servers(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("STEP_ENGINE_HOLD", str(tmp_path / "hold"))
    yield tmp_path / "server"
    if ending := stop_server(tmp_path / "server", None):
        wait_for(ending.is_over)


@contextlib.contextmanager
def bridges(folder: Path, count: int = 1) -> Iterator[list[Bridge]]:
    made = [Bridge(server_dir=str(folder)) for _ in range(count)]
    try:
        yield made
    finally:
        for bridge in made:
            bridge.link.stop()
        for bridge in made:
            bridge.link.process.wait(60)


def pid_of(folder: Path) -> int:
    address = ServerAddress.read(folder)
    assert address is not None
    return address.pid


def children(pid: int) -> list[int]:
    """The processes that one has started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in listed.stdout.split()]


def servers(folder: Path) -> list[str]:
    """The command lines of all servers on this folder, also of one that does not answer yet."""
    listed = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if str(folder) in line and "generation_server serve" in line]


def begin(bridge: Bridge, tmp_path: Path) -> Record:
    """A job that is being painted, and stays so until ``go_on``."""
    (tmp_path / "hold").touch()
    record = make_record(tmp_path, "held")
    bridge.submit(record, start=True)

    def is_painted() -> bool:
        jobs = (told["job"] for told in bridge.told if told["event"] == "job")
        return any(job["id"] == record.job_id and job["step"] > 0 for job in jobs)

    wait_for(is_painted, bridge.listen)
    return record


def go_on(tmp_path: Path) -> None:
    (tmp_path / "hold").unlink()


def told_of_server(bridge: Bridge) -> list[tuple[str, str]]:
    return [(told["state"], told["sentence"]) for told in bridge.told if told["event"] == "server"]


def test_two_blenders_start_one_server_which_outlives_both_and_is_adopted_and_stopped(folder: Path, tmp_path: Path) -> None:
    """Also where the usual port is taken."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # something of this computer has it already
            stack.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORT)))
        with bridges(folder, 2) as both:
            for bridge in both:
                bridge.link.send({"do": "connect", "start": True})
            for bridge in both:
                bridge.wait_for("server", state="connected")
            pid = pid_of(folder)
            record = begin(both[0], tmp_path)
            worker = children(pid)
        assert is_running(pid) and len(worker) == 1, "a server does not end with the Blender that started it"
        with bridges(folder) as (later,):
            later.link.send({"do": "resume", "record": str(record.path)})
            later.link.send({"do": "connect", "start": True})
            go_on(tmp_path)
            assert later.final(record).state is JobState.DONE, "what nobody waited for is fetched"
            assert pid_of(folder) == pid, "the one that runs is used"
            assert record.result_path.is_file()

            left = begin(later, tmp_path)
            later.link.send({"do": "stop_server"})
            sentence = later.wait_for("lost", job=left.job_id)["sentence"]
            assert sentence == "The server was stopped. The job goes on when the server is back."
            assert told_of_server(later)[-1] == ("down", ""), "whom the user has ended needs no message"
            wait_for(lambda: not is_running(pid) and not any(map(is_running, worker)), later.listen)
            assert ServerAddress.read(folder) is None and read_record(left.path).state is JobState.QUEUED


def test_a_restart_brings_another_server_and_the_job_goes_on(folder: Path, tmp_path: Path) -> None:
    with bridges(folder) as (bridge,):
        bridge.link.send({"do": "stop_server", "restart": True})  # where none runs, it is a start
        bridge.wait_for("server", state="connected")
        first = pid_of(folder)
        record = begin(bridge, tmp_path)
        bridge.told.clear()
        bridge.link.send({"do": "stop_server", "restart": True})
        bridge.wait_for("server", state="starting")
        go_on(tmp_path)
        assert bridge.final(record).state is JobState.DONE
        assert pid_of(folder) != first and not is_running(first)
        assert [state for state, _ in told_of_server(bridge)][-1] == "connected"


def test_one_that_dies_is_said_with_its_end_and_one_that_starts_can_be_stopped(folder: Path, tmp_path: Path) -> None:
    with bridges(folder) as (bridge,):
        record = begin(bridge, tmp_path)
        pid = pid_of(folder)
        worker = children(pid)
        os.kill(pid, signal.SIGKILL)
        sentence = bridge.wait_for("server", state="down")["sentence"]
        assert "exit code -9, SIGKILL: most often because the computer ran out of memory" in sentence
        assert "Its last words:\n" in sentence and len(sentence.splitlines()) > 1
        assert "last words" not in bridge.wait_for("lost", job=record.job_id)["sentence"]
        wait_for(lambda: not any(map(is_running, worker)), bridge.listen)

        bridge.told.clear()
        bridge.link.send({"do": "connect", "start": True})
        bridge.wait_for("server", state="starting")
        bridge.link.send({"do": "stop_server"})
        bridge.wait_for("server", state="down", sentence="")
        bridge.link.send({"do": "cancel", "job": record.job_id})
        assert bridge.final(record).state is JobState.CANCELLED
        wait_for(lambda: not servers(folder), bridge.listen)


def test_who_does_not_end_when_told_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        ending = Ending(process.pid, process)
        assert not ending.is_over()
        monkeypatch.setattr(server_process, "STOP_LIMIT", 0.0)
        wait_for(ending.is_over)
        assert process.returncode == -signal.SIGKILL


def test_a_number_that_is_another_program_s_by_now_is_left_alone(tmp_path: Path) -> None:
    """A server was killed, and the system gave its number and its port to others."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as other:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        ServerAddress(other.pid, "127.0.0.1", port, "token").write(tmp_path)
        assert stop_server(tmp_path, None) is None
        assert other.poll() is None
