# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair that is tied: combed to a knot, and from there a tail, a bun or a braid. No bpy."""

from __future__ import annotations

import math

import numpy as np

from .hair_maker import GAP, HairMaker, Table
from .locks import ball, tube
from .scalp import directions

_NEAREST = math.radians(24.0)
"""Angle from the knot within which no lock begins: it would be all bend."""
_ABOVE_EDGE = math.radians(7.0)
_PARTING = (50.0, 25.0, -5.0, -35.0, -60.0, -82.0)
"""Degrees from the crown, to the front and (negative) to the back, at which locks begin on either side of a parting."""
_BRUSH = 0.3
"""Heads of loose hair below a braid."""
_BESIDE_PARTING = math.radians(3.0)


def combed(maker: HairMaker, table: Table) -> None:
    """Flat locks to where the hair is tied, so that one sees which way it is combed: from the hairline below and around the knot,
    and from a parting between two knots."""
    for sign in (1.0, -1.0) if table["pair"] else (1.0,):
        azimuth = sign * math.radians(table["azimuth"])
        # Hair that is tied below the hairline, as braids are, is combed to its edge and no farther.
        low = min(math.radians(table["polar"]), float(maker.scalp.hairline(np.array([azimuth]))[0]) - _ABOVE_EDGE)
        goal = directions(np.array(azimuth), np.array(low))
        for root in _roots(maker, sign if table["pair"] else 0.0, low):
            if root @ goal < math.cos(_NEAREST):
                _swept(maker, root, goal, 0.055 * maker.head)


def _roots(maker: HairMaker, sign: float, low: float) -> list[np.ndarray]:
    """Directions of where combed locks begin; ``sign`` is the side of the knot, 0 for one in the middle."""
    number = 9 if sign else 16
    edge, span = (0.0, math.pi) if sign else (-math.pi, 2.0 * math.pi)
    found = []
    for i in range(number):
        azimuth = (edge + span * (i + 0.5) / number) * (sign or 1.0)
        polar = float(maker.scalp.hairline(np.array([azimuth]))[0]) - 0.03
        if polar > low or not sign:
            found.append(directions(np.array(azimuth), np.array(polar)))
    if sign:
        for degrees in _PARTING:
            azimuth = sign * _BESIDE_PARTING if degrees > 0 else math.pi - sign * _BESIDE_PARTING
            found.append(directions(np.array(azimuth), np.array(math.radians(abs(degrees)))))
    return found


def _swept(maker: HairMaker, root: np.ndarray, goal: np.ndarray, width: float) -> None:
    angle = math.acos(max(-1.0, min(1.0, float(root @ goal))))
    steps = np.linspace(0.0, 1.0, 9)[:, None]
    path = (root * np.sin((1.0 - steps) * angle) + goal * np.sin(steps * angle)) / math.sin(angle)
    azimuth, polar = np.arctan2(path[:, 0], -path[:, 1]), np.arccos(np.clip(path[:, 2], -1.0, 1.0))
    line = maker.scalp.at(azimuth, polar, maker.volume * (0.15 + 0.95 * np.sin(np.pi * np.clip(steps[:, 0] * 0.8, 0, 1)) ** 0.5))
    size = np.interp(steps[:, 0], [0.0, 0.35, 0.9, 1.0], [0.7, 1.0, 0.6, 0.3])
    maker.rigid(line, path, width * size, 0.022 * maker.head * size)


def _knot(maker: HairMaker, table: Table, sign: float, above: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Where hair is tied: the place, the direction out of the head, the azimuth."""
    azimuth, polar = sign * math.radians(table["azimuth"]), math.radians(table["polar"])
    return maker.scalp.at(azimuth, polar, above * maker.head), directions(np.array(azimuth), np.array(polar)), azimuth


def tail(maker: HairMaker, table: Table, sign: float) -> None:
    """Locks that hang from a ribbon; ``sign`` −1 is the mirror image, here and below."""
    knot, out, azimuth = _knot(maker, table, sign, 0.05)
    flat = directions(np.array(azimuth), np.array(math.pi / 2.0))
    side = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    root = knot + out * 0.02 * maker.head
    _tied(maker, root, out, 0.075 * maker.head)
    chain = maker.chain(azimuth, table["length"], knot + flat * table["lift"] * maker.head, table["width"])
    count = int(table["locks"])
    for i in range(count):
        turn = i * 2.399963
        spread = math.sqrt((i + 0.5) / count)
        across, outer = math.cos(turn) * spread, math.sin(turn) * spread
        length = maker.metres(table["length"]) * maker.chance.uniform(0.86, 1.05) * (1.0 - 0.12 * spread)
        steps = np.linspace(0.0, 1.0, 12)
        arc = np.interp(steps, [0.0, 0.12, 0.3, 1.0], [0.0, 0.75, 1.0, 1.12])
        fall = np.interp(steps, [0.0, 0.1, 0.25, 1.0], [-0.02, -0.02, 0.1, 1.0]) * length
        body = np.interp(steps, [0.0, 0.1, 0.35, 0.7, 1.0], [0.25, 0.55, 1.0, 0.8, 0.15]) * table["width"] * maker.head
        sway = table["wave"] * np.sin(steps * 8.0 + turn) * 0.12 * maker.head
        line = (
            root
            + out * (np.minimum(steps * 4.0, 1.0) * 0.05 * maker.head)[:, None]
            + flat * (arc * table["lift"] * maker.head + body * outer)[:, None]
            + side * (body * across + sway)[:, None]
        )
        line[:, 2] -= fall
        line = np.concatenate((line[:4], maker.scalp.cleared(line[4:], GAP * maker.head, chain.forward if chain else None)))
        outward = flat * (outer + 0.6) + side * across
        taper = np.interp(steps, [0.0, 0.15, 0.5, 0.85, 1.0], [0.5, 0.8, 1.0, 0.6, 0.0])
        width = table["width"] * 0.62 * maker.head * taper
        points, faces = tube(line, np.repeat(outward[None], len(line), axis=0), width, 0.55 * width)
        maker.hung(points, faces, steps * length, chain, 0)


def _tied(maker: HairMaker, place: np.ndarray, axis: np.ndarray, size: float) -> None:
    """A ribbon round hair."""
    across = np.cross(axis, [1.0, 0.0, 0.0] if abs(axis[0]) < 0.8 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    points, faces = ball(place, np.stack((across, np.cross(axis, across), axis * 0.55)) * size, 4, 10)
    maker.strands.add(points, faces, maker.tie, [[("head", 1.0)]])


def bun(maker: HairMaker, table: Table, sign: float) -> None:
    """A ball on a ribbon, with strands wound round it."""
    size = table["size"] * maker.head
    knot, out, _ = _knot(maker, table, sign, 0.02)
    across = np.cross(out, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    _tied(maker, knot + out * 0.15 * size, out, 0.95 * size)
    axes = np.stack((across, np.cross(out, across), out * 0.82)) * size
    points, faces = ball(knot + out * 0.75 * size, axes, 9, 16)
    maker.strands.add(points, faces, 0, [[("head", 1.0)]])
    for k in range(3):  # strands wound round it
        turn = np.linspace(0.0, 2.0 * math.pi, 12) + k * 2.1
        height = np.linspace(-0.35, 0.75, 12)
        ring = np.sqrt(np.maximum(1.0 - height**2, 0.05)) * 1.03
        unit = np.stack((np.cos(turn) * ring, np.sin(turn) * ring, height * 1.03), axis=1)
        taper = np.sin(np.linspace(0.0, math.pi, 12)) * 0.2 + 0.02
        maker.rigid(knot + out * 0.75 * size + unit @ axes, unit @ axes, taper * size, 0.5 * taper * size)


def braid(maker: HairMaker, table: Table, sign: float) -> None:
    """Lumps to the left and to the right by turns, a ribbon, and loose hair below it."""
    knot, _, azimuth = _knot(maker, table, sign, 0.04)
    flat = directions(np.array(azimuth), np.array(math.pi / 2.0))
    side = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    brush = _BRUSH * maker.head
    length, width = maker.metres(table["length"] + _BRUSH) - brush, table["width"] * maker.head
    chain = maker.chain(azimuth, table["length"] + _BRUSH, knot, table["width"])
    lumps = int(table["lumps"])
    heights = np.linspace(0.0, length, 2 * lumps)
    line = knot + flat * 0.03 * maker.head - np.outer(heights, [0.0, 0.0, 1.0])
    line = np.concatenate(
        (line[:1], maker.scalp.cleared(line[1:], GAP * maker.head + 0.4 * width, chain.forward if chain else None))
    )
    for i in range(2 * lumps - 2):
        size = width * np.interp(i / (2 * lumps), [0.0, 0.2, 1.0], [0.8, 1.0, 0.6])
        sway = 1.0 if i % 2 else -1.0
        tilt = np.array([0.0, 0.0, -1.0]) * 0.85 - side * sway * 0.5
        axes = np.stack((np.cross(flat, tilt), flat, tilt))
        axes = axes / np.linalg.norm(axes, axis=1, keepdims=True) * np.array([[0.62], [0.7], [0.95]]) * size
        points, faces = ball(line[i] + side * sway * 0.42 * size, axes, 5, 9)
        maker.strands.add(points, faces, 0, [chain.shares(float(heights[i])) if chain else [("head", 1.0)]])
    end = line[-2]
    holds = chain.shares(float(heights[-2])) if chain else [("head", 1.0)]
    points, faces = ball(end, np.stack((side, flat, np.array([0.0, 0.0, -0.7]))) * 0.5 * width, 4, 8)
    maker.strands.add(points, faces, maker.tie, [holds])
    steps = np.linspace(0.0, 1.0, 6)
    line = end - np.outer(steps, [0.0, 0.0, brush])
    taper = np.interp(steps, [0.0, 0.5, 1.0], [0.4, 0.8, 0.0])
    points, faces = tube(line, np.repeat(flat[None], 6, axis=0), width * taper, 0.7 * width * taper)
    maker.strands.add(points, faces, 0, [holds])
