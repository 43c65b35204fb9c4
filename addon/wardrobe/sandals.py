# SPDX-License-Identifier: GPL-3.0-or-later
"""Sandals: a flat sole, and a thong from between the toes over the foot to either side of it.

Options of a style, in its table [sandal]: ``sole``, metres that the sole is high, for a foot of 25 cm. Parts: the first, which is
the thong, ``sole`` and ``edge``, the sole's side.
"""

from __future__ import annotations

import numpy as np

from ..armature.skin.build import Skin
from .locks import tube
from .options import Range, numbers_of, refuse_other_tables
from .piece import Piece, Style, WardrobeError
from .shoes import AROUND, in_pair, outline, rows_of_leg

_NUMBERS: dict[str, Range] = {"sole": (0.022, 0.008, 0.05)}
_ROOM = 0.006
"""Metres that a sole reaches beyond the foot."""
_RIM = 0.004
"""Metres that its top is above the ground: feet stand on it, and sandals must not lift them."""
_TOES, _SIDES = 0.15, 0.5
"""Lengths of the foot behind its tip at which the thong begins and ends."""
_GAP = 0.4
"""Where between the inner and the outer border of the foot the gap behind the big toe is."""
_THONG, _THICK, _STEPS = 0.0075, 0.004, 9
"""Metres: half of the thong's width, and of how thick it is; places along it."""


def build(style: Style, skin: Skin) -> Piece:
    """The pair of sandals on a body. Raises WardrobeError."""
    refuse_other_tables(style, ("sandal",))
    height = numbers_of(style, "sandal", _NUMBERS)["sole"]
    names = tuple(style.colours)
    if set(names[1:]) != {"sole", "edge"}:
        raise WardrobeError(f"'{style.title}' needs a colour for its thong, first, and one each for its sole and its edge.")
    rows = rows_of_leg(skin, float(skin.joints["foot.L"][2]))
    foot = skin.vertices[rows].astype(np.float64)
    length = float(skin.landmarks["heel_left"][1] - skin.landmarks["toe_left"][1])
    size = length / 0.25
    points, faces = _sole(foot, height * size, size)
    parts = np.full(len(faces), names.index("edge"), dtype=np.int16)
    parts[AROUND:] = names.index("sole")
    meshes = [(points, faces, parts)]
    for side in (0.0, 1.0):
        points, faces = _strap(foot, side, length, size)
        meshes.append((points, faces, np.zeros(len(faces), dtype=np.int16)))
    starts = np.cumsum([0, *(len(points) for points, _, _ in meshes)])
    return in_pair(
        style,
        skin,
        rows,
        np.concatenate([points for points, _, _ in meshes]),
        np.concatenate([faces + start for (_, faces, _), start in zip(meshes, starts[:-1], strict=True)]).astype(np.int32),
        np.concatenate([parts for _, _, parts in meshes]),
    )


def _sole(foot: np.ndarray, height: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """A board in the outline of the foot: its side, its top, its underside."""
    line = outline(foot, _RIM, _ROOM * size)
    top, bottom = _RIM * size, _RIM * size - height
    points = np.concatenate([np.column_stack([line, np.full(AROUND, z)]) for z in (bottom, top)])
    k = np.arange(AROUND)
    after = (k + 1) % AROUND
    sides = np.stack((k, after, after + AROUND, k + AROUND), axis=1)
    left, right = np.arange(1, AROUND // 2), AROUND - np.arange(1, AROUND // 2)
    across = np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=-1)
    ends = np.array([[0, right[0], left[0], left[0]], [AROUND // 2, left[-1], right[-1], right[-1]]])
    under = np.concatenate((across, ends))
    above = np.where((under[:, 3] == under[:, 2])[:, None], under[:, [0, 2, 1, 1]], under[:, ::-1]) + AROUND
    return points, np.concatenate((sides, above, under))


def _strap(foot: np.ndarray, side: float, length: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """The thong from between the toes to the inner (0) or the outer (1) side of the foot."""
    tip = float(foot[:, 1].min())
    begin = np.array([_across(foot, tip + _TOES * length, _GAP, size), tip + _TOES * length])
    end = np.array([_across(foot, tip + _SIDES * length, side, size), tip + _SIDES * length])
    out = 1.0 if side else -1.0
    steps = np.linspace(0.0, 1.0, _STEPS)
    # Over the foot first, and then down beside it.
    plan = begin + (end - begin) * np.column_stack((np.sin(steps * np.pi / 2.0), steps))
    plan[:, 0] += out * np.where(steps > 0.99, 0.5 * _ROOM * size, 0.0)
    tops = [_top(foot, place, size) + _THICK * size for place in plan]
    tops[0] = tops[-1] = _RIM * size
    line = np.column_stack((plan, tops))
    line[1:-1] = line[1:-1] * 0.6 + (line[:-2] + line[2:]) * 0.2
    up = np.column_stack((out * np.maximum(0.0, steps - 0.4), np.zeros(_STEPS), np.ones(_STEPS)))
    wide = np.interp(steps, [0.0, 0.25, 1.0], [0.45, 1.0, 1.0]) * _THONG * size
    return tube(line, up, wide, np.full(_STEPS, _THICK * size))


def _across(foot: np.ndarray, y: float, share: float, size: float) -> float:
    near = foot[(np.abs(foot[:, 1] - y) < 0.01 * size) & (foot[:, 2] < 0.06 * size), 0]
    return float(near.min() + share * np.ptp(near))


def _top(foot: np.ndarray, place: np.ndarray, size: float) -> float:
    """Height of the foot's upper side at a place, x and y."""
    away = np.hypot(foot[:, 0] - place[0], foot[:, 1] - place[1])
    return float(foot[away < max(0.014 * size, float(away.min()) * 1.01), 2].max())
