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
from .raster import Pixels, convex_polygons, discs, ellipse_polygons, thick_lines

Image = NDArray[np.uint8]

_FARTHEST = 1e6
"""Pixels from the picture's corner beyond which a point is moved nearer, so that fixed point arithmetic holds it."""

_LIMBS = np.array(BODY_LIMBS)
_LIMB_COLOURS = np.array(LIMB_COLOURS, dtype=np.uint8)
_BODY_COLOURS = np.array(BODY_COLOURS, dtype=np.uint8)
_HAND_EDGES = np.array(HAND_EDGES)
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
    for person in people:
        draw_body(canvas, person.body, strokes)
        if hands:
            for hand in (person.left_hand, person.right_hand):
                if hand is not None:
                    draw_hand(canvas, hand, strokes)
        if face and person.face is not None:
            draw_face(canvas, person.face, strokes)
    return canvas


def draw_body(canvas: Image, body: Points, strokes: Strokes) -> None:
    """Paint limbs and joints of one body (18, 3) onto ``canvas``."""
    height, width = canvas.shape[:2]
    present = body[:, 2] > 0.0
    limbs = np.flatnonzero(present[_LIMBS].all(axis=1))
    if len(limbs):
        places = np.clip(body[:, :2], -_FARTHEST, _FARTHEST)
        first, last = places[_LIMBS[limbs, 0]], places[_LIMBS[limbs, 1]]
        run = first - last
        centres = _whole((first + last) / 2.0)
        halves = _whole(np.sqrt(run[:, 1] ** 2 + run[:, 0] ** 2) / 2.0)
        semi_axes = np.stack((halves, np.full_like(halves, strokes.limb_semi_width)), axis=1)
        angles = _whole(np.degrees(np.arctan2(run[:, 1], run[:, 0])))
        polygons = ellipse_polygons(centres, semi_axes, angles)
        _paint(canvas, convex_polygons(polygons, width, height), _LIMB_COLOURS[limbs])
    joints = np.flatnonzero(present)
    _paint(canvas, discs(_whole(body[joints, :2]), strokes.joint_radius, width, height), _BODY_COLOURS[joints])


def draw_hand(canvas: Image, hand: Points, strokes: Strokes) -> None:
    """Paint the bones and points of one hand (21, 3) onto ``canvas``."""
    height, width = canvas.shape[:2]
    points = _whole(hand[:, :2])
    present = _drawable(hand, points)
    edges = np.flatnonzero(present[_HAND_EDGES].all(axis=1))
    if len(edges):
        starts, ends = points[_HAND_EDGES[edges, 0]], points[_HAND_EDGES[edges, 1]]
        _paint(canvas, thick_lines(starts, ends, strokes.hand_line, width, height), _HAND_EDGE_COLOURS[edges])
    pixels, _ = discs(points[present], strokes.hand_radius, width, height)
    canvas.reshape(-1, 3)[pixels] = HAND_POINT_COLOUR


def draw_face(canvas: Image, face: Points, strokes: Strokes) -> None:
    """Paint the points of one face (70, 3) onto ``canvas``; a face has no lines."""
    height, width = canvas.shape[:2]
    points = _whole(face[:, :2])
    pixels, _ = discs(points[_drawable(face, points)], strokes.face_radius, width, height)
    canvas.reshape(-1, 3)[pixels] = FACE_POINT_COLOUR


def _drawable(points: Points, whole: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Hands and faces leave out points in the first row or column: there, readers cannot tell them from missing ones."""
    return (points[:, 2] > 0.0) & (whole > 0).all(axis=1)


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cut off decimals, towards zero."""
    return np.clip(numbers, -_FARTHEST, _FARTHEST).astype(np.int64)


def _paint(canvas: Image, pixels: Pixels, colours: NDArray[np.uint8]) -> None:
    """Colour pixels by shape. Where shapes overlap the last one wins, so sort them into painting order first."""
    index, shape = pixels
    order = np.argsort(shape.astype(np.uint8), kind="stable")  # a radix sort for so small a type; no part has 256 shapes
    # a pixel as one item of three bytes is copied three times as fast as a row of three numbers
    canvas.view("V3").reshape(-1)[index[order]] = colours.view("V3").reshape(-1)[shape[order]]
