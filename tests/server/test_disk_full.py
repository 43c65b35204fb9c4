# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk: refused with a sentence, nothing half written, and all goes on once there is room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import small_disk as small_disks
from pose_to_anime.generation_server.client import ServerDiskFull
from pose_to_anime.generation_server.protocol import JobState
from server_process import STEP_ENGINE, make_png, openpose, running_server
from small_disk import fill

RESERVE_MIB = 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """24 MiB: a job needs 16 MiB of room, and the server keeps one in reserve."""
    with small_disks.small_disk(tmp_path / "disk", 24) as folder:
        yield folder


def test_a_disk_that_fills_up_and_is_cleared(small_disk: Path):
    with running_server(small_disk / "data", *STEP_ENGINE, "--reserve", str(RESERVE_MIB)) as server:
        control = server.client.upload(make_png())
        ballast = fill(small_disk, leave=RESERVE_MIB * 1024 * 1024 + 8192)
        with pytest.raises(ServerDiskFull, match="disk is full") as caught:
            server.submit(controls=openpose(control))
        assert caught.value.problem.status == 507
        with pytest.raises(ServerDiskFull):
            server.client.upload(os.urandom(1024 * 1024))
        assert server.client.jobs() == ()
        assert list((small_disk / "data" / "blobs" / "incoming").iterdir()) == []
        ballast.unlink()
        server.wait_for_state(server.submit(controls=openpose(control)), JobState.DONE)


def test_a_disk_that_fills_up_while_a_job_runs(small_disk: Path):
    with running_server(small_disk / "data", *STEP_ENGINE, "--reserve", str(RESERVE_MIB)) as server:
        job_id = server.submit("slow", steps=40)
        server.wait_for_step(job_id)
        ballast = fill(small_disk, leave=0)
        status = server.wait_for_state(job_id, JobState.FAILED, JobState.DONE)
        assert status.state is JobState.FAILED
        assert "disk is full" in status.error
        assert status.results == ()
        ballast.unlink()
        server.wait_for_state(server.submit(), JobState.DONE)
        assert server.client.job(job_id).state is JobState.FAILED
        server.kill()
    with running_server(small_disk / "data", *STEP_ENGINE, "--reserve", str(RESERVE_MIB)) as server:
        assert server.client.job(job_id).state is JobState.FAILED  # how it ended was saved once there was room


def test_a_server_starts_on_a_full_disk_or_says_why_not(small_disk: Path):
    from server_process import start_server

    fill(small_disk, leave=0)
    process = start_server(small_disk / "data", *STEP_ENGINE)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert b"disk is full" in errors
    assert b"Traceback" not in errors


def test_the_reserve_is_kept_on_any_disk(data_dir: Path):
    with running_server(data_dir, *STEP_ENGINE, "--reserve", str(2**40)) as server:
        with pytest.raises(ServerDiskFull):
            server.submit()
        with pytest.raises(ServerDiskFull):
            server.client.upload(make_png())
        assert server.client.jobs() == ()
