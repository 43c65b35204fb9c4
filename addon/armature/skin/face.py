# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's features: nose, nostrils, eyes, mouth, ears and crown, built into the plain rings of the head.

Eyes, mouth and ears are loops of their own: a patch of quads is taken out of the rings and closed by rings that follow lids,
lips or auricle.
"""

from __future__ import annotations

import math

import numpy as np

from .body_file import Form
from .cage import Cage, Vector, Weights, signed_power
from .torso import COLUMNS, Stack

HEAD: Weights = {"head": 1.0}

NOSE_RINGS = (10, 14)
"""Head rings from the base of the nose to below its bridge; the next one is the bridge, between the eyes."""
MOUTH_RINGS = (6, 8)
MOUTH_COLUMNS = 3
EYE_RINGS = (14, 16)
EYE_COLUMNS = (2, 5)
ALMOND = 1.2
"""Exponent of the lids' outline: 1 is an ellipse, more is pointed at the corners."""
BEHIND_LIDS = 1.06
"""How far the iris may go on behind the lids, as a share of their opening."""
IRIS_SUNK = 0.0012
"""Metres by which its edge lies deeper than the ball, so that lids stay in front of it."""
IRIS_SWELL = {0: 1.07, 36: 1.02, 72: 1.16, 108: 1.16, 144: 1.02}
"""By degrees round the iris, how much larger it is made: subdivision draws it in, least where the patch has its corners."""
EAR_RINGS = (4, 9)
EAR_COLUMNS = (8, 10)
EAR_GATHERED = (7, 8, 9, 10, 11)
"""The columns beside the ear, which a body may move."""
CROWN = 8
"""The crown is closed by CROWN × CROWN quads; the left half has CROWN / 2 columns of them."""


def add_features(cage: Cage, form: Form, stack: Stack) -> None:
    """Builds all features of the head into its rings and closes the crown."""
    head = stack.rings[stack.head :]
    _shape_nose(cage, form, head)
    _add_nostril(cage, form, head)
    _add_eye(cage, form, head)
    _add_mouth(cage, form, head)
    _add_ear(cage, form, head)
    _close_crown(cage, form, head[-1])


def _cut(cage: Cage, head: list[list[int]], rings: tuple[int, int], columns: tuple[int, int]) -> None:
    """Takes a patch of quads out of the rings."""
    cage.drop_quads(
        {
            frozenset((head[k][j], head[k][j + 1], head[k + 1][j + 1], head[k + 1][j]))
            for k in range(*rings)
            for j in range(*columns)
        }
    )


def _outline(rings: tuple[int, int], columns: tuple[int, int]) -> list[tuple[int, int]]:
    """(ring, column) round a patch, seen counter-clockwise from outside, from its lowest, foremost corner."""
    (low, high), (front, back) = rings, columns
    places = [(low, j) for j in range(front, back + 1)]
    places += [(k, back) for k in range(low + 1, high + 1)]
    places += [(high, j) for j in range(back - 1, front - 1, -1)]
    places += [(k, front) for k in range(high - 1, low, -1)]
    return places


def _fill(
    cage: Cage, places: dict[tuple[int, int], int], rings: tuple[int, int], columns: tuple[int, int], held: float
) -> list[int]:
    """Closes the innermost loop with a grid; the vertices that it had to add, each half-way between front and back."""
    added = []
    for k in range(rings[0] + 1, rings[1]):
        for j in range(columns[0] + 1, columns[1]):
            share = (j - columns[0]) / (columns[1] - columns[0])
            front, back = cage.positions[places[k, columns[0]]], cage.positions[places[k, columns[1]]]
            places[k, j] = cage.add(front * (1 - share) + back * share, HEAD, held=held)
            added.append(places[k, j])
    for k in range(*rings):
        for j in range(*columns):
            cage.quad(places[k, j], places[k, j + 1], places[k + 1, j + 1], places[k + 1, j])
    return added


def _shape_nose(cage: Cage, form: Form, head: list[list[int]]) -> None:
    """Moves the rings' vertices in the middle of the face to where the nose's table wants them."""
    table = iter(form.tables["head.nose"])
    for ring in range(NOSE_RINGS[0], NOSE_RINGS[1] + 1):
        for column in range(4):
            vertex = head[ring][column]
            cage.positions[vertex] = np.array(next(table))
            cage.held[vertex] = 1.0 if column < 3 else 0.0
    for column, point in enumerate(form.tables["head.bridge"]):
        vertex = head[NOSE_RINGS[1] + 1][column]
        cage.positions[vertex] = np.array(point)
        cage.held[vertex] = 0.8


def _add_nostril(cage: Cage, form: Form, head: list[list[int]]) -> None:
    """Sinks the quad under the nose's wing into the nose."""
    low, high = head[NOSE_RINGS[0]], head[NOSE_RINGS[0] + 1]
    rim = [low[1], low[2], high[2], high[1]]
    cage.drop_quads({frozenset(rim)})
    inset, depth = form.tables["head.nostril"]
    centre = cage.centre(rim)
    edge = [cage.add(cage.positions[v] + (centre - cage.positions[v]) * inset, HEAD, held=1.0) for v in rim]
    floor = [
        cage.add(cage.positions[v] + (centre - cage.positions[v]) * 0.2 + np.array([0.0, 0.1 * depth, depth]), HEAD, held=1.0)
        for v in edge
    ]
    cage.bridge(rim, edge)
    cage.bridge(edge, floor)
    cage.quad(*floor)


def _on_ball(form: Form, x: float, z: float, shell: float) -> Vector:
    """The point of a shell round the eyeball ``x`` to the outside and ``z`` above the line of sight, from in front."""
    # Beyond the ball the lids go on level, towards temple and nose.
    y = -math.sqrt(max(shell * shell - x * x - z * z, (0.6 * shell) ** 2))
    turn = math.radians(form.number("eye.turn"))
    x, y = x * math.cos(turn) - y * math.sin(turn), y * math.cos(turn) + x * math.sin(turn)
    return np.asarray(form.tables["eye.centre"] + np.array([x, y, z]))


def _almond(form: Form, degrees: float, scale: float) -> tuple[float, float]:
    """Across and up, of a point on the almond of the lids: 0° is the outer corner, 90° the upper lid."""
    angle = math.radians(degrees)
    inner, outer, upper, lower = form.tables["eye.opening"]
    x = math.cos(angle) * (outer if math.cos(angle) > 0 else inner) * (1.0 + 0.35 * (scale - 1.0))
    z = signed_power(math.sin(angle), ALMOND) * (upper if math.sin(angle) > 0 else lower) * scale
    return x, z + x * math.tan(math.radians(form.number("eye.tilt")))


def lid_point(form: Form, degrees: float, scale: float, lift: float) -> Vector:
    """A point on the lids: ``scale`` enlarges the almond, in height more than in width, ``lift`` lies between it and the ball."""
    x, z = _almond(form, degrees, scale)
    return _on_ball(form, x, z, form.number("eye.radius") + lift)


def iris_point(form: Form, degrees: float) -> Vector:
    """A point on the edge of the iris, or a little behind the lid that covers it, under which the eyeball goes on."""
    width, height, across, rise, _ = form.tables["eye.iris"]
    _, _, upper, lower = form.tables["eye.opening"]
    swell = IRIS_SWELL[round(abs(degrees)) % 180]
    angle = math.radians(degrees)
    x = swell * width * math.cos(angle) + across
    slope = x * math.tan(math.radians(form.number("eye.tilt")))
    z = min(max(swell * height * math.sin(angle) + rise - slope, -BEHIND_LIDS * lower), BEHIND_LIDS * upper) + slope
    return _on_ball(form, x, z, form.number("eye.radius") - IRIS_SUNK)


def pupil(form: Form) -> Vector:
    """About the middle of the iris: its floor is smoothed to a dish less deep than its table says."""
    _, _, across, rise, depth = form.tables["eye.iris"]
    return _on_ball(form, float(across), float(rise), form.number("eye.radius") - 0.5 * float(depth))


def _add_eye(cage: Cage, form: Form, head: list[list[int]]) -> None:
    """Lids in loops round the eyeball, which is part of the skin, with an iris sunk into it as sculptors carve it.

    So control images that know geometry alone show where the figure looks.
    """
    _cut(cage, head, EYE_RINGS, EYE_COLUMNS)
    places = _outline(EYE_RINGS, EYE_COLUMNS)
    previous = [head[k][j] for k, j in places]
    turns = [-144.0 + 360.0 * i / len(places) for i in range(len(places))]
    for low_scale, high_scale, low_lift, high_lift, blend in form.tables["eye.loops"]:
        current = []
        for degrees, vertex in zip(turns, previous, strict=True):
            upper = (0.5 + 0.5 * math.sin(math.radians(degrees))) ** 2
            scale, lift = low_scale + (high_scale - low_scale) * upper, low_lift + (high_lift - low_lift) * upper
            target = lid_point(form, degrees, float(scale), float(lift))
            position = cage.positions[vertex] * (1.0 - blend) + target * blend
            current.append(cage.add(position, HEAD, held=1.0))
        cage.bridge(previous, current)
        previous = current
    cage.dark.update(quad for quad, degrees in zip(cage.quads[-len(turns) :], turns, strict=True) if 0.0 <= degrees < 180.0)
    edge = [cage.add(iris_point(form, degrees), HEAD, held=1.0) for degrees in turns]
    cage.bridge(previous, edge)
    before = len(cage.quads)
    added = _fill(cage, dict(zip(places, edge, strict=True)), EYE_RINGS, EYE_COLUMNS, held=1.0)
    cage.dark.update(cage.quads[before:])
    centre, radius, depth = form.tables["eye.centre"], form.number("eye.radius"), float(form.tables["eye.iris"][-1])
    for vertex in added:
        offset = cage.positions[vertex] - centre
        cage.positions[vertex] = centre + offset * ((radius - depth) / float(np.linalg.norm(offset)))


def _add_mouth(cage: Cage, form: Form, head: list[list[int]]) -> None:
    """Lips in open loops that begin and end on the middle plane, closed by a shallow pocket behind the line of the mouth."""
    low, high = MOUTH_RINGS
    _cut(cage, head, MOUTH_RINGS, (0, MOUTH_COLUMNS))
    # From the middle of the lower lip round the corner to the middle of the upper lip: outward faces keep their order.
    places = [(low, j) for j in range(MOUTH_COLUMNS + 1)]
    places += [(k, MOUTH_COLUMNS) for k in range(low + 1, high)]
    places += [(high, j) for j in range(MOUTH_COLUMNS, -1, -1)]
    previous = [head[k][j] for k, j in places]
    ends = (0, len(places) - 1)
    for loop in ("border", "lip", "line"):
        current = [
            cage.add(point, HEAD, held=1.0, on_plane=i in ends) for i, point in enumerate(form.tables[f"mouth.{loop}"])
        ]  # fmt: skip
        cage.bridge(previous, current, closed=False)
        previous = current
    grid = dict(zip(places, previous, strict=True))
    depth = form.number("mouth.depth")
    for k in range(low + 1, high):
        for j in range(MOUTH_COLUMNS):
            middle = cage.centre([grid[low, j], grid[high, j]])
            grid[k, j] = cage.add(middle + np.array([0.0, depth, 0.0]), HEAD, held=1.0, on_plane=j == 0)
    for k in range(low, high):
        for j in range(MOUTH_COLUMNS):
            cage.quad(grid[k, j], grid[k, j + 1], grid[k + 1, j + 1], grid[k + 1, j])


def ear_point(form: Form, across: float, rise: float, out: float, flare: float) -> Vector:
    """A point of the auricle: ``across`` -1 is its front, 1 its back, ``rise`` 1 its top.

    ``out`` metres lie between the point and the plane in which the auricle stands, ``flare`` says how much that plane stands off
    the head, as a share of the whole auricle's.
    """
    centre, (half_width, half_height) = form.tables["ear.centre"], form.tables["ear.size"]
    lean, whole_flare, overhang = (math.radians(float(angle)) for angle in form.tables["ear.angles"])
    y, z = across * half_width, rise * half_height
    # It stands off about the line along which it grows from the cheek.
    sine, cosine = math.sin(whole_flare * flare), math.cos(whole_flare * flare)
    behind = y + half_width
    x, y = out * cosine + behind * sine, behind * cosine - out * sine - half_width
    y, z = y * math.cos(lean) + z * math.sin(lean), z * math.cos(lean) - y * math.sin(lean)
    return np.asarray(centre + np.array([x + z * math.tan(overhang), y, z]))


def _gather_columns(cage: Cage, form: Form, head: list[list[int]]) -> None:
    """Slides the columns beside the ear over the head, each at its height, so that the patch lies where the root will be."""
    grid = np.array([[cage.positions[vertex] for vertex in ring] for ring in head])
    for ring in range(EAR_RINGS[0] - 2, EAR_RINGS[1] + 3):
        outside = max(EAR_RINGS[0] - ring, ring - EAR_RINGS[1], 0)
        strength = 1.0 - outside / 3.0
        for column, wanted in zip(EAR_GATHERED, form.tables["ear.columns"], strict=True):
            place = column + (wanted - column) * strength
            below = int(place)
            # Rings fall towards the face: the same height lies on a higher ring there.
            x, y, z = (grid[:, below] * (below + 1 - place) + grid[:, below + 1] * (place - below)).T
            height = grid[ring, column, 2]
            cage.positions[head[ring][column]] = np.array([np.interp(height, z, x), np.interp(height, z, y), height])


def _add_ear(cage: Cage, form: Form, head: list[list[int]]) -> None:
    """Loops from the root over the helix and its groove to the inner fold, closed by the bowl of the ear."""
    _gather_columns(cage, form, head)
    _cut(cage, head, EAR_RINGS, EAR_COLUMNS)
    places = _outline(EAR_RINGS, EAR_COLUMNS)
    previous = [head[k][j] for k, j in places]
    loops: list[list[Vector]] = []
    outline = form.tables["ear.outline"]
    for width, height, out, front_width, front_out, flare in form.tables["ear.loops"]:
        loop = []
        for across, rise in outline:
            # In front the ear has no rim of its own: it comes out of the cheek.
            front = (min(across, 0.0) / float(outline[:, 0].min())) ** 2
            breadth, distance = width + (front_width - width) * front, out + (front_out - out) * front
            loop.append(ear_point(form, float(across * breadth), float(rise * height), float(distance), float(flare)))
        loops.append(loop)
    for name in ("groove", "fold"):
        loops.append([ear_point(form, float(y), float(z), float(out), 1.0) for y, z, out in form.tables[f"ear.{name}"]])
    for loop in loops:
        current = [cage.add(point, HEAD, held=1.0) for point in loop]
        cage.bridge(previous, current)
        previous = current
    added = _fill(cage, dict(zip(places, previous, strict=True)), EAR_RINGS, EAR_COLUMNS, held=1.0)
    for vertex, depth in zip(added, form.tables["ear.depth"], strict=True):
        cage.positions[vertex][0] -= depth


def _close_crown(cage: Cage, form: Form, last: list[int]) -> None:
    """Closes the top ring by a grid, spread evenly and raised into a dome."""
    half = CROWN // 2
    grid: dict[tuple[int, int], int] = {}
    for column in range(COLUMNS + 1):
        if column <= half:
            grid[column, 0] = last[column]
        elif column <= half + CROWN:
            grid[half, column - half] = last[column]
        else:
            grid[COLUMNS - column, CROWN] = last[column]
    points = np.zeros((half + 1, CROWN + 1, 3))
    for (a, c), vertex in grid.items():
        points[a, c] = cage.positions[vertex]
    points[:half, 1:CROWN] = points[half, 1:CROWN][None] * np.linspace(0.0, 1.0, half, endpoint=False)[:, None, None]
    points[:half, 1:CROWN, 1:] = points[half, 1:CROWN, 1:][None]
    for _ in range(60):  # towards the harmonic surface over the ring
        mirror = points[1:2] * np.array([-1.0, 1.0, 1.0])
        left = np.concatenate((mirror, points[:-2]))[:, 1:CROWN]
        points[:half, 1:CROWN] = (left + points[1:, 1:CROWN] + points[:half, : CROWN - 1] + points[:half, 2:]) / 4.0
    centre_y = (points[0, 0, 1] + points[0, CROWN, 1]) / 2.0
    depth = (points[0, CROWN, 1] - points[0, 0, 1]) / 2.0
    width = points[half, half, 0]
    height = form.number("head.dome")
    for a in range(half):
        for c in range(1, CROWN):
            x, y, z = points[a, c]
            inside = max(1.0 - (x / (1.06 * width)) ** 2 - ((y - centre_y) / (1.06 * depth)) ** 2, 0.0)
            grid[a, c] = cage.add((x, y, z + height * inside**0.75), HEAD, on_plane=a == 0)
    for a in range(half):
        for c in range(CROWN):
            cage.quad(grid[a, c], grid[a + 1, c], grid[a + 1, c + 1], grid[a, c + 1])
