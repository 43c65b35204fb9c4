# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests of what a user of Blender is told: a Blender with figure and server, and clicks that work, fail, or are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import pose_to_anime
import pytest
from pose_to_anime.addon.armature.mannequin import is_mannequin
from pose_to_anime.addon.generate import history, pictures, session
from pose_to_anime.addon.generate.records import history_dir, read_record, record_paths
from pose_to_anime.generation_server.protocol import JobState
from step_server import StepServer
from timer_calls import settle, tick_until

OPS = bpy.ops.pose_to_anime
STEPS = 20
"""Of every picture, whatever the model's default: a "slow" one takes a second."""


@contextmanager
def blender_with(server: StepServer) -> Iterator[Any]:
    """A fresh Blender with a figure, whose user has ``server`` in the Preferences; these."""
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    addon = bpy.context.preferences.addons.new()
    addon.module = "pose_to_anime"
    addon.preferences.start_with_generate = False
    use(addon.preferences, server)
    settle()
    OPS.add_mannequin()
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model, settings.steps = "builtin", STEPS
    try:
        yield addon.preferences
    finally:
        pose_to_anime.unregister()
        bpy.context.preferences.addons.remove(addon)


def use(preferences: Any, server: StepServer) -> None:
    preferences.server_url, preferences.server_token = server.address.url, server.address.token


def click(prompt: str | None = None) -> str:
    """Press Generate; the job's id."""
    if prompt is not None:
        bpy.context.scene.pose_to_anime.generation.prompt = prompt
    known = set(session.session.jobs)
    assert OPS.generate() == {"FINISHED"}
    (job_id,) = set(session.session.jobs) - known
    return job_id


def ended(job_id: str) -> str:
    """Wait until a job is over; what the panel says then."""
    tick_until(lambda: job_id not in session.session.jobs)
    settle()
    return session.session.error


def works() -> None:
    """The next click gives a picture, and takes the old message away."""
    job_id = click("1girl")
    assert ended(job_id) == ""
    assert history.latest().job_id == job_id
    assert tuple(pictures.image_of(job_id).size) == pictures.size_of(history.latest())


def check_sentence(text: str) -> None:
    assert text[0].isupper() or text[0] in "“'0123456789", text
    assert text.endswith(".") and "\n" not in text and len(text) < 300, text
    assert "Traceback" not in text and "Error" not in text and "Errno" not in text, text


def refused(says: str) -> None:
    """A click that is refused at once: reported, in the panel, and without a trace on disk."""
    with pytest.raises(RuntimeError) as caught:
        OPS.generate()
    sentence = session.session.error
    assert sentence in str(caught.value)
    check_sentence(sentence)
    assert says in sentence, sentence
    assert session.session.jobs == {}
    assert files() == []


def files() -> list[Path]:
    """What is in the history."""
    return [path for path in history_dir().rglob("*") if path.is_file()]


def figure() -> bpy.types.Object:
    return next(obj for obj in bpy.context.scene.objects if is_mannequin(obj))


def fails(says: str, prompt: str = "1girl") -> None:
    """A click whose job ends with a sentence; what was asked stays in the history."""
    job_id = click(prompt)
    sentence = ended(job_id)
    check_sentence(sentence)
    assert says in sentence, sentence
    record = read_record(record_paths()[0])
    assert (record.job_id, record.state, record.error) == (job_id, JobState.FAILED, sentence)
    assert not record.result_path.exists()
    assert not [path for path in files() if path.name.endswith(".part")]
