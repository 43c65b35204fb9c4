# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the mesh of hair on one head: the cap, locks that lie on it, and locks that hang from it on bones. No bpy."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .bumpers import body_bumpers
from .locks import Strands, ring_rows, tube
from .piece import Clearance, HangingBone, Style
from .scalp import Scalp, directions

Table = Mapping[str, float]

_CAP_COLUMNS, _CAP_RINGS = 44, 12
_LAY_POINTS, _HANG_POINTS = 6, 7
_SHORTEST_HANGING = 0.38
"""Heads: what hangs less far than this is stiff."""
_RIGID_START = 0.18
"""Part of a hanging lock over which it comes loose from the head."""
_EDGE = math.radians(96.0)
"""Polar angle at which back hair leaves the head."""
_CHAIN_POINTS = 4
"""Places down each bone at which the body may be in the way."""
_LONG = 1.1
"""Heads from which on a chain has three bones instead of two."""
GAP = 0.09
"""Heads between hanging hair and the body."""
_LOWEST = 0.36
"""Part of the figure's height below which no hair hangs at rest: a large head has hair that is long beside its body."""
_HALF = 0.12
"""Heads that the ends of bones keep off body and ground where the hair is loose."""
_UPRIGHT = 35.0
"""Degrees by which spikes on the crown stand up more steeply than those at the sides."""


@dataclass(frozen=True)
class Chain:
    """Bones down a group of locks; ``length`` metres; whether they hang before the shoulder."""

    names: tuple[str, ...]
    length: float
    forward: bool

    def shares(self, along: float) -> list[tuple[str, float]]:
        """What holds a point that lies ``along`` metres down from where the lock leaves the head."""
        place = along / self.length
        start = min(1.0, place / _RIGID_START)
        spot = place * len(self.names) - 0.5
        first = max(0, min(len(self.names) - 1, math.floor(spot)))
        second = min(len(self.names) - 1, first + 1)
        share = min(1.0, max(0.0, spot - first))
        return [("head", 1.0 - start), (self.names[first], start * (1.0 - share)), (self.names[second], start * share)]


class HairMaker:
    """Makes the mesh of one style on one head."""

    def __init__(self, style: Style, scalp: Scalp, volume: float) -> None:
        """``volume``: heads that the cap stands off the skull."""
        self.scalp = scalp
        self.head = scalp.height
        self.volume = volume * self.head
        self.chance = random.Random(style.key)
        self.strands = Strands()
        self.bones: list[HangingBone] = []
        self.bumpers = body_bumpers(scalp.skin)
        self.covered = np.zeros(len(scalp.skin.vertices), dtype=bool)
        self.tie = min(1, len(style.colours) - 1)

    def metres(self, length: float) -> float:
        """How far down ``length`` heads reach on this figure."""
        skin = self.scalp.skin
        return min(length * self.head, float(self.scalp.centre[2]) - _LOWEST * float(skin.landmarks["head_top"][2]))

    # What lies on the head

    def _above(self, share: np.ndarray) -> np.ndarray:
        """How far the cap stands off the skull, from the crown (0) to the hairline (1)."""
        return self.volume * (1.15 - 0.1 * np.clip(share, 0.0, 1.0)) * np.clip((1.02 - share) / 0.1, 0.25, 1.0)

    def cap(self) -> None:
        """A shell from the crown to the hairline, so that no scalp shows between locks."""
        azimuth = np.arange(_CAP_COLUMNS) * (2.0 * math.pi / _CAP_COLUMNS)
        end = self.scalp.hairline(azimuth)
        share = np.linspace(0.0, 1.0, _CAP_RINGS + 1)[1:]
        rings = self.scalp.at(azimuth[None, :], end[None, :] * share[:, None], self._above(share)[:, None])
        rim = self.scalp.at(azimuth, end, -0.01 * self.head)
        top = self.scalp.at(np.zeros(1), np.zeros(1), float(self._above(np.zeros(1))[0]))
        points = np.concatenate((rings.reshape(-1, 3), rim, top))
        k = np.arange(_CAP_COLUMNS)
        following = (k + 1) % _CAP_COLUMNS
        crown = np.full(_CAP_COLUMNS, len(points) - 1)
        faces = [np.stack((k, following, crown, crown), axis=1)]
        for i in range(_CAP_RINGS):
            upper, lower = i * _CAP_COLUMNS, (i + 1) * _CAP_COLUMNS
            faces.append(np.stack((lower + k, lower + following, upper + following, upper + k), axis=1))
        self.strands.add(points, np.concatenate(faces).astype(np.int32), 0, [[("head", 1.0)]])
        self._cover(end, azimuth)

    def _cover(self, end: np.ndarray, azimuth: np.ndarray) -> None:
        skin, scalp = self.scalp.skin, self.scalp
        rows, shares = skin.weights["head"]
        rows = rows[shares > 0.5]
        offset = skin.vertices[rows].astype(np.float64) - scalp.centre
        length = np.linalg.norm(offset, axis=1)
        polar = np.arccos(np.clip(offset[:, 2] / length, -1.0, 1.0))
        around = np.remainder(np.arctan2(offset[:, 0], -offset[:, 1]), 2.0 * math.pi)
        limit = np.interp(around, np.append(azimuth, 2.0 * math.pi), np.append(end, end[0])) - math.radians(9)
        below = length < scalp.radius(around, polar) + 0.6 * self.volume
        self.covered[rows[(polar < limit) & below]] = True

    def fringe(self, table: Table) -> None:
        """Locks on the forehead, from the parting down."""
        count, span = int(table["count"]), math.radians(table["span"])
        eye = self.scalp.skin.landmarks["eye_left"][2]
        for i in range(count):
            spot = (i + 0.5) / count * 2.0 - 1.0
            azimuth = (spot + self.chance.uniform(-0.35, 0.35) / count) * span
            low = table["low"] + self.chance.uniform(-0.05, 0.05) - 0.22 * max(0.0, abs(spot) - 0.5)
            end = self.scalp.polar_of_height(np.array([azimuth]), np.array([eye + low * self.head]))[0]
            start = math.radians(self.chance.uniform(14.0, 24.0))
            from_azimuth = azimuth * 0.6 + math.radians(table["part"]) * 0.5
            lean = table["curl"] * (1.0 if spot >= math.radians(table["part"]) / span else -1.0)
            self._lying(
                from_azimuth,
                start,
                azimuth + lean,
                end,
                table["width"] * self.chance.uniform(1.0, 1.5) * span * 1.15 / count,
                0.04,
            )

    def sides(self, table: Table) -> None:
        """Locks before the ears, which are stiff."""
        count = int(table["count"])
        for sign in (1.0, -1.0):
            for i in range(count):
                at = table["from"] + (table["to"] - table["from"]) * (i + 0.5) / count
                length = table["length"] * (1.0 - 0.18 * i) * self.chance.uniform(0.94, 1.06)
                self._lock(sign * math.radians(at), 28.0, 84.0, length, table["width"] * 0.085, 0.0, table["curl"], 0.0, None)

    def back(self, table: Table) -> None:
        """Locks from temple to temple round the back; long ones hang on bones, a few locks on each."""
        count = int(table["count"])
        start, end = math.radians(74.0), math.radians(286.0)
        azimuths = start + (end - start) * (np.arange(count) + 0.5) / count
        # The foremost lock of each side has bones of its own, since it may hang before the shoulder.
        inner = np.array_split(np.arange(1, count - 1), max(2, round(count / 4)))
        chains: list[Chain | None] = []
        for group in (np.array([0]), *inner, np.array([count - 1])):
            chains += [self.chain(float(azimuths[group].mean()), table["length"])] * len(group)
        for i, azimuth in enumerate(azimuths.tolist()):
            length = table["length"] * (1.0 + self.chance.uniform(-1.0, 1.0) * table["ragged"])
            width = table["width"] * 0.21 * (end - start) / count
            shape = (table["flare"], table["curl"], table["wave"])
            self._lock(azimuth, 24.0, math.degrees(_EDGE), length, width, *shape, chains[i])

    def spikes(self, table: Table) -> None:
        """Stiff locks that stand up all over the head."""
        count, golden = int(table["count"]), math.pi * (3.0 - math.sqrt(5.0))
        for i in range(count):
            azimuth = math.pi + i * golden
            polar = math.radians(18.0 + 78.0 * (i + 0.5) / count)
            if polar > self.scalp.hairline(np.array([azimuth]))[0] - 0.15:
                continue
            length = table["length"] * self.chance.uniform(0.75, 1.2) * self.head
            root = self.scalp.at(azimuth, polar, 0.3 * self.volume)
            out = directions(np.array(azimuth), np.array(polar))
            down = directions(np.array(azimuth), np.array(polar + math.pi / 2.0))
            lift = math.radians(table["lift"] + _UPRIGHT * max(0.0, math.cos(polar)))
            steps = np.linspace(0.0, 1.0, _HANG_POINTS)[:, None]
            line = (
                root - down * 0.12 * self.head * (1.0 - steps) + (out * math.sin(lift) + down * math.cos(lift)) * length * steps
            )
            line[:, 2] -= 0.2 * length * steps[:, 0] ** 2
            taper = np.linspace(1.0, 0.0, _HANG_POINTS) ** 0.8
            self.rigid(line, np.repeat(out[None], _HANG_POINTS, axis=0), 0.19 * self.head * taper, 0.11 * self.head * taper)

    def _lying(self, from_azimuth: float, start: float, azimuth: float, end: float, width: float, thickness: float) -> None:
        """A lock on the head from one direction to another, widest below its root and pointed at its end. ``width``: radians."""
        steps = np.linspace(0.0, 1.0, 10)
        polar = start + (end - start) * steps
        around = from_azimuth + (azimuth - from_azimuth) * np.sqrt(steps)
        above = self.volume * np.interp(steps, [0.0, 0.5, 0.85, 1.0], [0.9, 1.25, 0.95, 0.5])
        line = self.scalp.at(around, polar, above)
        radius = self.scalp.radius(np.array([azimuth]), np.array([end]))[0]
        taper = np.interp(steps, [0.0, 0.25, 0.6, 0.85, 1.0], [0.55, 0.9, 1.0, 0.62, 0.0])
        self.rigid(line, directions(around, polar), 0.5 * width * radius * taper, thickness * self.head * taper)

    def rigid(self, line: np.ndarray, outward: np.ndarray, width: np.ndarray, thickness: np.ndarray) -> None:
        """A lock that moves with the head; arguments as those of ``locks.tube``."""
        points, faces = tube(line, outward, width, thickness)
        self.strands.add(points, faces, 0, [[("head", 1.0)]])

    # What hangs

    def chain(self, azimuth: float, length: float, place: np.ndarray | None = None, half: float = _HALF) -> Chain | None:
        """Bones for locks that leave the head in a direction, or at a place, and hang ``length`` heads; none for short ones.
        ``half`` is how thick the hair is to either side of the bones, in heads."""
        if length < _SHORTEST_HANGING:
            return None
        metres = self.metres(length)
        if place is None:
            place = self.scalp.at(np.array(azimuth), np.array(_EDGE), self.volume)
        outward = directions(np.array(azimuth), np.array(math.pi / 2.0))
        count = 3 if length > _LONG else 2
        names = tuple(f"hair_{len(self.bones) + k}" for k in range(count))
        in_front = math.cos(azimuth) > 0.2
        steps = np.linspace(0.0, metres, _CHAIN_POINTS * count + 1)
        ends = self.scalp.cleared(place - np.outer(steps, [0.0, 0.0, 1.0]), GAP * self.head)[::_CHAIN_POINTS]
        ends[0] = place
        for k, name in enumerate(names):
            # Bones point straight down at rest, whatever the lock does: then hair at rest is as it was made.
            below = ends[k] + np.array([0.0, 0.0, -metres / count])
            clearance = self._clearance(place, ends[k + 1], metres * (k + 1) / count, outward, half * self.head)
            self.bones.append(
                HangingBone(
                    name, ends[k], below, "head" if k == 0 else names[k - 1], outward, gravity=0.85 if k == 0 else 0.75,
                    inward_limit=0.04 if k == 0 else 0.5, outward_limit=2.6 if k == 0 else 1.2,
                    side_limit=0.5 if in_front else 0.9, clearance=clearance,
                )
            )  # fmt: skip
        return Chain(names, metres, bool((ends[:, 1] < place[1] - 1e-6).any()))

    def _clearance(self, root: np.ndarray, end: np.ndarray, reach: float, outward: np.ndarray, half: float) -> Clearance:
        """What the end of a bone keeps off that it can reach from the root of the hair, no farther than it does at rest. Hair on
        the ground spreads around the head. Metres."""
        bumpers = tuple(
            each for each in self.bumpers if math.dist(root, each.centre) < reach + each.radius + half + self.head / 4
        )
        distances = tuple(min(each.radius + half, math.dist(end, each.centre)) for each in bumpers)
        spread = (outward + np.array([0.0, 0.0, 1.0])) / math.sqrt(2.0)
        return Clearance(end, bumpers, distances, min(half, float(end[2])), spread, "head")

    def _lock(
        self, azimuth: float, start: float, edge: float, length: float, width: float, flare: float, curl: float, wave: float,
        chain: Chain | None,
    ) -> None:  # fmt: skip
        """A lock down the head and over its edge. ``start`` and ``edge`` polar degrees; ``length`` and ``width`` heads;
        ``flare`` turns its end outward, ``curl`` sideways round the head (−1 … 1)."""
        steps = np.linspace(0.0, 1.0, _LAY_POINTS)
        polar = np.radians(start + (edge - start) * steps)
        above = self.volume * np.interp(steps, [0.0, 0.3, 1.0], [0.85, 1.15, 1.1])
        lying = self.scalp.at(azimuth, polar, above)
        out = directions(np.array(azimuth), np.array(math.pi / 2.0))
        side = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
        step = self.metres(length) / _HANG_POINTS
        direction = lying[-1] - lying[-2]
        direction = direction / np.linalg.norm(direction)
        point, hanging = lying[-1], []
        down = np.array([0.0, 0.0, -1.0])
        for k in range(1, _HANG_POINTS + 1):
            t = k / _HANG_POINTS
            aim = down + out * (flare * t * 1.4) + side * (curl * t * 0.9 + wave * math.sin(t * 9.0 + azimuth))
            direction = direction * 0.45 + aim / np.linalg.norm(aim) * 0.55
            direction = direction / np.linalg.norm(direction)
            point = point + direction * step
            hanging.append(point)
        hung = self.scalp.cleared(np.array(hanging), GAP * self.head * 0.5, chain.forward if chain else None)
        line = np.concatenate((lying, hung))
        outward = np.concatenate((directions(np.full(_LAY_POINTS, azimuth), polar), np.repeat(out[None], _HANG_POINTS, axis=0)))
        place = np.linspace(0.0, 1.0, len(line))
        taper = np.interp(place, [0.0, 0.15, 0.5, 0.8, 0.93, 1.0], [0.45, 0.8, 1.0, 0.8, 0.4, 0.0])
        points, faces = tube(line, outward, width * self.head * taper, 0.05 * self.head * np.maximum(taper, 0.1))
        along = np.concatenate((np.zeros(_LAY_POINTS), np.arange(1, _HANG_POINTS + 1) * step))
        self.hung(points, faces, along, chain, 0)

    def hung(self, points: np.ndarray, faces: np.ndarray, along: np.ndarray, chain: Chain | None, part: int) -> None:
        """A lock made by ``locks.tube`` that hangs on a chain; ``along``: metres down of each of its places, 0 on the head."""
        rigid = [("head", 1.0)]
        holds = [rigid if chain is None or place <= 0.0 else chain.shares(place) for place in along.tolist()]
        self.strands.add(points, faces, part, holds, ring_rows(len(along)))
