# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests of the bridge: a test in Blender's place, and jobs as Blender writes them."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from pose_to_anime.addon import png
from pose_to_anime.addon.generate import clay
from pose_to_anime.addon.generate.link import Link
from pose_to_anime.addon.generate.records import Record, new_record_path, read_record, write_file, write_record
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, new_job_id
from step_server import wait_for

PYTHON = [sys.executable, *(sys.modules["bpy"].app.python_args if "bpy" in sys.modules else ())]


class Bridge:
    """A link and all that it has told."""

    def __init__(self, **settings: Any) -> None:
        self.link = Link(PYTHON, {"url": "", "token": "", "server_dir": "", **settings})
        self.told: list[dict[str, Any]] = []

    def listen(self) -> None:
        self.told += self.link.poll()

    def wait_for(self, event: str, **values: Any) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((t for t in self.told if t["event"] == event and all(t.get(k) == v for k, v in values.items())), None)

        return wait_for(found, self.listen)

    def submit(self, record: Record, **options: Any) -> None:
        self.link.send({"do": "submit", "record": str(record.path), **options})

    def final(self, record: Record) -> Record:
        self.wait_for("final", job=record.job_id)
        return read_record(record.path)


def make_record(folder: Path, prompt: str = "1girl", steps: int = 4, pictures: int = 1) -> Record:
    """A job with a control image and a depth, as Blender writes it."""
    width, height = 64, 128
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[20:100, 10:50] = 200
    image = png.encode(pixels)
    request = GenerationRequest(
        model="builtin",
        prompt=prompt,
        width=width,
        height=height,
        steps=steps,
        sampler="ddim",
        batch_count=pictures,
        controls=(Control("depth", hashlib.sha256(image).hexdigest()),),
    )
    job_id = new_job_id()
    record = Record(new_record_path("file", job_id, time.time(), folder), job_id, "file", request, created=time.time())
    write_file(record.input_path("depth"), image)
    depth = np.where(pixels[..., 0] > 0, 3.0, np.inf).astype(np.float32)
    write_file(record.clay_path, clay.pack(depth, np.diag([4.0, 2.0, -1.0, 0.0]), True))
    write_record(record)
    return record
