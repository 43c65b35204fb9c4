# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a body's head has the 70 points of an OpenPose face, as places on its triangles, so that they follow every change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...pose.face_points import LEFT_AND_MIDDLE
from .body_file import Form
from .cage import Vector
from .face import lid_point, pupil

JAW_SAMPLES = 65
"""Along the outline of the jaw, of which nine points are taken at equal distances as seen from in front."""
_LIDS = {42: 180.0, 43: 122.0, 44: 58.0, 45: 0.0, 46: -58.0, 47: -122.0}
"""Degrees round the left eye, from its outer corner over the upper lid."""
_OUTER_LIP = {51: 8.0, 52: 7.0, 53: 5.6, 54: 4.0, 55: 2.6, 56: 1.3, 57: 0.0}
_INNER_LIP = {62: 8.0, 63: 6.2, 64: 4.0, 65: 1.8, 66: 0.0}
"""Places along the mouth's loops, which run from the middle of the lower lip to the middle of the upper."""
_BROW_ACROSS = (0.36, 0.66, 1.0, 1.34, 1.66)
_BROW_ABOVE = (0.19, 0.235, 0.245, 0.22, 0.15)
"""A brow from the nose outwards, where the forehead turns into the socket: to the side in parts of the way from the middle to the
pupil, above the pupil in parts of the way from there down to the chin."""
_LID_TO_BROW = 0.09
_UNDER_CHIN = 0.05
"""How much lower than the foremost point of the chin its outline is as seen from in front, in the same parts."""
_BEFORE_EAR = 2.0
"""How far in front of the middle of the ear the outline ends, in half widths of the ear."""
_STEP = 0.001
_MOST_STEPS = 40


@dataclass(frozen=True)
class FaceMarks:
    """For each of ``LEFT_AND_MIDDLE`` the three vertices ``rows`` (n, 3) of the half skin and their ``shares`` (n, 3)."""

    rows: np.ndarray
    shares: np.ndarray

    def on(self, points: np.ndarray) -> np.ndarray:
        """(n, 3): where they are on the skin's points (N, 3)."""
        return np.asarray((points[self.rows] * self.shares[..., None]).sum(axis=1))


def face_marks(form: Form, points: np.ndarray, quads: np.ndarray, of_head: np.ndarray, chin: Vector) -> FaceMarks:
    """The marks on a sculpted half skin: points (N, 3), quads, ``of_head`` (N,) which vertices are its head's."""
    kept = quads[of_head[quads].all(axis=1)]
    triangles = np.concatenate((kept[:, [0, 1, 2]], kept[:, [0, 2, 3]]))
    front = _Rays(points, triangles, axes=(0, 2), along=1, sign=-1.0)
    eye = pupil(form)
    places = {number: lid_point(form, degrees, 0.97, 0.0)[[0, 2]] for number, degrees in _LIDS.items()}
    places[69] = eye[[0, 2]]
    places |= {number: _on_loop(form.tables["mouth.border"], at)[[0, 2]] for number, at in _OUTER_LIP.items()}
    places |= {number: _on_loop(form.tables["mouth.line"], at)[[0, 2]] for number, at in _INNER_LIP.items()}
    drop = float(eye[2] - chin[2])
    # Above large eyes brows lie higher.
    lid = float(lid_point(form, 90.0, 1.25, 0.0)[2] - eye[2]) + _LID_TO_BROW * drop
    raised = max(0.0, lid - max(_BROW_ABOVE) * drop)
    for number, across, above in zip(range(22, 27), _BROW_ACROSS, _BROW_ABOVE, strict=True):
        places[number] = np.array([across * eye[0], eye[2] + above * drop + raised])
    nose, bridge = form.tables["head.nose"], form.tables["head.bridge"]
    tip = nose[8]
    for number, share in zip(range(27, 31), (0.0, 0.36, 0.7, 1.0), strict=True):
        places[number] = np.array([0.0, bridge[0][2] + share * (tip[2] - bridge[0][2])])
    places[33], places[34], places[35] = nose[0][[0, 2]], nose[2][[0, 2]], nose[7][[0, 2]] * (0.93, 1.0)
    places[34][0] *= 0.9
    found = {number: front.hit(place) for number, place in places.items()}
    side = _Rays(points, triangles, axes=(1, 2), along=0, sign=1.0)
    found |= _jaw(form, points, front, side, eye, chin)
    rows, shares = zip(*(found[number] for number in LEFT_AND_MIDDLE), strict=True)
    return FaceMarks(np.array(rows), np.array(shares))


class _Rays:
    """Triangles as seen along one axis: the outermost of them at a place."""

    def __init__(self, points: np.ndarray, triangles: np.ndarray, axes: tuple[int, int], along: int, sign: float) -> None:
        self._triangles, self._sign = triangles, sign
        self._corners = points[triangles][:, :, list(axes)]
        self._depth = points[triangles][:, :, along]

    def hit(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Three vertices and their shares, at a place or the nearest to it above that meets anything."""
        a, b, c = self._corners[:, 0], self._corners[:, 1], self._corners[:, 2]
        area = _cross(b - a, c - a)
        flat = np.abs(area) < 1e-14
        for step in range(_MOST_STEPS):
            at = place + np.array([0.0, step * _STEP])
            shares = np.stack((_cross(b - at, c - at), _cross(c - at, a - at), _cross(a - at, b - at)), axis=1)
            shares = shares / np.where(flat, 1.0, area)[:, None]
            inside = np.flatnonzero((shares >= -1e-6).all(axis=1) & ~flat)
            if len(inside):
                depth = (self._depth[inside] * shares[inside]).sum(axis=1)
                best = inside[np.argmax(depth * self._sign)]
                return self._triangles[best], shares[best]
        nearest = int(np.argmin(np.linalg.norm(self._corners.reshape(-1, 2) - place, axis=1)))
        return self._triangles[nearest // 3], np.eye(3)[nearest % 3]


def _jaw(
    form: Form, points: np.ndarray, front: _Rays, side: _Rays, eye: Vector, chin: Vector
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """The outline of the face from the chin (8) to before the left ear (16), at the height of the eyes."""
    (_, ear_y, _), (half_width, _) = form.tables["ear.centre"], form.tables["ear.size"]
    # A little before the widest place of the head, so that a face that is turned a little still shows both sides.
    above = np.array([ear_y - _BEFORE_EAR * half_width, eye[2]])
    mouth = form.tables["mouth.line"][0]
    lowest = np.array([0.0, chin[2] - _UNDER_CHIN * (eye[2] - chin[2])])
    below = np.array([chin[1], lowest[1]])
    # The corner of the jaw lies below the ear's front at about the height of the mouth; a parabola stays within it.
    corner = np.array([above[0] + 0.1 * (below[0] - above[0]), mouth[2] - 0.8 * (mouth[2] - below[1])])
    t = np.linspace(0.0, 1.0, JAW_SAMPLES)[:, None]
    line = above * (1.0 - t) ** 2 + 2.0 * corner * t * (1.0 - t) + below * t**2
    hits = [side.hit(place) for place in line[:-1]] + [front.hit(lowest)]
    places = np.array([(points[rows] * shares[:, None]).sum(axis=0) for rows, shares in hits])
    seen = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(places[:, [0, 2]], axis=0), axis=1))))
    chosen = np.searchsorted(seen, seen[-1] * np.linspace(0.0, 1.0, 9)[1:-1])
    return {16 - number: hits[sample] for number, sample in enumerate((0, *chosen.tolist(), JAW_SAMPLES - 1))}


def _on_loop(loop: np.ndarray, at: float) -> np.ndarray:
    """A place between two vertices of a loop."""
    below = min(int(at), len(loop) - 2)
    return np.asarray(loop[below] + (loop[below + 1] - loop[below]) * (at - below))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
