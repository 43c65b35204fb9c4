# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on disk, in SQLite. What was accepted survives a crash of the server or of the computer."""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol import JobState, JobStatus, JobSubmission
from .blobs import DiskFull

SCHEMA_VERSION = 1

PATIENCE = 2.0
"""Seconds for which a write waits where another program (a backup, a scanner) holds the file; the server stands still for it."""

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

# What is kept of which job. Derived from the table above: a start puts right what a crash left between the two.
_RESULTS = """
CREATE TABLE IF NOT EXISTS results (
    job TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, finished REAL NOT NULL, PRIMARY KEY (job, sha256)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS results_by_end ON results (finished);
CREATE INDEX IF NOT EXISTS results_by_name ON results (sha256);
"""

_FINAL = tuple(state.value for state in JobState if state.is_final)
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR)
_NAME = re.compile(r'"([0-9a-f]{64})"')
"""A file's name in JSON. Found so, the files of a job stay that another version of the server wrote and this one cannot read."""

_log = logging.getLogger(__name__)


class StoreError(Exception):
    """The database cannot be used. The text is one sentence."""


class StoreBusy(StoreError):
    """It cannot be used at this moment, and nothing was written. The text is one sentence."""


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
        self._unreadable: set[str] = set()  # ids of rows that were told of
        try:
            self._db = sqlite3.connect(path, PATIENCE, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL, not NORMAL: an accepted job is a promise, and one job takes seconds anyway.
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA cache_size = -256")  # KiB: rows are found by their ids, and the system caches the file too
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            self._db.executescript(f"BEGIN; {_RESULTS} COMMIT;")
        except sqlite3.Error as error:
            if (passing := _passing(error, path)) is not None:
                raise passing from error
            raise StoreError(f"The list of jobs {path} cannot be read ({error}): move that file away and start again.") from error
        if version > SCHEMA_VERSION:
            self._db.close()
            raise StoreError(f"The list of jobs {path} was made by a newer server: start that one, or choose another --data-dir.")

    def close(self) -> None:
        self._db.close()

    def save(self, *jobs: Job) -> None:
        """Write jobs, new or known: all of them, or DiskFull or StoreBusy is raised and the former state stands."""
        self._write("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, jobs))

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement for each row, for all or for none. Raises DiskFull, StoreBusy."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            if (passing := _passing(error, self._path)) is not None:
                raise passing from error
            raise

    def find(self, job_id: str) -> Job | None:
        return next(self._jobs("WHERE id = ?", job_id), None)

    def unfinished(self) -> list[Job]:
        """Jobs that wait or ran when the server ended, in the order of the queue."""
        return list(self._jobs(f"WHERE state NOT IN ({_marks(_FINAL)}) ORDER BY place", *_FINAL))

    def finished(self, limit: int, until: float = float("inf")) -> list[Job]:
        """At most ``limit`` finished jobs, newest first, of those that ended at ``until`` or before."""
        where = f"WHERE state IN ({_marks(_FINAL)}) AND finished <= ? ORDER BY finished DESC LIMIT ?"
        return list(self._jobs(where, *_FINAL, until, limit))

    # Results

    def reconcile_results(self, size: Callable[[str], int]) -> None:
        """Make the list of results say what the jobs say; ``size`` tells the bytes of a file. Raises DiskFull."""
        listed = set(self._db.execute("SELECT job, sha256 FROM results"))
        kept: dict[tuple[str, str], float] = {}
        ended = self._db.execute(f"SELECT id, status, finished FROM jobs WHERE state IN ({_marks(_FINAL)})", _FINAL)
        for job_id, status, finished in ended:
            kept |= {(job_id, sha256): finished for sha256 in _NAME.findall(status)}
        self._write("DELETE FROM results WHERE job = ? AND sha256 = ?", listed - kept.keys())
        missing = [(job, sha256, size(sha256), kept[job, sha256]) for job, sha256 in kept.keys() - listed]
        self._write("INSERT INTO results VALUES (?, ?, ?, ?)", missing)

    def list_results(self, job_id: str, finished: float, sizes: Mapping[str, int]) -> None:
        """A job's results by their SHA-256, with their bytes. Raises DiskFull."""
        rows = [(job_id, sha256, size, finished) for sha256, size in sizes.items()]
        self._write("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", rows)

    def unlist_results(self, job_ids: Iterable[str]) -> None:
        """These jobs have none any more. Raises DiskFull."""
        self._write("DELETE FROM results WHERE job = ?", [(job_id,) for job_id in job_ids])

    def results_size(self) -> int:
        """Bytes of all results; one that several jobs have counts once."""
        (size,) = self._db.execute("SELECT SUM(size) FROM (SELECT DISTINCT sha256, size FROM results)").fetchone()
        return int(size or 0)

    def owners(self, sha256: str) -> int:
        """How many jobs have this result."""
        (count,) = self._db.execute("SELECT COUNT(*) FROM results WHERE sha256 = ?", (sha256,)).fetchone()
        return int(count)

    def oldest_results(self) -> Iterator[tuple[str, float, dict[str, int]]]:
        """Job, end and results with their bytes, oldest first."""
        rows = self._db.execute("SELECT finished, job, sha256, size FROM results ORDER BY finished, job")
        for (finished, job), group in itertools.groupby(rows, key=lambda row: row[:2]):
            yield job, finished, {sha256: size for _, _, sha256, size in group}

    def blobs(self) -> set[str]:
        """The SHA-256 of every file that must be kept: all results, and what unfinished jobs still need."""
        kept: set[str] = set()
        needs = f"CASE WHEN state IN ({_marks(_FINAL)}) THEN '' ELSE submission END"
        for status, needed in self._db.execute(f"SELECT status, {needs} FROM jobs", _FINAL):
            kept.update(_NAME.findall(status), _NAME.findall(needed))
        return kept

    def _jobs(self, where: str, *values: Any) -> Iterator[Job]:
        """Those that can be read; of another it is told once, and it stays for the version that wrote it."""
        rows = self._db.execute(f"SELECT id, submission, status, place, crashes FROM jobs {where}", values)
        for job_id, submission, status, place, crashes in rows:
            try:
                kept = JobSubmission.from_json(json.loads(submission)), JobStatus.from_json(json.loads(status))
            except ValueError as error:
                if job_id not in self._unreadable:
                    self._unreadable.add(job_id)
                    _log.warning("The job %s in %s cannot be read and is passed over: %s", job_id, self._path, error)
                continue
            yield Job(*kept, place, int(crashes))


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


def _passing(error: sqlite3.Error, path: Path) -> Exception | None:
    """As what an error is told that may be gone the next time; None for another."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says which kind of it
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(path.parent)
    if code in _PASSING:
        return StoreBusy(f"The list of jobs {path} cannot be written now ({error}): try again in a moment.")
    return None
