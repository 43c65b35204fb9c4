# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not happen whatever dies: a result that is lost, one that is there twice, a queue that stands still."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import psutil
from pose_to_anime.generation_server.client import Client
from pose_to_anime.generation_server.protocol import JobState, JobSubmission, new_job_id
from server_process import RunningServer, kill_hard, make_request, running_server, until

PHASES = ("loading", "reading", "denoising", "decoding", "saving")
CLIENT = """
import sys
from pose_to_anime.generation_server.client import Client
from pose_to_anime.generation_server.protocol import GenerationRequest, JobSubmission
url, token, job_id = sys.argv[1:]
client = Client(url, token)
request = GenerationRequest(model="builtin", prompt="slow", width=64, height=64, steps=20, guidance_scale=5.0)
client.submit(JobSubmission(job_id, request))
for event in client.events(job=job_id):
    print(event.job.phase, flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("faults")
    with running_server(folder / "data", environment={"STEP_ENGINE_MARK": str(folder / "mark")}) as server:
        server.wait_until_ready()
        yield server


@pytest.mark.parametrize("phase", PHASES)
def test_a_worker_killed_in_any_phase_loses_nothing(server: RunningServer, phase: str):
    job_id = server.submit(f"linger:{phase}")
    until(lambda: server.client.job(job_id).phase.startswith(phase))
    kill_hard([server.worker_pid()])
    status = server.wait_for_state(job_id, JobState.DONE, JobState.FAILED)
    assert status.state is JobState.DONE
    assert len(status.results) == 1 and server.client.blob(status.results[0])
    assert sum("started again" in warning for warning in status.warnings) == 1


@pytest.mark.parametrize("phase", ["loading", "saving"])
def test_a_server_killed_before_and_after_the_work_makes_the_picture_once(tmp_path: Path, phase: str):
    mark = {"STEP_ENGINE_MARK": str(tmp_path / "mark")}
    with running_server(tmp_path / "data", environment=mark) as server:
        job_id = server.submit(f"linger:{phase}")
        until(lambda: server.client.job(job_id).phase.startswith(phase))
        server.kill()
    with running_server(tmp_path / "data", environment=mark) as server:
        (result,) = server.wait_for_state(job_id, JobState.DONE).results
        assert [status.id for status in server.client.jobs()] == [job_id]
        assert server.client.blob(result)


def test_a_client_that_is_killed_leaves_its_job_to_others(server: RunningServer):
    job_id = new_job_id()
    folder = str(Path(sys.modules["pose_to_anime"].__file__ or "").parent.parent)
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, server.address.url, server.address.token, job_id],
        env={**os.environ, "PYTHONPATH": folder},
        stdout=subprocess.PIPE,
    )
    assert client.stdout is not None
    while b"denoising" not in client.stdout.readline():
        assert client.poll() is None
    client.send_signal(signal.SIGKILL)
    client.communicate()
    status = server.client.wait(job_id)
    assert status.state is JobState.DONE
    assert server.client.blob(status.results[0])


def test_two_hundred_jobs_of_which_half_are_cancelled(server: RunningServer):
    """By several clients at once, with the worker killed on the way; one who listens hears of the end of each exactly once."""
    ends: Counter[str] = Counter()
    stream = Client.at(server.address).events()
    blocker = server.submit("crawl", steps=100)
    server.wait_for_step(blocker)
    ids = [new_job_id() for _ in range(200)]

    def listen() -> None:
        for event in stream:
            if event.job.state.is_final and event.job.id in ids:
                ends[event.job.id] += 1
                if len(ends) == len(ids):
                    return

    def submit(mine: list[str]) -> None:
        with Client.at(server.address) as client:
            for job_id in mine:
                client.submit(JobSubmission(job_id, make_request(f"job {job_id}", steps=1, height=64)))

    def cancel(mine: list[str]) -> None:
        with Client.at(server.address) as client:
            for job_id in mine:
                client.cancel(job_id)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    in_threads(submit, [ids[n::4] for n in range(4)])
    assert server.client.health().queue_length == 201
    assert sorted(job.position for job in server.client.jobs() if job.id in ids) == list(range(1, 201))
    in_threads(cancel, [ids[0::4], ids[2::4]])
    server.client.cancel(blocker)
    until(lambda: len(ends) > 120)
    kill_hard([server.worker_pid()])
    listener.join(120)
    assert not listener.is_alive()
    assert set(ends) == set(ids) and set(ends.values()) == {1}
    statuses = [server.client.job(job_id) for job_id in ids]
    assert [status.state for status in statuses] == [JobState.CANCELLED, JobState.DONE] * 100
    results = [status.results for status in statuses if status.state is JobState.DONE]
    assert all(len(result) == 1 for result in results)
    assert len({result[0] for result in results}) == 100
    assert all(server.client.blob(result[0]) for result in results)
    assert server.client.health().queue_length == 0


@pytest.mark.skipif(sys.platform == "win32", reason="memory is counted otherwise")
def test_many_jobs_in_a_row_leave_server_and_worker_as_small_as_they_were(server: RunningServer):
    """Five hundred of them: benchmarks/server_soak.py."""

    def run(count: int) -> list[int]:
        for seed in range(count):
            assert server.client.wait(server.submit(f"small {count}", steps=2, height=64, seed=seed)).results
        return [psutil.Process(pid).memory_full_info().uss for pid in (server.process.pid, server.worker_pid())]

    before = run(30)
    after = run(60)
    assert all(now < 1.05 * then for then, now in zip(before, after, strict=True)), (before, after)


def in_threads(work, shares: list[list[str]]) -> None:
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
