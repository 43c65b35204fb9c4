# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art and canny of shapes whose outlines are known."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_buffers import Ball, Plane, drawn, view_of
from pose_to_anime.addon.passes.buffers import Buffers
from pose_to_anime.addon.passes.edges import CREASE, OUTLINE, OVERLAP, Lines, lines_of
from pose_to_anime.addon.passes.lineart import canny_image, lineart_image
from pose_to_anime.addon.passes.thinning import thin

FLOOR = Plane((0.0, 0.0, 1.0), 0.0)
BALL = Ball((0.1, 5.0, 1.2), 0.9)


def wider(mask: np.ndarray, pixels: int = 1) -> np.ndarray:
    """What lies within so many pixels of a mask."""
    padded = np.pad(mask, pixels)
    height, width = mask.shape
    side = range(2 * pixels + 1)
    return np.any([padded[y : y + height, x : x + width] for y in side for x in side], axis=0)


def border(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask that have one outside beside them."""
    padded = np.pad(mask, 1, mode="edge")
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return mask & ~np.all(around, axis=0)


def canny(buffers: Buffers, view: object) -> np.ndarray:
    image = canny_image(lines_of(buffers, view))
    assert image.dtype == np.uint8 and set(np.unique(image)) <= {0, 255}
    assert (image == image[..., :1]).all()
    return image[..., 0] > 0


def assert_thin(lines: np.ndarray) -> None:
    blocks = lines[:-1, :-1] & lines[1:, :-1] & lines[:-1, 1:] & lines[1:, 1:]
    assert not blocks.any()


@pytest.mark.parametrize("perspective", [True, False])
def test_a_ball_has_its_outline_and_nothing_else(perspective):
    view = view_of(416, 608, perspective=perspective)
    buffers = drawn(view, [BALL])
    lines = canny(buffers, view)
    outline = border(buffers.figures > 0)
    assert outline.sum() > 300
    assert wider(lines)[outline].all(), "found everywhere within a pixel"
    assert wider(outline)[lines].all(), "and no noise on the surface, which is grazed near its rim"
    assert_thin(lines)


@pytest.mark.parametrize("perspective", [True, False])
@pytest.mark.parametrize("figure", [0, 1])
def test_a_floor_seen_at_a_grazing_angle_has_no_lines(perspective, figure):
    # Less than a thousandth of a right angle above the ground, up to where one pixel is hundreds of metres deep.
    view = view_of(320, 240, perspective=perspective, down=0.02, at=(0.0, 0.0, 0.3))
    buffers = drawn(view, [Plane(FLOOR.normal, 0.0, figure)])
    seen = np.isfinite(buffers.depth)
    assert seen.mean() > 0.3
    lines = canny(buffers, view)
    edge = border(seen)
    assert not lines[~wider(edge)].any()
    if perspective:
        assert edge.any() and wider(lines)[edge].all(), "but its horizon is its outline"


def test_an_arm_in_front_of_a_torso_gives_a_line():
    view = view_of(416, 608)
    arm, torso = Ball((0.0, 3.8, 1.1), 0.045, along=0), Ball((0.0, 4.1, 1.0), 0.2, along=2)
    buffers = drawn(view, [arm, torso])
    alone = np.isfinite(drawn(view, [arm]).depth)
    crossing = border(alone) & (drawn(view, [torso]).figures > 0)
    assert crossing.sum() > 60
    found = lines_of(buffers, view)
    lines = canny(buffers, view)
    assert wider(lines)[crossing].all()
    levels = np.zeros(lines.shape, np.uint8)
    levels[found.rows, found.columns] = found.levels
    inner = crossing & ~wider(border(np.isfinite(buffers.depth)), 3)
    assert set(levels[inner]) - {0} == {OVERLAP}
    touching = Ball((0.0, 4.1 - 0.2 - 0.046, 1.1), 0.045, along=0)
    lines = canny(drawn(view, [touching, torso]), view)
    edge = border(np.isfinite(drawn(view, [touching]).depth)) & (drawn(view, [torso]).figures > 0)
    assert wider(lines)[edge].mean() > 0.9, "also where it lies on the torso"


def test_a_sharp_fold_is_a_crease_and_a_gentle_bend_is_none():
    view = view_of(200, 200)
    for angle, expected in ((0.8, True), (0.2, False)):
        s, c = np.sin(angle / 2), np.cos(angle / 2)
        left, right = Plane((s, -c, 0.0), -4.0 * c, 1), Plane((-s, -c, 0.0), -4.0 * c, 1)
        first, second = drawn(view, [left]), drawn(view, [right])
        near = first.depth > second.depth  # a valley: what is farther is behind the other
        folded = Buffers(
            np.maximum(first.depth, second.depth),
            first.figures,
            np.where(near, first.normals, second.normals),
            first.parts,
        )
        found = lines_of(folded, view)
        assert bool(len(found.rows)) == expected
        if expected:
            assert set(found.levels) == {CREASE}
            assert np.abs(found.columns - 100).max() <= 1 and len(set(found.rows)) == 200


def test_parts_and_figures_are_divided_where_depth_is_not():
    view = view_of(200, 200)
    wall = drawn(view, [Plane((0.0, -1.0, 0.0), -4.0, 1)])
    for number, level in ((257 + 1, CREASE), (512 + 1, OUTLINE)):
        parts = wall.parts.copy()
        parts[:, 90:] = number
        halves = Buffers(wall.depth, (parts >> 8).astype(np.uint8), wall.normals, parts)
        found = lines_of(halves, view)
        assert set(found.levels) == {level}
        assert set(found.columns) <= {89, 90} and len(found.columns) == 200


def test_line_art_is_smooth_single_strokes():
    view = view_of(416, 608)
    buffers = drawn(view, [BALL])
    found = lines_of(buffers, view)
    image = lineart_image(found)
    assert image.dtype == np.uint8 and (image == image[..., :1]).all()
    grey = image[..., 0]
    assert grey.max() == 255 and (grey == 0).mean() > 0.9, "white on black"
    assert ((grey > 0) & (grey < 255)).sum() > 0.3 * (grey > 0).sum(), "smooth"
    middle = np.flatnonzero((buffers.figures > 0).any(axis=1))[20:-20]
    for row in middle:
        rises = (np.diff((grey[row] > 90).astype(int)) == 1).sum()
        assert rises == 2, "one stroke on either side, and no double lines"


def straight(width: int, height: int, level: int) -> Lines:
    rows = np.arange(10, height - 10)
    return Lines((height, width), rows, np.full(len(rows), width // 2), np.full(len(rows), level, np.uint8))


def stroke_width(width: int, height: int, level: int) -> float:
    """Pixels of white across a vertical line, in the middle of it."""
    return float(lineart_image(straight(width, height, level))[height // 2, :, 0].sum() / 255.0)


def test_strokes_are_one_to_two_pixels_at_512_and_grow_with_the_picture():
    creases, overlaps, outlines = (stroke_width(512, 512, level) for level in (CREASE, OVERLAP, OUTLINE))
    assert 0.9 <= creases < overlaps < outlines <= 2.1, "the silhouette is heaviest"
    for level, at_512 in ((CREASE, creases), (OUTLINE, outlines)):
        assert stroke_width(1024, 1536, level) == pytest.approx(2.0 * at_512, rel=0.12)


def test_lines_that_touch_the_edge_of_the_picture_stay_in_it():
    view = view_of(300, 200)
    buffers = drawn(view, [Ball((0.0, 3.0, 1.0), 1.19)])
    assert buffers.figures[0].any() and buffers.figures[-1].any()
    lines = canny(buffers, view)
    assert wider(lines)[border(buffers.figures > 0)].all()
    assert lineart_image(lines_of(buffers, view)).shape == (200, 300, 3)
    empty = drawn(view, [])
    assert not canny(empty, view).any() and not lineart_image(lines_of(empty, view)).any()


def test_thinning_leaves_rings_closed_and_lines_whole():
    y, x = np.mgrid[:80, :100]
    distance = np.hypot(y - 40, x - 40)
    ring = ((distance > 20) & (distance < 25)).astype(np.uint8)
    ring[10:14, 66:96] = 2
    ring[70, 80] = 1  # a speck
    ring[75, 80] = 3  # one that lasts
    places, levels = thin(ring, 6, 3)
    mask = np.zeros(ring.shape, bool)
    mask.reshape(-1)[places] = True
    assert not mask[70, 80] and mask[75, 80]
    assert_thin(mask)
    round_part = mask & (distance < 26)
    neighbours = np.pad(round_part, 1)
    count = sum(
        neighbours[1 + dy : 81 + dy, 1 + dx : 101 + dx].astype(int)
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if (dy, dx) != (0, 0)
    )
    assert (count[round_part] >= 2).all() and round_part.sum() > 100
    bar = mask[8:16, 60:]
    assert bar.any(axis=0).sum() >= 25 and set(levels[(places // 100 >= 8) & (places // 100 < 16) & (places % 100 > 66)]) == {2}
