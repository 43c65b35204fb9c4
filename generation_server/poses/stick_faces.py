# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces of a drawing: seventy white dots of which none says which point it is.

Where they all are says it. ``face_shapes.json`` holds how the points of a face lie in space, and in which ways faces and their
expressions differ (a mean and principal components, of this program's own mannequins). Such a face is turned, moved and changed
until its points lie on the dots, each on its own: from many views at first, then ever nearer. Faces whose dots have merged into a
blot are left out.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .people import FACE, NECK, Person, Points
from .sticks import Drawing, counted, disc

SHAPES_FILE = Path(__file__).parent / "face_shapes.json"

LEAST_DOTS, MOST_DOTS = 24, 400
"""Of one face, as many as are told apart: with fewer or more it is none."""
LEAST_EXTENT = 70.0
"""Areas of a dot that a face takes up at least: on smaller ones too many of the dots lie on each other."""
LEAST_FOUND = 40
"""Points of a face that must lie on dots."""
_LARGEST_RADIUS = 24
_NOSE, _RIGHT_EYE, _LEFT_EYE, _RIGHT_EAR, _LEFT_EAR = 0, 14, 15, 16, 17

_YAWS, _PITCHES, _ROLLS = (-40, -20, 0, 20, 40), (-25, -8, 8, 25), (-40, -30, -20, -10, 0, 10, 20, 30, 40)
"""Degrees in which a face is looked for, about what the body says of the head."""
_FIRST_WAYS = (-1.2, 0.0, 1.2)  # of the largest difference between faces, at first
_STARTS, _ROUNDS = 6, 18
_STIFF, _STIFFER = 0.3, 0.15
"""How much a view stays what it was in one round, and how much a face prefers to be the mean one."""
_MOST_WAYS = 3.0  # of a spread of 1
_SHARED = 0.1
"""How far two points on one dot are as good as two dots, in parts of the face's size: lips that touch, eyes that are closed."""
_WIDTHS = (0.12, 0.08, 0.05, 0.05)
"""At last each region follows its dots by itself; how large regions are, in parts of the face's size."""
_MISSED = 0.05  # of the face's size: what is farther from every dot is not drawn
_FIRST_OF_EYES = 36  # of the points of eyes and mouth, after those of jaw, brows and nose


class _Shapes(NamedTuple):
    mean: NDArray[np.float64]  # (70, 3)
    ways: NDArray[np.float64]  # (n, 70, 3)


def give_faces(people: list[Person], drawing: Drawing) -> None:
    """Give each person the face whose dots lie about their head."""
    dots, area = _dots(drawing)
    heads = [_head(person) for person in people]
    if not len(dots) or not people:
        return
    # Of several heads, the one that a dot is nearest to, in the size of each.
    away = np.stack([np.linalg.norm(dots - head.middle, axis=1) / head.reach for head in heads])
    whose = np.where(away.min(axis=0) <= 1.0, away.argmin(axis=0), -1)
    for number, (person, head) in enumerate(zip(people, heads, strict=True)):
        mine = dots[whose == number]
        if not LEAST_DOTS <= len(mine) <= MOST_DOTS or np.ptp(mine, axis=0).prod() < LEAST_EXTENT * area:
            continue
        if (face := _fitted(mine, head.turn)) is not None:
            person.face = face + np.array((0.5, 0.5, 0.0)) * face[:, 2:]


class _Head(NamedTuple):
    middle: Points  # (2,)
    reach: float  # pixels within which its face is
    turn: float  # radians by which its top is tilted to the right of the picture


def _head(person: Person) -> _Head:
    body = person.body
    seen = [number for number in (_NOSE, _RIGHT_EYE, _LEFT_EYE, _RIGHT_EAR, _LEFT_EAR) if body[number, 2]]
    size = float(np.ptp(body[body[:, 2] > 0, :2], axis=0).max(initial=1.0))
    if not seen:
        return _Head(body[NECK, :2] if body[NECK, 2] else body[body[:, 2] > 0, :2].mean(axis=0), 0.4 * size, 0.0)
    middle = body[seen, :2].mean(axis=0)
    across = [float(np.hypot(*(body[a, :2] - body[b, :2]))) for a in seen for b in seen]
    to_neck = float(np.hypot(*(middle - body[NECK, :2]))) if body[NECK, 2] else 0.0
    reach = max(1.6 * to_neck, 2.5 * max(across)) or size
    for right, left in ((_RIGHT_EYE, _LEFT_EYE), (_RIGHT_EAR, _LEFT_EAR)):
        if body[right, 2] and body[left, 2]:
            x, y = body[left, :2] - body[right, :2]
            return _Head(middle, reach, float(np.arctan2(y, x)))
    x, y = middle - body[NECK, :2] if to_neck else (0.0, -1.0)
    return _Head(middle, reach, float(np.arctan2(x, -y)))


def _dots(drawing: Drawing) -> tuple[Points, int]:
    """(n, 2): whole pixels at which the middle of a white dot may be, and how many pixels a dot has."""
    white = drawing.white.astype(np.uint8)
    area = int(white.sum())
    if area < LEAST_DOTS * 5:
        return np.zeros((0, 2)), 1
    # The largest disc of which nearly all of it could be drawn; the dots of a face have one size.
    radius = next(
        (r for r in range(_LARGEST_RADIUS, 1, -1) if cv2.morphologyEx(white, cv2.MORPH_OPEN, disc(r)).sum() >= 0.8 * area), 1
    )
    kernel = disc(radius)
    seen = counted(drawing.white, kernel) / kernel.sum()
    whole = seen > 0.999
    # What resizing and compressing leave of one is where most of it is.
    best = (seen >= cv2.dilate(seen, np.ones((2 * radius - 1, 2 * radius - 1), np.uint8))) & (seen >= 0.8)
    near = cv2.dilate(whole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    _, label = cv2.connectedComponents((whole | (best & ~near)).astype(np.uint8), connectivity=8)
    ys, xs = np.nonzero(label)
    places, parts = np.stack((xs, ys), axis=1).astype(np.float64), label[ys, xs]
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.diff(parts[order], prepend=0))
    merged = [_apart(places[part], max(1.0, radius / 3.0)) for part in np.split(order, starts)[1:]]
    return np.concatenate(merged or [places]), int(kernel.sum())


def _apart(places: Points, least: float) -> Points:
    """Of the pixels of dots that have merged, those at the ends and others so far apart that every one has one near."""
    if len(places) < 3:
        return places
    kept = [int(np.linalg.norm(places - places.mean(axis=0), axis=1).argmax())]
    nearest = np.linalg.norm(places - places[kept[0]], axis=1)
    while nearest.max() > least:
        kept.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(places - places[kept[-1]], axis=1))
    return places[kept]


@functools.cache
def _shapes() -> _Shapes:
    data = json.loads(SHAPES_FILE.read_text("utf-8"))
    return _Shapes(np.array(data["mean"]), np.array(data["ways"]))


@functools.cache
def _views() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(m, 2, 3): how a face in space is seen from each direction, y down; (s, 70, 3): the faces that are looked for."""
    views = []
    for yaw in np.radians(_YAWS):
        for pitch in np.radians(_PITCHES):
            about_up = np.array(((np.cos(yaw), -np.sin(yaw), 0.0), (np.sin(yaw), np.cos(yaw), 0.0), (0.0, 0.0, 1.0)))
            forward = np.array(((1.0, 0.0, 0.0), (0.0, np.cos(pitch), -np.sin(pitch)), (0.0, np.sin(pitch), np.cos(pitch))))
            views.append((forward @ about_up)[[0, 2]] * ((1.0,), (-1.0,)))
    tilted = [_tilt(np.radians(roll)) @ view for view in views for roll in _ROLLS]
    mean, ways = _shapes()
    return np.array(tilted), np.array([mean + share * ways[0] for share in _FIRST_WAYS])


def _tilt(angle: float) -> NDArray[np.float64]:
    return np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))


def _fitted(dots: Points, turn: float) -> Points | None:
    """The face (70, 3) whose dots (n, 2) these are, in whole pixels; None where they are no face's."""
    views, faces = _views()
    views = _tilt(turn) @ views
    low, high = dots.min(axis=0), dots.max(axis=0)
    size = float(np.hypot(*(high - low)))
    seen = np.einsum("vij,snj->vsni", views, faces).reshape(-1, FACE, 2)
    least, most = seen.min(axis=1), seen.max(axis=1)
    scales = ((high - low) / (most - least)).mean(axis=1)
    placed = (seen - (least + most)[:, None] / 2.0) * scales[:, None, None] + (low + high) / 2.0
    scores = np.array([_distance(points, dots, 0.06 * size) for points in placed])
    best: tuple[float, Points] | None = None
    for start in np.argsort(scores)[:_STARTS]:
        view, share = divmod(int(start), len(faces))
        face = faces[share]
        seen_so = views[view] * scales[start]
        found = _refined(dots, face, seen_so, placed[start].mean(axis=0) - (face @ seen_so.T).mean(axis=0), size)
        if best is None or found[0] < best[0]:
            best = found
    assert best is not None
    return best[1] if (best[1][:, 2] > 0).sum() >= LEAST_FOUND else None


def _distance(points: Points, dots: Points, most: float) -> float:
    """How far points and dots are from each other's nearest, on average of squares; what is farther than ``most`` counts so."""
    squared = np.square(points[:, None] - dots[None]).sum(axis=2)
    return float(np.minimum(squared.min(axis=1), most**2).mean() + np.minimum(squared.min(axis=0), most**2).mean())


def _refined(
    dots: Points, face: NDArray[np.float64], view: NDArray[np.float64], shift: Points, size: float
) -> tuple[float, Points]:
    """How badly a face fits, and its points (70, 3) on the dots. It begins as ``face`` (70, 3), seen by ``view`` (2, 3)."""
    mean, ways = _shapes()
    for number in range(_ROUNDS):
        points, targets = _pairs(face @ view.T + shift, dots, max(0.16 - 0.012 * number, 0.04) * size, size)
        if len(points) < LEAST_DOTS:
            break
        known = np.column_stack((face[points], np.ones(len(points))))
        stiff = _STIFF * np.diag((1.0, 1.0, 1.0, 0.0))
        before = np.column_stack((view, shift))
        solved = np.linalg.solve(known.T @ known + stiff, known.T @ targets + stiff @ before.T).T.astype(np.float64)
        view, shift = solved[:, :3], solved[:, 3]
        moves = np.einsum("knj,ij->kni", ways, view)[:, points].reshape(len(ways), -1).T
        rest = (targets - (mean @ view.T + shift)[points]).ravel()
        stiffer = np.square(_STIFFER) * np.square(view).sum() / 2.0 * np.eye(len(ways))
        amounts = np.clip(np.linalg.solve(moves.T @ moves + stiffer, moves.T @ rest), -_MOST_WAYS, _MOST_WAYS)
        face = np.asarray(mean + np.tensordot(amounts, ways, 1), dtype=np.float64)
    at = face @ view.T
    between = np.square(at[:, None] - at[None]).sum(axis=2)
    at = at + shift
    for width in _WIDTHS:
        points, targets = _pairs(at, dots, 0.08 * size, size)
        weights = np.exp(-between[:, points] / (2.0 * np.square(width * size)))
        at = at + weights @ (targets - at[points]) / (weights.sum(axis=1, keepdims=True) + 0.3)
    return _on_dots(at, dots, size)


def _on_dots(at: Points, dots: Points, size: float) -> tuple[float, Points]:
    """The points (70, 3) that lie on dots, and what speaks against them: how far they had to go, and dots that are nobody's."""
    far = _MISSED * size
    points, targets = _pairs(at, dots, far, size)
    found = np.zeros((FACE, 3))
    found[points] = np.column_stack((targets, np.ones(len(points))))
    lone = np.flatnonzero((found[:, 2] == 0) & (np.arange(FACE) >= _FIRST_OF_EYES))
    away = np.linalg.norm(at[lone, None] - dots[None], axis=2)
    near = away.min(axis=1) <= far  # on the dot of another: eyes and mouths close, and both were drawn there
    found[lone[near]] = np.column_stack((dots[away[near].argmin(axis=1)], np.ones(int(near.sum()))))
    gone = np.square(far) * float((found[:, 2] == 0).sum()) + np.square(found[:, :2] - at)[found[:, 2] > 0].sum()
    unused = np.linalg.norm(dots[:, None] - found[None, found[:, 2] > 0, :2], axis=2).min(axis=1, initial=np.inf) > 2.0
    return float(gone + np.square(far) * unused.sum()), found


def _pairs(at: Points, dots: Points, far: float, size: float) -> tuple[NDArray[np.int64], Points]:
    """Which points are given which dots (n, 2), so that all have the least way; none that is ``far`` from it."""
    both = np.concatenate((dots, dots))
    cost = np.square(at[:, None] - both[None]).sum(axis=2)
    cost[:, len(dots) :] += np.square(_SHARED * size)
    points, chosen = linear_sum_assignment(np.minimum(cost, np.square(far)))
    near = np.square(at[points] - both[chosen]).sum(axis=1) < np.square(far)
    return points[near], both[chosen[near]]
