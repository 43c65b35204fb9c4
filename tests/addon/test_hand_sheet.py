# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheet of hand shapes: the palm and the back of each, nothing left in the scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon import hand_sheets  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate.clay import GROUND  # noqa: E402
from pose_to_anime.addon.hand_previews import FOLDER, write_previews  # noqa: E402
from pose_to_anime.addon.hand_sheets import COLUMNS, hand_sheet  # noqa: E402
from pose_to_anime.addon.pose.hands import GROUPS, HandError, hand_names, load_hand  # noqa: E402
from rig_scene import empty_scene_fixture, registered  # noqa: E402, F401

WIDTH, HEIGHT, GAP = 64, 80, 8

pytestmark = pytest.mark.usefixtures("empty_scene")


def test_every_shape_is_seen_from_the_palm_and_from_the_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_sheets, "CELL", (WIDTH, HEIGHT))
    seen: list[tuple[int, str]] = []
    sheet = hand_sheet(on_progress=lambda done, name: seen.append((done, name)))
    names = hand_names()
    assert seen == list(enumerate(names))
    assert sheet.shape[1] == COLUMNS * (2 * WIDTH + GAP) + GAP
    groups = [[name for name in names if load_hand(name).group == group] for group in GROUPS]
    pictures: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    top = 0
    for group in groups:
        top += 26 + 2 * GAP
        for number, name in enumerate(group):
            row, column = divmod(number, COLUMNS)
            y, x = top + row * (HEIGHT + 15 + 2 * GAP), GAP + column * (2 * WIDTH + GAP)
            palm, back = sheet[y : y + HEIGHT, x : x + WIDTH], sheet[y : y + HEIGHT, x + WIDTH : x + 2 * WIDTH]
            pictures[name] = palm, back
            for picture in (palm, back):
                hand = (picture != np.array(GROUND)).any(axis=2)
                assert 0.1 < hand.mean() < 0.6, name
                assert not hand[:2].any(), f"{name} is cut off"
        top += -(-len(group) // COLUMNS) * (HEIGHT + 15 + 2 * GAP)
    rows = {name: np.flatnonzero((palm != np.array(GROUND)).any(axis=(1, 2)))[0] for name, (palm, _) in pictures.items()}
    assert rows["fist"] > rows["point"] + HEIGHT // 6, "a straight finger reaches higher than a fist"
    thumbs = {}
    for number, picture in enumerate(pictures["thumbs_up"]):
        columns = np.flatnonzero((picture != np.array(GROUND)).any(axis=(0, 2)))
        thumbs[number] = (columns[0] + columns[-1]) / 2.0 < WIDTH / 2.0
    assert thumbs == {0: True, 1: False}, "the thumb of a left hand is left of its palm and right of its back"
    assert not bpy.context.scene.objects
    assert not bpy.data.cameras


def test_the_hand_of_an_unknown_figure_is_refused() -> None:
    with pytest.raises(UserError, match="There is no mannequin 'nobody'"):
        hand_sheet("nobody")
    assert not bpy.context.scene.objects


def test_a_thumbnail_shows_the_hand_and_an_unknown_shape_is_named(tmp_path: Path) -> None:
    (written,) = write_previews(["peace"], tmp_path, lambda _line: None)
    assert written == tmp_path / "peace.png" and written.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert 0.5 < written.stat().st_size / (FOLDER / "peace.png").stat().st_size < 2.0
    with pytest.raises(HandError, match="There is no hand shape 'paw'"):
        write_previews(["paw"], tmp_path)
