# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the camera must stand: the closed form against the projected points themselves."""

import numpy as np
import pytest
from pose_to_anime.addon.framing.solve import Array, Region, bounds, fit_orthographic, fit_perspective, project


def perspective(half_width: float, half_height: float, shift: tuple[float, float] = (0.0, 0.0), near: float = 0.1) -> Array:
    """As Blender makes it: half extents of the picture at 1 m, shift in halves of the picture."""
    far = 1000.0
    return np.array(
        [
            [1.0 / half_width, 0.0, shift[0], 0.0],
            [0.0, 1.0 / half_height, shift[1], 0.0],
            [0.0, 0.0, -(far + near) / (far - near), -2.0 * far * near / (far - near)],
            [0.0, 0.0, -1.0, 0.0],
        ]
    )


def orthographic(half_width: float, half_height: float, shift: tuple[float, float] = (0.0, 0.0)) -> Array:
    return np.array(
        [
            [1.0 / half_width, 0.0, 0.0, shift[0]],
            [0.0, 1.0 / half_height, 0.0, shift[1]],
            [0.0, 0.0, -0.002, -1.0],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def clouds() -> list[Array]:
    chance = np.random.default_rng(3)
    made = []
    for _ in range(40):
        spread = chance.uniform(0.02, 2.0, 3)
        made.append(chance.normal(size=(chance.integers(1, 300), 3)) * spread + chance.uniform(-30.0, 30.0, 3))
    # A long rod towards the camera: its near end looks far larger than its far end.
    made.append(np.array([[0.3, 0.0, 0.0], [0.0, 0.2, -40.0], [-0.1, -0.1, -40.0]]))
    return made


REGION = Region.within(512, 768, margin=0.04, head_room=0.06)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.2)])
@pytest.mark.parametrize("halves", [(0.14, 0.21), (0.21, 0.1), (0.6, 0.9)])
def test_perspective_fills_the_region(halves: tuple[float, float], shift: tuple[float, float]) -> None:
    matrix = perspective(*halves, shift=shift)
    for cloud in clouds():
        move = fit_perspective(cloud, matrix, REGION, nearest=0.11)
        positions, depths = project(cloud - move, matrix)
        box = bounds(positions)
        assert depths.min() >= 0.11 - 1e-9
        assert REGION.left - 1e-7 <= box.left and box.right <= REGION.right + 1e-7
        assert REGION.bottom - 1e-7 <= box.bottom and box.top <= REGION.top + 1e-7
        assert box.centre == pytest.approx(REGION.centre, abs=1e-7)
        # As large as it goes: one pair of sides is touched, unless the clipping plane holds the camera off.
        fills = max((box.right - box.left) / (REGION.right - REGION.left), (box.top - box.bottom) / (REGION.top - REGION.bottom))
        assert fills == pytest.approx(1.0, abs=1e-6) or depths.min() == pytest.approx(0.11)


def test_single_precision_input_is_solved_as_well() -> None:
    matrix = perspective(0.14, 0.21, shift=(0.1, 0.2)).astype(np.float32)
    for cloud in clouds():
        move = fit_perspective(cloud.astype(np.float32), matrix, REGION, nearest=0.11)
        positions, _ = project(cloud.astype(np.float32) - move, matrix)
        assert bounds(positions).centre == pytest.approx(REGION.centre, abs=1e-4)


def test_perspective_is_centred_as_it_appears_not_in_space() -> None:
    matrix = perspective(0.5, 0.5)
    cloud = np.array([[-1.0, 0.0, -1.0], [1.0, 0.0, -9.0], [0.0, 0.5, -5.0], [0.0, -0.5, -5.0]])
    move = fit_perspective(cloud, matrix, Region(-0.9, 0.9, -0.9, 0.9), nearest=0.1)
    assert abs(move[0]) > 0.05
    box = bounds(project(cloud - move, matrix)[0])
    assert box.left == pytest.approx(-box.right, abs=1e-7)


def test_one_point_and_equal_points_stay_before_the_clipping_plane() -> None:
    matrix = perspective(0.2, 0.3)
    for cloud in (np.array([[1.0, 2.0, 3.0]]), np.zeros((5, 3))):
        move = fit_perspective(cloud, matrix, REGION, nearest=0.5)
        positions, depths = project(cloud - move, matrix)
        assert depths == pytest.approx(0.5)
        assert positions[0] == pytest.approx(REGION.centre, abs=1e-7)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.2)])
def test_orthographic_fills_the_region(shift: tuple[float, float]) -> None:
    for cloud in (cloud for cloud in clouds() if len(cloud) > 2):
        matrix = orthographic(2.0, 3.0, shift=shift)
        move, scale = fit_orthographic(cloud, matrix, REGION, nearest=0.2)
        scaled = orthographic(2.0 * scale, 3.0 * scale, shift=shift)
        box = bounds(project(cloud - move, scaled)[0])
        assert box.centre == pytest.approx(REGION.centre, abs=1e-9)
        fills = max((box.right - box.left) / (REGION.right - REGION.left), (box.top - box.bottom) / (REGION.top - REGION.bottom))
        assert fills == pytest.approx(1.0, abs=1e-9)
        assert (-(cloud - move)[:, 2]).min() >= 0.2 - 1e-9


def test_the_margin_is_as_many_pixels_on_each_side() -> None:
    region = Region.within(400, 200, margin=0.1, head_room=0.25)
    assert (region.left + 1.0) * 200 == pytest.approx(20.0)
    assert (1.0 - region.right) * 200 == pytest.approx(20.0)
    assert (region.bottom + 1.0) * 100 == pytest.approx(20.0)
    assert (1.0 - region.top) * 100 == pytest.approx(50.0)
