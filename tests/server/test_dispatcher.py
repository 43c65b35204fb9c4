# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispatcher with its patience cut short: workers that do not obey, and workers that fall silent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from pose_to_anime.generation_server.jobs import dispatcher
from pose_to_anime.generation_server.jobs.errands import ErrandFailed
from pose_to_anime.generation_server.protocol import JobState, JobStatus, JobSubmission, new_job_id
from pose_to_anime.generation_server.service import Service, Settings
from server_process import PATIENCE, SUPPORT, make_request

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops a process with a signal")


async def state_of(service: Service, job_id: str, condition: Callable[[JobStatus], bool]) -> JobStatus:
    async def wait() -> JobStatus:
        while not condition(status := service.queue.status(job_id)):
            await asyncio.sleep(0.02)
        return status

    return await asyncio.wait_for(wait(), PATIENCE)


def play(folder: Path, part: Callable[[Service], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch) -> Any:
    paths = [str(SUPPORT), str(Path(sys.modules["pose_to_anime"].__file__ or "").parent.parent)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]))

    async def with_service() -> Any:
        service = Service(Settings(folder, folder, engine="step_engine:Engine", reserve=0))
        service.start()
        try:
            return await part(service)
        finally:
            await service.stop()

    return asyncio.run(with_service())


def test_a_worker_that_does_not_obey_a_cancel_is_ended(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dispatcher, "CANCEL_GRACE", 0.1)

    async def part(service: Service) -> JobStatus:
        job_id = (await service.submit(JobSubmission(new_job_id(), make_request("slow deaf", steps=100)))).id
        await state_of(service, job_id, lambda status: status.step > 0)
        service.dispatcher.cancel(job_id)
        status = await state_of(service, job_id, lambda status: status.state.is_final)
        after = (await service.submit(JobSubmission(new_job_id(), make_request("the next")))).id
        await state_of(service, after, lambda status: status.state is JobState.DONE)
        return status

    status = play(tmp_path, part, monkeypatch)
    assert status.state is JobState.CANCELLED
    assert status.step < 100


def test_a_worker_that_obeys_is_not_ended(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dispatcher, "CANCEL_GRACE", 0.5)

    async def part(service: Service) -> JobStatus:
        job_id = (await service.submit(JobSubmission(new_job_id(), make_request("slow", steps=100)))).id
        await state_of(service, job_id, lambda status: status.step > 0)
        service.dispatcher.cancel(job_id)
        await state_of(service, job_id, lambda status: status.state.is_final)
        # A job that outlasts the patience that the cancelled one had.
        after = (await service.submit(JobSubmission(new_job_id(), make_request("slow", steps=30)))).id
        return await state_of(service, after, lambda status: status.state.is_final)

    status = play(tmp_path, part, monkeypatch)
    assert status.state is JobState.DONE
    assert not any("stopped" in warning for warning in status.warnings)


def test_a_worker_that_falls_silent_is_replaced(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dispatcher, "SILENCE", 5.0)  # the living give a sign every two seconds

    async def part(service: Service) -> JobStatus:
        job_id = (await service.submit(JobSubmission(new_job_id(), make_request("slow", steps=40)))).id
        await state_of(service, job_id, lambda status: status.step > 0)
        worker = service.dispatcher._worker
        assert worker is not None
        os.kill(worker.pid, signal.SIGSTOP)
        return await state_of(service, job_id, lambda status: status.state.is_final)

    status = play(tmp_path, part, monkeypatch)
    assert status.state is JobState.DONE
    assert any("no sign of life for 5 seconds" in warning for warning in status.warnings)


def test_a_worker_comes_after_one_whose_end_could_not_be_written_down(tmp_path: Path, monkeypatch):
    """Somebody else's program has the list of jobs meanwhile, as here one that renames its table."""

    async def part(service: Service) -> list[JobState]:
        first = (await service.submit(JobSubmission(new_job_id(), make_request("slow", steps=20)))).id
        await state_of(service, first, lambda status: status.step > 0)
        worker = service.dispatcher._worker
        assert worker is not None
        service.store._db.execute("ALTER TABLE jobs RENAME TO hidden")
        worker.kill()
        while service.dispatcher._worker is worker:
            await asyncio.sleep(0.02)
        service.store._db.execute("ALTER TABLE hidden RENAME TO jobs")
        after = (await service.submit(JobSubmission(new_job_id(), make_request("the next")))).id
        return [(await state_of(service, job_id, lambda status: status.state.is_final)).state for job_id in (first, after)]

    states = play(tmp_path, lambda service: asyncio.wait_for(part(service), PATIENCE), monkeypatch)
    assert states == [JobState.DONE, JobState.DONE]


def test_the_detector_leaves_the_device_too_when_nobody_needs_it(tmp_path: Path, monkeypatch):
    """With no picture made before or after, it is all that there is to unload."""

    async def part(service: Service) -> None:
        service.dispatcher.set_unload_after(0.05)
        with pytest.raises(ErrandFailed):  # what was sent is no picture; the worker has looked at it all the same
            await service.dispatcher.ask({"kind": "people", "picture": ""})
        total, before = service.dispatcher.memory
        while service.dispatcher.memory != (total, before + 1):  # as the step engine tells that it let go
            await asyncio.sleep(0.02)
        assert not service.dispatcher._is_something_loaded

    play(tmp_path, lambda service: asyncio.wait_for(part(service), PATIENCE), monkeypatch)
