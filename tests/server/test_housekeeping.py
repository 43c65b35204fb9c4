# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server does by itself from time to time, which nothing may end; and that it reads one picture at a time."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("cv2")

from fastapi import FastAPI
from PIL import Image
from pose_to_anime.addon.openpose.drawing import draw_people
from pose_to_anime.generation_server import problems
from pose_to_anime.generation_server import service as service_module
from pose_to_anime.generation_server.jobs.blobs import UPLOAD_LIFETIME
from pose_to_anime.generation_server.jobs.errands import TooManyErrands
from pose_to_anime.generation_server.jobs.store import StoreBusy
from pose_to_anime.generation_server.poses.reading import read_skeletons
from pose_to_anime.generation_server.protocol import JobSubmission, new_job_id
from pose_to_anime.generation_server.service import Service, Settings
from random_people import people
from server_process import PATIENCE, make_request


def keep_house(folder: Path, part: Callable[[Service], Awaitable[None]]) -> None:
    """A service without a worker, which looks after itself all the time."""

    async def play() -> None:
        service = Service(Settings(folder, folder, reserve=0))
        service._housekeeping = asyncio.create_task(service._keep_house())
        try:
            await asyncio.wait_for(part(service), PATIENCE)
            assert not service._housekeeping.done()
        finally:
            await service.stop()

    asyncio.run(play())


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_nothing_ends_it(tmp_path: Path, monkeypatch, caplog):
    monkeypatch.setattr(service_module, "HOUSEKEEPING", 0.01)

    async def part(service: Service) -> None:
        service.store._db.execute("ALTER TABLE results RENAME TO hidden")
        with caplog.at_level(logging.ERROR):
            await until(lambda: caplog.text.count("could not be removed") >= 2)

    keep_house(tmp_path, part)
    assert "no such table: results" in caplog.text


def test_a_server_that_runs_for_long_loses_what_no_job_needs(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(service_module, "HOUSEKEEPING", 0.01)
    monkeypatch.setattr(service_module, "CLEANING", 0.0)

    async def part(service: Service) -> None:
        needed, unneeded, new = (service.blobs.put(word) for word in (b"needed", b"unneeded", b"new"))
        service.queue.add(JobSubmission(new_job_id(), make_request(init_image=needed)))
        draft = service.blobs.folder / "incoming" / "draft"
        draft.write_bytes(b"half")
        long_ago = time.time() - UPLOAD_LIFETIME - 60
        for path in (draft, service.blobs.path(needed), service.blobs.path(unneeded)):
            os.utime(path, (long_ago, long_ago))
        await until(lambda: not service.blobs.path(unneeded).exists())
        assert service.blobs.path(needed).exists() and service.blobs.path(new).exists() and draft.exists()

    keep_house(tmp_path, part)


def test_one_picture_is_read_at_a_time(tmp_path: Path, monkeypatch):
    inside, most, lock = 0, 0, threading.Lock()

    def read(picture: Image.Image) -> object:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return read_skeletons(picture)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(service_module, "read_skeletons", read)
    file = io.BytesIO()
    Image.fromarray(draw_people(people(np.random.default_rng(2), 1, 256, 384), 256, 384)).save(file, "PNG")

    async def part(service: Service) -> None:
        answers = await asyncio.gather(*(service.find_people(file.getvalue()) for _ in range(4)))
        assert [len(answer["people"]) for answer in answers] == [1, 1, 1, 1]

    keep_house(tmp_path, part)
    assert most == 1


@pytest.mark.parametrize(("error", "status"), [(TooManyErrands("Wait."), 429), (StoreBusy("Wait."), 503)])
def test_what_passes_is_told_so(error: Exception, status: int):
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def refuse() -> None:
        raise error

    sent: list[dict] = []

    async def call() -> None:
        async def receive() -> dict:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
        await app(scope, receive, send)

    asyncio.run(call())
    assert sent[0]["status"] == status and b"Wait." in sent[1]["body"]
