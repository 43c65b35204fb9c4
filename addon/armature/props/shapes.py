# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of props from numbers: turned, lofted, bent and cut-out bodies as vertices and faces. No bpy.

lathe   ``profile`` [[radius, z], …] turned about z in ``segments`` (16) steps; ``open`` true leaves the ends open
loft    ``stations`` [[z, half width, half thickness] or [… , x, y], …] of a ``section``: "ellipse", "diamond" or "rectangle"
box     ``size`` (3), its edges cut by ``bevel``
tube    ``path`` [[x, y, z], …] with ``radius``, or ``radii`` for each point; ``curve`` true draws a smooth line through them,
        ``closed`` true leads it back to its beginning
slab    ``outline`` [[x, y], …], ``thickness`` thick about z = 0, its edges cut by ``bevel``; ``curve`` true as for a tube;
        ``double`` true adds the outline's mirror image at x = 0, in reverse order
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pose import rotations as rot

Floats = NDArray[np.float64]
Face = tuple[int, ...]

_FINENESS = 5
"""Pieces of a smooth line between two of its points."""
_MOST_SEGMENTS = 64
_COMMON = {"kind", "at", "turn", "mirror"}


class ShapeError(ValueError):
    """A part that cannot be built. Its text is a clause that names the part and says what is wrong."""


@dataclass(frozen=True, eq=False)
class Shape:
    """``vertices`` (n, 3) in metres; ``faces`` with their corners against the clock, seen from outside."""

    vertices: Floats
    faces: tuple[Face, ...]


def joined(shapes: Sequence[Shape]) -> Shape:
    """Several shapes as one."""
    faces: list[Face] = []
    start = 0
    for shape in shapes:
        faces += [tuple(start + corner for corner in face) for face in shape.faces]
        start += len(shape.vertices)
    return Shape(np.concatenate([shape.vertices for shape in shapes]), tuple(faces))


def build(part: Mapping[str, Any]) -> Shape:
    """The shape of one part, with its copies, where it belongs. Raises ShapeError."""
    kind = part.get("kind")
    if kind not in _KINDS:
        raise ShapeError(f"a part has the kind '{kind}'; kinds are {', '.join(_KINDS)}.")
    known, make = _KINDS[kind]
    if unknown := sorted(set(part) - known - _COMMON):
        raise ShapeError(f"a {kind} has an unknown key '{unknown[0]}'; known are {', '.join(sorted(known | _COMMON))}.")
    shape = _outside_out(make(part))
    x, y, z = (math.radians(angle) for angle in numbers(part.get("turn", (0, 0, 0)), 3, f"'turn' of a {kind}"))
    turn = rot.about_axis((0, 0, 1), z) @ rot.about_axis((0, 1, 0), y) @ rot.about_axis((1, 0, 0), x)
    shape = Shape(shape.vertices @ turn.T + np.array(numbers(part.get("at", (0, 0, 0)), 3, f"'at' of a {kind}")), shape.faces)
    mirror = part.get("mirror", "")
    if mirror not in ("", "x", "y", "xy"):
        raise ShapeError(f"'mirror' of a {kind} must be x, y or xy, not '{mirror}'.")
    for axis in mirror:
        flip = np.ones(3)
        flip["xyz".index(axis)] = -1.0
        shape = joined([shape, Shape(shape.vertices * flip, tuple(face[::-1] for face in shape.faces))])
    return shape


def numbers(values: Any, count: int, what: str) -> tuple[float, ...]:
    """``count`` finite numbers. Raises ShapeError."""
    if not isinstance(values, (list, tuple)) or len(values) != count:
        raise ShapeError(f"{what} needs {count} numbers.")
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 1e6 for v in values):  # refuses NaN too
        raise ShapeError(f"{what} must be finite numbers.")
    return tuple(float(v) for v in values)


def _number(part: Mapping[str, Any], key: str, default: float | None = None) -> float:
    kind = part["kind"]
    value = part.get(key, default)
    if value is None:
        raise ShapeError(f"'{key}' of a {kind} is missing.")
    (result,) = numbers([value], 1, f"'{key}' of a {kind}")
    if result < 0:
        raise ShapeError(f"'{key}' of a {kind} must not be negative.")
    return result


def _rows(part: Mapping[str, Any], key: str, widths: tuple[int, ...], fewest: int) -> Floats:
    """A list of rows of numbers, each filled up with zeros to the widest that is allowed."""
    what = f"'{key}' of a {part['kind']}"
    rows = part.get(key)
    if not isinstance(rows, list) or len(rows) < fewest:
        raise ShapeError(f"{what} needs at least {fewest} rows.")
    found = []
    for row in rows:
        if not isinstance(row, list) or len(row) not in widths:
            raise ShapeError(f"every row of {what} needs {' or '.join(map(str, widths))} numbers.")
        found.append(numbers(row, len(row), what) + (0.0,) * (max(widths) - len(row)))
    return np.array(found)


def _segments(part: Mapping[str, Any], default: int) -> int:
    value = part.get("segments", default)
    if isinstance(value, bool) or not isinstance(value, int) or not 3 <= value <= _MOST_SEGMENTS:
        raise ShapeError(f"'segments' of a {part['kind']} must be a whole number from 3 to {_MOST_SEGMENTS}.")
    return value


def _lathe(part: Mapping[str, Any]) -> Shape:
    profile = _rows(part, "profile", (2,), 2)
    if (profile[:, 0] < 0).any():
        raise ShapeError("the radius of a lathe must not be negative.")
    angles = np.arange(segments := _segments(part, 16)) * (2 * math.pi / segments)
    circle = np.stack((np.cos(angles), np.sin(angles), np.zeros(segments)), axis=1)
    return _skinned([circle * (r, r, 0.0) + (0.0, 0.0, z) for r, z in profile], caps=not part.get("open", False))


def _loft(part: Mapping[str, Any]) -> Shape:
    stations = _rows(part, "stations", (3, 5), 2)
    section = part.get("section", "ellipse")
    if section == "ellipse":
        angles = np.arange(segments := _segments(part, 12)) * (2 * math.pi / segments)
        outline = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    elif section == "diamond":
        outline = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], dtype=float)
    elif section == "rectangle":
        outline = np.array([(1, -1), (1, 1), (-1, 1), (-1, -1)], dtype=float)
    else:
        raise ShapeError(f"'section' of a loft must be ellipse, diamond or rectangle, not '{section}'.")
    rings = [np.column_stack((outline * (wide, thick) + (x, y), np.full(len(outline), z))) for z, wide, thick, x, y in stations]
    return _skinned(rings)


def _box(part: Mapping[str, Any]) -> Shape:
    x, y, z = (c / 2 for c in numbers(part.get("size"), 3, "'size' of a box"))
    bevel = _number(part, "bevel", 0.0)
    if min(x, y, z) <= bevel:
        raise ShapeError("a box must be thicker than two of its bevels.")
    if bevel == 0.0:
        outline = np.array([(x, -y), (x, y), (-x, y), (-x, -y)])
        return _skinned([_at_height(outline, -z), _at_height(outline, z)])

    # Eight corners, so that the upright edges are cut as the others are; at the ends these meet in four.
    near_x, near_y = x - bevel, y - bevel
    half = np.array([(x, -near_y), (x, near_y), (near_x, y), (-near_x, y)])
    outline = np.concatenate((half, -half))
    end = np.clip(outline, (-near_x, -near_y), (near_x, near_y))
    rings = ((end, -z), (outline, bevel - z), (outline, z - bevel), (end, z))
    return _without_doubles(_skinned([_at_height(line, height) for line, height in rings]))


def _tube(part: Mapping[str, Any]) -> Shape:
    path = _rows(part, "path", (3,), 2)
    closed = bool(part.get("closed", False))
    if "radii" in part:
        radii = np.array(numbers(part["radii"], len(path), "'radii' of a tube (one for each point)"))
    else:
        radii = np.full(len(path), _number(part, "radius"))
    if (radii < 0).any():
        raise ShapeError("the radius of a tube must not be negative.")
    if part.get("curve", False):
        drawn = _smooth_line(np.column_stack((path, radii)), closed)
        path, radii = drawn[:, :3], np.maximum(drawn[:, 3], 0.0)
    if (np.linalg.norm(np.diff(path, axis=0), axis=1) < 1e-9).any():
        raise ShapeError("two neighbours on the path of a tube are the same point.")
    angles = np.arange(segments := _segments(part, 8)) * (2 * math.pi / segments)
    before, after = np.roll(path, 1, axis=0), np.roll(path, -1, axis=0)
    if not closed:
        before[0], after[-1] = path[0], path[-1]
    rings = []
    across: Floats | None = None
    for point, tangent, radius in zip(path, after - before, radii, strict=True):
        along = rot.unit(tangent)
        if across is None:
            across = np.eye(3)[int(np.argmin(np.abs(along)))]
        across = rot.unit(rot.perpendicular(across, along))  # carried along the path, so that the tube does not twist
        beside = np.cross(along, across)
        rings.append(point + radius * (np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * beside))
    return _skinned(rings, caps=not closed, closed=closed)


def _slab(part: Mapping[str, Any]) -> Shape:
    outline = _rows(part, "outline", (2,), 2 if part.get("double") else 3)
    if part.get("double", False):
        mirrored = outline[::-1] * (-1.0, 1.0)
        mirrored = mirrored[np.abs(mirrored[:, 0]) > 1e-9]  # a point on the axis is its own mirror image
        outline = np.concatenate((outline, mirrored))
    if part.get("curve", False):
        outline = _smooth_line(outline, closed=True)
    if _area(outline) < 0:
        outline = outline[::-1]
    half, bevel = _number(part, "thickness") / 2, _number(part, "bevel", 0.0)
    if half <= bevel:
        raise ShapeError("a slab must be thicker than two of its bevels.")
    if bevel == 0.0:
        return _skinned([_at_height(outline, -half), _at_height(outline, half)])
    inner = _inset(outline, bevel)
    heights = ((inner, -half), (outline, bevel - half), (outline, half - bevel), (inner, half))
    return _skinned([_at_height(line, height) for line, height in heights])


def _skinned(rings: Sequence[Floats], caps: bool = True, closed: bool = False) -> Shape:
    """A skin over rings of as many points each, which run against the clock seen from where the rings lead; a ring without
    extent becomes one point."""
    count = len(rings[0])
    vertices: list[Floats] = []
    indices: list[list[int]] = []
    for ring in rings:
        start = sum(map(len, vertices))
        is_point = float(np.ptp(ring, axis=0).max()) < 1e-9
        vertices.append(ring[:1] if is_point else ring)
        indices.append([start] * count if is_point else list(range(start, start + count)))
    faces: list[Face] = []
    for low, high in zip(indices, indices[1:] + (indices[:1] if closed else []), strict=False):
        for i in range(count):
            j = (i + 1) % count
            face = tuple(dict.fromkeys((low[i], low[j], high[j], high[i])))
            if len(face) > 2:
                faces.append(face)
    if caps and not closed:
        faces += [tuple(ring) for ring in (indices[0][::-1], indices[-1]) if len(set(ring)) > 2]
    return Shape(np.concatenate(vertices), tuple(faces))


def _without_doubles(shape: Shape) -> Shape:
    """Corners at the same place made one, and faces that have shrunk to a line left out."""
    _, first, merged = np.unique(np.round(shape.vertices, 9), axis=0, return_index=True, return_inverse=True)
    merged = merged.reshape(-1)
    faces = [tuple(dict.fromkeys(int(merged[corner]) for corner in face)) for face in shape.faces]
    return Shape(shape.vertices[first], tuple(face for face in faces if len(face) > 2))


def _outside_out(shape: Shape) -> Shape:
    """The shape with its faces turned to the outside, whichever way its numbers ran."""
    fans = [(first, *pair) for first, *others in shape.faces for pair in itertools.pairwise(others)]
    a, b, c = np.moveaxis(shape.vertices[np.array(fans, np.int64).reshape(-1, 3)], 1, 0)
    volume = float((a * np.cross(b, c)).sum())
    return shape if volume >= 0.0 else Shape(shape.vertices, tuple(face[::-1] for face in shape.faces))


def _at_height(outline: Floats, z: float) -> Floats:
    return np.column_stack((outline, np.full(len(outline), z)))


def _smooth_line(points: Floats, closed: bool) -> Floats:
    """A Catmull–Rom line through points (n, k)."""
    count = len(points)
    steps = np.arange(_FINENESS)[:, None] / _FINENESS
    pieces = []
    for i in range(count if closed else count - 1):
        if closed:
            a, b, c, d = (points[(i + k) % count] for k in (-1, 0, 1, 2))
        else:
            a, b, c, d = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, count - 1)]
        pieces.append(b + 0.5 * steps * (c - a + steps * (2 * a - 5 * b + 4 * c - d + steps * (3 * (b - c) + d - a))))
    return np.concatenate(pieces if closed else [*pieces, points[-1:]])


def _area(outline: Floats) -> float:
    x, y = outline.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _inset(outline: Floats, by: float) -> Floats:
    """The outline moved inward; at a corner along the line that halves it."""
    ahead = np.roll(outline, -1, axis=0) - outline
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-12)
    inward = np.stack((-ahead[:, 1], ahead[:, 0]), axis=1)
    both = inward + np.roll(inward, 1, axis=0)
    return outline + by * both * (2.0 / np.maximum((both**2).sum(axis=1, keepdims=True), 0.5))


_KINDS = {
    "lathe": ({"profile", "segments", "open"}, _lathe),
    "loft": ({"stations", "section", "segments"}, _loft),
    "box": ({"size", "bevel"}, _box),
    "tube": ({"path", "radius", "radii", "curve", "closed", "segments"}, _tube),
    "slab": ({"outline", "thickness", "bevel", "curve", "double"}, _slab),
}
