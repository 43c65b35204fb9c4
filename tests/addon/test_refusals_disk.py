# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user is told when a disk is full or a file broken: one sentence, nothing half written, and the next works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.generate import history, pictures, session  # noqa: E402
from refusals import blender_with, check_sentence, click, ended, files, works  # noqa: E402
from small_disk import fill, small_disk  # noqa: E402
from step_server import StepServer  # noqa: E402
from timer_calls import tick_until  # noqa: E402

pytestmark = pytest.mark.requires("server")
OPS = bpy.ops.pose_to_anime


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepServer]:
    running = StepServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def preferences(server: StepServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    with blender_with(server) as preferences:
        yield preferences


@pytest.mark.parametrize("verb", ["show_result", "keep_result", "compare_result", "save_result", "save_comparison"])
def test_a_picture_that_broke_on_disk(verb: str, tmp_path: Path) -> None:
    works()
    record = history.latest()
    bpy.data.images.remove(pictures.image_of(record.job_id))
    record.result_path.write_bytes(record.result_path.read_bytes()[:100])
    target = tmp_path / "saved.png"
    options = {"filepath": str(target)} if verb.startswith("save") else {}
    with pytest.raises(RuntimeError):
        getattr(OPS, verb)("EXEC_DEFAULT", job_id=record.job_id, **options)
    check_sentence(session.session.error)
    assert "(This PNG is broken: it ends too early): discard it and make it anew" in session.session.error
    assert not target.exists()
    works()


@pytest.fixture
def small_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's folder on a disk of 4 MiB."""
    with small_disk(tmp_path / "disk", 4) as folder:
        monkeypatch.setenv("POSE_TO_ANIME_HOME", str(folder))
        yield folder


def test_a_full_disk_at_the_click(small_home: Path) -> None:
    works()
    before = files()
    for leave in (0, 4096, 16384):  # none, or not all, of a job's files have room
        ballast = fill(small_home, leave)
        with pytest.raises(RuntimeError) as caught:
            OPS.generate()
        check_sentence(session.session.error)
        assert "The disk is full: make room for" in session.session.error and session.session.error in str(caught.value)
        assert files() == before and session.session.jobs == {}
        with pytest.raises(RuntimeError):
            OPS.vary_result()
        assert files() == before and session.session.jobs == {}
        ballast.unlink()
    works()


def test_a_disk_that_fills_up_while_a_job_runs(small_home: Path, tmp_path: Path) -> None:
    works()
    job_id = click("slow")
    tick_until(lambda: session.session.jobs[job_id].step > 0)
    ballast = fill(small_home, leave=0)
    job = session.session.jobs[job_id]
    tick_until(lambda: "disk is full" in job.lost)
    assert job.lost.startswith("The disk is full: make room for") and "stays on the server" in job.lost
    process = session.session.link.process
    ballast.unlink()
    assert ended(job_id) == ""
    assert history.latest().job_id == job_id and process.poll() is None
    works()


def test_saving_to_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    works()
    with small_disk(tmp_path / "disk", 1) as folder:
        fill(folder, 4096)
        for verb in ("save_result", "save_comparison"):
            (folder / "saved.png").unlink(missing_ok=True)
            with pytest.raises(RuntimeError, match="disk is full"):
                getattr(OPS, verb)("EXEC_DEFAULT", filepath=str(folder / "saved.png"))
            assert [path.name for path in folder.iterdir()] == ["ballast"]
