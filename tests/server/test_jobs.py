# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of jobs on a real server with a real worker process: cancel, crash, restart, order, events."""

from __future__ import annotations

import itertools
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from pose_to_anime.generation_server.client import Client, RequestRefused, ServerBusy
from pose_to_anime.generation_server.metadata import read_recipe
from pose_to_anime.generation_server.protocol import JobState, JobSubmission, new_job_id
from server_process import (
    STEP_ENGINE,
    RunningServer,
    is_alive,
    kill_hard,
    make_png,
    make_request,
    openpose,
    running_server,
    until,
)

DONE, FAILED, CANCELLED, QUEUED, RUNNING = JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.QUEUED, JobState.RUNNING


@pytest.fixture
def server(shared_server: RunningServer) -> Iterator[RunningServer]:
    """The shared server, left without unfinished jobs."""
    yield shared_server
    shared_server.client.cancel_all()
    until(lambda: shared_server.client.health().queue_length == 0)


def endless(server: RunningServer) -> str:
    """A job in the midst of its denoising, with more steps to go than any test waits for."""
    job_id = server.submit("slow", steps=100)
    server.wait_for_step(job_id)
    return job_id


def test_a_picture_comes_without_its_recipe_where_that_is_asked_for(server):
    told, stripped = (
        server.client.submit(JobSubmission(new_job_id(), make_request("a secret"), {"pose": 1}, strip_metadata=strip)).id
        for strip in (False, True)
    )
    for job_id, tells in ((told, True), (stripped, False)):
        png = server.client.blob(server.wait_for_state(job_id, DONE).results[0])
        assert (b"a secret" in png) is tells
        assert (read_recipe(png) is not None) is tells


# Cancel and order


def test_a_running_job_is_cancelled_within_a_step(server):
    job_id = endless(server)
    seen = server.client.job(job_id).step
    server.client.cancel(job_id)
    events = list(server.client.events(job=job_id))
    assert events[-1].job.state is CANCELLED
    status = server.client.job(job_id)
    assert status.step < 100
    assert status.step - seen <= 3  # a step may end while the two calls travel
    assert status.results == ()
    assert server.client.cancel(job_id).state is CANCELLED  # again changes nothing
    server.wait_for_state(server.submit("the next"), DONE)


def test_a_waiting_job_is_cancelled_at_once(server):
    endless(server)
    waiting = server.submit()
    assert server.client.job(waiting).position == 1
    assert server.client.cancel(waiting).state is CANCELLED


def test_all_are_cancelled_and_none_starts_meanwhile(server):
    running = endless(server)
    waiting = [server.submit() for _ in range(3)]
    told = server.client.cancel_all()
    assert [status.id for status in told] == [running, *waiting]
    for job_id in (running, *waiting):
        assert server.wait_for_state(job_id, CANCELLED).results == ()
    assert all(server.client.job(job_id).started == 0.0 for job_id in waiting)


def test_jobs_run_in_the_order_that_was_asked_for(server):
    running = endless(server)
    a, b, c = (server.submit() for _ in range(3))
    assert server.client.move(c, "front").position == 1
    assert server.client.move(a, "back").position == 3
    with pytest.raises(RequestRefused, match="only a waiting job") as caught:
        server.client.move(running, "back")
    assert caught.value.problem.status == 409
    assert [status.id for status in server.client.jobs()[:4]] == [running, c, b, a]
    server.client.cancel(running)
    statuses = [server.wait_for_state(job_id, DONE) for job_id in (c, b, a)]
    assert [status.started for status in statuses] == sorted(status.started for status in statuses)


def test_a_job_says_where_it_wants_to_be(server):
    running = endless(server)
    a, b = server.submit(), server.submit()
    first = JobSubmission(new_job_id(), make_request(), place="front", client="panel")
    assert server.client.submit(first).position == 1
    assert server.client.submit(first).position == 1  # the retry is not put in front again
    newest = server.client.submit(JobSubmission(new_job_id(), make_request(), place="replace", client="panel")).id
    assert [status.id for status in server.client.jobs()[:4]] == [running, a, b, newest]
    assert server.client.job(first.id).state is CANCELLED
    server.client.move(b, "replace")  # of no client that has a name: it takes nobody's place
    assert not server.client.job(a).state.is_final
    assert {status.id for status in server.client.cancel_all(waiting_only=True)} == {a, b, newest}
    assert server.client.job(running).state is RUNNING


def test_a_full_queue_is_busy_and_takes_the_retry_later(data_dir: Path):
    with running_server(data_dir, *STEP_ENGINE, "--queue-limit", "2") as server:
        running = endless(server)
        waiting, job_id = server.submit(), new_job_id()
        with pytest.raises(ServerBusy, match="queue is full") as caught:
            server.submit(job_id=job_id)
        assert caught.value.problem.status == 429
        server.submit(job_id=waiting)  # the retry of one that is in it is no new one
        server.client.cancel(running)
        server.wait_for_state(waiting, DONE)
        server.submit(job_id=job_id)
        server.wait_for_state(job_id, DONE)


# Crashes


def test_a_worker_killed_in_mid_job_is_replaced_and_the_job_started_again(server):
    job_id = server.submit("slow", steps=30)
    server.wait_for_step(job_id)
    waiting = server.submit("the next")
    kill_hard([server.worker_pid()])
    status = server.wait_for_state(job_id, DONE, FAILED)
    assert status.state is DONE
    assert any("-9, SIGKILL" in warning and "started again" in warning for warning in status.warnings)
    server.wait_for_state(waiting, DONE)


def test_a_job_that_kills_the_worker_twice_fails_and_the_next_one_runs(server):
    job_id, after = server.submit("crash"), server.submit("the next")
    status = server.wait_for_state(job_id, FAILED, DONE)
    assert status.state is FAILED
    assert "stopped twice" in status.error
    assert re.search("exit code -9, SIGKILL: (a person or another program ended it|.*ran out of memory)", status.error)
    assert status.error.endswith(".")
    server.wait_for_state(after, DONE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other exit codes")
def test_a_crash_is_explained_with_the_last_lines_of_the_log_and_no_secret(server):
    crash, gpu = server.submit("segfault"), server.submit("cuda")
    status = server.wait_for_state(crash, FAILED, DONE)
    assert "exit code -11, SIGSEGV: a segmentation fault" in status.error
    assert status.log[0] == "Fatal Python error: Segmentation fault"
    assert any("in generate" in line for line in status.log)
    status = server.wait_for_state(gpu, FAILED, DONE)
    assert "exit code 1: the GPU or its driver reported an error" in status.error
    assert status.log[-2:] == (
        "fetched https://…@hub.example/f?… with hf_…",
        "RuntimeError: CUDA error: an illegal memory access was encountered",
    )


def test_a_job_that_kills_the_worker_once_succeeds(data_dir: Path, tmp_path: Path):
    with running_server(data_dir, environment={"STEP_ENGINE_MARK": str(tmp_path / "mark")}) as server:
        status = server.wait_for_state(server.submit("crash once"), DONE, FAILED)
        assert status.state is DONE
        assert (tmp_path / "mark").exists()


def test_a_worker_that_dies_while_a_job_is_cancelled_leaves_it_cancelled(server):
    job_id = server.submit("slow deaf", steps=100)
    server.wait_for_step(job_id)
    assert server.client.cancel(job_id).phase == "cancelling"
    kill_hard([server.worker_pid()])
    server.wait_for_state(job_id, CANCELLED)


def test_an_idle_worker_that_is_killed_is_replaced(server):
    server.wait_until_ready()
    pid = server.worker_pid()
    kill_hard([pid])
    until(lambda: server.worker_pid() != pid)
    server.wait_for_state(server.submit(), DONE)


@pytest.mark.parametrize(("device", "sentence"), [("none", "There is no device to make pictures on"), ("dead", "exit code 7")])
def test_a_worker_that_cannot_start_says_why(data_dir: Path, device: str, sentence: str):
    with running_server(data_dir, *STEP_ENGINE, "--device", device) as server:
        status = server.wait_for_state(server.submit(), FAILED)
        assert sentence in status.error
        assert "worker.log" in status.error and ".)" not in status.error
        assert sentence in server.client.health().problem
        # The server still answers, and the next job is tried anew rather than left waiting.
        assert sentence in server.wait_for_state(server.submit(), FAILED).error


def test_an_engine_that_is_not_there(data_dir: Path):
    with running_server(data_dir, "--engine", "no_such_module:Engine") as server:
        assert "no_such_module" in server.wait_for_state(server.submit(), FAILED).error


# Restarts


def test_a_killed_server_comes_back_with_everything(data_dir: Path):
    with running_server(data_dir) as server:
        control = server.client.upload(make_png())
        done = server.submit("done", controls=openpose(control))
        result = server.wait_for_state(done, DONE)
        cancelled = server.submit("slow", steps=100)
        server.client.cancel(cancelled)
        server.wait_for_state(cancelled, CANCELLED)
        running = server.submit("slow", steps=20, controls=openpose(control))
        server.wait_for_step(running)
        waiting = server.submit("waiting")
        worker = server.worker_pid()
        server.kill()
    until(lambda: not is_alive(worker))  # no worker outlives its server
    with running_server(data_dir) as server:
        jobs = {status.id: status for status in server.client.jobs()}
        assert set(jobs) == {done, cancelled, running, waiting}
        assert jobs[done].results == result.results
        assert server.client.blob(result.results[0])
        assert jobs[cancelled].state is CANCELLED
        assert server.wait_for_state(running, DONE).started < server.wait_for_state(waiting, DONE).started
        with pytest.raises(RequestRefused):
            server.submit("another request", job_id=done)


def test_a_server_that_is_stopped_queues_its_running_job_again(data_dir: Path):
    with running_server(data_dir) as server:
        job_id = server.submit("slow", steps=20)
        server.wait_for_step(job_id)
        worker = server.worker_pid()
        server.stop()
        assert not is_alive(worker)
    with running_server(data_dir) as server:
        assert server.wait_for_state(job_id, DONE).warnings == ("This picture was drawn by a test.",)


# Events


def test_events_resume_without_loss_or_repetition(server):
    job_id = server.submit("slow", steps=12)
    whole = server.client.events(job=job_id)
    first = list(itertools.islice(whole, 4))
    whole.close()
    rest = list(server.client.events(last_event_id=first[-1].sequence, job=job_id))
    assert rest[-1].job.state is DONE
    sequences = [event.sequence for event in (*first, *rest)]
    assert sequences == sorted(set(sequences))
    steps = [event.job.step for event in (*first, *rest) if event.job.phase == "denoising"]
    assert sorted(set(steps)) == list(range(min(steps), 13))


def test_every_phase_is_told_and_how_long_it_still_takes(server):
    prompt, size = "slow", {"width": 128, "height": 128, "steps": 6}
    *_, before = server.client.events(job=server.submit())
    server.client.free_memory()
    job_id = server.submit(prompt, **size)
    events = [event.job for event in server.client.events(last_event_id=before.sequence, job=job_id)]
    phases = [phase for phase, _ in itertools.groupby(job.phase for job in events if job.state is RUNNING)]
    assert [p for p in phases if p != "starting"] == ["loading model", "reading the prompt", "denoising", "decoding", "saving"]
    assert [job.step for job in events if job.phase == "denoising"][-1] == 6
    assert events[-1].state is DONE and events[-1].eta is None
    running, waiting = server.submit("crawl", **{**size, "steps": 100}), [server.submit(**size) for _ in range(2)]
    server.wait_for_step(running)
    etas = [server.client.job(job_id).eta for job_id in (running, *waiting)]
    assert None not in etas and 0.0 < etas[0] < etas[1] < etas[2]


def test_the_stream_of_a_finished_job_tells_its_end_and_closes(server):
    job_id = server.submit()
    server.wait_for_state(job_id, DONE)
    for last_event_id in (None, 0, 2**52):
        (event,) = server.client.events(last_event_id, job=job_id)
        assert event.job.state is DONE


def test_the_stream_of_all_jobs_tells_of_all(server):
    stream = server.client.events()
    running = endless(server)
    waiting = server.submit()
    server.client.cancel(running)
    states: dict[str, list[JobState]] = {running: [], waiting: []}
    for event in stream:
        states.setdefault(event.job.id, []).append(event.job.state)
        assert event.job.request is None
        if event.job.id == waiting and event.job.state.is_final:
            break
    assert states[running][-1] is CANCELLED
    assert [state for state, _ in itertools.groupby(states[waiting])] == [QUEUED, RUNNING, DONE]


def test_events_of_a_restarted_server_go_on(data_dir: Path):
    with running_server(data_dir) as server:
        job_id = server.submit("slow", steps=20)
        server.wait_for_step(job_id)
        port = str(server.address.port)
        stream = server.client.events(job=job_id)
        seen = [next(stream)]
        server.kill()
    with running_server(data_dir, *STEP_ENGINE, "--port", port):
        seen += stream
    assert seen[-1].job.state is DONE
    assert [event.sequence for event in seen] == sorted(event.sequence for event in seen)


def test_clients_that_stall_hold_nobody_up(server):
    head = f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.address.token}\r\n\r\n".encode()
    stalled = []
    for _ in range(5):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect((server.address.host, server.address.port))
        connection.sendall(head)  # and never reads what comes
        stalled.append(connection)
    for _ in range(3):
        job_id = server.submit(steps=100, width=512, height=512)
        assert list(server.client.events(job=job_id))[-1].job.state is DONE
    for connection in stalled:
        connection.close()


def test_many_clients_at_once(server):
    failures: list[str] = []

    def use() -> None:
        with Client.at(server.address) as client:
            submission = JobSubmission(new_job_id(), make_request(controls=openpose(client.upload(make_png()))))
            client.submit(submission)
            client.submit(submission)
            status = client.wait(submission.id)
            if status.state is not DONE:
                failures.append(status.error)

    threads = [threading.Thread(target=use) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []


def test_a_worker_that_is_stopped_and_continued_goes_on(server):
    job_id = endless(server)
    pid = server.worker_pid()
    os.kill(pid, signal.SIGSTOP)
    assert server.client.job(job_id).state is RUNNING  # the server answers meanwhile
    server.client.cancel(job_id)
    os.kill(pid, signal.SIGCONT)
    server.wait_for_state(job_id, CANCELLED)
    assert server.worker_pid() == pid
