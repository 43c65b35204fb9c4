# SPDX-License-Identifier: GPL-3.0-or-later
"""Files by content and jobs in SQLite: whole or not at all, and still there after a restart."""

import dataclasses
import errno
import hashlib
import json
import logging
import os
import sqlite3
import time
from pathlib import Path

import pytest
from pose_to_anime.generation_server.jobs import blobs as blobs_module
from pose_to_anime.generation_server.jobs import store as store_module
from pose_to_anime.generation_server.jobs.blobs import UPLOAD_LIFETIME, BadBlob, BlobStore, DiskFull
from pose_to_anime.generation_server.jobs.store import Job, JobStore, StoreBusy, StoreError
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, JobState, JobStatus, JobSubmission

DATA = b"what is kept"
SHA = hashlib.sha256(DATA).hexdigest()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def make_job(name: str, state: JobState = JobState.QUEUED, place: float = 1.0, **status: object) -> Job:
    request = GenerationRequest("builtin", "a girl, größe 月", 64, 64, controls=(Control("depth", SHA),))
    return Job(JobSubmission(f"job-{name}-0000", request, {"pose": name}), JobStatus(f"job-{name}-0000", state, **status), place)


def test_a_blob_is_kept_once(tmp_path: Path):
    store = BlobStore(tmp_path, reserve=0)
    assert not store.has(SHA)
    assert store.get(SHA) is None
    assert store.put(DATA, SHA) == store.put(DATA) == SHA
    assert store.has(SHA)
    assert store.get(SHA) == DATA
    assert len(files_in(tmp_path)) == 1


@pytest.mark.parametrize("name", ["", "x", "../" * 21 + "x", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_sha256_is_a_name(tmp_path: Path, name: str):
    store = BlobStore(tmp_path, reserve=0)
    for call in (store.has, store.get, store.path):
        with pytest.raises(BadBlob):
            call(name)


def test_bytes_with_another_hash_are_refused(tmp_path: Path):
    store = BlobStore(tmp_path, reserve=0)
    with pytest.raises(BadBlob, match=SHA):
        store.put(DATA, "0" * 64)
    assert files_in(tmp_path) == []


def test_the_reserve_stays_free(tmp_path: Path):
    store = BlobStore(tmp_path, reserve=2**62)
    with pytest.raises(DiskFull, match="disk is full"):
        store.put(DATA)
    assert files_in(tmp_path) == []


def test_a_disk_that_fills_up_leaves_no_halves(tmp_path: Path, monkeypatch):
    store = BlobStore(tmp_path, reserve=0)

    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blobs_module.os, "fsync", no_space)
    with pytest.raises(DiskFull):
        store.put(DATA)
    assert files_in(tmp_path) == []
    assert not store.has(SHA)


def test_cleaning_up_keeps_what_is_used_or_new(tmp_path: Path):
    store = BlobStore(tmp_path, reserve=0)
    used, old, asked_for, new = (store.put(word) for word in (b"used", b"old", b"asked for", b"new"))
    long_ago = time.time() - UPLOAD_LIFETIME - 60
    for sha256 in (used, old, asked_for):
        os.utime(store.path(sha256), (long_ago, long_ago))
    store.has(asked_for)
    (tmp_path / "incoming" / "half").write_bytes(b"h")
    store.remove_unused({used})
    assert {path.name for path in files_in(tmp_path)} == {used, asked_for, new, "half"}, "somebody may be writing it"
    store.remove_drafts()
    assert {path.name for path in files_in(tmp_path)} == {used, asked_for, new}


def test_jobs_come_back_the_same(tmp_path: Path):
    store = JobStore(tmp_path / "jobs.sqlite")
    waiting, running = make_job("wait", place=2.0), make_job("runs", JobState.RUNNING, place=1.0, phase="denoising", step=3)
    old = make_job("old", JobState.DONE, finished=10.0, results=("1" * 64,))
    new = make_job("new", JobState.FAILED, finished=20.0, error="No.")
    for job in (waiting, old, new, running):
        store.save(job)
    store.close()
    store = JobStore(tmp_path / "jobs.sqlite")
    assert store.unfinished() == [running, waiting]
    assert store.finished(10) == [new, old]
    assert store.finished(1) == [new]
    assert store.find(waiting.id) == waiting
    assert store.find("no-such-job") is None
    assert store.blobs() == {"1" * 64, SHA}


def test_a_saved_job_is_replaced(tmp_path: Path):
    store = JobStore(tmp_path / "jobs.sqlite")
    job = make_job("one")
    store.save(job)
    store.save(dataclasses.replace(job.with_status(state=JobState.CANCELLED), crashes=2))
    found = store.find(job.id)
    assert found is not None
    assert (found.status.state, found.crashes, store.unfinished()) == (JobState.CANCELLED, 2, [])


def test_a_full_database_refuses_and_keeps_what_it_had(tmp_path: Path):
    store = JobStore(tmp_path / "jobs.sqlite")
    job = make_job("kept")
    store.save(job)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    large = dataclasses.replace(make_job("large").submission, scene={"pose": "x" * 100_000})
    with pytest.raises(DiskFull):
        store.save(dataclasses.replace(make_job("large"), submission=large))
    assert store.unfinished() == [job]


def test_a_database_that_another_program_holds_gets_a_sentence(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(store_module, "PATIENCE", 0.01)
    store = JobStore(tmp_path / "jobs.sqlite")
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"locked.*try again"):
        store.save(make_job("late"))
    other.execute("ROLLBACK")
    store.save(make_job("late"))
    assert store.unfinished() == [make_job("late")]
    other.close()


def test_a_job_that_cannot_be_read_is_passed_over_and_loses_no_file(tmp_path: Path, caplog):
    """As another version may have written it: with a hundred LoRAs."""
    path = tmp_path / "jobs.sqlite"
    store = JobStore(path)
    fine = make_job("fine", JobState.DONE, finished=10.0, results=("1" * 64,))
    store.save(fine, make_job("done", JobState.DONE, finished=20.0, results=("2" * 64,)), make_job("wait"))
    for job_id in ("job-done-0000", "job-wait-0000"):
        (text,) = store._db.execute("SELECT submission FROM jobs WHERE id = ?", (job_id,)).fetchone()
        submission = json.loads(text)
        submission["request"]["loras"] = [{"name": f"lora {n}", "weight": 1.0} for n in range(100)]
        store._db.execute("UPDATE jobs SET submission = ? WHERE id = ?", (json.dumps(submission), job_id))
    store.close()
    store = JobStore(path)
    with caplog.at_level(logging.WARNING):
        assert store.unfinished() == []
        assert store.unfinished() == []
        assert store.finished(10) == [fine]
        assert store.find("job-done-0000") is None
    assert [caplog.text.count(f"job-{name}-0000") for name in ("done", "wait", "fine")] == [1, 1, 0]
    assert store.blobs() == {"1" * 64, "2" * 64, SHA}
    store.reconcile_results(lambda _: 5)
    assert [list(results) for _, _, results in store.oldest_results()] == [["1" * 64], ["2" * 64]]
    store._db.execute("UPDATE jobs SET status = '{' || status WHERE id = 'job-done-0000'")
    store.reconcile_results(lambda _: 5)
    assert store.results_size() == 10
    assert store.blobs() == {"1" * 64, "2" * 64, SHA}


def test_a_broken_database_gets_a_sentence(tmp_path: Path):
    (tmp_path / "jobs.sqlite").write_bytes(b"this is no database, " * 100)
    with pytest.raises(StoreError, match="move that file away"):
        JobStore(tmp_path / "jobs.sqlite")


def test_a_database_of_a_newer_server_is_left_alone(tmp_path: Path):
    JobStore(tmp_path / "jobs.sqlite").close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="newer server"):
        JobStore(tmp_path / "jobs.sqlite")
