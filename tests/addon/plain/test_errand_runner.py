# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge's errands: one piece at a time, told of, ended by the user or with Blender."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pose_to_anime.addon.generate.errand_list import ERRANDS
from pose_to_anime.addon.generate.errand_runner import Errand, ErrandError, ErrandRunner, ErrandStopped, Progress, Served
from pose_to_anime.generation_server.client import Client, ServerUnreachable


class Bridge:
    """A runner and what it has told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.client: Client | None = None
        self.runner = ErrandRunner(self.served, lambda event, **what: self.told.append({"event": event, **what}))

    def served(self) -> Client:
        if self.client is not None:
            return self.client
        raise ServerUnreachable("There is no server.")

    def begin(self, kind: str, **options: Any) -> None:
        assert self.runner.take({"do": "errand", "errand": kind, "kind": kind, "options": options})

    @property
    def states(self) -> list[str]:
        return [told["state"] for told in self.told]


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the errand ``walk`` came to its end, in its own words."""
    ends: list[str] = []

    def walk(_served: Served, steps: int = 3, rest: float = 0.0, stumble: str = "") -> Errand:
        try:
            for step in range(steps):
                yield Progress(step, steps, "walking", rest)
            if stumble:
                raise ErrandError(stumble)
            ends.append("arrived")
            return {"walked": steps}
        except ErrandStopped:
            ends.append("stopped")
            raise
        except GeneratorExit:
            ends.append("closed")
            raise

    monkeypatch.setitem(ERRANDS, "walk", walk)
    return ends


def test_an_errand_goes_on_piece_by_piece_to_its_end(bridge: Bridge, ends: list[str]) -> None:
    bridge.begin("walk")
    bridge.begin("walk")  # pressed twice
    for _ in range(3):
        assert bridge.runner.patience == 0.0 and not ends
        bridge.runner.step()
    bridge.runner.step()
    assert ends == ["arrived"] and bridge.runner.patience == float("inf")
    assert bridge.told[0] == {
        "event": "errand", "errand": "walk", "state": "running", "done": 0, "total": 3, "sentence": "walking"
    }  # fmt: skip
    assert bridge.told[-1]["state"] == "done" and bridge.told[-1]["result"] == {"walked": 3}


def test_one_that_rests_is_left_alone_until_its_time(bridge: Bridge, ends: list[str]) -> None:
    bridge.begin("walk", rest=60.0)
    bridge.runner.step()
    assert 50.0 < bridge.runner.patience <= 60.0
    for _ in range(9):
        bridge.runner.step()
    assert bridge.states == ["running"] and not ends


def test_the_user_ends_one_and_it_may_clean_up(bridge: Bridge, ends: list[str]) -> None:
    bridge.begin("walk")
    bridge.runner.step()
    assert bridge.runner.take({"do": "stop_errand", "errand": "walk"})
    assert ends == ["stopped"] and bridge.states[-1] == "cancelled"
    assert bridge.runner.take({"do": "stop_errand", "errand": "walk"}), "it has ended already, which is no mistake"
    bridge.begin("walk")
    bridge.runner.take({"do": "stop_errand", "errand": "walk"})
    assert bridge.states[-1] == "cancelled", "before its first piece"


def test_a_bridge_that_ends_with_blender_stops_nothing_elsewhere(bridge: Bridge, ends: list[str]) -> None:
    bridge.begin("walk")
    bridge.runner.step()
    bridge.runner = None  # type: ignore[assignment]
    assert ends == ["closed"]


def test_what_goes_wrong_is_a_sentence_and_ends_that_errand_alone(bridge: Bridge, ends: list[str]) -> None:
    bridge.begin("walk", steps=1, stumble="The way is closed.")
    bridge.begin("fetch_results")
    bridge.begin("walk")
    for _ in range(3):
        bridge.runner.step()
    told = {told["errand"]: told for told in bridge.told if told["state"] == "failed"}
    assert told["walk"]["sentence"] == "The way is closed." and told["fetch_results"]["sentence"] == "There is no server."


@pytest.mark.parametrize("kind", ["find_poses", "download_size"])
def test_a_server_that_is_long_in_answering_keeps_nobody_waiting(kind: str, bridge: Bridge, tmp_path: Path) -> None:
    (tmp_path / "somebody.png").write_bytes(b"a picture")
    options = {"path": str(tmp_path / "somebody.png")} if kind == "find_poses" else {"model": "builtin"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bridge.client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}")
        bridge.begin(kind, **options)
        bridge.runner.step()
        with silent.accept()[0] as question:
            assert question.recv(9) and 0.0 < bridge.runner.patience < 1.0 and bridge.states == ["running"]
            assert bridge.runner.take({"do": "stop_errand", "errand": kind}) and bridge.states[-1] == "cancelled"
            bridge.begin(kind, **options)
            bridge.runner.step()
            silent.accept()[0].close()
    end = monotonic() + 60.0
    while bridge.states[-1] == "running" and monotonic() < end:
        bridge.runner.step()
    assert bridge.states[-1] == "failed" and bridge.told[-1]["sentence"].endswith(".")


def test_an_import_leaves_pictures_that_are_there_alone(bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "models" / "vae"
    folder.mkdir(parents=True)
    (folder / "first.png").write_bytes(b"the user's")
    header = json.dumps({"decoder.bias": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}).encode()
    for name in ("first", "second"):
        (tmp_path / f"{name}.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
        (tmp_path / f"{name}.png").write_bytes(b"brought")
        bridge.begin("import_model", source=str(tmp_path / f"{name}.safetensors"))
        for _ in range(3):
            bridge.runner.step()
        assert bridge.states[-1] == "done" and (folder / f"{name}.safetensors").exists()
    assert (folder / "first.png").read_bytes() == b"the user's" and (folder / "second.png").read_bytes() == b"brought"


def test_other_commands_are_for_others(bridge: Bridge) -> None:
    assert not bridge.runner.take({"do": "cancel", "job": "x"}) and not bridge.told
