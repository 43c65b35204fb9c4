# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender whose history is on disk already, without a server that has painted it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
import pose_to_anime
import pytest
from pose_to_anime.addon import png
from pose_to_anime.addon.generate import history
from pose_to_anime.addon.generate.records import Record, new_record_path, write_file, write_record
from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, new_job_id
from timer_calls import settle

TEXT = "1girl, red hat, ünïcode\nNegative prompt: nsfw\nSteps: 4, Seed: 7, Size: 64x96"
"""The recipe in each picture."""


@contextmanager
def blender_with_own_history(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fresh Blender, empty, whose user data lie in ``home``, with the extension enabled and at rest."""
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(home))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    pose_to_anime.register()
    settle()
    try:
        yield
    finally:
        pose_to_anime.unregister()


def make(prompt: str, age: float, file_id: str = "", seed: int = 7, **request: object) -> Record:
    """A result ``age`` seconds old, of the open file unless told otherwise, with a recipe in it."""
    file_id = file_id or history.ensure_file_id(bpy.context.scene)
    created, job_id = time.time() - age, new_job_id()
    asked = GenerationRequest(model="builtin", prompt=prompt, width=64, height=96, seed=seed, steps=4)
    record = Record(
        new_record_path(file_id, job_id, created),
        job_id,
        file_id,
        dataclasses.replace(asked, **request),
        created=created,
        state=JobState.DONE,
    )
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 2, 3), dtype=np.uint8).repeat(32, 0).repeat(32, 1)
    write_file(record.result_path, png.encode(pixels, {"parameters": TEXT}))
    write_record(record)
    return record


def read() -> None:
    """Have the history read to its end, as the timer does."""
    history.refresh()
    settle()
