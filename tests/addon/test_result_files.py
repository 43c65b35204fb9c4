# SPDX-License-Identifier: GPL-3.0-or-later
"""A result's file in the system's file manager, and what is said where a verb cannot work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from made_results import blender_with_own_history, make, read  # noqa: E402
from pose_to_anime.addon import compat  # noqa: E402
from pose_to_anime.addon.generate import gallery, session, shown_files  # noqa: E402
from pose_to_anime.addon.generate.records import Record  # noqa: E402
from timer_calls import tick_until  # noqa: E402

OPS = bpy.ops.pose_to_anime


@pytest.fixture(name="record")
def record_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    """The one picture of a history, in a fresh Blender."""
    with blender_with_own_history(tmp_path / "home", monkeypatch):
        made = make("a girl", 0.0)
        read()
        yield made
        session.session.error = ""


@pytest.mark.skipif(sys.platform != "linux", reason="other desktops are not asked by programs that a test can stand in for")
def test_a_file_is_shown_or_it_is_said_where_it_is(record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert OPS.show_in_folder(job_id=record.job_id) == {"FINISHED"}
    assert f"the picture lies at {record.result_path}" in session.session.error
    session.session.error = ""
    (tmp_path / "xdg-open").write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/told"\n')
    (tmp_path / "xdg-open").chmod(0o755)
    assert OPS.show_in_folder(job_id=record.job_id) == {"FINISHED"}
    tick_until(lambda: not shown_files._shown.is_busy)
    assert (tmp_path / "told").read_text().strip() == str(record.result_path.parent) and not session.session.error


def test_what_is_said_at_the_start_stays(record: Record) -> None:
    pose_to_anime.unregister()
    pose_to_anime.register()
    session.session.notice = "The server runs."  # as others do it while the history has not been looked at yet
    tick_until(lambda: gallery.is_read() and gallery.count() == 1)
    assert session.session.notice == "The server runs."
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert not session.session.notice, "it was of another file"


def test_without_a_clipboard_and_without_a_window_it_is_said(record: Record) -> None:
    if not compat.clipboard_takes_pictures() and not compat.runs_under_x11():
        with pytest.raises(RuntimeError, match="press “Show in Folder”"):
            OPS.copy_picture()
    with pytest.raises(RuntimeError, match="poll"):
        OPS.browse_results()
