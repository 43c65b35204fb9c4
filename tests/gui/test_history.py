# SPDX-License-Identifier: GPL-3.0-or-later
"""The history in a real window: some hundred pictures, one of which is clicked."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from blender_windows import Session
from PIL import Image, ImageDraw
from pose_to_anime.addon.generate.records import Record, new_record_path, write_file, write_record
from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, new_job_id

COUNT = 300
SIDE = 1024


def fill(folder: Path) -> None:
    """A history of many pictures, each of which looks a little different."""
    pictures = [drawn(number) for number in range(12)]
    now = time.time()
    for number in range(COUNT):
        job_id, created = new_job_id(), now - 700.0 * number
        prompt = f"1girl, {'red hat' if number % 10 == 0 else 'blue coat'}, simple background"
        request = GenerationRequest(model="builtin", prompt=prompt, width=SIDE, height=SIDE, seed=number)
        file_id = f"{number % 3:032x}"
        record = Record(
            new_record_path(file_id, job_id, created, folder), job_id, file_id, request, created=created, state=JobState.DONE
        )
        write_file(record.result_path, pictures[number % len(pictures)])
        write_record(record)


def drawn(number: int) -> bytes:
    image = Image.new("RGB", (SIDE, SIDE), f"hsl({number * 30}, 45%, 80%)")
    draw = ImageDraw.Draw(image)
    draw.ellipse((362, 140, 662, 440), fill=f"hsl({number * 30 + 180}, 60%, 55%)")
    draw.polygon(((512, 440), (300, 940), (724, 940)), fill=f"hsl({number * 30 + 120}, 50%, 40%)")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def filled(session: Session) -> Session:
    fill(session.home / "history")
    return session


def test_pictures_are_clicked_marked_and_found(filled: Session) -> None:
    outcome = filled.run("history")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert facts["count"] == COUNT and facts["found"] == COUNT // 10
    assert facts["clicked"], "clicking a thumbnail's button shows the picture"
    assert facts["favourites"] == [True]
    for name in ("1-history", "2-shown", "3-searched"):
        with Image.open(outcome.photographs[name]) as photograph:
            assert len(photograph.convert("RGB").getcolors(2**24) or ()) > 500, f"the photograph {name} is empty"
