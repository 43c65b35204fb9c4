# SPDX-License-Identifier: GPL-3.0-or-later
"""People drawn as the images that pose ControlNets were trained on, with numpy alone.

Limbs are filled ellipses, joints discs; nothing is anti-aliased and nothing sorted by depth. A person is painted limbs first,
then joints, left hand, right hand, face; the next person paints over.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .layout import (
    BODY_COLOURS,
    BODY_LIMBS,
    FACE_POINT_COLOUR,
    HAND_EDGE_COLOURS,
    HAND_EDGES,
    HAND_POINT_COLOUR,
    LIMB_COLOURS,
)
from .person import Person, Points
from .profiles import Profile, Strokes
from .profiles import profile as profile_of
from .raster import Image, Ints, Runs, convex_polygons, discs, ellipse_polygons, joined, paint, thick_lines

_FARTHEST = 1e6
"""Pixels from the picture's corner beyond which a point is moved nearer, so that fixed point arithmetic holds it."""

_LIMBS = np.array(BODY_LIMBS)
_LIMB_COLOURS = np.array(LIMB_COLOURS, dtype=np.uint8)
_BODY_COLOURS = np.array(BODY_COLOURS, dtype=np.uint8)
_HAND_EDGES = np.array(HAND_EDGES)
_HAND_POINT_COLOUR = np.array([HAND_POINT_COLOUR], dtype=np.uint8)
_FACE_POINT_COLOUR = np.array([FACE_POINT_COLOUR], dtype=np.uint8)
_HAND_EDGE_COLOURS = np.array(HAND_EDGE_COLOURS, dtype=np.uint8)


def draw_people(
    people: Iterable[Person],
    width: int,
    height: int,
    profile: str | Profile = "controlnet",
    *,
    hands: bool = True,
    face: bool = True,
) -> Image:
    """The people on black, (height, width, 3) uint8 RGB.

    ``profile`` decides how thick strokes are. Raises ProfileError for an unknown one.
    """
    strokes = (profile_of(profile) if isinstance(profile, str) else profile).strokes(width, height)
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    shapes = _Shapes()
    for person in people:
        _add_body(shapes, person.body, strokes)
        if hands:
            for hand in (person.left_hand, person.right_hand):
                if hand is not None:
                    _add_hand(shapes, hand, strokes)
        if face and person.face is not None:
            points = _whole(person.face[:, :2])
            shapes.add_discs(points[_drawable(person.face, points)], strokes.face_radius, _FACE_POINT_COLOUR)
    shapes.paint(canvas, strokes)
    return canvas


class _Shapes:
    """Shapes in the order in which they are painted, to be filled kind by kind: what is added later lies above."""

    def __init__(self) -> None:
        self._colours: list[NDArray[np.uint8]] = []
        self._count = 0
        self._limbs: list[tuple[Points, Points]] = []
        self._lines: list[tuple[Ints, Ints]] = []
        self._discs: list[tuple[Ints, Ints]] = []
        self._numbers: dict[str, list[Ints]] = {"limbs": [], "lines": [], "discs": []}

    def add_limbs(self, first: Points, last: Points, colours: NDArray[np.uint8]) -> None:
        """Limbs between points (n, 2) in pixels."""
        self._limbs.append((first, last))
        self._number("limbs", len(first), colours)

    def add_lines(self, starts: Ints, ends: Ints, colours: NDArray[np.uint8]) -> None:
        """Bones of fingers between whole pixels (n, 2)."""
        self._lines.append((starts, ends))
        self._number("lines", len(starts), colours)

    def add_discs(self, centres: Ints, radius: int, colours: NDArray[np.uint8]) -> None:
        """Discs about whole pixels (n, 2), of ``colours`` (n, 3) or of one colour (1, 3)."""
        self._discs.append((centres, np.full(len(centres), radius)))
        self._number("discs", len(centres), colours)

    def paint(self, canvas: Image, strokes: Strokes) -> None:
        """Fill them all."""
        if not self._count:
            return
        height, width = canvas.shape[:2]
        found: list[Runs] = []
        if self._limbs:
            first, last = (np.concatenate(ends) for ends in zip(*self._limbs, strict=True))
            run = first - last
            centres = _whole((first + last) / 2.0)
            halves = _whole(np.sqrt(run[:, 1] ** 2 + run[:, 0] ** 2) / 2.0)
            semi_axes = np.stack((halves, np.full_like(halves, strokes.limb_semi_width)), axis=1)
            angles = _whole(np.degrees(np.arctan2(run[:, 1], run[:, 0])))
            found.append(self._numbered("limbs", convex_polygons(*ellipse_polygons(centres, semi_axes, angles), width, height)))
        if self._lines:
            starts, ends = (np.concatenate(each) for each in zip(*self._lines, strict=True))
            found.append(self._numbered("lines", thick_lines(starts, ends, strokes.hand_line, width, height)))
        if self._discs:
            middles, radii = (np.concatenate(each) for each in zip(*self._discs, strict=True))
            found.append(self._numbered("discs", discs(middles, radii)))
        paint(canvas, joined(*found), np.concatenate(self._colours))

    def _number(self, kind: str, count: int, colours: NDArray[np.uint8]) -> None:
        self._numbers[kind].append(np.arange(self._count, self._count + count))
        self._colours.append(np.broadcast_to(colours, (count, 3)))
        self._count += count

    def _numbered(self, kind: str, runs: Runs) -> Runs:
        y, x0, x1, shape = runs
        return y, x0, x1, np.concatenate(self._numbers[kind])[shape]


def _add_body(shapes: _Shapes, body: Points, strokes: Strokes) -> None:
    """Limbs and joints of one body (18, 3)."""
    present = body[:, 2] > 0.0
    limbs = np.flatnonzero(present[_LIMBS].all(axis=1))
    if len(limbs):
        places = np.clip(body[:, :2], -_FARTHEST, _FARTHEST)
        shapes.add_limbs(places[_LIMBS[limbs, 0]], places[_LIMBS[limbs, 1]], _LIMB_COLOURS[limbs])
    shapes.add_discs(_whole(body[present, :2]), strokes.joint_radius, _BODY_COLOURS[present])


def _add_hand(shapes: _Shapes, hand: Points, strokes: Strokes) -> None:
    """Bones and points of one hand (21, 3)."""
    points = _whole(hand[:, :2])
    present = _drawable(hand, points)
    edges = np.flatnonzero(present[_HAND_EDGES].all(axis=1))
    if len(edges):
        shapes.add_lines(points[_HAND_EDGES[edges, 0]], points[_HAND_EDGES[edges, 1]], _HAND_EDGE_COLOURS[edges])
    shapes.add_discs(points[present], strokes.hand_radius, _HAND_POINT_COLOUR)


def _drawable(points: Points, whole: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Hands and faces leave out points in the first row or column: there, readers cannot tell them from missing ones."""
    return (points[:, 2] > 0.0) & (whole > 0).all(axis=1)


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cut off decimals, towards zero."""
    return np.clip(numbers, -_FARTHEST, _FARTHEST).astype(np.int64)
