# SPDX-License-Identifier: GPL-3.0-or-later
"""Shoes: a shell about the foot, level by level, each the convex outline of the foot there with some room, on a sole.

Options of a style, in its table [shoe]:

    height    of the opening, as a share of the ankle's height
    shaft     how far up the shin a boot goes beyond that, as a share of it
    room      metres between foot and shell, for a foot of 25 cm
    sole      metres that the sole's side is high; its underside lies a third of that below the ground
    bare      1 where the instep between toes and strap is bare

Parts: the first and ``sole``; and where the style has a colour for it ``toe`` (a cap), ``laces``, ``stripe`` (on the outer and
the inner side), ``cuff`` (the upper border) and ``strap`` (across the instep, before the opening).
"""

from __future__ import annotations

import numpy as np

from ..armature.skin.build import Skin
from .options import Range, numbers_of, refuse_other_tables
from .piece import Piece, Style, WardrobeError

_NUMBERS: dict[str, Range] = {
    "height": (0.95, 0.4, 1.4),
    "shaft": (0.0, 0.0, 0.9),
    "room": (0.006, 0.003, 0.02),
    "sole": (0.018, 0.006, 0.04),
    "bare": (0.0, 0.0, 1.0),
}
_PARTS = ("sole", "toe", "laces", "stripe", "cuff", "strap")

AROUND = 40
"""Points of a level's outline."""
_LEVELS = 11
"""Levels of the shell between sole and opening."""
_SHAFT = 0.03
"""Metres between the levels of a shaft."""
_ABOVE = 0.03
"""Metres above a level from which the foot still counts there: a shell does not go in again below what it must enclose."""
_QUAD = 0.15
"""Part of the shin's length that none of its quads exceeds: on the tallest that is more than twice what counts above a level."""
_EDGE = 0.003
"""Metres by which the sole stands out from the shell, and by which the lining goes down inside the opening."""
_UNDER = 1.0 / 3.0
"""Share of the sole below the ground: feet stand on it, and shoes must not lift them."""
_GAP = 0.0005
"""Metres between a shell and the middle of the body, at least."""
_BARE = (8, 4, 9)
"""Levels from below and from above, and columns to either side, between which an instep is bare."""
_SEEN = 0.07
"""Lengths of a foot around a bare instep at which one may see it."""
_NEAR = 8
"""Vertices of the skin from which one of the shell takes its weights."""


def build(style: Style, skin: Skin) -> Piece:
    """The pair of shoes on a body. Raises WardrobeError."""
    refuse_other_tables(style, ("shoe",))
    options = numbers_of(style, "shoe", _NUMBERS)
    names = tuple(style.colours)
    if "sole" not in names or names[0] in _PARTS:
        raise WardrobeError(f"'{style.title}' needs a colour for its upper, first, and one for its sole.")
    ankle, knee = skin.joints["foot.L"], skin.joints["shin.L"]
    opening = float(ankle[2]) * options["height"]
    top = max(opening, float(ankle[2]) + options["shaft"] * float(knee[2] - ankle[2])) if options["shaft"] else opening
    rows = rows_of_leg(skin, top)
    length = float(skin.landmarks["heel_left"][1] - skin.landmarks["toe_left"][1])
    room, sole = options["room"] * length / 0.25, options["sole"] * length / 0.25
    heights, lines = _shell(_dense(skin, rows, float(ankle[2])), opening, top, room, sole)
    vertices = np.concatenate([np.column_stack([line, np.full(len(line), z)]) for z, line in zip(heights, lines, strict=True)])
    faces, parts = _faces(len(heights), names, options["bare"] > 0.0)
    covered = _covered(skin, top)
    if options["bare"] > 0.0:
        bare = _bare(len(heights), len(faces))
        covered &= ~_below(skin, vertices[faces[bare]].reshape(-1, 3))
        faces, parts = faces[~bare], parts[~bare]
    return in_pair(style, skin, rows, vertices, faces, parts, covered)


def in_pair(
    style: Style, skin: Skin, rows: np.ndarray, vertices: np.ndarray, faces: np.ndarray, parts: np.ndarray,
    covered: np.ndarray | None = None,
) -> Piece:  # fmt: skip
    """The left shoe and its mirror image, held by the skin; ``rows`` are the vertices of the left leg that count."""
    bones, shares = _weights(skin, rows, skin.vertices[rows].astype(np.float64), vertices)
    count = len(vertices)
    weights: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for bone, share in zip(bones, shares.T, strict=True):
        found = np.flatnonzero(share > 0.0).astype(np.int32)
        if len(found):
            weights[bone] = (found, share[found].astype(np.float32))
            weights[bone.replace(".L", ".R")] = (found + count, share[found].astype(np.float32))
    right = np.where((faces[:, 3] == faces[:, 2])[:, None], faces[:, [0, 2, 1, 1]], faces[:, ::-1])
    return Piece(
        style=style,
        vertices=np.concatenate((vertices, vertices * [-1.0, 1.0, 1.0])).astype(np.float32),
        faces=np.concatenate((faces, right + count)).astype(np.int32),
        parts=np.tile(parts, 2),
        part_names=tuple(style.colours),
        weights=weights,
        covered=covered,
    )


def rows_of_leg(skin: Skin, top: float) -> np.ndarray:
    """The left leg's vertices up to a little above the shoe."""
    share = np.zeros(len(skin.vertices))
    for bone in ("shin.L", "foot.L", "toe.L"):
        rows, shares = skin.weights[bone]
        share[rows] += shares
    shin = float(skin.joints["shin.L"][2] - skin.joints["foot.L"][2])
    return np.flatnonzero((share > 0.5) & (skin.vertices[:, 2] < top + max(2.0 * _ABOVE, _QUAD * shin)))


def _dense(skin: Skin, rows: np.ndarray, ankle: float) -> np.ndarray:
    """(N, 3) the vertices of a leg, and points between those of the shin, whose quads are higher than a level."""
    of_leg = np.zeros(len(skin.vertices), dtype=bool)
    of_leg[rows] = True
    quads = skin.quads[of_leg[skin.quads].all(axis=1)]
    corners = skin.vertices[quads].astype(np.float64)
    a, b, c, d = np.moveaxis(corners[corners[:, :, 2].max(axis=1) > ankle], 1, 0)
    steps = [(u, v) for u in (0.0, 1 / 3, 2 / 3) for v in (0.0, 1 / 3, 2 / 3) if u or v]
    between = [(a * (1 - u) + b * u) * (1 - v) + (d * (1 - u) + c * u) * v for u, v in steps]
    return np.concatenate((skin.vertices[rows].astype(np.float64), *between))


def _shell(foot: np.ndarray, opening: float, top: float, room: float, sole: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Heights and outlines (K, 2), from under the sole to the lining inside the opening."""
    under = -_UNDER * sole
    edge = under + sole
    levels = edge + (opening - edge) * np.linspace(0.0, 1.0, _LEVELS) ** 1.15
    if top > opening:
        levels = np.concatenate((levels, np.linspace(opening, top, max(2, int((top - opening) / _SHAFT)) + 1)[1:]))
    upper = [outline(foot, z, room) for z in levels]
    base = outline(foot, edge, room + _EDGE)
    middle = base.mean(axis=0)
    # A sole's lower edge is rounded; its underside is closed towards the middle.
    bottom = middle + (base - middle) * 0.98
    inner = outline(foot, float(levels[-1]) - _EDGE, 0.0005)
    heights = np.concatenate(([under, under + 0.15 * sole, edge], levels, [levels[-1] - 2.0 * _EDGE]))
    return heights, [bottom, base, base, *upper, inner]


def outline(foot: np.ndarray, z: float, room: float) -> np.ndarray:
    """(K, 2) x and y of the convex outline of what of the foot is at a height or a little above, with room about it.

    Room is a ball about each point of the foot, so that the shell closes over toes and instep as smoothly.
    """
    below = z - foot[:, 2]
    counts = (below < room) & (below > -_ABOVE)
    points = foot[counts]
    reach = np.sqrt(np.maximum(room**2 - np.maximum(below[counts], 0.0) ** 2, 0.0))
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    middle, radii = (low + high) / 2.0, (high - low) / 2.0 + room
    turn = np.linspace(0.0, 2.0 * np.pi, AROUND, endpoint=False)
    circle = np.column_stack([np.sin(turn), -np.cos(turn)])
    rays = circle * radii
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    # The outline is where a ray first leaves one of the half planes that touch it; those lie square to an ellipse's points.
    sides = circle / radii
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    sides = np.concatenate((sides, circle))
    far = ((points[:, :2] - middle) @ sides.T + reach[:, None]).max(axis=0)
    facing = rays @ sides.T
    distance = np.where(facing > 1e-6, far / np.maximum(facing, 1e-6), np.inf).min(axis=1)
    line = middle + rays * distance[:, None]
    # Where thick calves touch, both shells end in the middle.
    line[:, 0] = np.maximum(line[:, 0], _GAP)
    return np.asarray(line)


def _bare(levels: int, count: int) -> np.ndarray:
    """(count,) bool: the faces of one shoe over the instep, before the strap."""
    level, column = np.divmod(np.arange(count), AROUND)
    behind = np.minimum(column, AROUND - 1 - column)
    return np.asarray((level >= _BARE[0]) & (level < levels - _BARE[1]) & (behind < _BARE[2]))


def _below(skin: Skin, points: np.ndarray) -> np.ndarray:
    """(skin vertices,) bool: those of both feet that are seen through an opening with these points, of the left shoe."""
    reach = _SEEN * float(skin.landmarks["heel_left"][1] - skin.landmarks["toe_left"][1])
    places = np.abs(skin.vertices.astype(np.float64) * [1.0, 0.0, 0.0]) + skin.vertices * [0.0, 1.0, 1.0]
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    near = np.flatnonzero(((places > low) & (places < high)).all(axis=1))
    away = ((places[near, None] - points) ** 2).sum(axis=2).min(axis=1)
    seen = np.zeros(len(places), dtype=bool)
    seen[near[away < reach**2]] = True
    return seen


def _faces(levels: int, names: tuple[str, ...], bare: bool) -> tuple[np.ndarray, np.ndarray]:
    """Faces of one shoe and what part each is of."""
    ring = np.arange(levels * AROUND).reshape(levels, AROUND)
    after = np.roll(ring, -1, axis=1)
    sides = np.stack([ring[:-1], after[:-1], after[1:], ring[1:]], axis=-1).reshape(-1, 4)
    # Under the sole, quads go from one side to the other.
    left, right = np.arange(1, AROUND // 2), AROUND - np.arange(1, AROUND // 2)
    across = np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=-1)
    ends = np.array([[0, right[0], left[0], left[0]], [AROUND // 2, left[-1], right[-1], right[-1]]])
    under = np.concatenate((across, ends))
    number = {name: k for k, name in enumerate(names)}
    parts = np.zeros((levels - 1, AROUND), dtype=np.int16)
    parts[:2] = number["sole"]
    last = levels - 2  # the lining
    # Borders follow levels and columns, which run smoothly over the shell: column 0 is foremost, both sides count backwards.
    level = np.arange(levels - 1)[:, None]
    column = np.arange(AROUND)
    behind = np.minimum(column, AROUND - 1 - column)[None, :]
    upper = (level >= 3) & (level < last)
    if "toe" in number:
        parts[upper & (level < 7) & (behind < 7)] = number["toe"]
    if "stripe" in number:
        parts[upper & (level < last - 1) & ((behind == 9) | (behind == 11))] = number["stripe"]
    if "laces" in number:
        parts[upper & (level >= 7) & (level % 2 == 1) & (behind < 4)] = number["laces"]
    if "strap" in number:
        parts[upper & (level >= last - (2 if bare else 3)) & (behind < (12 if bare else 9))] = number["strap"]
    if "cuff" in number:
        parts[last - 1] = number["cuff"]
    parts = np.concatenate((parts.ravel(), np.full(len(under), number["sole"], dtype=np.int16)))
    return np.concatenate((sides, under)).astype(np.int32), parts


def _weights(skin: Skin, rows: np.ndarray, foot: np.ndarray, vertices: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Bones and shares (N, bones): those of the nearest of the skin, the nearer the more."""
    bones = ["shin.L", "foot.L", "toe.L"]
    table = np.zeros((len(skin.vertices), len(bones)))
    for k, bone in enumerate(bones):
        found, shares = skin.weights[bone]
        table[found, k] = shares
    away = (vertices**2).sum(axis=1)[:, None] + (foot**2).sum(axis=1) - 2.0 * vertices @ foot.T
    near = np.argpartition(away, _NEAR, axis=1)[:, :_NEAR]
    share = 1.0 / (np.take_along_axis(away, near, axis=1) + 1e-5)
    result = (table[rows][near] * share[:, :, None]).sum(axis=1)
    result[result < 0.004 * result.sum(axis=1, keepdims=True)] = 0.0
    return bones, result / result.sum(axis=1, keepdims=True)


def _covered(skin: Skin, top: float) -> np.ndarray:
    """The skin of feet and legs that is below the opening by a margin that bending does not use up."""
    share = np.zeros(len(skin.vertices))
    for bone in ("shin", "foot", "toe"):
        for side in "LR":
            rows, shares = skin.weights[f"{bone}.{side}"]
            share[rows] += shares
    return np.asarray((share > 0.5) & (skin.vertices[:, 2] < top - 4.0 * _EDGE))
