# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's set-up inside Blender: pictures wait for it, and what is collected for helpers tells no secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from bridge_parts import make_record  # noqa: E402
from pose_to_anime.addon.generate import environment, session  # noqa: E402
from pose_to_anime.addon.generate.records import read_record  # noqa: E402
from pose_to_anime.generation_server.protocol import JobState  # noqa: E402
from timer_calls import tick_until  # noqa: E402

TOKEN = "planted-0123456789abcdef-token"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    yield tmp_path
    if environment.set_up().running:
        environment.cancel()
        tick_until(lambda: not environment.set_up().running)
    pose_to_anime.unregister()


def test_a_picture_that_was_asked_for_waits_for_the_set_up_and_goes_with_it(home: Path) -> None:
    environment.begin("install")
    record = make_record(home / "history")
    session.submit(record)
    assert list(session.session.held) == [record.job_id] and session.session.link is None, "there is nobody to send it to yet"
    tick_until(lambda: environment.set_up().progress.pid)
    assert bpy.ops.pose_to_anime.cancel_set_up.poll()
    assert bpy.ops.pose_to_anime.cancel_set_up() == {"FINISHED"}
    assert not session.session.jobs and not session.session.held
    assert read_record(record.path).state is JobState.CANCELLED
    tick_until(lambda: not environment.set_up().running)
    assert session.session.error == "", "who cancels knows that it is not done"
    assert not bpy.ops.pose_to_anime.cancel_set_up.poll()


def test_a_set_up_goes_on_without_blender_and_is_followed_by_the_next(home: Path) -> None:
    environment.begin("install")
    tick_until(lambda: environment.set_up().progress.pid)
    pose_to_anime.unregister()
    pose_to_anime.register()
    assert environment.set_up().running
    record = make_record(home / "history")
    session.resume(record)
    assert list(session.session.held) == [record.job_id], "also one that an earlier Blender began"


def test_diagnostics_tell_no_secret(home: Path) -> None:
    server = home / "server"
    server.mkdir()
    (server / "token").write_text(TOKEN)
    (server / "server.log").write_text(f"GET /v1/jobs with {TOKEN}\nprompt: a very private dragon\nCUDA out of memory\n")
    bpy.context.scene.pose_to_anime.generation.prompt = "a very private dragon"
    session.fail(f"The folder {home}/server is full, says {TOKEN}.")
    path = home / "diagnostics.txt"
    assert bpy.ops.pose_to_anime.diagnostics(filepath=str(path)) == {"FINISHED"}
    text = path.read_text("utf-8")
    for secret in (TOKEN, "private dragon", str(home), str(Path.home())):
        assert secret not in text
    assert "CUDA out of memory" in text and bpy.app.version_string in text and "<SERVER_FOLDER> is full" in text
    assert bpy.ops.pose_to_anime.diagnostics() == {"FINISHED"}
    assert "CUDA out of memory" in bpy.data.texts["Pose to Anime diagnostics"].as_string()


def test_offline_nothing_is_begun() -> None:
    if bpy.app.online_access:
        pytest.skip("this Blender is online")
    with pytest.raises(RuntimeError, match=r"[Oo]nline|offline"):
        bpy.ops.pose_to_anime.environment(work="update")
    assert not environment.set_up().running


def test_pictures_wait_for_an_environment_that_is_made_and_for_nothing_else(home: Path) -> None:
    environment.begin("verify")
    assert environment.set_up().running and not any(call() for call in session.waits_for_server)
    tick_until(lambda: not environment.set_up().running)
    environment.begin("install")
    assert any(call() for call in session.waits_for_server)
    session.session.server = session.Server("connected")
    assert not any(call() for call in session.waits_for_server), "another server paints them"
    session.session.server = session.Server()
