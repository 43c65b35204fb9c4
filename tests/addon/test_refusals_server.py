# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user is told when the server is away, busy, wrong or broken: one sentence, and the next click works."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from lying_server import HEALTH, OURS, broken_picture_server, lying_server  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.generate import history, session  # noqa: E402
from pose_to_anime.addon.generate.server_process import HOW_TO_START, PYTHON_VARIABLE  # noqa: E402
from pose_to_anime.generation_server.protocol import PROTOCOL_HEADER, ServerAddress  # noqa: E402
from refusals import STEPS, blender_with, check_sentence, click, ended, fails, refused, use, works  # noqa: E402
from step_server import StepServer  # noqa: E402
from timer_calls import tick_until  # noqa: E402

pytestmark = pytest.mark.requires("server")
OPS = bpy.ops.pose_to_anime
PNG = png.encode(np.zeros((8, 16, 3), np.uint8))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def preferences(server: StepServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    with blender_with(server) as preferences:
        yield preferences


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_is_down(preferences: Any, server: StepServer) -> None:
    preferences.server_url = free_address()
    fails("No generation server answers at")
    assert session.session.server.state == "down"
    use(preferences, server)
    works()


def test_explicit_content_until_an_adult_has_switched_it_on(preferences: Any) -> None:
    """However the words come, and whatever stands in the negative prompt."""
    settings = bpy.context.scene.pose_to_anime.generation
    settings.negative_prompt = ""
    fails("Explicit content is switched off: take 'nude' out of the prompt", "1girl, (n\u200bude:1.3)")
    fails("take '全裸' out of the prompt", "1girl, 全{裸|裸}")
    preferences.explicit_content = True
    ended(click("1girl, nude"))
    assert session.session.error == ""
    preferences.explicit_content = False
    known = set(session.session.jobs)
    assert OPS.vary_result() == {"FINISHED"}
    (varied,) = set(session.session.jobs) - known
    assert "Explicit content is switched off" in ended(varied)
    works()


def test_no_server_on_this_computer(preferences: Any, server: StepServer, tmp_path: Path) -> None:
    preferences.server_url, preferences.server_dir = "", str(tmp_path / "nothing")
    fails(HOW_TO_START)
    preferences.server_dir = str(server.data_dir)
    works()


def test_a_server_that_cannot_be_started(preferences: Any, server: StepServer, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, str(tmp_path / "no python"))
    preferences.server_url, preferences.server_dir, preferences.start_with_generate = "", str(tmp_path / "nothing"), True
    fails("cannot be started")
    preferences.server_dir = str(server.data_dir)
    works()


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "is not our generation server"),
        ({"GET /v1/health": (200, OURS, "{}")}, "is not our generation server"),
        ({"GET /v1/health": (200, OURS, json.dumps(HEALTH)), "GET /v1/models": (200, OURS, "[5]")}, "is not our"),
        ({"GET": (200, {PROTOCOL_HEADER: "99"}, "{}")}, "speaks protocol 99, this add-on 1: update the add-on"),
        ({"GET": (200, {PROTOCOL_HEADER: "0"}, "{}")}, "speaks protocol 0, this add-on 1: update the server"),
    ],
    ids=["a web page", "nonsense", "nonsense later", "newer", "older"],
)
def test_another_server(answers: dict[str, Any], says: str, preferences: Any, server: StepServer) -> None:
    with lying_server(answers) as preferences.server_url:
        fails(says)
    use(preferences, server)
    works()


def test_a_server_of_another_version_is_used_and_said(preferences: Any, server: StepServer) -> None:
    """One that ran on while the extension was updated."""
    answers = {"GET /v1/health": (200, OURS, json.dumps(HEALTH)), "GET /v1/models": (200, OURS, "[]")}
    with lying_server(answers) as preferences.server_url:
        OPS.connect()
        tick_until(lambda: session.session.server.state == "connected")
        assert f"is of version {HEALTH['version']}, and the extension of " in session.session.notice
        assert session.session.notice.endswith("press Restart in the Preferences.")
    session.session.notice = ""
    use(preferences, server)
    works()
    assert session.session.notice == ""


def test_a_wrong_token(preferences: Any, server: StepServer) -> None:
    preferences.server_token = "wrong"
    fails("does not take the token")
    use(preferences, server)
    works()


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:99999999"])
def test_what_is_no_address(url: str, preferences: Any, server: StepServer) -> None:
    preferences.server_url = url
    refused("is not an address of a server")
    use(preferences, server)
    works()


def test_a_model_that_the_server_lacks(preferences: Any) -> None:
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model = "meinamix_v11"
    fails("is not on this computer")
    settings.model = "builtin"
    works()


def test_a_worker_that_is_killed() -> None:
    fails("The worker stopped twice", "crash")
    works()


def test_a_busy_server(preferences: Any, server: StepServer, tmp_path: Path) -> None:
    busy = StepServer(tmp_path / "busy", "--queue-limit", "1")
    try:
        use(preferences, busy)
        settings = bpy.context.scene.pose_to_anime.generation
        settings.steps = 100
        running = click("slow")
        tick_until(lambda: session.session.jobs[running].step > 0)
        settings.steps = STEPS
        fails("The queue is full")
        OPS.cancel(job_id=running)
        tick_until(lambda: not session.session.jobs)
        works()
    finally:
        busy.stop()


def test_a_server_that_died_since_it_was_found(preferences: Any, tmp_path: Path) -> None:
    preferences.server_url, preferences.server_dir = "", str(tmp_path / "server")
    first = StepServer(tmp_path / "server")
    OPS.connect()
    tick_until(lambda: session.session.server.state == "connected")
    first.kill()
    fails(HOW_TO_START)
    second = StepServer(tmp_path / "server")
    try:
        OPS.connect()
        tick_until(lambda: session.session.server.state == "connected")
        second.kill()
        second = StepServer(tmp_path / "server")  # at another port
        works()
    finally:
        second.stop()


def test_a_server_that_dies_in_mid_job(preferences: Any, tmp_path: Path) -> None:
    preferences.server_url, preferences.server_dir = "", str(tmp_path / "server")
    server = StepServer(tmp_path / "server")
    try:
        job_id = click("slow")
        tick_until(lambda: session.session.jobs[job_id].step > 0)
        server.kill()
        job = session.session.jobs[job_id]
        tick_until(lambda: job.lost)
        assert job.lost.endswith("The job goes on when the server is back.")
        check_sentence(session.session.error)
        with lying_server({"GET": (200, {PROTOCOL_HEADER: "99"}, "{}")}) as other:
            ServerAddress(0, "127.0.0.1", int(other.rpartition(":")[2]), "token").write(tmp_path / "server")
            tick_until(lambda: "speaks protocol 99" in job.lost)
        (tmp_path / "server" / ServerAddress.FILE_NAME).unlink()
        server = StepServer(tmp_path / "server")
        assert ended(job_id) == "", "the message must go when what it says is over"
        assert history.latest().job_id == job_id
        works()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (b"nonsense", "(This is not a PNG picture): press Generate again"),
        (PNG[:-20], "it ends too early): press Generate again"),
        (PNG.replace(b"IDAT", b"IDAX"), "a checksum does not fit): press Generate again"),
        (PNG, "it has 16 × 8 pixels instead of 256 × 384"),
    ],
    ids=["text", "cut", "damaged", "size"],
)
def test_a_broken_picture_from_the_server(picture: bytes, says: str, preferences: Any, server: StepServer) -> None:
    with broken_picture_server(picture) as preferences.server_url:
        fails(says)
    assert history.entries() == ()
    use(preferences, server)
    works()


def test_a_server_with_a_full_disk(preferences: Any, server: StepServer, tmp_path: Path) -> None:
    full = StepServer(tmp_path / "full", "--reserve", str(2**40))
    try:
        use(preferences, full)
        fails("The server's disk is full")
    finally:
        full.stop()
    use(preferences, server)
    works()


def test_a_server_that_cannot_use_its_disk_says_so_itself(preferences: Any, server: StepServer, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jobs.sqlite").write_bytes(b"no list of jobs" * 100)
    preferences.server_url, preferences.server_dir, preferences.start_with_generate = "", str(tmp_path / "data"), True
    fails("move that file away and start again")
    use(preferences, server)
    works()
