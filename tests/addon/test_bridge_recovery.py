# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong around the bridge, and how it goes on: servers that end unnoticed, disks that are full, slow starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import checkout  # noqa: E402
from bridge_parts import Bridge, make_record  # noqa: E402
from pose_to_anime.addon.generate.link import Link  # noqa: E402
from pose_to_anime.addon.generate.records import read_record  # noqa: E402
from pose_to_anime.addon.generate.server_process import PYTHON_VARIABLE, server_python  # noqa: E402
from pose_to_anime.addon.generate.telling import MODELS_FILE  # noqa: E402
from pose_to_anime.generation_server.protocol import SERVER_PYTHON_FILE, JobState  # noqa: E402
from step_server import StepServer, wait_for  # noqa: E402

pytestmark = pytest.mark.requires("server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of the test's own, for the bridge too."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(folder))
    return folder


def test_a_server_that_ended_unnoticed_is_replaced_by_the_next(tmp_path: Path) -> None:
    servers = [StepServer(tmp_path / "server")]
    bridge = Bridge(server_dir=str(servers[0].data_dir))
    try:
        bridge.link.send({"do": "connect", "start": False})
        bridge.wait_for("server", state="connected")
        servers[0].kill()
        servers.append(StepServer(servers[0].data_dir))
        record = make_record(tmp_path)
        bridge.submit(record, start=False)
        assert bridge.final(record).state is JobState.DONE
    finally:
        bridge.link.stop()
        for server in servers:
            server.stop()


def test_what_was_cancelled_without_a_server_is_not_painted_by_the_next(tmp_path: Path) -> None:
    first = StepServer(tmp_path / "server")
    bridge = Bridge(server_dir=str(first.data_dir))
    try:
        record = make_record(tmp_path, "slow", 100)
        bridge.submit(record, start=False)
        bridge.wait_for("job")
        first.kill()
        bridge.wait_for("lost", job=record.job_id)
        bridge.link.send({"do": "cancel", "job": record.job_id})
        assert bridge.final(record).state is JobState.CANCELLED
        second = StepServer(first.data_dir)
        try:
            bridge.link.send({"do": "connect", "start": False})
            with second.client() as client:
                wait_for(lambda: client.job(record.job_id).state.is_final, bridge.listen)
                assert client.job(record.job_id).state is JobState.CANCELLED
        finally:
            second.stop()
    finally:
        bridge.link.stop()
        first.stop()


def test_connecting_again_asks_again(server: StepServer) -> None:
    bridge = Bridge(server_dir=str(server.data_dir))
    try:
        for times in (1, 2):
            bridge.link.send({"do": "connect", "start": False})
            wait_for(lambda times=times: sum(t["event"] == "models" for t in bridge.told) == times, bridge.listen)
    finally:
        bridge.link.stop()


def test_a_picture_that_cannot_be_written_stays_on_the_server_until_it_can(
    server: StepServer, home: Path, tmp_path: Path
) -> None:
    (home / MODELS_FILE).mkdir()  # nor can anything else
    bridge = Bridge(server_dir=str(server.data_dir))
    try:
        record = make_record(tmp_path, "slow", 8)
        record.result_path.mkdir()
        for name in ("preview-0.jpg", "preview-1.jpg"):
            (bridge.link.folder / name).mkdir()
        bridge.submit(record)
        assert "stays on the server" in bridge.wait_for("lost", job=record.job_id)["sentence"]
        record.result_path.rmdir()
        assert bridge.final(record).state is JobState.DONE
        assert record.result_path.is_file()
        assert not any(told["event"] == "preview" for told in bridge.told)
    finally:
        bridge.link.stop()


def test_the_python_of_the_last_server_starts_the_next(
    server: StepServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed extension has no environment beside it; the one of a checkout shows itself by having been used."""
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    assert server_python(tmp_path / "unused", root=tmp_path) is None
    found = server_python(server.data_dir, root=tmp_path)
    assert found is not None and found.samefile(checkout.server_python())
    (tmp_path / SERVER_PYTHON_FILE).write_text(str(tmp_path / "deleted" / "bin" / "python"), "utf-8")
    assert server_python(tmp_path, root=tmp_path) is None


def test_a_server_that_cannot_start_fails_its_job_and_not_one_that_waits_for_another(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, sys.executable)  # a Python without the server's packages
    bridge = Bridge(server_dir=str(home / "server"))
    try:
        former, new = make_record(tmp_path), make_record(tmp_path)
        bridge.link.send({"do": "resume", "record": str(former.path)})
        bridge.submit(new, start=True)
        failed = bridge.final(new)
        assert failed.state is JobState.FAILED and "server" in failed.error
        assert bridge.wait_for("server", state="down")["sentence"] == failed.error
        assert read_record(former.path).state is JobState.QUEUED
    finally:
        bridge.link.stop()


_SLOW_CALLER = """
import json, socket, sys, time
first = json.loads(sys.stdin.read())
with socket.create_connection(("127.0.0.1", first["port"])) as blender:
    secret = first["secret"].encode()
    for part in (b"", secret[:10], secret[10:] + b"\\n"):
        time.sleep(0.2)
        blender.sendall(part)
    time.sleep(600)
"""


def test_a_bridge_on_a_busy_computer_may_take_its_time(home: Path) -> None:
    link = Link([sys.executable, "-c", _SLOW_CALLER], {})
    try:
        wait_for(lambda: link.is_connected, link.poll)
    finally:
        link.process.kill()
        link.process.wait()
        link.stop()


def test_a_refused_picture_leaves_a_record_that_can_be_read(server: StepServer, tmp_path: Path) -> None:
    record = make_record(tmp_path)
    data = json.loads(record.path.read_text("utf-8"))
    data["request"]["model"] = "nothing"
    record.path.write_text(json.dumps(data), "utf-8")
    bridge = Bridge(server_dir=str(server.data_dir))
    try:
        bridge.submit(record)
        assert "nothing" in bridge.final(record).error
    finally:
        bridge.link.stop()
