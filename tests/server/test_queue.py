# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue by itself, on a real store: which job runs next, what each is told, who replaces whom."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from pose_to_anime.generation_server.jobs import order
from pose_to_anime.generation_server.jobs.events import KEPT, EventLog
from pose_to_anime.generation_server.jobs.queue import JobQueue, QueueFull
from pose_to_anime.generation_server.jobs.store import JobStore
from pose_to_anime.generation_server.protocol import JobState, JobStatus, JobSubmission, new_job_id
from server_process import make_request


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    store = JobStore(tmp_path / "jobs.sqlite")
    store._db.execute("PRAGMA synchronous = OFF")  # what survives a power cut is not asked here
    yield JobQueue(store, EventLog())
    store.close()


def add(queue: JobQueue, model: str = "a", place: str = "back", client: str = "") -> str:
    return queue.add(JobSubmission(new_job_id(), make_request(model=model), place=place, client=client)).id


def run(queue: JobQueue, count: int) -> list[str]:
    """The models of the next ``count`` jobs, each of which is done at once; every prediction is held against what happens."""
    models = []
    for _ in range(count):
        first = queue.unfinished()[0]
        job = queue.take()
        assert job is not None
        assert (job.id, first.position) == (first.id, 0)
        queue.end(job.id, JobState.DONE)
        models.append(job.model)
    return models


def test_jobs_of_the_loaded_model_go_first_and_all_others_keep_their_order(queue):
    for model in "abacabc":
        add(queue, model)
    told = [queue.status(status.id) for status in queue.unfinished()]
    assert [status.position for status in told] == list(range(7))
    assert "".join(run(queue, 7)) == "aaabbcc"
    assert queue.take() is None


def test_nobody_is_overtaken_for_ever(queue):
    """A client that sends a job of the loaded model whenever one is done cannot keep another from its turn."""
    add(queue, "a")
    patient = add(queue, "b")
    models = ""
    while queue.status(patient).state is JobState.QUEUED:
        add(queue, "a")
        models += run(queue, 1)[0]
        assert len(models) <= order.MOST_OVERTAKEN + 2
    # The first a was before it; the others overtook it.
    assert models == "a" * (1 + order.MOST_OVERTAKEN) + "b"


def test_a_job_that_was_overtaken_for_long_is_next(queue, monkeypatch):
    add(queue, "a")
    add(queue, "b")
    for _ in range(3):
        add(queue, "a")
    assert run(queue, 2) == ["a", "a"]
    monkeypatch.setattr(order, "LONGEST_OVERTAKEN", 0.0)
    job = queue.take()  # time alone tells nobody anew: the order changes when the next one is taken
    assert job is not None and job.model == "b"
    queue.end(job.id, JobState.DONE)
    assert run(queue, 2) == ["a", "a"]


def test_whoever_is_put_in_front_is_next_whatever_is_loaded(queue):
    add(queue, "a")
    add(queue, "a")
    run(queue, 1)
    add(queue, "a")
    last = add(queue, "b")
    assert queue.status(last).position == 2
    assert queue.move(last, "front").position == 0
    add(queue, "c", place="front")
    assert run(queue, 4) == ["c", "b", "a", "a"]


def test_without_a_loaded_model_the_first_is_next(queue):
    for model in "abab":
        add(queue, model)
    run(queue, 1)
    queue.loaded = None  # the worker died, or its memory was freed
    assert run(queue, 3) == ["b", "b", "a"]


@pytest.mark.parametrize("seed", range(20))
def test_every_job_runs_once_within_the_bound_whatever_is_done_with_the_queue(queue, seed):
    chance = random.Random(seed)
    overtaken: dict[str, int] = {}
    asked: list[str] = []  # in the order that people asked for
    while len(overtaken) < 60 or asked:
        deed = chance.random()
        if deed < 0.5 and len(overtaken) < 60:
            job_id = add(queue, chance.choice("abc"))
            overtaken[job_id] = 0
            asked.append(job_id)
        elif deed < 0.55 and asked:
            job_id = chance.choice(asked)
            queue.cancel_waiting(job_id)
            asked.remove(job_id)
        elif asked:
            assert sorted(status.position for status in queue.unfinished()) == list(range(len(asked)))
            predicted = [status.id for status in queue.unfinished()]
            job = queue.take()
            assert job is not None and job.id == predicted[0]
            for other in asked[: asked.index(job.id)]:
                overtaken[other] += 1
            asked.remove(job.id)
            assert [status.id for status in queue.unfinished()] == [job.id, *predicted[1:]]
            queue.end(job.id, JobState.DONE)
    assert max(overtaken.values()) <= order.MOST_OVERTAKEN
    assert queue.take() is None and len(queue) == 0


def test_a_job_replaces_what_its_client_has_waiting_and_nothing_else(queue):
    running = add(queue, client="panel")
    queue.take()
    waiting = [add(queue, client="panel"), add(queue, client="panel")]
    foreign = add(queue, client="somebody else")
    newest = add(queue, place="replace", client="panel")
    assert [status.id for status in queue.unfinished()] == [running, foreign, newest]
    for job_id in waiting:
        status = queue.status(job_id)
        assert status.state is JobState.CANCELLED
        assert any(newest in warning and "replaced" in warning for warning in status.warnings)
    late = add(queue, client="panel")
    assert queue.move(newest, "replace").position == 2
    assert queue.status(late).state is JobState.CANCELLED
    assert queue.status(foreign).state is JobState.QUEUED


def test_without_a_name_nobody_is_replaced(queue):
    foreign = add(queue)
    mine = add(queue, place="replace")
    queue.move(mine, "replace")
    assert [status.id for status in queue.unfinished()] == [foreign, mine]


def test_a_full_queue_has_room_for_one_that_replaces(tmp_path: Path):
    store = JobStore(tmp_path / "jobs.sqlite")
    queue = JobQueue(store, EventLog(), limit=2)
    former = [add(queue, client="x"), add(queue, client="x")]
    with pytest.raises(QueueFull):
        add(queue, place="replace", client="y")
    newest = add(queue, place="replace", client="x")
    assert [status.id for status in queue.unfinished()] == [newest]
    store.close()
    store = JobStore(tmp_path / "jobs.sqlite")  # and so it is on disk
    queue = JobQueue(store, EventLog())
    assert [status.id for status in queue.unfinished()] == [newest]
    assert {queue.status(job_id).state for job_id in former} == {JobState.CANCELLED}
    store.close()


def test_only_those_are_told_whose_position_changed(queue):
    first, second = add(queue), add(queue)
    for _ in range(50):
        add(queue)
    before = queue._events.sequence
    last = add(queue)
    assert queue._events.sequence == before + 1
    queue.cancel_waiting(last)
    assert queue._events.sequence == before + 2
    queue.cancel_waiting(second)  # all but the first move up
    assert queue._events.sequence == before + 2 + 1 + 50
    assert queue.status(first).position == 0


def test_a_listener_that_falls_behind_hears_how_everything_ended(queue):
    """One that stalls while more happens than the log holds, at its very first words and later."""

    async def listen() -> list[tuple[str, JobState]]:
        heard = []

        def present(missed_some: bool) -> list[JobStatus]:
            return queue.statuses() if missed_some else queue.unfinished()

        stream = queue._events.listen(present, None, lambda _: True)
        for _ in range(2):
            event = await anext(stream)
            heard.append((event.job.id, event.job.state))
            for _ in range(KEPT):
                queue.progress(running, phase="denoising")
            done.append(add(queue))
            queue.cancel_waiting(done[-1])
        while {job_id for job_id, state in heard if state.is_final} != set(done):
            event = await anext(stream)
            heard.append((event.job.id, event.job.state))
        await stream.aclose()
        return heard

    running = add(queue)
    queue.take()
    done: list[str] = []
    heard = asyncio.run(asyncio.wait_for(listen(), 60))
    assert heard[0] == (running, JobState.RUNNING)
