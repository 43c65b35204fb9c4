# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, Stop, Restart, Log and Start with Blender by Blender's own operators, with a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon.generate import environment, session  # noqa: E402
from pose_to_anime.addon.generate.processes import is_running  # noqa: E402
from pose_to_anime.addon.generate.server_process import PYTHON_VARIABLE, stop_server  # noqa: E402
from pose_to_anime.generation_server.protocol import ServerAddress  # noqa: E402
from step_server import start_step_servers, wait_for  # noqa: E402
from timer_calls import settle, tick_until  # noqa: E402

pytestmark = pytest.mark.requires("server")
OPS = bpy.ops.pose_to_anime


@pytest.fixture(autouse=True)
def preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    start_step_servers(monkeypatch, tmp_path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    pose_to_anime.register()
    addon = bpy.context.preferences.addons.new()
    addon.module = "pose_to_anime"
    settle()
    try:
        yield addon.preferences
    finally:
        pose_to_anime.unregister()
        bpy.context.preferences.addons.remove(addon)
        if ending := stop_server(tmp_path / "server", None):
            wait_for(ending.is_over)


def becomes(state: str) -> None:
    tick_until(lambda: session.session.server.state == state)
    assert session.session.error == ""


def test_start_restart_log_and_stop(preferences: Any, tmp_path: Path) -> None:
    assert OPS.open_log() == {"CANCELLED"}, "nothing has been written down yet"
    assert not OPS.free_memory.poll()
    environment.start_if_wished()
    assert session.session.link is None, "only who wants it has it start with Blender"
    preferences.start_with_blender = True
    preferences.server_url = "http://127.0.0.1:9"
    environment.start_if_wished()
    assert session.session.link is None, "a server elsewhere is not ours to start"
    preferences.server_url = ""
    environment.start_if_wished()
    becomes("connected")
    first = ServerAddress.read(tmp_path / "server")
    assert first is not None and is_running(first.pid)
    assert OPS.free_memory.poll() and OPS.free_memory() == {"FINISHED"}

    assert OPS.stop_server(restart=True) == {"FINISHED"}
    becomes("starting")
    becomes("connected")
    second = ServerAddress.read(tmp_path / "server")
    assert second is not None and second.pid != first.pid and not is_running(first.pid)
    assert OPS.connect(start=True) == {"FINISHED"}
    becomes("connected")
    assert ServerAddress.read(tmp_path / "server") == second, "Start where one runs takes that one"

    assert OPS.open_log() == {"FINISHED"}
    assert bpy.data.texts["server.log"].as_string().strip() and second.token not in bpy.data.texts["server.log"].as_string()
    assert OPS.stop_server() == {"FINISHED"}
    becomes("down")
    tick_until(lambda: not is_running(second.pid))
    assert ServerAddress.read(tmp_path / "server") is None and not OPS.free_memory.poll()


def test_what_cannot_be_started_is_said_in_the_panel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, str(tmp_path / "no python"))
    OPS.connect(start=True)
    tick_until(lambda: session.session.server.state == "down")
    assert "cannot be started" in session.session.error and session.session.error.endswith(".")
    session.stop()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    for verb in (OPS.connect, OPS.stop_server):
        with pytest.raises(RuntimeError, match="make sure that there is room"):
            verb()
        assert "make sure that there is room" in session.session.error
