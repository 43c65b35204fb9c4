# SPDX-License-Identifier: GPL-3.0-or-later
"""How long results stay: nothing goes before a limit of the user's is reached, and nothing without a word."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from http_calls import assert_problem, call
from pose_to_anime.generation_server.jobs import retention
from pose_to_anime.generation_server.jobs.blobs import BlobStore
from pose_to_anime.generation_server.jobs.events import EventLog
from pose_to_anime.generation_server.jobs.queue import JobQueue
from pose_to_anime.generation_server.jobs.retention import Retention
from pose_to_anime.generation_server.jobs.store import JobStore
from pose_to_anime.generation_server.protocol import JobState, JobSubmission, ServerSettings, new_job_id
from server_process import STEP_ENGINE, make_request, running_server, start_server, until

KIB = 1024
KEEP_ALL = ServerSettings(keep_gib=0.0)


def keep(kib: float = 0.0, days: float = 0.0) -> ServerSettings:
    return ServerSettings(keep_gib=kib / KIB**2, keep_days=days)


class Shelf:
    """A queue whose jobs are done by the test, with a picture of one KiB each."""

    def __init__(self, folder: Path) -> None:
        self.store = JobStore(folder / "jobs.sqlite")
        self.blobs = BlobStore(folder / "blobs", reserve=0)
        self.queue = JobQueue(self.store, EventLog())
        self.retention = Retention(self.queue, self.store, self.blobs)
        self.queue.ended = self.retention.note

    def add(self, **request: object) -> str:
        return self.queue.add(JobSubmission(new_job_id(), make_request(**request))).id

    def finish(self, picture: bytes | None = None) -> str:
        """The next job, done."""
        job = self.queue.take()
        assert job is not None
        sha256 = self.blobs.put(picture or os.urandom(KIB))
        self.queue.end(job.id, JobState.DONE, results=(sha256,))
        return sha256

    def made(self) -> tuple[str, str]:
        """A new job that is done, and its picture."""
        return self.add(), self.finish()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(retention, "GRACE", -1.0)  # what was made this moment may go as well
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


def test_nothing_goes_before_a_limit_is_reached(shelf):
    made = [shelf.made() for _ in range(5)]
    for limits in (ServerSettings(), KEEP_ALL, keep(kib=5.0), keep(days=1.0)):
        assert shelf.retention.sweep(limits) == []
    assert all(shelf.blobs.has(picture) for _, picture in made)
    assert shelf.retention.size == 5 * KIB


def test_the_oldest_go_and_it_is_told(shelf, caplog):
    made = [shelf.made() for _ in range(5)]
    before = shelf.queue._events.sequence
    with caplog.at_level(logging.WARNING):
        told = shelf.retention.sweep(keep(kib=3.5))
    assert [status.id for status in told] == [made[0][0], made[1][0]]
    assert shelf.queue._events.sequence == before + 2
    for number, (job_id, picture) in enumerate(made):
        status = shelf.queue.status(job_id)
        assert status.state is JobState.DONE
        assert shelf.blobs.has(picture) == (number >= 2) == (status.results == (picture,)) == (status.removed == 0.0)
        assert any("were removed" in warning for warning in status.warnings) == (number < 2)
        assert (job_id in caplog.text) == (number < 2)
    assert shelf.retention.size == 3 * KIB
    assert shelf.retention.sweep(keep(kib=3.5)) == []


def test_a_start_knows_what_is_kept_and_what_was_removed(shelf, tmp_path):
    made = [shelf.made() for _ in range(4)]
    shelf.retention.sweep(keep(kib=2.0))
    shelf.store.close()
    again = Shelf(tmp_path)
    assert again.retention.size == 2 * KIB
    assert again.queue.status(made[0][0]).removed > 0.0
    assert [status.id for status in again.retention.sweep(keep(kib=1.0))] == [made[2][0]]
    again.store.close()


def test_old_ones_go_by_age(shelf):
    job_id, picture = shelf.made()
    assert shelf.retention.sweep(keep(days=1e-9))[0].id == job_id
    assert not shelf.blobs.has(picture)
    assert "set to keep 1e-09 days" in shelf.queue.status(job_id).warnings[-1]


def test_what_an_unfinished_job_needs_stays(shelf):
    (first, picture), (second, _) = shelf.made(), shelf.made()
    shelf.add(init_image=picture)
    assert [status.id for status in shelf.retention.sweep(keep(kib=0.5))] == [second]
    shelf.finish()
    assert first in [status.id for status in shelf.retention.sweep(keep(kib=0.5))]
    assert not shelf.blobs.has(picture)


def test_what_a_cancelled_job_had_made_is_kept_and_counted_as_the_others(shelf, tmp_path):
    """Its first picture is that of a former job, which goes meanwhile."""
    _, picture = shelf.made()
    job_id = shelf.add(batch_count=3)
    assert shelf.queue.take().id == job_id
    pictures = (picture, shelf.blobs.put(os.urandom(KIB)))
    for index, sha256 in enumerate(pictures):
        shelf.queue.keep_picture(job_id, index, sha256)
    assert shelf.retention.sweep(keep(kib=0.5)) == []
    assert shelf.queue.end(job_id, JobState.CANCELLED).results == pictures
    assert shelf.retention.size == 2 * KIB
    shelf.store.close()
    again = Shelf(tmp_path)
    assert again.retention.size == 2 * KIB and len(again.retention.sweep(keep(kib=1.5))) == 2
    assert again.queue.status(job_id).removed > 0.0 and not any(map(again.blobs.has, pictures))
    again.store.close()


def test_a_picture_of_two_jobs_stays_while_one_of_them_does(shelf):
    shelf.add()
    picture = shelf.finish()
    shelf.made()
    second = shelf.add()
    assert shelf.finish(shelf.blobs.get(picture)) == picture
    assert shelf.retention.size == 2 * KIB
    # The oldest gives nothing free by itself: the one between goes too.
    assert len(shelf.retention.sweep(keep(kib=1.0))) == 2
    assert shelf.queue.status(second).results == (picture,)
    assert shelf.blobs.has(picture)
    assert shelf.retention.size == KIB


def test_a_picture_that_was_just_made_or_asked_for_stays(shelf, monkeypatch):
    made = [shelf.made() for _ in range(2)]
    monkeypatch.setattr(retention, "GRACE", 600.0)
    assert shelf.retention.sweep(keep(kib=0.5)) == []
    assert all(shelf.blobs.has(picture) for _, picture in made)


def test_a_job_that_cannot_be_read_keeps_its_pictures_and_hinders_nobody(shelf):
    (unreadable, picture), (_, other) = shelf.made(), shelf.made()
    shelf.store._db.execute("UPDATE jobs SET submission = '{}' WHERE id = ?", (unreadable,))
    assert len(shelf.retention.sweep(keep(kib=0.5))) == 1
    assert shelf.blobs.has(picture) and not shelf.blobs.has(other)


# The settings


def test_settings_are_changed_kept_and_overridden(data_dir: Path):
    with running_server(data_dir) as server:
        assert server.client.settings() == ServerSettings()
        assert server.client.change_settings(keep_days=30.0) == ServerSettings(keep_days=30.0)
        assert server.client.change_settings(unload_after=7).unload_after == 7.0
        for body, part in (
            ({"keep_gib": -1}, "between 0"),
            ({"keep_gib": "much"}, "must be a number"),
            ({"keep": 1}, "keep_gib, keep_days, unload_after"),
            ([], "JSON object"),
        ):
            assert_problem(call(server, "PATCH", "/v1/settings", json=body), 422, part)
        assert server.client.settings() == ServerSettings(keep_days=30.0, unload_after=7.0)
    with running_server(data_dir, *STEP_ENGINE, "--keep-days", "3", "--keep-gib", "0") as server:
        assert server.client.settings() == ServerSettings(keep_gib=0.0, keep_days=3.0, unload_after=7.0)
    (data_dir / "settings.json").write_text("{keep nothing")
    process = start_server(data_dir, *STEP_ENGINE)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert b"settings.json" in errors and len(errors.splitlines()) == 1


def test_models_leave_the_device_when_nobody_needs_them(data_dir: Path):
    with running_server(data_dir, *STEP_ENGINE, "--unload-after", "0.3") as server:
        server.wait_until_ready()
        before = server.client.health().memory_free
        *_, end = server.client.events(job=server.submit())
        until(lambda: server.client.health().memory_free == before + 1)
        again = server.client.events(last_event_id=end.sequence, job=server.submit("again"))
        assert "loading model" in [event.job.phase for event in again]
