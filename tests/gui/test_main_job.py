# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job in a real window against a real server: pose, generate, undo, cancel, compare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blender_windows import Outcome, Session
from PIL import Image
from server_process import RunningServer, running_server


@pytest.fixture(scope="module")
def server(session: Session) -> Iterator[RunningServer]:
    """In the folder that Blender's user has, so that Blender finds it as it finds its own."""
    with running_server(session.home / "server", "--port", "0") as running:
        running.wait_until_ready()
        yield running


def play(session: Session, server: RunningServer, backend: str, whole: bool) -> Outcome:
    arguments = {"whole": whole, "worker": server.worker_pid()}
    outcome = session.run("first_picture", backend=backend, timeout=600, arguments=arguments)
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    return outcome


def check_first(outcome: Outcome) -> None:
    """From the factory scene to the first picture, and an undo."""
    facts = outcome.facts
    assert facts["mode before"] == "OBJECT" and facts["mode after"] == "POSE", "clicking a dot must start posing"
    assert facts["hand went up"] > 0.3
    assert facts["stretched by"] < 1e-4
    assert facts["off after one undo"] < 1e-6, "a drag must be one undo step"
    assert facts["off after redo"] < 1e-6
    assert facts["clicks"] <= 3
    result = facts["result"]
    assert result["role"] == "RESULT" and result["has data"] and result["size"] == [256, 384]
    assert facts["after undo"] == result, "Ctrl-Z must not take the picture away"
    for name in ("2-figure", "3-dragged", "5-generating", "6-result"):
        check_photograph(outcome, name)


def check_rest(outcome: Outcome) -> None:
    """Cancelling, painting again, comparing."""
    facts = outcome.facts
    assert facts["cancelled"] == "cancelled"
    assert facts["third"] == "done", "a job after a cancelled one must run"
    assert facts["error"] == ""
    compared = facts["compared"]
    assert compared["sidebar"] < compared["width"], "the sidebar was opened over the Image Editor"
    assert compared["left"] >= -1 and compared["right"] <= compared["sidebar"] + 1, "what is compared must be seen beside it"
    assert compared["right"] - compared["left"] > 0.8 * compared["sidebar"]
    assert facts["callbacks"] > 10, "the timer must have followed the jobs"
    for name in ("8-cancelled", "10-compare"):
        check_photograph(outcome, name)


def check_photograph(outcome: Outcome, name: str) -> None:
    with Image.open(outcome.photographs[name]) as photograph:
        assert len(photograph.convert("RGB").getcolors(2**24) or ()) > 500, f"the photograph {name} is empty"


def test_from_the_factory_scene_to_the_picture(session: Session, server: RunningServer) -> None:
    usual, *others = session.window.backends
    outcome = play(session, server, usual, whole=True)
    check_first(outcome)
    check_rest(outcome)
    # Each descriptor set of Mesa's software Vulkan is a memory map. Blender gives none back, and a process
    # may have 65,530 of them: a session there ends, whatever it does, after a minute or two of drawing.
    for backend in others:
        check_first(play(session, server, backend, whole=False))
