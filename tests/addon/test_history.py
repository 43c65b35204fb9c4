# SPDX-License-Identifier: GPL-3.0-or-later
"""Results in a real Blender with a real server: they arrive, and undo, redo, other files and closing do not take them away."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.armature.mannequin import is_mannequin  # noqa: E402
from pose_to_anime.addon.generate import history, pictures, records, session  # noqa: E402
from pose_to_anime.addon.generate.records import (  # noqa: E402
    Record,
    RecordError,
    new_record_path,
    read_record,
    record_paths,
    write_record,
)
from pose_to_anime.generation_server.protocol import GenerationRequest, JobState, new_job_id  # noqa: E402
from refusals import STEPS  # noqa: E402
from step_server import StepServer  # noqa: E402
from timer_calls import settle, tick_until  # noqa: E402

pytestmark = pytest.mark.requires("server")
OPS = bpy.ops.pose_to_anime


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def blender(server: StepServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fresh Blender with a figure and a history of its own, connected to the test's server."""
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    settings = {"url": server.address.url, "token": server.address.token, "server_dir": ""}
    monkeypatch.setattr(session, "bridge_settings", lambda: settings)
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    settle()
    new_file()
    yield
    pose_to_anime.unregister()


def new_file() -> None:
    """A file with a figure, never saved."""
    bpy.ops.wm.read_homefile(use_empty=False, use_factory_startup=True)
    OPS.add_mannequin()
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model, settings.steps = "builtin", STEPS
    bpy.ops.ed.undo_push(message="start")


def generate(prompt: str = "1girl", wait: bool = True) -> str:
    """Press Generate; the job's id."""
    known = set(session.session.jobs)
    bpy.context.scene.pose_to_anime.generation.prompt = prompt
    assert OPS.generate() == {"FINISHED"}
    bpy.ops.ed.undo_push(message="Generate")
    (job_id,) = set(session.session.jobs) - known
    if wait:
        tick_until(lambda: job_id not in session.session.jobs)
        settle()
    return job_id


def test_a_picture_arrives_as_an_image() -> None:
    job_id = generate()
    image = pictures.image_of(job_id)
    assert tuple(image.size) == (256, 384)
    assert [record.job_id for record in history.entries()] == [job_id]
    assert session.session.error == "" and session.session.jobs == {}
    expected = png.read_info(history.entry(job_id).result_path.read_bytes())
    assert json.loads(expected.texts["pose_to_anime"])["scene"]["figures"]


def test_undo_and_redo_leave_pictures_alone() -> None:
    bpy.context.scene.pose_to_anime.generation.seed = 1
    bpy.ops.ed.undo_push(message="before")
    first, second = generate(), generate()
    for step in (bpy.ops.ed.undo, bpy.ops.ed.undo, bpy.ops.ed.redo):
        step()
        for job_id in (first, second):
            image = pictures.image_of(job_id)
            assert image is not None, f"gone after {step}"
            assert tuple(image.size) == (256, 384)
    assert {record.job_id for record in history.entries()} == {first, second}


def test_undo_while_a_job_runs_does_not_lose_it() -> None:
    job_id = generate("slow", wait=False)
    tick_until(lambda: session.session.jobs[job_id].step > 0)
    file_id = history.ensure_file_id(bpy.context.scene)
    bpy.ops.ed.undo()
    assert history.ensure_file_id(bpy.context.scene) == file_id
    tick_until(lambda: job_id not in session.session.jobs)
    settle()
    assert pictures.image_of(job_id) is not None


def test_a_job_goes_to_the_file_that_it_was_started_in(tmp_path: Path) -> None:
    first = tmp_path / "first.blend"
    job_id = generate("slow", wait=False)
    bpy.ops.wm.save_as_mainfile(filepath=str(first))
    new_file()
    tick_until(lambda: job_id not in session.session.jobs)
    settle()
    assert pictures.image_of(job_id) is None, "another file's picture does not belong here"
    assert "ready" in session.session.notice
    bpy.context.window_manager.pose_to_anime.history = "FILE"
    assert history.entries() == ()
    bpy.ops.wm.open_mainfile(filepath=str(first))
    bpy.context.window_manager.pose_to_anime.history = "FILE"
    assert [record.job_id for record in history.entries()] == [job_id]
    assert tuple(pictures.image_of(job_id).size) == (256, 384)


def test_pictures_of_a_file_that_was_never_saved_are_still_there() -> None:
    job_id = generate()
    new_file()
    assert [record.job_id for record in history.entries()] == [job_id]
    OPS.restore_result(job_id=job_id, parts={"PROMPT", "SEED"})
    assert OPS.keep_result(job_id=job_id) == {"FINISHED"}
    assert pictures.image_of(job_id).packed_file is not None


def test_only_the_last_eight_are_shown_and_all_are_kept() -> None:
    jobs = [generate(f"picture {n}") for n in range(9)]
    assert [record.job_id for record in history.entries()] == jobs[:0:-1]
    assert len(record_paths()) == 9


def test_keeping_packs_or_writes_beside_and_never_overwrites(tmp_path: Path) -> None:
    job_id = generate()
    settings = bpy.context.scene.pose_to_anime.generation
    settings.keep_results = "BESIDE"
    with pytest.raises(RuntimeError, match="never saved"):
        OPS.keep_result(job_id=job_id)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    OPS.keep_result(job_id=job_id)
    OPS.keep_result(job_id=job_id)
    beside = sorted(tmp_path.glob("*.png"))
    assert len(beside) == 2
    assert "parameters" in png.read_info(beside[0].read_bytes()).texts
    settings.keep_results = "PACK"
    other = generate()
    OPS.keep_result(job_id=other)
    bpy.ops.wm.save_mainfile()
    for path in records.history_dir().rglob("*.png"):
        path.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert tuple(pictures.image_of(other).size) == (256, 384), "packed, it needs no file"


def test_a_discarded_picture_can_be_brought_back() -> None:
    job_id = generate()
    record = history.entry(job_id)
    assert OPS.discard_result(job_id=job_id) == {"FINISHED"}
    assert history.entries() == () and pictures.image_of(job_id) is None and not record.result_path.exists()
    assert OPS.bring_back() == {"FINISHED"}
    assert [entry.job_id for entry in history.entries()] == [job_id] and record.result_path.exists()
    assert not OPS.bring_back.poll()


def test_varying_changes_the_seed_alone() -> None:
    first = history.entry(generate())
    assert OPS.vary_result(job_id=first.job_id) == {"FINISHED"}
    tick_until(lambda: not session.session.jobs)
    settle()
    second = history.latest()
    assert second.job_id != first.job_id and second.request.seed != first.request.seed
    assert second.request.controls == first.request.controls and second.request.prompt == first.request.prompt
    assert second.scene == first.scene


def test_the_comparison_shows_figure_and_picture(tmp_path: Path) -> None:
    record = history.entry(generate())
    OPS.save_comparison("EXEC_DEFAULT", job_id=record.job_id, filepath=str(tmp_path / "sheet.png"))
    sheet = pictures.read_png(tmp_path / "sheet.png")
    result = pictures.read_png(record.result_path)
    height, width = result.shape[:2]
    assert sheet.shape[1] > 2 * width and sheet.shape[0] >= height
    found = [
        left
        for left in range(sheet.shape[1] - width + 1)
        if np.array_equal(sheet[(sheet.shape[0] - height) // 2 :, left : left + width][:height], result)
    ]
    assert len(found) == 1 and found[0] > width


def test_comparing_and_showing_change_what_the_image_editor_shows() -> None:
    (window,) = bpy.context.window_manager.windows
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    area.ui_type = "IMAGE_EDITOR"
    first, second = generate(), generate()
    space = area.spaces.active
    assert space.image == pictures.image_of(second), "a new picture is shown by itself"
    assert OPS.show_result(job_id=first) == {"FINISHED"} and space.image == pictures.image_of(first)
    assert OPS.compare_result(job_id=first) == {"FINISHED"}
    assert space.image.pose_to_anime.role == "SHEET" and space.image.pose_to_anime.job_id == first
    assert space.image.size[0] > 2 * 256 and space.image.size[1] >= 384
    assert OPS.compare_result(job_id=first) == {"FINISHED"} and space.image == pictures.image_of(first)
    assert OPS.discard_result(job_id=first) == {"FINISHED"} and space.image == pictures.image_of(second)


def test_the_comparison_survives_undo_and_redo() -> None:
    sheet = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    for job_id in ("first", "second"):  # the one image is used again
        pictures.show_pixels(sheet, pictures.SHEET, job_id)
        bpy.ops.ed.undo_push(message="Compare")
        sheet = sheet[::-1]
    bpy.ops.ed.undo()
    bpy.ops.ed.redo()
    (image,) = [image for image in bpy.data.images if image.pose_to_anime.role == "SHEET"]
    assert image.pose_to_anime.job_id == "second"
    assert np.array_equal(pictures.pixels_of(image), sheet[::-1])


def test_saving_keeps_the_recipe(tmp_path: Path) -> None:
    record = history.entry(generate())
    OPS.save_result("EXEC_DEFAULT", job_id=record.job_id, filepath=str(tmp_path / "picture"))
    assert (tmp_path / "picture.png").read_bytes() == record.result_path.read_bytes()


def test_cancelling_and_failing_leave_the_next_job_alone() -> None:
    job_id = generate("slow", wait=False)
    tick_until(lambda: session.session.jobs[job_id].step > 0)
    OPS.cancel(job_id=job_id)
    tick_until(lambda: not session.session.jobs)
    assert read_record(record_paths()[0]).state is JobState.CANCELLED and session.session.error == ""
    generate("crash")
    assert session.session.error.endswith(".")
    assert len(history.entries()) == 0
    generate()
    assert len(history.entries()) == 1 and session.session.error == ""


def test_a_bridge_that_dies_loses_nothing() -> None:
    job_id = generate("slow", wait=False)
    tick_until(lambda: session.session.jobs[job_id].step > 0)
    session.session.link.process.kill()
    tick_until(lambda: session.session.link is None)
    assert "safe" in session.session.error and job_id in session.session.jobs
    OPS.connect()
    tick_until(lambda: job_id not in session.session.jobs)
    settle()
    assert pictures.image_of(job_id) is not None


def test_a_job_is_taken_up_by_the_next_blender(tmp_path: Path) -> None:
    job_id = generate("slow", wait=False)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    tick_until(lambda: session.session.jobs[job_id].step > 0)
    session.stop()  # what is left of a Blender that was closed
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert history.entries() == ()
    history.resume_unfinished()
    assert job_id in session.session.jobs
    tick_until(lambda: job_id not in session.session.jobs)
    settle()
    assert pictures.image_of(job_id) is not None


@pytest.mark.parametrize("piece", [history._PIECE, 0.0], ids=("quick", "one at each call"))
def test_all_jobs_are_taken_up_however_many_there_are_and_whatever_came_after_them(
    piece: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_PIECE", piece)
    file_id, now = history.ensure_file_id(bpy.context.scene), time.time()

    def written(age: float, state: JobState) -> Path:
        job_id = new_job_id()
        request = GenerationRequest("builtin", "1girl", 256, 384)
        record = Record(new_record_path(file_id, job_id, now - age), job_id, file_id, request, created=now - age, state=state)
        write_record(record)
        return record.path

    asked = [written(1000.0 + index, JobState.QUEUED) for index in range(12)]
    old = written(history.RESUME_WITHIN + 60.0, JobState.QUEUED)
    for index in range(70):
        written(float(index), JobState.FAILED)
    history.resume_unfinished()
    tick_until(lambda: all(read_record(path).state is JobState.DONE for path in asked))
    assert read_record(old).state is JobState.QUEUED
    assert session.session.error == ""


def test_a_history_that_was_lost_comes_back_from_the_server() -> None:
    job_id = generate()
    shutil.rmtree(records.history_dir())
    bpy.data.images.remove(pictures.image_of(job_id))
    history.refresh()
    assert history.entries() == ()
    assert OPS.fetch_results() == {"FINISHED"}
    tick_until(lambda: not session.session.errands)
    settle()
    assert "came from the server" in session.session.notice
    found = history.entry(job_id)
    assert found.file_id in history.file_ids() and found.scene["figures"] and found.result_path.exists()
    bpy.context.window_manager.pose_to_anime.history = "FILE"
    assert job_id in [record.job_id for record in history.entries()], "it belongs to this file again"


def test_how_long_the_server_keeps_results_is_shown_and_set(server: StepServer) -> None:
    limits = bpy.context.window_manager.pose_to_anime.server_limits
    assert not limits.known and OPS.ask_server_limits() == {"FINISHED"}
    tick_until(lambda: limits.known)
    assert limits.keep_gib == 20.0 and limits.keep_days == 0.0
    for gib in (19.0, 12.0, 5.0):  # as a slider that is dragged
        limits.keep_gib = gib
    with server.client() as client:
        tick_until(lambda: client.settings().keep_gib == 5.0 and not session.session.errands)
        client.change_settings(keep_gib=20.0)


def test_a_blend_from_elsewhere_cannot_name_another_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    bpy.context.scene.pose_to_anime.file_id = "../../outside"
    assert not [path for path in record_paths(history.file_ids()) if outside in path.resolve().parents]
    job_id = generate()
    assert history.entry(job_id) is not None and list(outside.iterdir()) == []


def test_damaged_history_entries_hide_nothing() -> None:
    job_id = generate()
    path = record_paths()[0]
    (path.parent / "20990101-000000000-broken00.json").write_text("{")
    (path.parent / "20990101-000000000-broken01.json").write_text('{"version": 1}')
    history.refresh()
    assert [record.job_id for record in history.entries()] == [job_id]
    with pytest.raises(RecordError, match="damaged"):
        read_record(path.parent / "20990101-000000000-broken00.json")


def test_a_picture_that_was_deleted_by_hand_is_said() -> None:
    job_id = generate()
    record = history.entry(job_id)
    bpy.data.images.remove(pictures.image_of(job_id))
    record.result_path.unlink()
    with pytest.raises(RuntimeError, match="gone"):
        OPS.keep_result(job_id=job_id)


def test_restoring_brings_pose_and_camera_of_the_picture_back() -> None:
    figure = next(obj for obj in bpy.context.scene.objects if is_mannequin(obj))
    OPS.apply_pose(armature=figure.name, pose="running")
    job_id = generate()
    camera = bpy.context.scene.camera.matrix_world.copy()
    hips = figure.pose.bones["hips"].matrix.copy() if "hips" in figure.pose.bones else None
    OPS.reset_pose(armature=figure.name)
    bpy.context.scene.camera.location.x += 2.0
    OPS.restore_result(job_id=job_id)
    assert np.allclose(bpy.context.scene.camera.matrix_world, camera, atol=1e-5)
    if hips is not None:
        assert np.allclose(figure.pose.bones["hips"].matrix, hips, atol=1e-4)


def test_each_call_of_the_timer_is_measured() -> None:
    session.session.stats = session.Stats()
    generate()
    stats = session.session.stats
    assert stats.callbacks > 3 and stats.worst_callback_ms == max(stats.worst_of_part.values()) > 0.0
    assert stats.click_ms > 0.0
