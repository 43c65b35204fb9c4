# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth, normals, masks, segmentation and the shaded body of shapes that are known, and the list of all kinds."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_buffers import Ball, Plane, drawn, view_of
from pose_to_anime.addon.passes.buffers import Buffers
from pose_to_anime.addon.passes.depth import depth_image, depth_image_16
from pose_to_anime.addon.passes.doll import doll_image
from pose_to_anime.addon.passes.kinds import DETAILS, GEOMETRY, KINDS, PEOPLE, file_of, needs
from pose_to_anime.addon.passes.mask import mask_image
from pose_to_anime.addon.passes.normal import normal_image
from pose_to_anime.addon.passes.segmentation import FLOOR, OBJECT, PERSON, WALL, segmentation_image
from pose_to_anime.generation_server.protocol import CONTROL_KINDS

NEAR, FAR = Ball((-0.4, 4.0, 1.0), 0.5), Ball((0.5, 6.0, 1.0), 0.6, figure=2)


def test_sixteen_bits_say_the_same_more_finely():
    buffers = drawn(view_of(300, 300), [NEAR, FAR])
    coarse, fine = depth_image(buffers)[..., 0], depth_image_16(buffers)
    assert fine.dtype == np.uint16 and fine.shape == (300, 300)
    assert fine.max() == 65535 and fine[fine > 0].min() == 40 * 257
    assert np.abs(fine / 257.0 - coarse).max() <= 0.51
    assert len(np.unique(fine)) > 8 * len(np.unique(coarse))
    flat = Buffers(np.full((4, 4), 3.0, np.float32), np.ones((4, 4), np.uint8))
    assert (depth_image_16(flat) == 65535).all()


def test_a_fixed_range_makes_grey_a_measure_of_distance():
    view = view_of(200, 200)
    wall = drawn(view, [Plane((0.0, -1.0, 0.0), -4.0, 1)])
    for nearer in (1.0, 2.0):  # what else is in the picture changes nothing
        buffers = drawn(view, [Plane((0.0, -1.0, 0.0), -4.0, 1), Ball((0.0, nearer + 0.2, 1.0), 0.2)])
        image = depth_image(buffers, floor=40, fixed=(2.0, 8.0))
        expected = 40 + 215 * (1 / 4 - 1 / 8) / (1 / 2 - 1 / 8)
        assert image[0, 0, 0] == pytest.approx(expected, abs=0.51)
        assert image.max() == 255
        assert (depth_image_16(buffers, fixed=(2.0, 8.0))[0, 0] / 257.0) == pytest.approx(expected, abs=0.01)
    beyond = depth_image(wall, fixed=(1.0, 2.0))
    assert 1 <= beyond[0, 0, 0] < 40, "farther than the range is darker than its floor, and not nothing"


def test_normals_have_the_colours_that_networks_learned():
    view = view_of(301, 301, perspective=False)
    buffers = drawn(view, [Ball((0.0, 4.0, 1.0), 1.0)])
    image = normal_image(buffers).astype(int)
    assert tuple(image[0, 0]) == (128, 128, 255)
    assert image[150, 150] == pytest.approx((128, 128, 255), abs=2)
    red, green, blue = (image[..., channel] for channel in range(3))
    columns = np.flatnonzero(np.isfinite(buffers.depth[150]))
    rows = np.flatnonzero(np.isfinite(buffers.depth[:, 150]))
    assert red[150, columns[0]] > 240 and red[150, columns[-1]] < 15, "red is the left"
    assert green[rows[0], 150] > 240 and green[rows[-1], 150] < 15, "green is the top"
    vectors = np.stack((127.5 - red, green - 127.5, blue - 127.5)) / 127.5
    error = np.abs(vectors - buffers.normals)[:, np.isfinite(buffers.depth)]
    assert error.max() < 0.009


def test_masks_part_the_figures():
    buffers = drawn(view_of(300, 300), [NEAR, FAR, Plane((0.0, 0.0, 1.0), 0.0)])
    everyone, first, second = mask_image(buffers), mask_image(buffers, 1), mask_image(buffers, 2)
    assert set(np.unique(everyone)) == {0, 255}
    assert first.any() and second.any()
    assert (first.astype(int) + second == everyone).all()
    assert ((everyone[..., 0] > 0) == (buffers.figures > 0)).all()


def colours_at(image: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0)}


def test_segmentation_has_the_colours_of_its_data_set():
    view = view_of(300, 300)
    image = segmentation_image(drawn(view, [NEAR, Ball((0.6, 4.0, 1.0), 0.3, figure=0)]), view)
    assert colours_at(image) == {PERSON, OBJECT, FLOOR, WALL}
    assert (image[:150, 0] == WALL).all() and (image[150:, 0] == FLOOR).all(), "the horizon of a level camera is in the middle"
    palette = pytest.importorskip("controlnet_aux.util").ade_palette()
    assert [tuple(palette[index]) for index in (0, 3, 12, 41)] == [WALL, FLOOR, PERSON, OBJECT]


@pytest.mark.parametrize("perspective", [True, False])
@pytest.mark.parametrize("down", [-0.3, -0.1, 0.0, 0.15, 0.3])
@pytest.mark.parametrize("height", [1.0, -0.5])
def test_floor_is_where_rays_meet_the_ground(perspective, down, height):
    view = view_of(160, 120, perspective=perspective, down=down, at=(0.0, 0.0, height))
    seen = (segmentation_image(drawn(view, []), view)[..., 0] == FLOOR[0]) & True
    if perspective and height > 0.0:
        expected = np.isfinite(drawn(view, [Plane((0.0, 0.0, 1.0), 0.0)]).depth)
    elif perspective:
        expected = np.zeros((120, 160), bool)  # from under it there is none
    elif down != 0.0:
        expected = np.full((120, 160), down > 0.0)
    else:
        up = height + 2.0 * (1.0 - (np.arange(120) + 0.5) / 60.0)
        expected = np.broadcast_to((up < 0.0)[:, None], (120, 160))
    assert (seen == expected).all()


def test_the_shaded_body_is_lit_from_the_upper_left_on_black():
    view = view_of(300, 300, perspective=False)
    buffers = drawn(view, [Ball((0.0, 4.0, 1.0), 1.0)])
    grey = doll_image(buffers)
    assert (grey == grey[..., :1]).all()
    grey = grey[..., 0].astype(int)
    nothing = np.isinf(buffers.depth)
    assert not grey[nothing].any() and grey[~nothing].min() > 10
    row, column = np.unravel_index(grey.argmax(), grey.shape)
    assert row < 150 and column < 150
    assert grey[110, 110] > 1.5 * grey[205, 195]


def test_every_control_has_a_kind_and_every_kind_a_file_of_its_own():
    controls = [kind.control for kind in KINDS.values() if kind.control]
    assert sorted(controls) == sorted(CONTROL_KINDS)
    assert all(name == kind.name for name, kind in KINDS.items())
    assert (file_of("openpose"), file_of("depth"), file_of("figure_mask_2")) == ("pose.png", "depth.png", "figure_mask_2.png")
    assert len({file_of(name) for name in KINDS}) == len(KINDS)
    for kind in KINDS.values():
        assert kind.needs in (PEOPLE, GEOMETRY, DETAILS) and kind.title and kind.use
        assert (kind.make is None) != (kind.make_each is None)


def test_details_are_asked_for_only_where_an_image_needs_them():
    assert needs(("openpose", "depth"), GEOMETRY) and not needs(("openpose", "depth"), DETAILS)
    assert needs(("lineart",), DETAILS) and needs(("lineart",), GEOMETRY)
    assert not needs(("openpose",), GEOMETRY)
