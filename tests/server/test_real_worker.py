# SPDX-License-Identifier: GPL-3.0-or-later
"""The real worker with the built-in model, over HTTP: pictures, cancel, a kill in mid-job."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("torch")
pytest.importorskip("diffusers")

from PIL import Image
from pose_to_anime.generation_server.metadata import read_recipe
from pose_to_anime.generation_server.models.builtin import shipped
from pose_to_anime.generation_server.protocol import Control, JobState
from server_process import RunningServer, kill_hard, make_png, running_server

WIDTH, HEIGHT = 128, 192


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("real"), "--device", "cpu") as server:
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="module")
def controls(server: RunningServer) -> tuple[Control, ...]:
    pose, depth = (server.client.upload(make_png(WIDTH, HEIGHT, colour)) for colour in ((255, 0, 0), (90, 90, 90)))
    return Control("openpose", pose), Control("depth", depth, 0.5, 0.0, 0.5)


def test_a_picture_with_pose_and_depth(server: RunningServer, controls: tuple[Control, ...]):
    changes = {"width": WIDTH, "height": HEIGHT, "steps": 6, "controls": controls, "seed": 3}
    job_id = server.submit("a girl running", **changes)
    events = list(server.client.events(job=job_id))
    status = events[-1].job
    assert (status.state, status.error) == (JobState.DONE, "")
    assert max(event.job.step for event in events) == 6
    assert any("not trained" in warning for warning in status.warnings) != shipped.is_there(), status.warnings
    preview = next(event.preview for event in events if event.preview)
    with Image.open(io.BytesIO(base64.b64decode(preview))) as image:
        assert abs(image.width / image.height - WIDTH / HEIGHT) < 0.05
    png = server.client.blob(status.results[0])
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (WIDTH, HEIGHT)
    recipe = read_recipe(png)
    assert recipe is not None
    assert recipe.request.controls == controls
    assert recipe.warnings == status.warnings
    again = server.wait_for_state(server.submit("a girl running", **changes), JobState.DONE)
    other = server.wait_for_state(server.submit("a girl running", **{**changes, "seed": 4}), JobState.DONE)
    assert again.results == status.results != other.results


def test_cancel_ends_a_picture_and_the_next_one_is_made(server: RunningServer):
    job_id = server.submit("slow", width=256, height=384, steps=100)
    server.wait_for_step(job_id)
    server.client.cancel(job_id)
    status = server.wait_for_state(job_id, JobState.CANCELLED)
    assert status.step < 100
    server.wait_for_state(server.submit("the next", width=WIDTH, height=HEIGHT), JobState.DONE)


def test_memory_is_given_back_and_the_next_picture_is_made(server: RunningServer):
    server.client.free_memory()
    server.wait_for_state(server.submit(width=WIDTH, height=HEIGHT), JobState.DONE)


def test_a_worker_killed_in_mid_picture(server: RunningServer):
    job_id = server.submit(width=256, height=384, steps=25)
    server.wait_for_step(job_id)
    kill_hard([server.worker_pid()])
    status = server.wait_for_state(job_id, JobState.DONE, JobState.FAILED)
    assert status.state is JobState.DONE
    assert any("started again" in warning for warning in status.warnings)
