# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue and its events: order, ends, what survives, and what listeners hear."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pose_to_anime.generation_server.jobs import events as events_module
from pose_to_anime.generation_server.jobs.blobs import DiskFull
from pose_to_anime.generation_server.jobs.events import EventLog
from pose_to_anime.generation_server.jobs.queue import JobQueue, NotWaiting, OtherJob, QueueFull, UnknownJob
from pose_to_anime.generation_server.jobs.store import JobStore
from pose_to_anime.generation_server.protocol import GenerationRequest, JobEvent, JobState, JobStatus, JobSubmission


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "jobs.sqlite")
    yield store
    store.close()


@pytest.fixture
def queue(store: JobStore) -> JobQueue:
    return JobQueue(store, EventLog(), limit=4)


def submission(name: str, prompt: str = "a girl") -> JobSubmission:
    return JobSubmission(f"job-{name}-0000", GenerationRequest("builtin", prompt, 64, 64, steps=9))


def waiting(queue: JobQueue) -> list[str]:
    return [status.id.split("-")[1] for status in queue.unfinished()]


def fill(queue: JobQueue, *names: str) -> None:
    for name in names:
        queue.add(submission(name))


def test_first_come_first_served(queue: JobQueue):
    fill(queue, "a", "b", "c")
    assert [status.position for status in queue.unfinished()] == [0, 1, 2]
    taken = queue.take()
    assert taken is not None
    assert taken.id == "job-a-0000"
    assert queue.status("job-a-0000").state is JobState.RUNNING
    assert queue.status("job-b-0000").position == 1


def test_finished_jobs_are_listed_page_by_page(queue: JobQueue, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pose_to_anime.generation_server.jobs.queue.LISTED", 2)
    fill(queue, "a", "b", "c")
    for _ in range(3):
        queue.cancel_waiting(queue.unfinished()[0].id)
    fill(queue, "d")
    first = queue.statuses()
    assert [status.id for status in first] == ["job-d-0000", "job-c-0000", "job-b-0000"]
    assert [status.id for status in queue.statuses(first[-1].finished)] == ["job-b-0000", "job-a-0000"]
    assert queue.statuses(1.0) == []


def test_a_picture_that_was_made_outlives_the_worker_and_the_server(queue: JobQueue, store: JobStore):
    fill(queue, "a")
    queue.take()
    for index, sha256 in enumerate("123"):
        queue.keep_picture("job-a-0000", index, sha256 * 64)
    queue.again("job-a-0000", "The worker stopped.")
    again = JobQueue(store, EventLog())
    again.take()
    again.keep_picture("job-a-0000", 0, "1" * 64)  # made once more
    again.keep_picture("job-a-0000", 1, "4" * 64)  # another program's version, or another device
    assert again.end("job-a-0000", JobState.CANCELLED).results == ("1" * 64, "4" * 64, "3" * 64)
    assert store.finished(1)[0].status.results == ("1" * 64, "4" * 64, "3" * 64)


def test_moving_to_front_and_back(queue: JobQueue):
    fill(queue, "a", "b", "c")
    assert queue.move("job-c-0000", to="front").position == 0
    assert waiting(queue) == ["c", "a", "b"]
    assert queue.move("job-c-0000", to="back").position == 2
    assert waiting(queue) == ["a", "b", "c"]
    queue.take()
    with pytest.raises(NotWaiting, match="running"):
        queue.move("job-a-0000", to="back")
    assert queue.move("job-c-0000", to="front").position == 1  # behind the one that runs


def test_the_order_survives_a_restart_and_what_ran_waits_again(queue: JobQueue, store: JobStore):
    fill(queue, "a", "b", "c")
    queue.take()
    queue.progress("job-a-0000", phase="denoising", step=5)
    queue.move("job-c-0000", to="front")
    again = JobQueue(store, EventLog())
    assert [(s.id.split("-")[1], s.state, s.step) for s in again.unfinished()] == [
        ("c", JobState.QUEUED, 0),
        ("a", JobState.QUEUED, 0),
        ("b", JobState.QUEUED, 0),
    ]


def test_the_same_submission_is_the_same_job(queue: JobQueue):
    fill(queue, "a")
    assert queue.find_same(submission("b")) is None
    known = queue.find_same(submission("a"))
    assert known is not None
    assert known.id == "job-a-0000"
    with pytest.raises(OtherJob, match="another job"):
        queue.find_same(submission("a", "another prompt"))
    queue.end("job-a-0000", JobState.DONE)
    assert queue.find_same(submission("a")) == queue.status("job-a-0000")


def test_a_full_queue_refuses(queue: JobQueue):
    fill(queue, "a", "b", "c", "d")
    with pytest.raises(QueueFull, match="4 jobs"):
        queue.add(submission("e"))
    queue.cancel_waiting("job-b-0000")
    fill(queue, "e")
    assert waiting(queue) == ["a", "c", "d", "e"]


def test_cancelling(queue: JobQueue):
    fill(queue, "a", "b")
    queue.take()
    assert queue.cancel_waiting("job-b-0000").state is JobState.CANCELLED
    assert queue.cancel_waiting("job-b-0000").state is JobState.CANCELLED  # a second time changes nothing
    with pytest.raises(NotWaiting):
        queue.cancel_waiting("job-a-0000")
    with pytest.raises(UnknownJob, match="no job"):
        queue.cancel_waiting("job-z-0000")


def test_a_crash_is_counted_and_kept(queue: JobQueue, store: JobStore):
    fill(queue, "a", "b")
    queue.take()
    queue.again("job-a-0000", "It was started again.")
    assert waiting(queue) == ["a", "b"]
    for each in (queue, JobQueue(store, EventLog())):
        assert each.crashes("job-a-0000") == 1
        assert each.status("job-a-0000").warnings == ("It was started again.",)


def test_a_job_that_ends_on_a_full_disk_has_ended(queue: JobQueue, store: JobStore, monkeypatch):
    fill(queue, "a", "b")
    queue.take()

    def full(_: object) -> None:
        raise DiskFull(Path("/full"))

    with monkeypatch.context() as patch:
        patch.setattr(store, "save", full)
        queue.end("job-a-0000", JobState.DONE, results=("1" * 64,))
        assert queue.status("job-a-0000").state is JobState.DONE
        assert [s.state for s in queue.statuses()] == [JobState.QUEUED, JobState.DONE]
    queue.take()  # the next change that can be saved takes the other along
    assert [job.id for job in store.finished(10)] == ["job-a-0000"]
    assert [s.id for s in queue.statuses()] == ["job-b-0000", "job-a-0000"]


def test_a_job_that_ends_while_another_program_holds_the_file_has_ended(queue: JobQueue, store: JobStore, tmp_path: Path):
    fill(queue, "a", "b")
    queue.take()
    store._db.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    queue.end("job-a-0000", JobState.DONE, results=("1" * 64,))
    assert queue.status("job-a-0000").state is JobState.DONE
    other.execute("ROLLBACK")
    other.close()
    assert store.finished(10) == []
    queue.take()
    assert [job.id for job in store.finished(10)] == ["job-a-0000"]


def listen(log: EventLog, count: int, last_seen: int | None, present: tuple[JobStatus, ...] = ()) -> list[JobEvent | None]:
    """The first ``count`` events of a listener."""

    async def gather() -> list[JobEvent | None]:
        got = []
        async for event in log.listen(lambda _: present, last_seen, lambda status: status.id != "unwanted"):
            got.append(event)
            if len(got) == count:
                break
        return got

    return asyncio.run(asyncio.wait_for(gather(), 30))


def status(name: str, step: int = 0, state: JobState = JobState.RUNNING) -> JobStatus:
    return JobStatus(name, state, step=step, steps=10)


def sequences(events: list[JobEvent | None]) -> list[int]:
    return [event.sequence for event in events if event is not None]


def test_a_listener_resumes_after_what_it_has_seen():
    log = EventLog()
    first = log.sequence + 1
    for step in range(5):
        log.publish(status("job", step))
    log.publish(status("unwanted"))
    log.publish(status("job", 5))
    got = listen(log, 3, first + 2)
    assert sequences(got) == [first + 3, first + 4, first + 6]
    assert [event.job.step for event in got if event] == [3, 4, 5]


@pytest.mark.parametrize("last_seen", [None, 0, 5, 10**17])
def test_a_new_listener_and_one_from_before_a_restart_hear_how_things_stand(last_seen: int | None):
    log = EventLog()
    log.publish(status("job", 1))
    (event,) = listen(log, 1, last_seen, (status("job", 7),))
    assert event is not None
    assert (event.job.step, event.sequence) == (7, log.sequence)


def test_one_who_fell_too_far_behind_hears_how_things_stand(monkeypatch):
    monkeypatch.setattr(events_module, "KEPT", 3)
    log = EventLog()
    start = log.sequence
    for step in range(10):
        log.publish(status("job", step))
    assert sequences(listen(log, 3, start + 7)) == [start + 8, start + 9, start + 10]
    (event,) = listen(log, 1, start + 6, (status("job", 42),))
    assert event is not None
    assert event.job.step == 42


def test_only_the_latest_preview_of_a_job_is_kept():
    log = EventLog()
    start = log.sequence
    log.publish(status("one", 1), "old")
    log.publish(status("two", 1), "other")
    log.publish(status("one", 2), "new")
    assert [event.preview for event in listen(log, 3, start) if event] == ["", "other", "new"]
    log.publish(status("one", 3, JobState.DONE))
    assert [event.preview for event in listen(log, 4, start) if event] == ["", "other", "", ""]


def test_a_silent_stream_shows_that_it_lives(monkeypatch):
    monkeypatch.setattr(events_module, "SIGN_OF_LIFE", 0.01)
    log = EventLog()
    assert listen(log, 2, log.sequence) == [None, None]


def test_a_stalled_listener_delays_nobody_and_closing_ends_all():
    async def play() -> tuple[int, list[int], int]:
        log = EventLog()
        start = log.sequence
        stalled = log.listen(lambda _: (), start, lambda _: True)
        log.publish(status("job", 0))
        await anext(stalled)  # and now it does not ask again
        heard: list[int] = []

        async def hear() -> None:
            async for event in log.listen(lambda _: (), start, lambda _: True):
                assert event is not None
                heard.append(event.sequence - start)

        task = asyncio.create_task(hear())
        for step in range(1, 100):
            log.publish(status("job", step))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        log.close()
        await asyncio.wait_for(task, 30)
        during = log.listeners
        await stalled.aclose()  # type: ignore[attr-defined]
        return during, heard, log.listeners

    assert asyncio.run(play()) == (1, list(range(1, 101)), 0)
