# SPDX-License-Identifier: GPL-3.0-or-later
"""One job with several pictures on a real server: its results, their seeds and prompts, and how far it is."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")

from PIL import Image
from pose_to_anime.generation_server.client import RequestRefused
from pose_to_anime.generation_server.drawn_prompt import Wildcards, drawn
from pose_to_anime.generation_server.metadata import parameters_text, read_recipe
from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, JobStatus
from server_process import STEP_ENGINE, RunningServer, kill_hard, running_server, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """With a wildcard file in its user's folder."""
    home = tmp_path_factory.mktemp("home")
    (home / "wildcards").mkdir()
    (home / "wildcards" / "who.txt").write_text("1boy\n1girl\nloli\n", "utf-8")
    with running_server(home / "data", *STEP_ENGINE, "--user-dir", str(home)) as running:
        running.wait_until_ready()
        yield running


def test_each_result_holds_what_makes_it_again(server: RunningServer) -> None:
    client = server.client
    job = server.submit("{red|green|blue} hair # a comment", seed=8, steps=5, batch_size=2, batch_count=3)
    events = list(client.events(job=job))
    status = client.job(job)
    assert status.state is JobState.DONE and len(status.results) == 6
    steps = [(event.job.step, event.job.steps) for event in events if event.job.phase == "denoising"]
    assert steps == sorted(steps) and steps[-1][0] == steps[-1][1] > 5
    assert (
        (events[-1].job.step, events[-1].job.steps)
        == steps[-1]
        == next((event.job.step, event.job.steps) for event in events if event.job.phase == "saving")
    )
    recipes = [read_recipe(client.blob(sha256)) for sha256 in status.results]
    assert all(recipe is not None for recipe in recipes)
    requests = [recipe.request for recipe in recipes if recipe]
    assert [request.seed for request in requests] == list(range(8, 14))
    assert {request.prompt for request in requests} <= {"red hair", "green hair", "blue hair"}
    assert len({request.prompt for request in requests}) > 1
    assert recipes[0] and "Template: {red|green|blue} hair # a comment" in parameters_text(recipes[0])
    again = server.wait_for_state(server.submit(**{**_fields(requests[4]), "sampler": ""}), JobState.DONE)
    assert _pixels(server, again.results[0]) == _pixels(server, status.results[4])


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("refuse", "This engine refuses: take the word out of the prompt."),
        ("bug", "The picture could not be made (RuntimeError: a bug in the engine); see the worker's log."),
        ("crash", "The worker stopped twice while it made this picture"),
    ],
)
def test_what_is_made_before_one_fails_is_kept(server: RunningServer, word: str, why: str) -> None:
    """Of four pictures the third cannot be made: the first two are there, and the job says what is missing."""
    request = GenerationRequest("builtin", f"{{red|blue|{word}}} hair", 256, 256, batch_count=4)
    nothing = Wildcards(server.data_dir)

    def fails(seed: int) -> list[bool]:
        return [word in drawn(dataclasses.replace(request, seed=seed), index, nothing).prompt for index in range(4)]

    seed = next(seed for seed in range(1000) if fails(seed)[:3] == [False, False, True])
    status = server.wait_for_state(server.submit(request.prompt, seed=seed, steps=2, batch_count=4), JobState.DONE)
    assert status.warnings[-1].startswith(f"The last 2 of 4 pictures are missing. {why}")
    assert seeds(server, status) == [seed, seed + 1]


@pytest.mark.parametrize("dies", [False, True])
def test_what_is_made_before_a_cancel_is_kept(server: RunningServer, dies: bool) -> None:
    """Each picture is listed as soon as it is there, and stays so, even where the worker has to be ended."""
    job = server.submit("slow deaf" if dies else "slow", seed=20, steps=3, batch_count=64)
    until(lambda: server.client.job(job).results)
    server.client.cancel(job)
    if dies:
        kill_hard([server.worker_pid()])
    status = server.wait_for_state(job, JobState.CANCELLED)
    made = len(status.results)
    assert seeds(server, status) == [20 + index for index in range(made)] and made < 64
    assert status.warnings[-1] == f"The last {64 - made} of 64 pictures are missing. The job was cancelled."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"prompt": "__who__, nude", "batch_size": 8, "batch_count": 4, "explicit": True}, "Sexual content is refused"),
        ({"prompt": "__whom__"}, "There is no wildcard '__whom__': use one of who."),
        ({"prompt": "1girl <lora:ink:1>"}, "There is no LoRA 'ink' on this server: put it into models/Lora"),
        ({"batch_size": 9}, "makes up to 8 pictures at once and 64 in a job, not 9 and 9"),
        ({"batch_count": 65}, "not 1 and 65"),
    ],
)
def test_what_cannot_be_made_is_said_at_once(server: RunningServer, changes: dict, sentence: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        server.submit(**changes)
    assert caught.value.problem.status == 422 and sentence in str(caught.value)


def seeds(server: RunningServer, status: JobStatus) -> list[int]:
    """Those of a job's pictures, by their recipes."""
    recipes = [read_recipe(server.client.blob(sha256)) for sha256 in status.results]
    return [recipe.request.seed for recipe in recipes if recipe]


def _fields(request: object) -> dict:
    return {f.name: getattr(request, f.name) for f in dataclasses.fields(request)}  # type: ignore[arg-type]


def _pixels(server: RunningServer, sha256: str) -> bytes:
    return Image.open(io.BytesIO(server.client.blob(sha256))).tobytes()
