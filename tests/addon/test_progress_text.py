# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says of a job that is under way."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("bpy")

from pose_to_anime.addon.generate.session import HELD, Job
from pose_to_anime.addon.ui.jobs import progress_text
from pose_to_anime.generation_server.protocol import JobState


@pytest.mark.parametrize(
    ("job", "text"),
    [
        ({"state": JobState.RUNNING, "phase": "denoising", "step": 3, "steps": 20}, "Denoising 3 / 20"),
        ({"state": JobState.RUNNING, "phase": "denoising", "step": 3, "steps": 20, "eta": 8.6}, "Denoising 3 / 20, 9 s left"),
        ({"state": JobState.RUNNING, "phase": "saving", "eta": 0.0}, "Saving, 1 s left"),
        ({"state": JobState.RUNNING, "phase": "loading model", "eta": 161.0}, "Loading model, 3 min left"),
        ({"position": 2, "eta": 40.0}, "Waiting, 2 before it, 40 s left"),
        ({"position": 2}, "Waiting, 2 before it"),
        ({"state": JobState.RUNNING, "phase": "cancelling", "eta": 9.0}, "Cancelling"),
        ({"phase": HELD}, "Waiting for the set-up"),
        ({"lost": "The server is gone.", "eta": 9.0}, "Waiting for the server"),
    ],
)
def test_a_job_says_where_it_is_and_how_long_it_takes(job: dict[str, Any], text: str):
    assert progress_text(Job(record=None, **job)) == text  # type: ignore[arg-type]
