# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice on the ratio, from the extent of a pose alone."""

import math

import pytest
from pose_to_anime.addon.framing.advice import POOR_FILL, WORTHWHILE, advise_ratio, fill_of
from pose_to_anime.addon.framing.sizes import PRESETS, SizeError, parse_ratio

LYING = (1.8, 0.5)
STANDING = (0.55, 1.75)
T_POSE = (1.75, 1.75)


def test_lying_in_an_upright_picture() -> None:
    advice = advise_ratio(LYING, (1.0, 2.0), spine_is_level=True)
    assert advice is not None and advice.preset == "2:1"
    assert advice.fill == pytest.approx(0.5 / 3.6)
    assert advice.better_fill == pytest.approx(2.0 / 3.6)
    assert advice.text == "The pose is lying: it fills 14% of 1:2, try 2:1."


def test_wide_but_not_lying_is_called_wide() -> None:
    advice = advise_ratio(LYING, (2.0, 3.0))
    assert advice is not None and advice.text == "The pose is wide: it fills 19% of 2:3, try 2:1."


def test_lying_but_seen_from_the_feet_is_not_called_lying() -> None:
    advice = advise_ratio((0.6, 0.5), (1.0, 4.0), spine_is_level=True)
    assert advice is not None and advice.posture == "wide" and advice.preset == "4:3"


def test_standing_in_a_wide_picture() -> None:
    advice = advise_ratio(STANDING, (16.0, 9.0))
    assert advice is not None and (advice.posture, advice.preset) == ("tall", "1:2")


@pytest.mark.parametrize(
    ("extent", "ratio"),
    [
        (STANDING, (2.0, 3.0)),
        (STANDING, (1.0, 2.0)),
        (STANDING, (9.0, 16.0)),
        (T_POSE, (2.0, 3.0)),
        (T_POSE, (1.0, 2.0)),
        (LYING, (2.0, 1.0)),
        (LYING, (16.0, 9.0)),
        (LYING, (3.0, 2.0)),
    ],
)
def test_no_advice_where_the_pose_is_usual_for_the_ratio(extent: tuple[float, float], ratio: tuple[float, float]) -> None:
    assert advise_ratio(extent, ratio) is None


def test_taking_an_advice_leaves_nothing_to_advise_and_shows_the_pose_larger() -> None:
    seen = 0
    for tenth in range(-25, 26):
        extent = (math.exp(tenth / 10.0), 1.0)
        for text in (*PRESETS, "1:5", "7:1"):
            advice = advise_ratio(extent, parse_ratio(text))
            if advice is None:
                best = max(fill_of(extent, parse_ratio(preset)) for preset in PRESETS)
                present = fill_of(extent, parse_ratio(text))
                assert present >= POOR_FILL or best < WORTHWHILE * present
                continue
            seen += 1
            assert advice.preset in PRESETS
            assert advice.better_fill >= WORTHWHILE * advice.fill and advice.fill < POOR_FILL
            assert advise_ratio(extent, parse_ratio(advice.preset)) is None
    assert seen > 50


def test_fill_is_the_part_that_the_bounding_box_covers() -> None:
    assert fill_of((2.0, 1.0), (2.0, 1.0)) == pytest.approx(1.0)
    assert fill_of((1.0, 1.0), (1.0, 2.0)) == pytest.approx(0.5)
    assert fill_of((1.0, 2.0), (2.0, 1.0)) == pytest.approx(0.25)


@pytest.mark.parametrize("extent", [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (math.nan, 1.0), (math.inf, 1.0)])
def test_nothing_to_see_is_no_advice(extent: tuple[float, float]) -> None:
    assert advise_ratio(extent, (1.0, 2.0)) is None


def test_a_ratio_of_zero_is_refused() -> None:
    with pytest.raises(SizeError):
        advise_ratio(LYING, (0.0, 1.0))
