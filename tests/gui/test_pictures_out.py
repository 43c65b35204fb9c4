# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures on their way out of a real window: saved in each format, browsed, dragged, shown in the system's file manager."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from blender_windows import Session
from conftest import window_parameters
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pose_to_anime.addon.generate.records import Record, new_record_path, write_file, write_record
from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, new_job_id

SIZE = (128, 192)
TEXT = "1girl, red coat\nNegative prompt: nsfw\nSteps: 12, Sampler: DDIM, CFG scale: 3, Seed: 9, Size: 128x192"


def fill(folder: Path) -> Record:
    """One picture with its recipe, and a control image beside it."""
    job_id, created = new_job_id(), time.time()
    request = GenerationRequest("builtin", "1girl, red coat", *SIZE, "nsfw", 12, 3.0, 9)
    record = Record(
        new_record_path("a" * 32, job_id, created, folder), job_id, "a" * 32, request, created=created, state=JobState.DONE
    )
    texts = PngInfo()
    texts.add_text("parameters", TEXT)
    texts.add_text("pose_to_anime", json.dumps({"request": request.to_json(), "scene": {}}))
    for path, colour in ((record.result_path, (200, 60, 50)), (record.path.with_suffix(".openpose.png"), (0, 0, 0))):
        file = io.BytesIO()
        Image.new("RGB", SIZE, colour).save(file, "PNG", pnginfo=texts)
        write_file(path, file.getvalue())
    write_record(record)
    return record


def recipe_in(picture: Image.Image) -> str:
    """What an independent reader finds: PNG's text, or EXIF's UserComment."""
    if picture.format == "PNG":
        return str(picture.info.get("parameters", ""))  # type: ignore[attr-defined]
    comment = picture.getexif().get_ifd(0x8769).get(0x9286, b"")
    assert not comment or comment.startswith(b"UNICODE\0")
    return comment[8:].decode("utf-16-be")


@pytest.fixture(scope="module")
def record(session: Session) -> Record:
    return fill(session.home / "history")


@pytest.mark.parametrize("session", window_parameters()[:1], indirect=True)  # where least can be done
def test_pictures_leave_by_clicks(session: Session, record: Record) -> None:
    tools = session.outside / "tools"
    tools.mkdir()
    for name, code in (("gdbus", 1), ("xdg-open", 0)):  # a desktop whose file manager knows folders alone
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $@" >> {session.inside}/asked\nexit {code}\n')
        (tools / name).chmod(0o755)
    outcome = session.run("pictures_out", arguments={"tools": f"{session.inside}/tools"})
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert len(facts["saved"]) == 3
    for name, form, with_recipe in facts["saved"]:
        with Image.open(session.outside / name) as picture:
            assert (picture.format, picture.size) == (form, SIZE)
            assert recipe_in(picture) == (TEXT if with_recipe else ""), name
            assert ("pose_to_anime" in picture.info) == (with_recipe and form == "PNG")
            assert max(abs(a - b) for a, b in zip(picture.convert("RGB").getpixel((60, 90)), (200, 60, 50), strict=True)) < 6
    file = f"{session.inside}/home/history/{'a' * 32}/{record.result_path.name}"
    asked = (session.outside / "asked").read_text().splitlines()
    assert "ShowItems" in asked[0] and f"file://{file}" in asked[0]
    assert asked[1] == f"xdg-open {Path(file).parent}"
    pasted = (session.outside / "pictures_out-opengl" / "pasted.png").read_bytes()
    assert pasted == record.result_path.read_bytes(), "under X11 the file itself is in the clipboard, with its recipe"
    assert facts["browsed"] == [record.result_path.name]
    assert facts["dragged"] == record.result_path.name
