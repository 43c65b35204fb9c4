# SPDX-License-Identifier: GPL-3.0-or-later
"""Eyes, nose, ears and chin on the mesh of a head, by its shape. No bpy.

Eyes are given, or are two round loose parts beside each other, or where the skin is creased or open: around lids. The nose is
what stands out farthest in the middle below them, the chin what is lowest and foremost, and ears are narrow ridges on the sides,
of which the root counts and not how far they reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .head_mesh import Bools, Floats, HeadMesh, Ints, loose_parts, sampled, skin_of_face, welded

FEWEST = 24
"""Vertices that can be a head."""

_EYES_UP = 0.46
"""How high eyes are in a head, from the chin to the crown, without a hint: drawn heads have them lower than the half of real
ones."""
_EYES_ACROSS = 0.42
"""And how far from the middle, in parts of half the head's width."""
_NOSE_BAND = (0.12, 0.62)
"""Where below the eyes a nose ends, on the way from them to the chin: lips and chin stand out, too."""
_NOSE_WIDTH = 0.28
"""How far from the middle a nose may be, in parts of half the head's width."""
_EARS_TOO = 1.05
"""How wide a head is with its ears to what it is without them, which long ears do not change."""
_STEP = 0.012
"""How fine a head is sampled, in parts of its height."""

_EYE_X, _EYE_Y = (0.16, 0.76), (0.24, 0.7)
"""Where eyes can be: to the side in parts of half the head's width, and up as ``_EYES_UP`` is."""
_BALL = (0.12, 0.75)
"""How large an eye that is a loose part is, in parts of half the head's width."""
_ROUND = 0.55
"""Its height to its width, or the other way round, at least."""
_SPREAD = 0.18
"""How far a crease tells of an eye, in parts of half the head's width."""
_CREASE = 0.45
"""Radians that an edge is bent by, at least, that is a lid's."""
_OPEN = 1.2
"""Radians for which an open edge counts."""

_DRAWN_EYES_UP, _INWARD = 0.47, 0.3
"""Drawn eyes, which are taller than wide and lower in the head than real ones, have their irises nearer to the nose, by this part
of half their width."""

_EAR_Y = (-0.36, 0.3)
"""Where ears are, from the eyes up, in parts of the head's height."""
_EAR_Z = 0.9
"""How far before or behind the middle of the head's sides an ear may be, in parts of half the head's width."""
_ROLLED = 0.8
"""How round the side of a head is without its ears, in parts of half its width: what is bent more stands out."""
_STANDS_OUT = (0.06, 0.3)
"""How far an ear's root stands out from the side of the head, in parts of half its width."""
_USUAL_EAR = 0.2
"""And the whole of an ear that is no elf's."""
_EAR_OUT = 0.45
"""Where the middle of an ear is between the side of the head and its rim."""
_EAR_SIZE = (0.1, 0.5)
"""How high an ear is, in parts of the head's height."""
_THROUGH = 0.5
"""How much farther back than the other an eye cannot lie, in half widths of the head."""


@dataclass(frozen=True)
class _Size:
    low: float
    height: float
    half: float


def features_of(mesh: HeadMesh, eyes: Mapping[str, Floats], middle: float = 0.0) -> dict[str, Floats]:
    """``eye_left``, ``eye_right``, ``nose_tip``, ``chin``, ``ear_left`` and ``ear_right`` (3,) in the mesh's axes; of a head of
    fewer than ``FEWEST`` vertices nothing. ``eyes``: where the rig has bones for them, deep in the head or not. The head's middle
    is at x = ``middle`` where eyes do not say it."""
    mesh = welded(mesh)
    parts = loose_parts(len(mesh.points), mesh.triangles)
    skin = mesh.of(skin_of_face(mesh, parts))
    if len(skin.points) < FEWEST:
        return {}
    size = _size(skin.points, skin.triangles)
    flat = _eyes(mesh, parts, skin, size, eyes, middle)
    across = (flat["eye_left"][0] + flat["eye_right"][0]) / 2.0
    level = (flat["eye_left"][1] + flat["eye_right"][1]) / 2.0
    places = sampled(skin.points, skin.triangles, _STEP * size.height)
    found = {name: _on_surface(mesh, place, size) for name, place in flat.items()}
    depths = [place[2] for place in found.values()]
    if np.ptp(depths) > _THROUGH * size.half:  # seen through a hole in a broken mesh: the back of the head
        for place in found.values():
            place[2] = max(depths)
    found["nose_tip"] = _nose(skin.points, across, level, size)
    chin = _chin(skin.points, across, level, found["nose_tip"], size)
    if chin is not None:
        found["chin"] = chin
    found.update(_ears(places, across, level, size))
    return found


def _size(points: Floats, triangles: Ints) -> _Size:
    low, crown = float(points[:, 1].min()), float(points[:, 1].max())
    low = max(low, -0.6 * (crown - low))  # a neck that weighs on the head
    height = crown - low
    places = sampled(points, triangles, 2.0 * _STEP * height)
    places = places[(places[:, 1] > low + 0.35 * height) & (places[:, 1] < low + 0.85 * height)]
    if len(places) < FEWEST:
        return _Size(low, height, 0.36 * height)
    out = np.abs(places[:, 0] - (np.median(places[:, 0])))
    cell = 2.0 * _STEP * height
    surface, _, _ = _grid(out, places[:, 1], places[:, 2], cell)
    base = _rolled_over(surface, 0.3 * height, cell, 8)
    return _Size(low, height, _EARS_TOO * float(np.percentile(base.max(axis=1), 80)))


def _eyes(
    mesh: HeadMesh, parts: Ints, skin: HeadMesh, size: _Size, bones: Mapping[str, Floats], middle: float
) -> dict[str, Floats]:
    """Both eyes (2,) or (3,), of which x and y count."""
    if len(bones) == 2:
        return {"eye_left": bones["leftEye"], "eye_right": bones["rightEye"]}
    for named in (mesh.iris, mesh.eye):
        found = _two_sides(mesh.points[named])
        if found:
            return found
    return _balls(mesh, parts, size, middle) or _by_creases(skin, size, middle) or {
        f"eye_{side}": np.array((middle + sign * _EYES_ACROSS * size.half, size.low + _EYES_UP * size.height))
        for side, sign in (("left", 1.0), ("right", -1.0))
    }  # fmt: skip


def _two_sides(points: Floats) -> dict[str, Floats]:
    """The middle of what lies on each side."""
    if len(points) < 6:
        return {}
    middle = float((points[:, 0].min() + points[:, 0].max()) / 2.0)
    sides = {"eye_left": points[points[:, 0] > middle], "eye_right": points[points[:, 0] <= middle]}
    if min(map(len, sides.values())) < 3:
        return {}
    return {name: (side.min(axis=0) + side.max(axis=0)) / 2.0 for name, side in sides.items()}


def _balls(mesh: HeadMesh, parts: Ints, size: _Size, middle: float) -> dict[str, Floats]:
    """Two round loose parts that mirror each other where eyes can be; of several pairs the largest."""
    names, number = np.unique(parts, return_inverse=True)
    number = number.reshape(-1)
    if len(names) < 3:
        return {}
    low, high = np.full((len(names), 3), np.inf), np.full((len(names), 3), -np.inf)
    np.minimum.at(low, number, mesh.points)
    np.maximum.at(high, number, mesh.points)
    centre, extent = (low + high) / 2.0, high - low
    wide, tall = extent[:, 0] / size.half, extent[:, 1] / size.half
    round_ = (np.minimum(wide, tall) > _ROUND * np.maximum(wide, tall)) & (wide > _BALL[0]) & (wide < _BALL[1])
    side = np.abs(centre[:, 0] - middle) / size.half
    up = (centre[:, 1] - size.low) / size.height
    there = round_ & (side > _EYE_X[0]) & (side < _EYE_X[1]) & (up > _EYE_Y[0]) & (up < _EYE_Y[1])
    best, found = 0.0, {}
    for one in np.flatnonzero(there & (centre[:, 0] > middle)):
        for other in np.flatnonzero(there & (centre[:, 0] <= middle)):
            mirror = centre[other] * (-1.0, 1.0, 1.0) + (2.0 * middle, 0.0, 0.0)
            alike = np.linalg.norm(mirror - centre[one]) < 0.1 * size.half
            if alike and float(np.abs(extent[one] - extent[other]).max()) < 0.1 * size.half and wide[one] > best:
                best, found = float(wide[one]), {"eye_left": centre[one], "eye_right": centre[other]}
    return found


def _by_creases(skin: HeadMesh, size: _Size, middle: float) -> dict[str, Floats]:
    """Where the skin is most creased, or open, on both sides of the middle: lids are."""
    ends, angles = _creases(skin)
    centre = ends.mean(axis=1)
    weight = angles * np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
    x, y = np.abs(centre[:, 0] - middle) / size.half, (centre[:, 1] - size.low) / size.height
    scale = size.height / size.half
    there = (x < 1.0) & (y > 0.1) & (y < 0.9) & (centre[:, 2] > np.median(skin.points[:, 2]))
    x, y, weight, angles = x[there], y[there] * scale, weight[there], angles[there]
    if len(x) < FEWEST:
        return {}
    columns, rows = np.arange(*_EYE_X, 0.015), np.arange(_EYE_Y[0] * scale, _EYE_Y[1] * scale, 0.015)
    near_x = np.exp(-(((x - columns[:, None]) / _SPREAD) ** 2) / 2.0)
    near_y = np.exp(-(((y - rows[:, None]) / _SPREAD) ** 2) / 2.0)
    sum_ = (near_x * weight) @ near_y.T
    column, row = np.unravel_index(sum_.argmax(), sum_.shape)
    place = np.array((columns[column], rows[row]))
    for reach in (0.4, 0.4):  # the middle of the lids around that
        lid = (angles > _CREASE) & (np.hypot(x - place[0], y - place[1]) < reach) & (x > 0.08)
        if lid.sum() < 8:
            return {}
        box = np.percentile(np.column_stack((x[lid], y[lid])), (2, 98), axis=0)
        place = box.mean(axis=0)
    wide, tall = np.ptp(box, axis=0) / 2.0
    if tall > wide and place[1] / scale < _DRAWN_EYES_UP:
        place[0] -= _INWARD * wide
    found = np.array((place[0] * size.half, size.low + place[1] / scale * size.height))
    centre = np.array((middle, 0.0))
    return {"eye_left": centre + found, "eye_right": centre + found * (-1.0, 1.0)}


def _creases(mesh: HeadMesh) -> tuple[Floats, Floats]:
    """(m, 2, 3) edges that look forward, and by how many radians each is bent (m,)."""
    triangles = mesh.triangles
    a, b, c = (mesh.points[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    edges = np.sort(np.concatenate([triangles[:, [k, k - 1]] for k in range(3)]), axis=1)
    face = np.tile(np.arange(len(triangles)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, face = edges[order], face[order]
    same = (edges[1:] == edges[:-1]).all(axis=1)
    one, other = face[:-1][same], face[1:][same]
    bent = np.arccos(np.clip((normal[one] * normal[other]).sum(axis=1), -1.0, 1.0))
    forward = (normal[one, 2] > 0.05) | (normal[other, 2] > 0.05)
    paired = np.concatenate((same, [False])) | np.concatenate(([False], same))
    single = ~paired & (normal[face, 2] > 0.05)
    ends = np.concatenate((edges[:-1][same][forward], edges[single]))
    return mesh.points[ends], np.concatenate((bent[forward], np.full(int(single.sum()), _OPEN)))


def _on_surface(mesh: HeadMesh, place: Floats, size: _Size) -> Floats:
    """An eye, of which it is known where it is as seen from in front, on what is foremost there."""
    near = np.abs(mesh.points[:, :2] - place[:2]).max(axis=1) < 0.6 * size.half
    some = mesh.of(near)
    points = sampled(some.points, some.triangles, 0.5 * _STEP * size.height)
    for reach in (0.03, 0.06, 0.12, 0.3):
        around = points[np.hypot(points[:, 0] - place[0], points[:, 1] - place[1]) < reach * size.half]
        if len(around):
            return np.array((place[0], place[1], float(np.percentile(around[:, 2], 90))))
    deep = float(place[2]) if len(place) > 2 else 0.8 * float(mesh.points[:, 2].max())
    return np.array((place[0], place[1], deep))


def _nose(points: Floats, across: float, level: float, size: _Size) -> Floats:
    drop = level - size.low
    there = points[
        (np.abs(points[:, 0] - across) < _NOSE_WIDTH * size.half)
        & (points[:, 1] < level - _NOSE_BAND[0] * drop)
        & (points[:, 1] > level - _NOSE_BAND[1] * drop)
    ]
    if not len(there):
        return np.array((across, level - 0.35 * drop, float(points[:, 2].max())))
    tip = there[there[:, 2].argmax()]
    return np.array((across, tip[1], tip[2]))


def _chin(points: Floats, across: float, level: float, nose: Floats, size: _Size) -> Floats | None:
    """What is lowest and foremost below the mouth."""
    there = points[(np.abs(points[:, 0] - across) < 0.1 * size.half) & (points[:, 1] < nose[1] - 0.6 * (level - nose[1]))]
    if not len(there):
        return None
    tip = there[(there[:, 2] - 0.7 * there[:, 1]).argmax()]
    return np.array((across, tip[1], tip[2]))


def _ears(places: Floats, across: float, level: float, size: _Size) -> dict[str, Floats]:
    sides = {name: _ear(places, across, level, size, sign) for name, sign in (("ear_left", 1.0), ("ear_right", -1.0))}
    for name, other in (("ear_left", "ear_right"), ("ear_right", "ear_left")):
        mirror = sides[other]
        if sides[name] is None and mirror is not None:
            sides[name] = mirror * (-1.0, 1.0, 1.0) + (2.0 * across, 0.0, 0.0)
    usual = np.array((0.97 * size.half, level - 0.03 * size.height, -0.07 * size.height))
    return {
        name: place if place is not None else usual * (1.0 if name == "ear_left" else -1.0, 1.0, 1.0) + (across, 0.0, 0.0)
        for name, place in sides.items()
    }


def _ear(places: Floats, across: float, level: float, size: _Size, sign: float) -> Floats | None:
    """The middle of an ear's root: of the largest narrow ridge on a side of the head; None where there is none."""
    half, cell = size.half, _STEP * size.height
    out = (places[:, 0] - across) * sign
    at = (out > 0.3 * half) & (places[:, 1] > level + _EAR_Y[0] * size.height) & (places[:, 1] < level + _EAR_Y[1] * size.height)
    if at.sum() < FEWEST:
        return None
    out, up, front = out[at], places[at, 1], places[at, 2]
    surface, low, back = _grid(out, up, front, cell)
    base = _rolled_over(surface, _ROLLED * half, cell, max(int(0.5 * half / cell), 2))
    stands = surface - base
    middle = (np.arange(surface.shape[1]) + 0.5) * cell + back
    side = (base > 0.5 * half) & (np.abs(middle - _middle(front, out)) < _EAR_Z * half)[None]
    groups = _groups((stands > _STANDS_OUT[0] * half) & side)
    best: tuple[float, Floats] | None = None
    for rows, columns in groups:
        root = stands[rows, columns] < _STANDS_OUT[1] * half
        if not root.any():
            continue
        low_y, high_y = np.percentile(rows[root], (2, 98))
        low_z, high_z = np.percentile(columns[root], (2, 98))
        high_z += 2.0  # their front grows from the cheek
        tall = (high_y - low_y + 1.0) * cell / size.height
        if not _EAR_SIZE[0] < tall < _EAR_SIZE[1] or len(rows) * cell * cell < 0.002 * size.height**2:
            continue
        rim = float(np.percentile(stands[rows, columns], 95))
        rim = rim if rim < _STANDS_OUT[1] * half else _USUAL_EAR * half
        x = float(base[rows, columns].mean()) + _EAR_OUT * rim
        place = np.array(
            (across + sign * x, low + cell * ((low_y + high_y) / 2.0 + 0.5), back + cell * ((low_z + high_z) / 2.0 + 0.5))
        )
        mass = float(np.minimum(stands[rows, columns], _STANDS_OUT[1] * half).sum())
        if best is None or mass > best[0]:
            best = mass, place
    return None if best is None else best[1]


def _middle(front: Floats, out: Floats) -> float:
    """How far forward the widest part of the head's side is, apart from ears: the middle of what is nearly as wide."""
    wide = front[out > 0.8 * float(np.percentile(out, 80))]
    return float(np.median(wide))


def _grid(out: Floats, up: Floats, front: Floats, cell: float) -> tuple[Floats, float, float]:
    """(rows, columns): how far out anything is in each cell of a side of the head; and where its first row and column begin."""
    low, back = float(up.min()), float(front.min())
    row, column = ((up - low) / cell).astype(int), ((front - back) / cell).astype(int)
    surface = np.full((row.max() + 1, column.max() + 1), -float(out.max()))
    np.maximum.at(surface, (row, column), out)
    return surface, low, back


def _rolled_over(surface: Floats, radius: float, cell: float, reach: int) -> Floats:
    """What a ball of this radius touches from inside (grey opening by a paraboloid) along rows: narrow ridges are not in it."""
    drop = (np.arange(-reach, reach + 1) * cell) ** 2 / (2.0 * radius)
    result = surface
    for sign in (1.0, -1.0):
        padded = np.pad(result, ((0, 0), (reach, reach)), constant_values=float(surface.min()))
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
        result = (windows + drop).min(axis=2) if sign > 0.0 else (windows - drop).max(axis=2)
    return result


def _groups(mask: Bools) -> list[tuple[Ints, Ints]]:
    """The cells of each connected region: rows and columns."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return []
    number = np.full(mask.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    edges = []
    for one, other in ((number[1:], number[:-1]), (number[:, 1:], number[:, :-1])):
        both = (one >= 0) & (other >= 0)
        edges.append(np.column_stack((one[both], other[both], other[both])))
    label = loose_parts(len(rows), np.concatenate(edges))
    return [(rows[label == name], columns[label == name]) for name in np.unique(label)]
