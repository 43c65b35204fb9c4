# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in pieces comes to the same whether it is done at once or a moment at a time."""

from __future__ import annotations

from pathlib import Path

from pose_to_anime.addon.armature.bodies import read_bodies, reading_bodies
from pose_to_anime.addon.pieces import Pieces, at_once, for_a_moment
from pose_to_anime.addon.pose.collection import read_collection, reading_collection


def counting(most: int, done: list[int]) -> Pieces[int]:
    for number in range(most):
        done.append(number)
        yield
    return most


def test_all_at_once_gives_the_result() -> None:
    done: list[int] = []
    assert at_once(counting(5, done)) == 5
    assert done == [0, 1, 2, 3, 4]


def test_without_time_nothing_is_done_and_the_rest_goes_on_where_it_stopped() -> None:
    done: list[int] = []
    pieces = counting(3, done)
    assert for_a_moment(pieces, 0.0) == (False, None) and done == []
    next(pieces)
    assert for_a_moment(pieces, 60.0) == (True, 3)
    assert done == [0, 1, 2]


def test_bodies_and_poses_are_read_a_file_at_a_time() -> None:
    for reading, whole in ((reading_bodies, read_bodies()), (reading_collection, read_collection())):
        pieces = reading()
        for _ in whole.entries:
            assert next(pieces) is None
        assert at_once(pieces) == whole and len(whole.entries) > 5


def test_one_broken_body_does_not_hide_the_others(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / "broken.toml").write_text("title = ")
    found = at_once(reading_bodies())
    assert len(found.problems) == 1 and "broken.toml" in found.problems[0]
    assert found.entry("adult_woman") is not None
