# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says of a job that is under way."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("bpy")

from pose_to_anime.addon.generate.session import HELD, Job, Server, session
from pose_to_anime.addon.generate.setting_up import Progress
from pose_to_anime.addon.ui.job_overlay import lines
from pose_to_anime.addon.ui.jobs import progress_text
from pose_to_anime.addon.ui.set_up import amount_text, phase_text
from pose_to_anime.generation_server.protocol import PROTOCOL_VERSION, Health, JobState


@pytest.mark.parametrize(
    ("job", "text"),
    [
        ({"state": JobState.RUNNING, "phase": "denoising", "step": 3, "steps": 20}, "Denoising 3 / 20"),
        ({"state": JobState.RUNNING, "phase": "denoising", "step": 3, "steps": 20, "eta": 8.6}, "Denoising 3 / 20, 9 s left"),
        ({"state": JobState.RUNNING, "phase": "saving", "eta": 0.0}, "Saving, 1 s left"),
        ({"state": JobState.RUNNING, "phase": "loading model", "eta": 161.0}, "Loading model, 3 min left"),
        ({"state": JobState.RUNNING, "phase": "starting"}, "Getting ready"),
        ({"position": 2, "eta": 40.0}, "Waiting, 2 before it, 40 s left"),
        ({"position": 2}, "Waiting, 2 before it"),
        ({"state": JobState.RUNNING, "phase": "cancelling", "eta": 9.0}, "Cancelling"),
        ({"phase": HELD}, "Waiting for the set-up"),
        ({"lost": "The server is gone.", "eta": 9.0}, "Waiting for the server"),
    ],
)
def test_a_job_says_where_it_is_and_how_long_it_takes(job: dict[str, Any], text: str):
    assert progress_text(Job(record=None, **job)) == text  # type: ignore[arg-type]


def test_a_job_waits_for_a_server_that_is_getting_ready(monkeypatch: pytest.MonkeyPatch):
    job = Job(record=None)  # type: ignore[arg-type]
    assert progress_text(job) == "Waiting"
    health = Health(protocol=PROTOCOL_VERSION, version="0.1.0", device="starting")
    monkeypatch.setattr(session, "server", Server(state="connected", health=health))
    assert progress_text(job) == "The server is getting ready"


def test_the_set_up_says_how_much_of_its_phase_is_done_below_the_bar():
    loading = Progress(phase="downloading", done=1.7e9, total=3.4e9, eta=720.0)
    assert (phase_text(loading), amount_text(loading)) == ("Downloading  50%", "1.7 GB of 3.4 GB, about 12 min left")
    assert (phase_text(Progress(phase="checking")), amount_text(Progress(phase="checking"))) == ("Checking", "")


def test_the_image_editor_says_how_far_the_first_picture_is(monkeypatch: pytest.MonkeyPatch):
    assert list(lines()) == []
    waits = Job(record=None, position=1)  # type: ignore[arg-type]
    painted = Job(record=None, state=JobState.RUNNING, phase="denoising", step=3, steps=20)  # type: ignore[arg-type]
    monkeypatch.setattr(session, "jobs", {"waits": waits, "painted": painted})
    assert list(lines()) == ["Denoising 3 / 20"]
