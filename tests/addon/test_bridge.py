# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge: a real process of Blender's Python between a test in Blender's place and a real server."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from bridge_parts import Bridge, make_record  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.generate.link import Link, LinkError  # noqa: E402
from pose_to_anime.addon.generate.records import read_record, read_records, record_paths, write_record  # noqa: E402
from pose_to_anime.addon.generate.server_process import HOW_TO_START  # noqa: E402
from pose_to_anime.generation_server.protocol import JobState  # noqa: E402
from step_server import StepServer, wait_for  # noqa: E402

pytestmark = pytest.mark.requires("server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def bridge(server: StepServer) -> Iterator[Bridge]:
    bridge = Bridge(server_dir=str(server.data_dir))
    yield bridge
    bridge.link.stop()


def test_a_job_comes_back_as_a_picture_on_disk(bridge: Bridge, tmp_path: Path) -> None:
    record = make_record(tmp_path, "slow", 8)
    bridge.submit(record)
    done = bridge.final(record)
    assert done.state is JobState.DONE and not done.error
    info = png.read_info(done.result_path.read_bytes())
    assert (info.width, info.height) == (64, 128)
    assert json.loads(info.texts["pose_to_anime"])["request"] == record.request.to_json()
    assert done.warnings == ("This picture was drawn by a test.",)
    assert png.read_info(done.figure_path.read_bytes()).width == 64 and not done.clay_path.exists()
    assert any(told["event"] == "preview" for told in bridge.told)
    assert {told["job"]["step"] for told in bridge.told if told["event"] == "job"} >= {1, 2, 3}


def test_each_picture_of_a_job_gets_a_record_of_its_own(bridge: Bridge, tmp_path: Path) -> None:
    record = make_record(tmp_path, pictures=3)
    bridge.submit(record)
    done = bridge.final(record)
    newest_first = read_records(record_paths(folder=tmp_path), 9)
    assert [found.request.seed for found in newest_first] == [2, 1, 0] and newest_first[-1] == done
    for found in newest_first:
        assert found.has_result and found.warnings == done.warnings and found.file_id == done.file_id
        recipe = json.loads(png.read_info(found.result_path.read_bytes()).texts["pose_to_anime"])
        assert recipe["seed"] == found.request.seed
        assert found.figure_path.exists() and found.input_path("depth").read_bytes() == done.input_path("depth").read_bytes()
    assert len({found.job_id[:8] for found in newest_first}) == 3


def test_connecting_tells_server_and_models(bridge: Bridge) -> None:
    bridge.link.send({"do": "connect", "start": False})
    told = bridge.wait_for("server", state="connected")
    assert told["health"]["product"] == "pose-to-anime"
    assert "builtin" in {model["name"] for model in bridge.wait_for("models")["models"]}


def test_a_running_and_a_waiting_job_are_cancelled(bridge: Bridge, tmp_path: Path) -> None:
    running, waiting = make_record(tmp_path, "slow", 90), make_record(tmp_path, "slow", 90)
    bridge.submit(running)
    bridge.submit(waiting)
    wait_for(lambda: any(t["event"] == "job" and t["job"]["step"] > 0 for t in bridge.told), bridge.listen)
    for record in (waiting, running):
        bridge.link.send({"do": "cancel", "job": record.job_id})
        assert bridge.final(record).state is JobState.CANCELLED
    assert not running.result_path.exists()


def test_the_place_in_the_queue_is_the_record_s(bridge: Bridge, tmp_path: Path) -> None:
    """One is painted, two wait, one of them of another file; the next replaces its own file's, and the last goes to the front."""
    running, mine, other = (make_record(tmp_path, "slow", 90), make_record(tmp_path), make_record(tmp_path, "slow", 90))
    replacing, first = make_record(tmp_path, "slow", 90), make_record(tmp_path)
    records = (
        running.with_changes(client="f" * 32),
        mine.with_changes(client="f" * 32),
        other.with_changes(client="e" * 32),
        replacing.with_changes(client="f" * 32, place="replace"),
        first.with_changes(client="f" * 32, place="front"),
    )
    for record in records:
        write_record(record)
        bridge.submit(record)
        wait_for(lambda job=record.job_id: any(t["event"] == "job" and t["job"]["id"] == job for t in bridge.told), bridge.listen)
    assert bridge.final(mine).state is JobState.CANCELLED, "its place was taken"
    bridge.link.send({"do": "cancel", "job": running.job_id})
    assert bridge.final(first).state is JobState.DONE
    ended = {t["job"] for t in bridge.told if t["event"] == "final"}
    assert not ended & {other.job_id, replacing.job_id}, "what stood at the front was painted before them"
    for record in (other, replacing):
        bridge.link.send({"do": "cancel", "job": record.job_id})
        assert bridge.final(record).state is JobState.CANCELLED


def test_what_a_cancelled_job_had_made_comes_as_that_of_a_finished_one(bridge: Bridge, tmp_path: Path) -> None:
    record = make_record(tmp_path, "slow", 3, pictures=64)
    bridge.submit(record)
    wait_for(lambda: any(t["event"] == "job" and t["job"]["results"] for t in bridge.told), bridge.listen)
    bridge.link.send({"do": "cancel", "job": record.job_id})
    done = bridge.final(record)
    made = read_records(record_paths(folder=tmp_path), 99)
    assert done.state is JobState.DONE and "The job was cancelled." in done.warnings[-1] and 1 <= len(made) < 64
    assert all(found.has_result and found.result_path.exists() for found in made)


def test_a_killed_worker_fails_one_job_and_the_next_runs(bridge: Bridge, tmp_path: Path) -> None:
    crashing, next_one = make_record(tmp_path, "crash"), make_record(tmp_path)
    bridge.submit(crashing)
    failed = bridge.final(crashing)
    assert failed.state is JobState.FAILED and failed.error.endswith(".")
    bridge.submit(next_one)
    assert bridge.final(next_one).state is JobState.DONE


def test_a_changed_control_image_is_not_sent(bridge: Bridge, tmp_path: Path) -> None:
    record = make_record(tmp_path)
    record.input_path("depth").write_bytes(b"something else")
    bridge.submit(record)
    failed = bridge.final(record)
    assert failed.state is JobState.FAILED and "control image" in failed.error


def test_a_server_that_was_killed_takes_the_job_up_again(tmp_path: Path) -> None:
    first = StepServer(tmp_path / "server")
    bridge = Bridge(server_dir=str(first.data_dir))
    second = None
    try:
        record = make_record(tmp_path, "slow", 60)
        bridge.submit(record, start=False)
        wait_for(lambda: any(t["event"] == "job" and t["job"]["step"] > 0 for t in bridge.told), bridge.listen)
        first.kill()
        assert "goes on" in bridge.wait_for("lost", job=record.job_id)["sentence"]
        assert read_record(record.path).state is JobState.QUEUED  # nothing is given up
        second = StepServer(first.data_dir)
        assert bridge.final(record).state is JobState.DONE
    finally:
        bridge.link.stop()
        for server in filter(None, (first, second)):
            server.stop()


def test_a_job_that_ended_while_nobody_listened_is_fetched(server: StepServer, tmp_path: Path) -> None:
    record = make_record(tmp_path)
    with server.client() as client:
        client.upload(record.input_path("depth").read_bytes())
        client.submit(record.submission())
        client.wait(record.job_id)
    bridge = Bridge(server_dir=str(server.data_dir))
    try:
        bridge.link.send({"do": "resume", "record": str(record.path)})
        assert bridge.final(record).state is JobState.DONE and record.result_path.exists()
    finally:
        bridge.link.stop()


def test_no_server_is_one_sentence_that_says_how_to_start_one(tmp_path: Path) -> None:
    bridge = Bridge(server_dir=str(tmp_path / "nothing"))
    try:
        record = make_record(tmp_path)
        bridge.submit(record, start=False)
        assert bridge.final(record).error == HOW_TO_START
        assert bridge.wait_for("server", state="down")["sentence"] == HOW_TO_START
    finally:
        bridge.link.stop()


def test_a_wrong_token_is_said(server: StepServer, tmp_path: Path) -> None:
    bridge = Bridge(url=server.address.url, token="wrong")
    try:
        record = make_record(tmp_path)
        bridge.submit(record)
        assert "token" in bridge.final(record).error
    finally:
        bridge.link.stop()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"<html>It works!</html>", "not our generation server"),
        (json.dumps({"product": "pose-to-anime", "protocol": 99, "version": "9", "device": "x"}).encode(), "protocol 99"),
    ],
)
def test_what_answers_nonsense_or_another_protocol_is_said(answer: bytes, says: str, tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("X-Pose-To-Anime-Protocol", "99")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        bridge = Bridge(url=f"http://127.0.0.1:{other.server_port}")
        try:
            record = make_record(tmp_path)
            bridge.submit(record)
            error = bridge.final(record).error
            assert says in error or "protocol" in error
            assert error.endswith(".")
        finally:
            bridge.link.stop()
            other.shutdown()


def test_a_bad_command_does_not_end_the_bridge(bridge: Bridge, tmp_path: Path) -> None:
    bridge.link.send({"do": "dance"})
    assert "command" in bridge.wait_for("error")["sentence"]
    record = make_record(tmp_path)
    bridge.submit(record)
    assert bridge.final(record).state is JobState.DONE


def test_the_bridge_ends_with_blender_and_takes_its_folder_along(server: StepServer) -> None:
    bridge = Bridge(server_dir=str(server.data_dir))
    wait_for(lambda: bridge.link.is_connected, bridge.listen)
    folder, process = bridge.link.folder, bridge.link.process
    bridge.link.stop()
    assert process.wait(60) == 0
    wait_for(lambda: not folder.exists())


def test_a_bridge_that_dies_is_noticed_with_its_last_words(bridge: Bridge) -> None:
    wait_for(lambda: bridge.link.is_connected, bridge.listen)
    bridge.link.process.kill()
    bridge.link.process.wait(60)
    with pytest.raises(LinkError, match="ended"):
        wait_for(lambda: False, bridge.listen)


def test_a_caller_without_the_secret_is_turned_away(server: StepServer) -> None:
    link = Link([sys.executable, "-c", "import time; time.sleep(600)"], {})
    try:
        assert link._listener is not None
        with socket.create_connection(link._listener.getsockname()) as stranger:
            stranger.sendall(b"0" * 64 + b"\n")
            wait_for(lambda: True, link.poll)
            stranger.settimeout(10.0)
            assert wait_for(lambda: _is_closed(stranger), link.poll)
        assert not link.is_connected
    finally:
        link.process.kill()
        link.process.wait()
        link.stop()


def _is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
