# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloth that hangs from the waist: rings around hips and legs, carried by panels that follow the legs and hang between."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..armature.skin.build import Skin
from .piece import HangingBone
from .shell import Layer, body_scale

PANELS = (0.0, 45.0, 90.0, 135.0, 180.0)
"""Degrees from the front at which each leg has a panel."""

OUTWARD = ((0.35, 0.1), (0.35, 0.1))
"""Radians that a panel falls away from its leg, at the front and at the back, of thigh and shin: enough to hang down before a leg
that steps back; too little, where the figure sits or lies, to hang through seat and ground or stand off below the thighs."""

PIVOT = 0.42
"""How far from the leg's bone a panel at the front or side may turn, as a share of that bone: farther out, on short thick legs,
it would be held up in the air when the thigh is raised."""

ARM = ("upper", "forearm", "hand", "thumb", "index", "middle", "ring", "little")
"""How the names of the arms' bones begin."""

_BAND = 0.02
"""Metres above and below a ring in which the body must fit through it."""


@dataclass(frozen=True)
class SkirtCut:
    """Where a skirt begins (share of the trunk) and ends (in bones of the leg: 1 is the knee), how much wider it gets per metre
    of length, its folds, and how far it stands off the body in metres."""

    waist: float
    length: float
    flare: float
    pleats: int
    depth: float
    sharp: bool
    ease: float
    bands: tuple[tuple[float, float, int], ...] = ()
    """(from, to, part): shares of the length that have a colour of their own."""
    edge: int = 0
    """The part of the edge of cloth that overlaps in front, from waist to hem; 0 for none."""


def trunk_height(skin: Skin, share: float) -> float:
    """Metres above the floor, of a share of the way from hip joints to neck."""
    low, high = float(skin.joints["thigh.L"][2]), float(skin.joints["neck"][2])
    return low + share * (high - low)


def leg_height(skin: Skin, share: float) -> float:
    """Metres above the floor, of a place on the leg in bones: 1 is the knee, 2 the ankle."""
    return float(np.interp(share, [0.0, 1.0, 2.0], [skin.joints[name][2] for name in ("thigh.L", "shin.L", "foot.L")]))


def skirt(skin: Skin, cut: SkirtCut, prefix: str) -> tuple[Layer, tuple[HangingBone, ...]]:
    """The cloth and the panels that carry it. ``prefix`` begins the names of the panels' bones."""
    top, bottom = trunk_height(skin, cut.waist), leg_height(skin, cut.length)
    scale = body_scale(skin)
    marks = sorted({share for band in cut.bands for share in band[:2] if 0.0 < share < 1.0})
    count = max(12, math.ceil((top - bottom) / (0.035 * scale)))
    shares = np.unique(np.concatenate((np.linspace(0.0, 1.0, count), marks)).round(6))
    heights = top + shares * (bottom - top)
    angles, fold = _columns(cut)
    hip = float(skin.joints["thigh.L"][2])
    loose = smooth((top - heights) / (top - hip) * 1.1 - 0.35)
    body, radii = _fitted(skin, heights, angles, cut, loose)
    grown = loose * (0.4 + 0.6 * shares)
    folded = radii * (1.0 + cut.depth * fold[None, :] * grown[:, None])
    centre = float(skin.joints["hips"][1])
    directions = np.stack([np.sin(angles), -np.cos(angles)], axis=1)
    points = np.empty((len(heights), len(angles), 3))
    points[:, :, :2] = folded[:, :, None] * directions[None]
    points[:, :, 1] += centre
    points[:, :, 2] = heights[:, None]
    ring = np.arange(len(angles))
    after = np.roll(ring, -1)
    rows = (np.arange(len(heights) - 1) * len(angles))[:, None]
    step = len(angles)
    faces = np.stack(np.broadcast_arrays(rows + ring, rows + step + ring, rows + step + after, rows + after), axis=2)
    middle = (shares[:-1] + shares[1:]) / 2.0
    parts = np.zeros(len(middle), dtype=np.int16)
    for start, end, part in cut.bands:
        parts[(middle > start) & (middle < end)] = part
    parts = np.repeat(parts[:, None], len(angles), axis=1)
    if cut.edge:
        parts[:, np.abs(angles - 2.0 * np.pi + 0.35) < 0.06] = cut.edge
    room = radii * (1.0 - cut.depth * grown[:, None]) - body - 0.8 * cut.ease * scale
    bones = _panels(skin, prefix, heights, angles, radii, room)
    table, names = _shares(skin, points, angles, top, bones, prefix)
    layer = Layer(points.reshape(-1, 3), faces.reshape(-1, 4).astype(np.int32), parts.ravel(), table, names)
    return layer, bones


def _columns(cut: SkirtCut) -> tuple[np.ndarray, np.ndarray]:
    """Angles of the columns from the front to the figure's left, and how far out each is of its fold, −1 to 1."""
    if cut.sharp and cut.pleats:
        # A knife pleat: up along its face, and back under the next one.
        steps, heights = np.array([0.0, 0.5, 0.86]), np.array([-1.0, 0.1, 1.0])
        angles = (np.arange(cut.pleats)[:, None] + steps).ravel() / cut.pleats
        return 2.0 * np.pi * (angles - steps[1] / cut.pleats), np.tile(heights, cut.pleats)
    angles = np.arange(64) / 64.0 * 2.0 * np.pi
    return angles, np.cos(angles * cut.pleats) if cut.pleats else np.zeros(64)


def _fitted(
    skin: Skin, heights: np.ndarray, angles: np.ndarray, cut: SkirtCut, loose: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rings, columns) metres from the middle, of a taut band around the body, and of the cloth, never narrower than the flare
    makes it; ``loose`` (rings,) is how freely it falls."""
    arms = np.zeros(len(skin.vertices))
    for name, (rows, share) in skin.weights.items():
        if name.partition(".")[0].partition("_")[0] in ARM and name != "upper_chest":
            arms[rows] += share
    points = skin.vertices[arms < 0.3].astype(float)
    points[:, 1] -= float(skin.joints["hips"][1])
    even = np.arange(96) / 96.0 * 2.0 * np.pi
    towards = np.stack([np.sin(even), -np.cos(even)])
    ahead = np.cos(even[:, None] - angles[None, :])
    ahead = np.where(ahead > 0.15, ahead, np.nan)
    scale = body_scale(skin)
    taut: list[np.ndarray] = []
    radii: list[np.ndarray] = []
    for k, height in enumerate(heights):
        band = points[np.abs(points[:, 2] - height) < _BAND]
        support = (band[:, :2] @ towards).max(axis=0) if len(band) else np.zeros(96)
        taut.append(np.nanmin(support[:, None] / ahead, axis=0))
        radius = taut[-1] + cut.ease * scale * (1.0 + loose[k])
        if k:
            radius = np.maximum(radius, radii[-1] + cut.flare * loose[k] * (heights[k - 1] - height))
        radii.append(radius)
    return np.array(taut), np.array(radii)


def _panels(
    skin: Skin, prefix: str, heights: np.ndarray, angles: np.ndarray, radii: np.ndarray, room: np.ndarray
) -> tuple[HangingBone, ...]:
    """Panels of both legs, which turn about the cloth at the hip, and where a skirt is long at the knee.

    Each hangs down until the leg pushes it out: seen from the leg, it turns inward as far as there is ``room`` (rings, columns)
    metres between it and the body, and outward a little. Those at the back turn about the joint, so that they stay behind the
    seat when a thigh is raised.
    """
    bones = []
    down = np.array([0.0, 0.0, -1.0])
    middle = np.array([0.0, float(skin.joints["hips"][1])])
    levels = (("thigh", "shin"), ("shin", "foot"))
    long = heights[-1] < skin.joints["shin.L"][2] - 0.1 * (skin.joints["shin.L"][2] - skin.joints["foot.L"][2])
    for level, (parent, end) in enumerate(levels[: 2 if long else 1]):
        start, stop = float(skin.joints[f"{parent}.L"][2]), float(skin.joints[f"{end}.L"][2])
        ring = int(np.argmin(np.abs(heights - start)))
        below = heights < start - 0.25 * (start - max(stop, heights[-1]))
        # On short thick legs cloth stands far from the bone: there its front may turn inward as far as there is room.
        front = float(skin.joints[f"{parent}.L"][1]) - (middle[1] - radii[ring, 0])
        thick = front > PIVOT * (start - stop)
        for angle in PANELS:
            turn = math.radians(angle)
            column = int(np.argmin(np.abs((angles - turn + np.pi) % (2.0 * np.pi) - np.pi)))
            slack = room[below, column] / (start - heights[below])
            share = 1.0 if thick and angle < 90.0 else 0.7
            inward = share * float(np.arctan(max(0.0, slack.min()))) if below.any() else 0.0
            for side, sign in (("L", 1.0), ("R", -1.0)):
                outward = np.array([sign * math.sin(turn), -math.cos(turn), 0.0])
                joint = skin.joints[f"{parent}.{side}"]
                cloth = middle + radii[ring, column] * outward[:2]
                away = min(max(0.0, float((cloth - joint[:2]) @ outward[:2])), PIVOT * (start - stop))
                head = joint + outward * (away if angle <= 90.0 else 0.0)
                bones.append(
                    HangingBone(
                        name=f"{prefix}_{level + 1}_{angle:03.0f}.{side}",
                        head=head,
                        tail=head + down * (start - stop),
                        parent=f"{parent}.{side}",
                        outward=outward,
                        gravity=0.9,
                        outward_limit=OUTWARD[level][int(angle > 90.0)],
                        inward_limit=inward,
                        side_limit=0.15,
                    )
                )
    return tuple(bones)


def _shares(
    skin: Skin, points: np.ndarray, angles: np.ndarray, top: float, bones: tuple[HangingBone, ...], prefix: str
) -> tuple[np.ndarray, list[str]]:
    """(N, bones) and their names: hips at the waist, panels below, of one leg or both in the middle."""
    hip = skin.joints["thigh.L"]
    heights = points[:, :, 2]
    reach = top - float(hip[2])
    behind = 0.5 - 0.5 * np.cos(angles)[None, :]
    # The cloth bends with the body's crease at the front, and below the seat at the back.
    on_hips = smooth((heights - (hip[2] - (0.35 + 0.75 * behind) * reach)) / reach)
    left = smooth(0.5 + points[:, :, 0] / (float(hip[0]) * 0.8))
    names = ["hips", *(bone.name for bone in bones)]
    column = {name: k for k, name in enumerate(names)}
    table = np.zeros((*heights.shape, len(names)), dtype=np.float32)
    table[:, :, 0] = on_hips
    knee = float(skin.joints["shin.L"][2])
    bend = 0.12 * body_scale(skin)
    lower = smooth(0.5 - (heights - knee) / bend) if any(bone.name.startswith(f"{prefix}_2") for bone in bones) else 0.0 * heights
    around = np.degrees(np.abs((angles + np.pi) % (2.0 * np.pi) - np.pi))
    for level, here in ((1, 1.0 - lower), (2, lower)):
        if not here.any():
            continue
        for k, angle in enumerate(PANELS):
            near = np.clip(1.0 - np.abs(around - angle) / 45.0, 0.0, 1.0)[None, :]
            for side, share in (("L", left), ("R", 1.0 - left)):
                table[:, :, column[f"{prefix}_{level}_{PANELS[k]:03.0f}.{side}"]] = (1.0 - on_hips) * here * near * share
    return table.reshape(-1, len(names)), names


def smooth(values: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, gently between."""
    clipped = np.clip(values, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)
