# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's life: its line, its files, its lock and port, and its end."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from pose_to_anime.generation_server.client import find_server
from pose_to_anime.generation_server.protocol import JobState, ServerAddress
from server_process import PATIENCE, STEP_ENGINE, is_alive, running_server, start_server, until


def ended(data_dir: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a server that ends by itself."""
    process = start_server(data_dir, *STEP_ENGINE, *arguments)
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output.decode(), errors.decode()


def assert_refused(data_dir: Path, *arguments: str) -> str:
    """The one sentence of a server that does not start."""
    code, output, errors = ended(data_dir, *arguments)
    assert (code, output) == (2, ""), errors
    assert len(errors.splitlines()) == 1, errors
    assert errors.endswith(".\n")
    return errors


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such modes there")
def test_what_is_kept_is_this_users_alone(data_dir: Path):
    (data_dir / "blobs" / "ab").mkdir(parents=True)
    (data_dir / "paces.json").write_text("{}")  # of an earlier server, which left it open to all
    with running_server(data_dir, *STEP_ENGINE) as server:
        server.wait_for_state(server.submit(), JobState.DONE)
        made = [path for path in data_dir.rglob("*") if path.parent != data_dir / "blobs" / "ab"]
        assert {"jobs.sqlite", "paces.json", "server.log", "worker.log", "blobs"} <= {path.name for path in made}
        reachable = data_dir / "blobs" / "ab"  # inside a folder that others cannot enter
        assert [path for path in made if path.lstat().st_mode & 0o077 and path != reachable] == []


def test_one_line_and_an_address_for_this_user_alone(data_dir: Path):
    with running_server(data_dir) as server:
        assert server.line == f"Pose to Anime server at {server.address.url}\n"
        assert server.address.pid == server.process.pid
        assert (data_dir / "token").read_text() == server.address.token + "\n"
        assert len(server.address.token) >= 32
        if sys.platform != "win32":
            for name in ("token", ServerAddress.FILE_NAME):
                assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600
            assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        found = find_server(data_dir)
        assert found is not None
        assert found.jobs() == ()
        token = server.address.token
        server.stop()
        assert not (data_dir / ServerAddress.FILE_NAME).exists()
        assert find_server(data_dir) is None
    with running_server(data_dir) as server:
        assert server.address.token == token  # clients that were given it keep working


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without asking them")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_with_listeners_and_a_running_job(data_dir: Path, number: int):
    with running_server(data_dir) as server:
        stream = server.client.events()
        job_id = server.submit("slow", steps=100)
        next(stream)
        server.wait_for_step(job_id)
        worker = server.worker_pid()
        server.process.send_signal(number)
        assert server.process.wait(PATIENCE) in (0, -number)
        assert not is_alive(worker)
        assert not (data_dir / ServerAddress.FILE_NAME).exists()
        assert "Traceback" not in server.errors()


def test_a_second_server_on_the_same_folder_names_the_first(data_dir: Path):
    with running_server(data_dir) as server:
        sentence = assert_refused(data_dir)
        assert f"process {server.process.pid} at {server.address.url}" in sentence
        assert "choose another --data-dir" in sentence
        assert ServerAddress.read(data_dir) == server.address  # the first is not disturbed
        assert server.client.health().problem == ""


def test_two_servers_on_two_folders(data_dir: Path, tmp_path: Path):
    with running_server(data_dir) as one, running_server(tmp_path / "other") as two:
        assert one.address.port != two.address.port
        assert one.address.token != two.address.token
        for server in (one, two):
            server.wait_for_state(server.submit(), JobState.DONE)


def test_what_a_killed_server_left_stops_no_other(data_dir: Path):
    with running_server(data_dir) as server:
        server.kill()
        assert ServerAddress.read(data_dir) is not None
    with running_server(data_dir) as server:
        assert server.client.health().queue_length == 0


def test_a_port_that_is_taken(data_dir: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        sentence = assert_refused(data_dir, "--port", str(other.getsockname()[1]))
        assert "--port" in sentence


def test_the_usual_port_gives_way_to_a_free_one(tmp_path: Path):
    from pose_to_anime.generation_server.__main__ import DEFAULT_PORT
    from pose_to_anime.generation_server.serving import ServeOptions, _listening_socket

    options = ServeOptions("127.0.0.1", None, DEFAULT_PORT, (), "cpu", tmp_path, tmp_path, 0.0, 1, 0)
    with _listening_socket(options) as first, _listening_socket(options) as second:
        assert first.getsockname()[1] != second.getsockname()[1] != DEFAULT_PORT


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7"])
def test_an_address_that_is_not_ours(data_dir: Path, host: str):
    assert "--host" in assert_refused(data_dir, "--tls", "--host", host)


def test_ipv6_and_other_names(data_dir: Path):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this computer")
    with running_server(data_dir, *STEP_ENGINE, "--host", "::1", "--allow-host", "Studio") as server:
        assert server.address.url == f"http://[::1]:{server.address.port}"
        assert server.client.jobs() == ()
        with socket.create_connection(("::1", server.address.port)) as connection:
            connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: studio:80\r\nConnection: close\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_folder_that_cannot_be_used(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    assert "--data-dir" in assert_refused(tmp_path / "file")
    assert "--data-dir" in assert_refused(tmp_path / "file" / "below")


def test_a_broken_list_of_jobs(data_dir: Path):
    data_dir.mkdir()
    (data_dir / "jobs.sqlite").write_bytes(b"no database" * 1000)
    assert "jobs.sqlite" in assert_refused(data_dir)


def test_an_idle_server_ends(data_dir: Path):
    with running_server(data_dir, *STEP_ENGINE, "--idle-exit", "1") as server:
        assert server.process.wait(PATIENCE) == 0
        assert not (data_dir / ServerAddress.FILE_NAME).exists()


def test_a_server_with_a_job_or_a_listener_does_not_end(data_dir: Path):
    limit = 2.0
    with running_server(data_dir, *STEP_ENGINE, "--idle-exit", str(limit)) as server:
        job_id = server.submit("slow", steps=100)  # for five seconds, in which nobody asks anything
        time.sleep(2 * limit)
        assert server.process.poll() is None
        stream = server.client.events()
        next(stream)
        server.client.cancel(job_id)
        time.sleep(2 * limit)
        assert server.process.poll() is None
        stream.close()
        until(lambda: server.process.poll() is not None)


def run_program(*arguments: str) -> subprocess.CompletedProcess[str]:
    folder = str(Path(sys.modules["pose_to_anime"].__file__ or "").parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-m", "pose_to_anime.generation_server", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.parametrize(
    "arguments",
    [(), ("sing",), ("serve", "--port", "x"), ("serve", "--port", "70000"), ("serve", "--idle-exit", "-1"), ("serve", "x")],
)
def test_a_command_line_that_says_nothing_sensible(arguments: tuple[str, ...]):
    done = run_program(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_help_has_examples():
    done = run_program("serve", "--help")
    assert done.returncode == 0
    assert "examples:" in done.stdout
    assert "--idle-exit" in done.stdout
