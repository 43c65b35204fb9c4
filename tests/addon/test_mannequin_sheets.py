# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheet of mannequins: a row a body, every picture with a figure in it, nothing left in the scene."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon import mannequin_sheets  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate.clay import GROUND  # noqa: E402
from pose_to_anime.addon.mannequin_sheets import FACE_TURNS, POSES, TURNS, mannequin_sheet  # noqa: E402
from rig_scene import empty_scene_fixture, registered  # noqa: E402, F401

pytestmark = pytest.mark.usefixtures("empty_scene")


def test_a_row_shows_the_body_from_all_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mannequin_sheets, "CELL", (96, 128))
    seen: list[tuple[int, str]] = []
    sheet = mannequin_sheet(["child", "heroic"], lambda done, name: seen.append((done, name)))
    assert seen == [(0, "child"), (1, "heroic")]
    count = len(TURNS) + len(FACE_TURNS) + len(POSES)
    row_height = sheet.shape[0] // 2
    assert sheet.shape == (2 * row_height, 8 + count * (96 + 8), 3)
    tall = []
    for row in range(2):
        for number in range(count):
            left = 8 + number * (96 + 8)
            picture = sheet[(row + 1) * row_height - 128 : (row + 1) * row_height, left : left + 96]
            figure = (picture != np.array(GROUND)).any(axis=2)
            assert 0.03 < figure.mean() < 0.95, (row, number)
            if number == 0:
                rows = np.flatnonzero(figure.any(axis=1))
                tall.append(rows[-1] - rows[0])
                assert rows[-1] < 127  # the feet are in the picture
    assert tall[1] / tall[0] == pytest.approx(1.95 / 1.26, abs=0.08)  # one scale for all
    title = sheet[: row_height - 128]
    assert (title > 150).any()
    assert not bpy.context.scene.objects
    assert not bpy.data.cameras


def test_an_unknown_mannequin_is_named() -> None:
    with pytest.raises(UserError, match="There is no mannequin 'nobody'"):
        mannequin_sheet(["adult_woman", "nobody"])
    assert not bpy.context.scene.objects
