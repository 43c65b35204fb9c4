# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on clothes or hangs from them: sailor collars, ribbons, sashes, wide sleeves."""

from __future__ import annotations

import functools

import numpy as np

from ..armature.skin.build import Skin
from .garments import ROUNDS, edge_field, neck_field
from .options import Options
from .pattern import pattern
from .piece import HangingBone, WardrobeError
from .sheet import Sheet
from .shell import Layer, body_scale, shell
from .skirt import smooth
from .work import MM, Made, Work

LOOP = (
    *((0.08, -0.09, 0.12), (0.55, -0.3, 0.3), (1.0, -0.42, 0.16), (1.08, 0.0, 0.16)),
    *((1.0, 0.5, 0.16), (0.55, 0.42, 0.3), (0.08, 0.09, 0.12)),
)
END = ((0.03, -0.05, 0.1), (0.22, -1.3, 0.12), (0.42, -1.12, 0.12), (0.62, -1.2, 0.12), (0.2, -0.05, 0.1))
KNOT = ((-0.16, -0.16, 0.26), (0.16, -0.16, 0.26), (0.16, 0.16, 0.26), (-0.16, 0.16, 0.26))
"""Outlines of one loop and one end of a bow, and of its knot, counter-clockwise as seen: across, up, and how thick it is there,
in sizes of the bow."""
_LEAST_OBI = 0.05
"""Height of a sash at least, as a share of the trunk."""


def _nothing(skin: Skin) -> np.ndarray:
    return np.zeros(len(skin.vertices), dtype=bool)


@functools.lru_cache(maxsize=8)
def _sailor_sheet(point: float, deep: float, part: int, stripe: int) -> Sheet:
    body = pattern()
    inner = np.maximum(edge_field(body, point, body.x), body.y - body.neck[1])
    low = body.neck[2] - point
    front = (0.03 + 0.75 * (body.z - low) - body.x) / 1.25
    back = np.minimum(0.135 - body.x, body.z - (body.neck[2] - deep))
    over = smooth((body.y - body.neck[1]) / 0.05 + 0.5)
    outer = front * (1.0 - over) + back * over
    sheet = body.sheet.cut(neck_field(body, 0.072, 0.075)).cut(0.4 - body.arm).cut(body.trunk - 0.5).cut(inner).cut(outer)
    sheet.parts[:] = part
    return sheet.banded(outer, 0.012, 0.021, stripe) if stripe else sheet


def sailor_collar(work: Work, options: Options) -> Made:
    """[sailor_collar]: lapels that meet ``point`` metres below the neck, a flap ``deep`` metres down the back."""
    point, deep = options.number("point", 0.1, 0.03, 0.2), options.number("deep", 0.16, 0.05, 0.3)
    sheet = _sailor_sheet(point, deep, work.part("collar"), work.part("stripe"))
    ease = np.full(len(sheet.rows), (work.offset + 5.0 * MM) * body_scale(work.skin))
    return Made([shell(sheet, work.skin, work.normals, ease, ROUNDS)], _nothing(work.skin))


@functools.lru_cache(maxsize=8)
def _obi_sheet(low: float, high: float, part: int, cord: int) -> Sheet:
    body = pattern()
    sheet = body.sheet.cut(0.5 - body.on_arm).cut(high - body.trunk).cut(body.trunk - low)
    sheet.parts[:] = part
    return sheet.banded(body.trunk - (low + high) / 2.0, -0.018, 0.018, cord) if cord else sheet


def obi(work: Work, options: Options) -> Made:
    """[obi]: a broad sash between two heights of the trunk, with a bow behind."""
    low, high = options.number("low", 0.27, 0.1, 0.6), options.number("high", 0.53, 0.2, 0.7)
    if high < low + _LEAST_OBI:
        raise WardrobeError(f"{work.style.key}.toml: high in [obi] must be at least {_LEAST_OBI:g} more than low.")
    sheet = _obi_sheet(low, high, work.part("obi"), work.part("cord"))
    scale = body_scale(work.skin)
    ease = np.full(len(sheet.rows), (work.offset + 10.0 * MM) * scale)
    layers = [shell(sheet, work.skin, work.normals, ease, 60)]
    size = options.number("bow", 1.0, 0.0, 2.0)
    if size > 0.0:
        layers.append(_bow(work, (low + high) / 2.0 + 0.02, 1.0, 0.13 * size, 0.024, work.part("obi"), work.part("cord")))
    return Made(layers, _nothing(work.skin))


def ribbon(work: Work, options: Options) -> Made:
    """[ribbon]: a bow on the chest, ``point`` metres below the neck; ``size`` in metres."""
    body = pattern()
    point = options.number("point", 0.105, 0.0, 0.2)
    size = options.number("size", 0.075, 0.02, 0.2)
    low = float(body.neck[2]) - point
    share = float(np.interp(low, np.sort(body.z[body.on_arm < 0.5]), np.sort(body.trunk[body.on_arm < 0.5])))
    return Made([_bow(work, share, -1.0, size, 0.014, work.part("ribbon"), work.part("ribbon"))], _nothing(work.skin))


def _bow(work: Work, trunk: float, way: float, size: float, off: float, part: int, knot: int) -> Layer:
    """A bow on the middle of the front (``way`` −1) or the back (1), at a height of the trunk: two loops, two ends, a knot."""
    body, skin, scale = pattern(), work.skin, body_scale(work.skin)
    on_side = body.y < body.neck[1] if way < 0.0 else body.y > body.neck[1]
    near = np.where(on_side & (body.on_arm < 0.5), np.hypot(body.x, (body.trunk - trunk) * 0.5), np.inf)
    row = int(np.argmin(near))
    centre = skin.vertices[row].astype(float) * np.array([0.0, 1.0, 1.0])
    normal = work.normals[row] * np.array([0.0, 1.0, 1.0])
    normal /= np.linalg.norm(normal)
    across = np.array([1.0, 0.0, 0.0])
    up = np.cross(normal, across) * -way
    points: list[np.ndarray] = []
    faces: list[list[int]] = []
    parts: list[int] = []
    for outline, mirrored in ((END, False), (END, True), (LOOP, False), (LOOP, True), (KNOT, False)):
        flat = np.array(outline) * size * scale
        if mirrored:
            flat = flat[::-1] * np.array([-1.0, 1.0, 1.0])
        start, count = len(points), len(flat)
        for sign in (-1.0, 1.0):
            points += [centre + across * x + up * y + normal * (off * scale + sign * depth / 2.0) for x, y, depth in flat]
        front = [[start + count, start + count + k, start + count + k + 1] for k in range(1, count - 1)]
        back = [[start, start + k + 1, start + k] for k in range(1, count - 1)]
        added = [[*face, face[2]] for face in front + back]
        for k in range(count):
            after = (k + 1) % count
            added.append([start + k, start + after, start + count + after, start + count + k])
        if way > 0.0:
            added = [[*face[2::-1], face[0]] if face[2] == face[3] else face[::-1] for face in added]
        faces += added
        parts += [knot if outline is KNOT else part] * len(added)
    names = sorted(name for name, (rows, _) in skin.weights.items() if row in rows)
    shares = np.array([float(skin.weights[name][1][skin.weights[name][0] == row][0]) for name in names])
    table = np.tile((shares / shares.sum()).astype(np.float32), (len(points), 1))
    return Layer(np.array(points), np.array(faces, dtype=np.int32), np.array(parts, dtype=np.int16), table, names)


def wide_sleeves(work: Work, options: Options) -> Made:
    """[wide_sleeves]: sleeves whose lower edge hangs ``drop`` metres below the arm."""
    drop = options.number("drop", 0.3, 0.05, 0.6) * body_scale(work.skin)
    layers, bones = [], []
    for side, sign in (("L", 1.0), ("R", -1.0)):
        layer, bone = _wide_sleeve(work, side, sign, drop)
        layers.append(layer)
        bones.append(bone)
    return Made(layers, _nothing(work.skin), bones)


def _arm_radii(work: Work, sign: float, along: np.ndarray) -> np.ndarray:
    """(rings,) metres from the arm's axis to the skin, at most, about each place along it."""
    body, skin = pattern(), work.skin
    side = "L" if sign > 0.0 else "R"
    shoulder, elbow, wrist = (skin.joints[f"{name}.{side}"] for name in ("upper_arm", "forearm", "hand"))
    rows = np.flatnonzero((body.on_arm > 0.5) & (body.side * sign > 0.0) & (body.arm < 2.0))
    share = body.arm[rows]
    upper, lower = np.minimum(share, 1.0)[:, None], np.maximum(share - 1.0, 0.0)[:, None]
    away = np.linalg.norm(skin.vertices[rows] - (shoulder + (elbow - shoulder) * upper + (wrist - elbow) * lower), axis=1)
    return np.array([away[np.abs(share - place) < 0.12].max() for place in along])


def _wide_sleeve(work: Work, side: str, sign: float, drop: float) -> tuple[Layer, HangingBone]:
    skin, scale = work.skin, body_scale(work.skin)
    shoulder, elbow, wrist = (skin.joints[f"{name}.{side}"] for name in ("upper_arm", "forearm", "hand"))
    along = np.linspace(0.3, 1.86, 14)
    thick = _arm_radii(work, sign, along) + work.offset + 8.0 * MM * scale
    thick[0] *= 0.85  # begins below the cloth of the shoulder
    axis = wrist - shoulder
    axis = axis / np.linalg.norm(axis)
    down = np.array([0.0, 0.0, -1.0]) + axis * axis[2]
    down /= np.linalg.norm(down)
    forth = np.cross(axis, down)
    ring = 2.0 * np.pi * np.arange(20) / 20.0
    # A bag: round above the arm, its sides nearly straight down to a narrow lower edge.
    low = -np.cos(ring)
    below = np.maximum(low, 0.0)
    across = np.where(low < 0.0, np.abs(np.sin(ring)), (1.0 - below) ** 0.35) * np.where(ring > np.pi, -1.0, 1.0)
    across[[0, len(ring) // 2]] = 0.0
    points: list[np.ndarray] = []
    for share, radius in zip(along.tolist(), thick.tolist(), strict=True):
        centre = shoulder + (elbow - shoulder) * min(share, 1.0) + (wrist - elbow) * max(share - 1.0, 0.0)
        depth = radius + (drop - radius) * float(smooth(np.array((share - 0.6) / 0.5)))
        height = np.where(low < 0.0, low * radius, below * depth)
        points.append(centre + down * height[:, None] + forth * (across * radius)[:, None])
    grid = np.array(points)
    count = len(ring)
    rows, columns = (np.arange(len(along) - 1) * count)[:, None], np.arange(count)
    after = np.roll(columns, -1)
    corners = (rows + columns, rows + after, rows + count + after, rows + count + columns)
    faces = np.stack(np.broadcast_arrays(*corners[::-1]), axis=2).reshape(-1, 4)
    name = f"{work.style.slot}_sleeve.{side}"
    names = [f"upper_arm.{side}", f"forearm.{side}", name]
    bend = smooth((along - 0.6) / 0.45)[:, None]
    falls = below**0.7 * bend
    table = np.stack([np.broadcast_to(1.0 - bend, falls.shape), bend - falls, falls], axis=2).reshape(-1, 3)
    parts = np.full(len(faces), work.part("sleeve"), dtype=np.int16)
    parts[-count:] = work.part("trim") or work.part("sleeve")
    head = (elbow + wrist) / 2.0
    hang = HangingBone(name, head, head + down * drop, f"forearm.{side}", forth, 0.8, 1.3, 1.3, 1.3)
    layer = Layer(grid.reshape(-1, 3), faces.astype(np.int32), parts, table.astype(np.float32), names)
    return layer, hang
