# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets of poses, and the lettering on them."""

from collections.abc import Iterator

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.passes.lettering import lettering  # noqa: E402
from pose_to_anime.addon.passes.sheet import BACKGROUND  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose_sheets import CELL, COLUMNS, pose_sheet  # noqa: E402


@pytest.fixture
def scene() -> Iterator[bpy.types.Scene]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    pose_to_anime.register()
    yield bpy.context.scene
    pose_to_anime.unregister()


def test_letters_are_drawn_upright_and_stay_in_their_line(scene: bpy.types.Scene) -> None:
    letter = lettering("L", 40)
    assert letter.shape[0] == 40
    ink = letter > 0.5
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    upper, lower = ink[rows[0] + 2], ink[rows[-1]]
    assert lower.sum() > 2 * upper.sum(), "an L is wide below"
    assert ink[:, columns[0] : columns[0] + 3].sum() > ink[:, columns[-1] - 2 :].sum(), "an L's stem is on the left"
    assert rows[0] > 0 and rows[-1] < 39
    assert 0.0 < letter[letter > 0].min() < 1.0, "edges are smooth"
    tail = np.flatnonzero((lettering("g", 40) > 0.5).any(axis=1))[-1]
    assert rows[-1] + 3 < tail < 40


def test_longer_text_is_wider_and_no_text_is_nothing(scene: bpy.types.Scene) -> None:
    assert lettering("standing", 16).shape[1] > 1.5 * lettering("stand", 16).shape[1]
    assert not lettering("", 16).any()
    left_behind = (*bpy.data.curves, *bpy.data.meshes, *bpy.data.objects)
    assert not left_behind


def test_a_sheet_has_a_cell_for_every_pose_in_its_group(scene: bpy.types.Scene) -> None:
    seen: list[tuple[int, str]] = []
    groups = {
        "standing": {"standing": load_pose("standing")},
        "lying": {"lying": load_pose("lying"), "again": load_pose("lying")},
    }
    sheet = pose_sheet(groups, on_progress=lambda done, name: seen.append((done, name)))
    assert seen == [(0, "standing"), (1, "lying"), (2, "again")]
    width, height = CELL
    assert sheet.dtype == np.uint8 and sheet.shape[1] > COLUMNS * width
    assert sheet.shape[0] > 2 * height
    bright = sheet.min(axis=2) > 120
    half = sheet.shape[0] // 2
    assert bright[:half, : width + 16].sum() > 2000
    assert not (sheet[80:half, width + 24 :] != BACKGROUND).any(), "one pose fills one cell"
    assert bright[half:, width + 24 : 2 * width].sum() > 2000
    first, second = (sheet[half + 60 : half + height - 20, left : left + width] for left in (8, width + 16))
    assert np.array_equal(first, second), "the same pose, the same picture"


def test_a_sheet_of_an_unknown_figure_is_refused(scene: bpy.types.Scene) -> None:
    with pytest.raises(UserError, match="no mannequin 'nobody'"):
        pose_sheet({"standing": {"standing": load_pose("standing")}}, "nobody")
