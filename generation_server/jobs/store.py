# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on disk, in SQLite. What was accepted survives a crash of the server or of the computer."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol import JobState, JobStatus, JobSubmission
from .blobs import DiskFull

SCHEMA_VERSION = 1

_SCHEMA = f"""
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    submission TEXT NOT NULL,   -- JSON of JobSubmission, keys sorted: equal exactly for equal submissions
    status TEXT NOT NULL,       -- JSON of JobStatus without its request
    state TEXT NOT NULL,        -- of status, for the indices
    finished REAL NOT NULL,
    place REAL NOT NULL,        -- order in the queue
    crashes INTEGER NOT NULL    -- how often a worker died while it ran this job
);
CREATE INDEX jobs_by_state ON jobs (state, place);
CREATE INDEX jobs_by_end ON jobs (finished);
PRAGMA user_version = {SCHEMA_VERSION};
"""

_FINAL = tuple(state.value for state in JobState if state.is_final)


class StoreError(Exception):
    """The database cannot be used. The text is one sentence."""


@dataclass(frozen=True)
class Job:
    """A job as the server keeps it."""

    submission: JobSubmission
    status: JobStatus
    place: float  # jobs run from the lowest up; those that a person put in front have one below 0
    crashes: int = 0
    overtaken: int = 0  # how often another went before it; not saved, for a new server has no model loaded to save time with
    overtaken_since: float = 0.0  # time of the first one, in seconds since the epoch

    @property
    def id(self) -> str:
        return self.submission.id

    @property
    def model(self) -> str:
        return self.submission.request.model

    def with_status(self, **changes: Any) -> Job:
        return dataclasses.replace(self, status=dataclasses.replace(self.status, **changes))


class JobStore:
    """The jobs of one data directory. One process and one thread use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL, not NORMAL: an accepted job is a promise, and one job takes seconds anyway.
            self._db.execute("PRAGMA synchronous = FULL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        except sqlite3.Error as error:
            if _is_full(error):
                raise DiskFull(path.parent) from error
            raise StoreError(f"The list of jobs {path} cannot be read ({error}): move that file away and start again.") from error
        if version > SCHEMA_VERSION:
            self._db.close()
            raise StoreError(f"The list of jobs {path} was made by a newer server: start that one, or choose another --data-dir.")

    def close(self) -> None:
        self._db.close()

    def save(self, *jobs: Job) -> None:
        """Write jobs, new or known: all of them, or DiskFull is raised and the former state stands."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, jobs))
                self._db.execute("COMMIT")
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            if _is_full(error):
                raise DiskFull(self._path.parent) from error
            raise

    def find(self, job_id: str) -> Job | None:
        return next(self._jobs("WHERE id = ?", job_id), None)

    def unfinished(self) -> list[Job]:
        """Jobs that wait or ran when the server ended, in the order of the queue."""
        return list(self._jobs(f"WHERE state NOT IN ({_marks(_FINAL)}) ORDER BY place", *_FINAL))

    def finished(self, limit: int) -> list[Job]:
        """At most ``limit`` finished jobs, newest first."""
        return list(self._jobs(f"WHERE state IN ({_marks(_FINAL)}) ORDER BY finished DESC LIMIT ?", *_FINAL, limit))

    def with_results(self) -> Iterator[JobStatus]:
        """Every job that still has results, in the order in which they ended."""
        done = JobState.DONE.value
        for (text,) in self._db.execute("SELECT status FROM jobs WHERE state = ? ORDER BY finished", (done,)):
            status = JobStatus.from_json(json.loads(text))
            if status.results:
                yield status

    def blobs(self) -> set[str]:
        """The SHA-256 of every file that must be kept: all results, and what unfinished jobs still need."""
        kept: set[str] = set()
        for job in self._jobs(""):
            kept.update(job.status.results)
            if not job.status.state.is_final:
                kept.update(sha256 for _name, sha256 in job.submission.request.inputs)
        return kept

    def _jobs(self, where: str, *values: Any) -> Iterator[Job]:
        for submission, status, place, crashes in self._db.execute(
            f"SELECT submission, status, place, crashes FROM jobs {where}", values
        ):
            yield Job(
                JobSubmission.from_json(json.loads(submission)), JobStatus.from_json(json.loads(status)), place, int(crashes)
            )


def canonical(submission: JobSubmission) -> str:
    """A text that is equal exactly for equal submissions."""
    return json.dumps(submission.to_json(), sort_keys=True, separators=(",", ":"))


def _row(job: Job) -> tuple[Any, ...]:
    status = dataclasses.replace(job.status, request=None)
    return (
        job.id,
        canonical(job.submission),
        json.dumps(status.to_json()),
        status.state.value,
        status.finished,
        job.place,
        job.crashes,
    )


def _marks(values: tuple[str, ...]) -> str:
    return ", ".join("?" * len(values))


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
