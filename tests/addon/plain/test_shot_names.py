# SPDX-License-Identifier: GPL-3.0-or-later
"""What words mean which shot."""

import pytest
from pose_to_anime.addon.errors import UserError
from pose_to_anime.addon.framing.shot_names import ANGLES, FRAMINGS, HEIGHTS, Shot, parse_shot


@pytest.mark.parametrize("angle", ["front", "three-quarter", "side", "back"])
def test_a_side_alone_means_the_whole_body_at_eye_level(angle: str) -> None:
    assert parse_shot(angle) == Shot("full", angle, "eye-level")


@pytest.mark.parametrize(
    ("text", "shot"),
    [
        ("bust/three-quarter/low", Shot("bust", "three-quarter", "low")),
        ("high / portrait", Shot("portrait", "front", "high")),
        ("Eye Level/BACK/cowboy", Shot("cowboy", "back", "eye-level")),
    ],
)
def test_words_come_in_any_order(text: str, shot: Shot) -> None:
    assert parse_shot(text) == shot


@pytest.mark.parametrize("text", ["", "nose", "front//low", "bust/nose"])
def test_a_wrong_word_is_told_all_the_right_ones(text: str) -> None:
    with pytest.raises(UserError, match="is no shot") as caught:
        parse_shot(text)
    assert all(word in str(caught.value) for word in (*FRAMINGS, *ANGLES, *HEIGHTS))


def test_two_sides_exclude_each_other() -> None:
    with pytest.raises(UserError, match="'front' and 'side', which exclude each other"):
        parse_shot("front/side")
