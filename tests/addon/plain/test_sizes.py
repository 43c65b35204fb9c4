# SPDX-License-Identifier: GPL-3.0-or-later
"""The one size function: every preset in every family, and what it refuses."""

import math
import random

import pytest
from pose_to_anime.addon.framing.sizes import LONGEST, PRESETS, SizeError, draft_size, parse_ratio, picture_size
from pose_to_anime.generation_server.families.catalogue import SizeRule, families

XL = families()["sdxl"].size


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("1:1", (640, 640)),
        ("2:3", (512, 768)),
        ("3:2", (768, 512)),
        ("3:4", (512, 704)),
        ("4:3", (704, 512)),
        ("9:16", (448, 832)),
        ("16:9", (832, 448)),
        ("1:2", (448, 896)),
        ("2:1", (896, 448)),
    ],
)
def test_stable_diffusion_15(ratio: str, size: tuple[int, int]) -> None:
    assert picture_size(parse_ratio(ratio), families()["sd15"].size) == size


@pytest.mark.parametrize(
    ("ratio", "size"),
    [("1:1", (1024, 1024)), ("3:4", (896, 1152)), ("2:3", (832, 1216)), ("9:16", (768, 1344)), ("1:2", (704, 1408))],
)
def test_a_megapixel_gives_the_sizes_that_xl_models_were_trained_on(ratio: str, size: tuple[int, int]) -> None:
    assert picture_size(parse_ratio(ratio), XL) == size
    width, height = parse_ratio(ratio)
    assert picture_size((height, width), XL) == size[::-1]


@pytest.mark.parametrize("name", sorted(families()))
@pytest.mark.parametrize("ratio", PRESETS)
def test_every_preset_in_every_family(name: str, ratio: str) -> None:
    rule = families()[name].size
    wanted = parse_ratio(ratio)
    width, height = picture_size(wanted, rule)
    assert width % rule.step == height % rule.step == 0
    assert rule.accepts(width, height)
    assert 0.7 * rule.pixels <= width * height <= 1.25 * rule.pixels
    # Half a step of either side is what the grid costs.
    off = abs(math.log(width / height / (wanted[0] / wanted[1])))
    assert off <= sum(math.log(1.0 + rule.step / 2.0 / side) for side in (width, height)) + 1e-9
    assert (width > height) == (wanted[0] > wanted[1]) and (width == height) == (wanted[0] == wanted[1])
    assert picture_size(wanted[::-1], rule) == (height, width)


@pytest.mark.parametrize("name", sorted(families()))
def test_any_ratio_stays_within_the_rule_or_is_refused(name: str) -> None:
    rule = families()[name].size
    longest = min(LONGEST, (rule.largest // rule.step) / -(-rule.smallest // rule.step))
    chance = random.Random(7)
    for _ in range(300):
        exponent = chance.uniform(-2.2, 2.2)
        ratio = (math.exp(exponent), 1.0)
        if math.exp(abs(exponent)) > longest:
            with pytest.raises(SizeError, match="too long"):
                picture_size(ratio, rule)
            continue
        width, height = picture_size(ratio, rule)
        assert rule.smallest <= min(width, height) and max(width, height) <= rule.largest
        assert width % rule.step == height % rule.step == 0
        # No neighbour on the grid is better in both the ratio and the area.
        for w in (width - rule.step, width, width + rule.step):
            for h in (height - rule.step, height, height + rule.step):
                if min(w, h) >= rule.smallest and max(w, h) <= rule.largest and (w, h) != (width, height):
                    nearer = abs(math.log(w / h) - exponent) < abs(math.log(width / height) - exponent) - 1e-9
                    closer = abs(math.log(w * h / rule.pixels)) < abs(math.log(width * height / rule.pixels)) - 1e-9
                    smaller = w * h <= rule.pixels or width * height > rule.pixels
                    assert not (nearer and closer and smaller), (ratio, (width, height), (w, h))


def test_a_longer_ratio_never_gives_a_shorter_picture() -> None:
    last = 0.0
    for hundredth in range(13, 800):
        width, height = picture_size((hundredth / 100.0, 1.0), SizeRule(pixels=1 << 20, step=8, smallest=128, largest=4096))
        assert width / height >= last - 0.03, hundredth
        last = max(last, width / height)


def test_the_limits_are_inside() -> None:
    rule = families()["sd15"].size
    assert picture_size((4.0, 1.0), rule) == (1024, 256)
    assert picture_size((1.0, 4.0), rule) == (256, 1024)
    assert picture_size((1.0, 8.0), families()["builtin"].size) == (64, 512)


@pytest.mark.parametrize(
    "ratio",
    [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0), (-2.0, 3.0), (math.nan, 1.0), (1.0, math.nan), (math.inf, 1.0), (math.inf, math.inf)],
)
def test_what_is_no_ratio_is_refused(ratio: tuple[float, float]) -> None:
    with pytest.raises(SizeError, match="above zero"):
        picture_size(ratio, families()["sd15"].size)


@pytest.mark.parametrize("ratio", [(1.0, 8.1), (9.0, 1.0), (1e-300, 1e300), (1e308, 1e-308)])
def test_what_is_too_long_is_refused(ratio: tuple[float, float]) -> None:
    with pytest.raises(SizeError, match="at most 8 times"):
        picture_size(ratio, families()["builtin"].size)


def test_beyond_the_model_says_what_it_can() -> None:
    with pytest.raises(SizeError, match=r"6:1 is too long for this model, whose sides have 256 to 1024 pixels: use 4:1"):
        picture_size((6.0, 1.0), families()["sd15"].size)
    with pytest.raises(SizeError, match="use 1:4"):
        picture_size((1.0, 5.0), families()["sd15"].size)


def test_a_rule_without_any_size_is_named() -> None:
    with pytest.raises(SizeError, match="no multiple of 64 lies from 70 to 100"):
        picture_size((1.0, 1.0), SizeRule(pixels=8192, step=64, smallest=70, largest=100))


def test_a_smallest_side_off_the_grid_is_rounded_up() -> None:
    assert picture_size((1.0, 1.0), SizeRule(pixels=1, step=64, smallest=70, largest=300)) == (128, 128)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("2:3", (2.0, 3.0)),
        (" 2 : 3 ", (2.0, 3.0)),
        ("2/3", (2.0, 3.0)),
        ("832x1216", (832.0, 1216.0)),
        ("832 × 1216", (832.0, 1216.0)),
        ("832X1216", (832.0, 1216.0)),
        ("2.39:1", (2.39, 1.0)),
        ("0.75", (0.75, 1.0)),
    ],
)
def test_ratios_as_people_write_them(text: str, ratio: tuple[float, float]) -> None:
    assert parse_ratio(text) == ratio


@pytest.mark.parametrize(
    "text", ["", "abc", "2:", ":3", "2:3:4", "two:three", "0:3", "3:0", "-2:3", "nan", "nan:1", "inf", "1:9"]
)
def test_texts_that_are_no_ratio(text: str) -> None:
    with pytest.raises(SizeError) as caught:
        parse_ratio(text)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("family", families().values(), ids=lambda family: family.name)
def test_a_draft_shows_the_same_frame_with_half_the_pixels(family) -> None:
    for ratio in PRESETS:
        whole = picture_size(parse_ratio(ratio), family.size)
        draft = draft_size(whole, family.size)
        assert family.size.accepts(*draft)
        assert 0.4 < draft[0] * draft[1] / (whole[0] * whole[1]) < 0.62
        assert draft[0] / draft[1] == pytest.approx(whole[0] / whole[1], rel=0.012), f"{ratio}: {whole} → {draft}"


def test_a_picture_that_cannot_be_smaller_is_its_own_draft() -> None:
    assert draft_size((512, 512), SizeRule(512 * 512, 64, 512, 1024)) == (512, 512)
