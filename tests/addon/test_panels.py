# SPDX-License-Identifier: GPL-3.0-or-later
"""What panels have in common: their order, and their pictures."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.generate.icon_files import IconFiles  # noqa: E402
from pose_to_anime.addon.package import RIGS  # noqa: E402
from pose_to_anime.addon.registration import MODULES  # noqa: E402
from pose_to_anime.addon.ui.icons import Icons  # noqa: E402


def test_no_two_panels_are_in_the_same_place() -> None:
    modules = (import_module(f"pose_to_anime.addon.{name}") for name in MODULES)
    panels = [cls for module in modules for cls in getattr(module, "CLASSES", ()) if issubclass(cls, bpy.types.Panel)]
    fields = ("bl_space_type", "bl_region_type", "bl_category", "bl_parent_id", "bl_order")
    places = [tuple(getattr(cls, field, "") for field in fields) for cls in panels if hasattr(cls, "bl_order")]
    assert len(places) > 10 and sorted(set(places)) == sorted(places)


def test_a_picture_that_is_missing_is_looked_for_once(tmp_path) -> None:
    asked = []

    def path_of(name: str) -> Path:
        asked.append(name)
        return tmp_path / f"{name}.png"

    icons = Icons(path_of)
    icons.open()
    try:
        assert [icons.icon("none") for _ in range(3)] == [0, 0, 0]
        assert asked == ["none"]
    finally:
        icons.close()
    icons.open()
    try:
        assert icons.icon("none") == 0 and asked == ["none", "none"], "it may be there when the extension is enabled again"
    finally:
        icons.close()


def test_pictures_are_read_by_the_timer_those_first_that_are_drawn() -> None:
    paths = {path.stem: path for path in sorted((RIGS / "previews" / "hands").glob("*.png"))}
    files = IconFiles()
    files.open()
    try:
        for name, path in paths.items():
            files.load(name, path)
        last = list(paths)[-1]
        empty = files.icon(last)
        assert empty != 0 and files.icon("none") == 0
        assert bpy.app.timers.is_registered(files._read_soon)
        files._read_soon()
        assert last not in files._unread and files.icon(last) != empty
        while files._read_soon() is not None:
            assert files._unread
        assert empty not in {files.icon(name) for name in paths}  # without a window the icons themselves are all 0
    finally:
        files.close()
    assert not files.icon(last) and not bpy.app.timers.is_registered(files._read_soon)
