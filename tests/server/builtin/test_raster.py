# SPDX-License-Identifier: GPL-3.0-or-later
"""Both rasterisers of the training pictures see the same, and what geometry says is to be seen."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pose_to_anime.generation_server.models.builtin.rendering import opencv_winners  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.raster import Drawn, OnScreen, rasterise  # noqa: E402

WIDTH, HEIGHT = 96, 64
BOTH = pytest.mark.parametrize("opencv", [True, False], ids=["opencv", "torch"])


def on_screen(corners: list[list[tuple[float, float, float]]], two_sided: bool = True) -> OnScreen:
    points = torch.tensor(corners, dtype=torch.float32).reshape(-1, 3)
    triangles = torch.arange(len(points)).reshape(-1, 3)
    return OnScreen(points, triangles, torch.full((len(triangles),), two_sided))


def random_picture(seed: int, count: int = 3000) -> OnScreen:
    """Triangles of a few pixels, at all depths and beyond the picture's borders."""
    chance = np.random.default_rng(seed)
    middle = chance.uniform((-10, -10, 0.5), (WIDTH + 10, HEIGHT + 10, 9.0), (count, 1, 3))
    points = (middle + chance.normal(0.0, (4.0, 4.0, 0.1), (count, 3, 3))).astype(np.float32).reshape(-1, 3)
    return OnScreen(
        torch.from_numpy(points), torch.arange(3 * count).reshape(-1, 3), torch.from_numpy(chance.random(count) < 0.5)
    )


def shown(drawn: Drawn, pictures: int = 1) -> np.ndarray:
    found = np.full(pictures * HEIGHT * WIDTH, -1)
    found[drawn.pixels.numpy()] = drawn.triangles.numpy()
    return found.reshape(pictures, HEIGHT, WIDTH)


def test_opencv_can_do_it() -> None:
    assert opencv_winners.AVAILABLE, "the server's OpenCV has no rasteriser: drawing takes twice as long"


def test_both_see_the_same() -> None:
    pictures = [random_picture(seed) for seed in range(4)]
    one, other = (rasterise(pictures, WIDTH, HEIGHT, opencv=which) for which in (True, False))
    same = shown(one, 4) == shown(other, 4)
    assert same.mean() > 0.999, "only rounding may decide differently"
    assert (shown(one, 4) >= 0).mean() > 0.9
    assert np.bincount(shown(one, 4).ravel() // 3000 + 1, minlength=5)[1:].all(), "all pictures are drawn"
    both = np.intersect1d(one.pixels.numpy()[one.triangles.numpy() >= 0], other.pixels.numpy())
    places = [torch.searchsorted(each.pixels, torch.from_numpy(both)) for each in (one, other)]
    agree = one.triangles[places[0]] == other.triangles[places[1]]
    for name in ("depth", "inside"):
        first, second = getattr(one, name)[places[0]][agree], getattr(other, name)[places[1]][agree]
        assert torch.equal(first, second), name


@BOTH
def test_the_nearest_wins(opencv: bool) -> None:
    far = [(10.0, 10.0, 5.0), (80.0, 10.0, 5.0), (10.0, 60.0, 5.0)]
    near = [(20.0, 15.0, 2.0), (60.0, 15.0, 2.0), (20.0, 45.0, 2.0)]
    for order, nearest in (([far, near], 1), ([near, far], 0)):
        drawn = rasterise([on_screen(order)], WIDTH, HEIGHT, opencv=opencv)
        found = shown(drawn)[0]
        assert found[20, 25] == nearest and found[12, 12] == 1 - nearest and found[62, 90] == -1


@BOTH
def test_depth_and_shares_are_those_in_space(opencv: bool) -> None:
    """Of a triangle that leans away, half way on the screen is not half way in space."""
    drawn = rasterise([on_screen([[(0.5, 0.5, 1.0), (80.5, 0.5, 9.0), (0.5, 50.5, 1.0)]])], WIDTH, HEIGHT, opencv=opencv)
    at = int(torch.searchsorted(drawn.pixels, torch.tensor(40)))
    assert drawn.pixels[at] == 40
    assert drawn.depth[at] == pytest.approx(2.0 / (1.0 / 1.0 + 1.0 / 9.0), rel=1e-4)
    assert drawn.inside[at].tolist() == pytest.approx([0.9, 0.1, 0.0], abs=1e-4)
    assert (drawn.inside.sum(1) - 1.0).abs().max() < 1e-4


@BOTH
def test_what_is_behind_or_turned_away_is_not_drawn(opencv: bool) -> None:
    anticlockwise = [(10.0, 10.0, 1.0), (10.0, 50.0, 1.0), (70.0, 10.0, 1.0)]
    clockwise = [anticlockwise[0], anticlockwise[2], anticlockwise[1]]
    behind = [(10.0, 10.0, 1.0), (10.0, 50.0, -1.0), (70.0, 10.0, 1.0)]

    def seen(triangle: list[tuple[float, float, float]], two_sided: bool) -> int:
        return len(rasterise([on_screen([triangle], two_sided)], WIDTH, HEIGHT, opencv=opencv).pixels)

    assert seen(anticlockwise, False) == seen(clockwise, True) > 1000
    assert seen(clockwise, False) == seen(behind, True) == 0


@BOTH
def test_nothing_to_see(opencv: bool) -> None:
    empty = OnScreen(torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    assert len(rasterise([empty, empty], WIDTH, HEIGHT, opencv=opencv).pixels) == 0
