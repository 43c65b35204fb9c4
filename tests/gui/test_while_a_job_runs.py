# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening another file and closing Blender in the midst of a job: nothing is lost, and nobody is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blender_windows import Outcome, Session
from pose_to_anime.addon.generate.records import read_records, record_paths
from pose_to_anime.generation_server.protocol import JobState
from server_process import RunningServer, is_alive, running_server, until

BOUND = 16.0
"""Milliseconds that a call of our timer may take where it does not load a finished picture."""
LOADING = ("load ", "recall ", "show", "fit ")
"""The parts that load a finished picture or fit it in, which are bounded by themselves."""
LENIENT = 3.0
"""How much longer a call may compute here: the machine may be a slow one."""


def hold(session: Session) -> Path:
    """Jobs stay where they are as long as this file is there."""
    return session.outside / "hold"


@pytest.fixture(scope="module")
def server(session: Session) -> Iterator[RunningServer]:
    """In the folder that Blender's user has, so that Blender finds it as it finds its own."""
    with running_server(session.home / "server", environment={"STEP_ENGINE_HOLD": str(hold(session))}) as running:
        running.wait_until_ready()
        yield running


def play(session: Session, **arguments: object) -> Outcome:
    outcome = session.run("while_a_job_runs", timeout=600, arguments={"folder": session.inside, **arguments})
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    assert outcome.facts["error"] == ""
    until(lambda: not session.bridges())  # of a Blender that was closed, and of one that ended on the spot
    return outcome


def check_callbacks(session: Session, outcome: Outcome) -> None:
    computing, lasting = (without_loading(outcome.facts[name]) for name in ("computing", "worst of parts"))
    print(
        f"Blender {session.window.version}, {outcome.facts['callbacks']} calls of the timer, each at most {BOUND:.0f} ms; "
        f"the worst, computing: {in_words(computing)}; lasting: {in_words(lasting)}; "
        f"with pictures {outcome.facts['worst callback']:.1f} ms"
    )
    assert outcome.facts["callbacks"] > 10 and "poll" in computing
    assert max(computing.values()) <= LENIENT * BOUND, computing


def without_loading(parts: dict[str, float]) -> dict[str, float]:
    return {name: worst for name, worst in parts.items() if not name.startswith(LOADING)}


def in_words(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {worst:.1f} ms" for name, worst in sorted(parts.items(), key=lambda part: -part[1])[:4])


def test_other_files_and_the_end_of_blender_lose_nothing(session: Session, server: RunningServer) -> None:
    outcome = play(session)
    facts = outcome.facts
    assert facts["runs in the other"] and facts["runs in the new one"], "a job goes on when another file is opened"
    assert facts["previews in the other"] == [], "its preview belongs to the first file"
    assert "first.blend" in facts["notice"]
    assert facts["results in the new one"] == [] and facts["shown in the new one"] == []
    assert facts["first again"] == [facts["job"]] and [facts["record's file"]] == facts["first file"]
    assert facts["previews in the first"] == [], "the preview that was saved with it is old"
    check_callbacks(session, outcome)

    job_id = facts["left"]
    assert facts["runs at the end"]
    hold(session).unlink()
    server.wait_for_state(job_id, JobState.DONE)
    assert is_alive(server.process.pid)
    history = session.home / "history"
    left = [record for record in read_records(record_paths(folder=history), 10) if record.job_id == job_id]
    assert [record.state.is_final for record in left] == [False], "nobody was there to fetch it"

    outcome = play(session, again=job_id)
    assert outcome.facts["history"] == [job_id, facts["job"]], "it is there without a click, and once"
    assert outcome.facts["images"] == sorted([job_id, facts["job"]])
    assert outcome.facts["server"] == facts["server"], "the server that ran on is the one that is used"
    check_callbacks(session, outcome)
    found = read_records(record_paths(folder=history), 10)
    assert sorted(record.job_id for record in found) == sorted([job_id, facts["job"]])
    assert all(record.state is JobState.DONE and record.result_path.exists() for record in found)
