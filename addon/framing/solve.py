# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a camera must stand for points to fill its picture, keeping the direction it looks in. numpy, no bpy.

All points are (N, 3) in the camera's own axes as Blender has them: x right, y up, looking along −z, metres. A projection is the
4×4 matrix that takes them to clip space, where the picture spans −1 … 1 both ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CLOSE_ENOUGH = 1e-9  # of half a picture
_ROUNDS = 60  # a handful in practice; halving alone would reach _CLOSE_ENOUGH in thirty


@dataclass(frozen=True)
class Region:
    """The part of the picture that the points may fill, in clip space: left < right and bottom < top, within −1 … 1."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def within(cls, width: int, height: int, margin: float, head_room: float) -> Region:
        """The picture less ``margin`` (a fraction of its shorter side, equally many pixels on each) and ``head_room`` (a fraction
        of the height) on top."""
        edge = 2.0 * margin * min(width, height)
        return cls(-1.0 + edge / width, 1.0 - edge / width, -1.0 + edge / height, 1.0 - 2.0 * head_room)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2.0, (self.bottom + self.top) / 2.0


def project(points: Array, projection: Array) -> tuple[Array, Array]:
    """Clip-space positions (N, 2) and, for each point, its depth: metres in front of a perspective camera, 1 for an orthographic
    one. Where the depth is not above zero the position means nothing."""
    clip = np.c_[points, np.ones(len(points))] @ projection.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return clip[:, :2] / clip[:, 3:], clip[:, 3]


def bounds(positions: Array) -> Region:
    """The smallest region around projected points."""
    left, bottom = positions.min(axis=0)
    right, top = positions.max(axis=0)
    return Region(float(left), float(right), float(bottom), float(top))


def fit_perspective(points: Array, projection: Array, region: Region, nearest: float) -> Array:
    """How far (x, y, z) a perspective camera must move for the points to fill ``region`` as large as they go, centred in it.

    No search: a point stays within the region's right side when ``a·x − (right + c)·depth`` does not exceed that of the side's
    plane, so the extreme points on each pair of opposite planes give the distance directly. The larger of the two pairs'
    distances counts, and along the other pair the points are then centred as they appear, not by their middle in space.

    Args:
        nearest: metres that the closest point must at least be in front of the camera.
    """
    depth = -points[:, 2]
    factors = (float(projection[0, 0]), float(projection[1, 1]))
    shifts = (float(projection[0, 2]), float(projection[1, 2]))  # clip = (factor·p − shift·depth) / depth
    lows, highs = (region.left, region.bottom), (region.right, region.top)

    back = nearest - float(depth.min())
    for axis in (0, 1):
        scaled = factors[axis] * points[:, axis]
        high = float((scaled - (highs[axis] + shifts[axis]) * depth).max())
        low = float((scaled - (lows[axis] + shifts[axis]) * depth).min())
        back = max(back, (high - low) / (highs[axis] - lows[axis]))

    depth = depth + back
    moves = [_centring_move(points[:, axis], depth, factors[axis], region.centre[axis] + shifts[axis]) for axis in (0, 1)]
    return np.array([*moves, back])


def _centring_move(across: Array, depth: Array, factor: float, centre: float) -> float:
    """The sideways move after which the outermost points appear equally far from ``centre`` (in clip space, shift taken out).

    Their middle is a falling, piecewise linear function of the move: Newton's steps end exactly at its zero, and halving the
    bracket keeps them from going round in a circle where the extreme points change.
    """
    ahead = across - centre * depth / factor  # the move that brings each point alone to the centre
    least, most = float(ahead.min()), float(ahead.max())
    move = (least + most) / 2.0
    for _ in range(_ROUNDS):
        seen = factor * (across - move) / depth
        high, low = int(seen.argmax()), int(seen.argmin())
        off = float((seen[high] + seen[low]) / 2.0 - centre)
        if abs(off) < _CLOSE_ENOUGH:
            break
        if off > 0.0:
            least = move
        else:
            most = move
        move += off / (factor * float(1.0 / depth[high] + 1.0 / depth[low]) / 2.0)
        if not least < move < most:
            move = (least + most) / 2.0  # also where rounding leaves nothing in between
    return move


def fit_orthographic(points: Array, projection: Array, region: Region, nearest: float) -> tuple[Array, float]:
    """How far (x, y, z) an orthographic camera must move, and by what its scale must be multiplied, to the same end.

    The camera moves along its axis only where the closest point is nearer than ``nearest``: distance changes nothing else.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    factors = np.array([projection[0, 0], projection[1, 1]], np.float64)
    shifts = np.array([projection[0, 3], projection[1, 3]], np.float64)  # clip = factor·p + shift
    room = np.array([region.right - region.left, region.top - region.bottom])
    scale = max(float((factors * (high - low)[:2] / room).max()), 1e-6)
    # After scaling, factor becomes factor / scale; the shift is a fraction of the picture and stays.
    moves = (low + high)[:2] / 2.0 - (np.array(region.centre) - shifts) * scale / factors
    return np.array([*moves, max(0.0, nearest + float(high[2]))]), scale
