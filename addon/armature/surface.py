# SPDX-License-Identifier: GPL-3.0-or-later
"""A few thousand points of a mannequin's skin, kept with its armature: where the skin is in a pose, without evaluating the mesh.

They are of two kinds. *Outermost* points tell how low or how far out a part reaches. A *grid* over the skin of every bone names
places on it in a way that means the same on every body: how far along the bone (0 where its skin begins, 1 where it ends), and at
which angle round it (degrees; 0 where the z axis of the bone's frame looks, 90 where its x axis does: front and left of the trunk
and head, back and left of a leg, front and underside of an arm held out, the palm of a hand).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import bpy
import numpy as np

from ..pose import rotations as rot
from ..pose.humanoid import FINGER_JOINTS
from ..pose.rest import HumanoidRest
from .joint_map import JointMap
from .skin.build import Skin
from .skin_mesh import rounded

_KEPT = "pose_to_anime_skin_points"
MOST_BONES = 4
_NEXT, _LAST = np.array([1, 2, 0]), np.array([2, 0, 1])

BEHIND = 0.18
"""Of the height of the hips: so near to a hip joint the thigh's skin is sat upon. 0.16 m of an adult woman."""
_COARSE = [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) != (0, 0, 0)]
_FINE = [(x, y, z) for x in range(-2, 3) for y in range(-2, 3) for z in range(-2, 3) if max(map(abs, (x, y, z))) == 2]
_SMALL = (*FINGER_JOINTS, "leftToes", "rightToes")
_GRID, _LONG_GRID, _SMALL_GRID = (6, 16), (14, 24), (3, 8)
"""Rows along a bone, columns round it. Long bones bend between their ends: there the skin is as close as at their ends."""
_LONG = ("hips", "UpperArm", "LowerArm", "UpperLeg", "LowerLeg")


_MOST_READ = 6
"""Bodies whose points are kept at hand."""
_read: dict[tuple[str, bytes, bytes, bytes], SkinPoints] = {}
"""By what is kept with the armature itself, so that neither an undo nor another file can make it wrong."""


@dataclass(frozen=True)
class Part:
    """Some points of a skin, chosen once, so that they can be placed often."""

    rows: np.ndarray
    movers: np.ndarray
    """(M,) joints that move any of them."""
    shares: np.ndarray
    """(N, 4 M) for each of these the point, and one, times its weight."""

    def placed(self, frames: np.ndarray) -> np.ndarray:
        """(N, 3): where they are, with ``frames`` as in ``SkinPoints.placed``."""
        return np.asarray(self.shares @ frames[self.movers].reshape(-1, 3))

    def heights(self, frames: np.ndarray) -> np.ndarray:
        """(N,): how high they are."""
        return np.asarray(self.shares @ frames[self.movers, :, 2].ravel())


@dataclass(frozen=True)
class SkinPoints:
    """N points of the skin at rest, in armature axes, with the joints that move them.

    By linear blending, and where joints are rounded in part by dual quaternions (see ``skin_mesh.ROUNDED``). Parts know of linear
    blending alone: at elbows and shoulders the skin lies up to a centimetre or two farther out.
    """

    joints: tuple[str, ...]
    points: np.ndarray
    """(N, 3) metres."""
    movers: np.ndarray
    """(N, 4) indices into ``joints``."""
    weights: np.ndarray
    """(N, 4), adding up to one."""
    rows: Mapping[str, np.ndarray]
    """For each joint, which points are of the skin that it moves most."""
    grids: Mapping[str, np.ndarray]
    """For each joint (rows, columns): which points are its grid."""
    normals: np.ndarray
    """(N, 3) outward, of length one."""
    rounding: np.ndarray
    """(N,) how far dual quaternions move a point, and not linear blending."""
    parts: dict[object, Part] = field(default_factory=dict, repr=False)
    """Those that were asked for, by what they were called."""

    def placed(self, frames: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(len(rows), 3): where points are when a joint's part moved as ``frames[k]`` (4, 3) says: the transposed rotation from
        its rest, and below it where that moves the origin."""
        movers, weights, points = self.movers[rows], self.weights[rows], self.points[rows]
        blended = (weights[:, None, :] @ frames.reshape(-1, 12)[movers]).reshape(-1, 4, 3)
        total = (points[:, None, :] @ blended[:, :3])[:, 0] + blended[:, 3]
        amount = self.rounding[rows]
        round_ = np.flatnonzero(amount)
        if len(round_):
            swollen = by_dual_quaternions(points[round_], movers[round_], weights[round_], frames)
            total[round_] += (swollen - total[round_]) * amount[round_, None]
        return total

    def part(self, joints: Collection[str]) -> Part:
        """The points of some joints."""
        return self.named_part(tuple(joints), lambda: all_rows(self, joints))

    def named_part(self, name: object, choose: Callable[[], np.ndarray]) -> Part:
        """The points that ``choose`` chose when they were first asked for by this name."""
        found = self.parts.get(name)
        if found is None:
            found = self.parts[name] = self._part(choose())
        return found

    def _part(self, rows: np.ndarray) -> Part:
        used = np.zeros((len(rows), len(self.joints)))
        used[np.arange(len(rows))[:, None], self.movers[rows]] = self.weights[rows]  # no joint twice in a row
        movers = np.flatnonzero(used.any(axis=0))
        points = np.concatenate((self.points[rows], np.ones((len(rows), 1))), axis=1)
        shares = used[:, movers, None] * points[:, None, :]
        return Part(rows, movers, np.ascontiguousarray(shares.reshape(len(rows), 4 * len(movers))))

    def corners(self, joint: str, along: float, around: float) -> tuple[np.ndarray, np.ndarray]:
        """The four grid points round a place and their shares."""
        grid = self.grids[joint]
        rows, columns = grid.shape
        height = min(max(along, 0.0), 1.0) * (rows - 1)
        turn = (around / 360.0 * columns) % columns
        low, left = min(int(height), rows - 2), int(turn) % columns
        up, right = height - low, turn - math.floor(turn)
        index = grid[[low, low, low + 1, low + 1], [left, (left + 1) % columns] * 2]
        return index, np.array([(1 - up) * (1 - right), (1 - up) * right, up * (1 - right), up * right])


def by_dual_quaternions(points: np.ndarray, movers: np.ndarray, weights: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(N, 3): points moved as ``SkinPoints.placed`` says, by the mean of their joints' motions as dual quaternions.

    L. Kavan and others, "Skinning with Dual Quaternions", 2007. The heaviest of a point's ``movers`` (N, 4) comes first.
    """
    used = np.flatnonzero(np.bincount(movers.ravel()))
    place = np.searchsorted(used, movers)
    turns = np.array([rot.quaternion_from_matrix(frames[joint, :3].T) for joint in used])
    shifts, axes = frames[used, 3], turns[:, 1:]
    duals = np.empty_like(turns)
    duals[:, 0] = -0.5 * (shifts * axes).sum(axis=1)
    duals[:, 1:] = 0.5 * (turns[:, :1] * shifts + _cross(shifts, axes))
    each = turns[place]
    shares = weights * np.where(np.einsum("nkq,nq->nk", each, each[:, 0]) < 0.0, -1.0, 1.0)
    turn, dual = (np.einsum("nk,nkq->nq", shares, values[place]) for values in (turns, duals))
    length = np.linalg.norm(turn, axis=1, keepdims=True)
    turn, dual = turn / length, dual / length
    real, axis = turn[:, :1], turn[:, 1:]
    shift = 2.0 * (real * dual[:, 1:] - dual[:, :1] * axis + _cross(axis, dual[:, 1:]))
    return np.asarray(points + 2.0 * _cross(axis, _cross(axis, points) + real * points) + shift)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross products of (N, 3) vectors; for a few, several times as fast as numpy's."""
    return a.take(_NEXT, axis=1) * b.take(_LAST, axis=1) - a.take(_LAST, axis=1) * b.take(_NEXT, axis=1)


def keep_skin_points(armature: bpy.types.Armature, skin: Skin, rest: HumanoidRest, bones: JointMap) -> None:
    """Keep the points of a skin with the armature that carries it. While its weights stay, so do the points: they move along."""
    made_of = _fingerprint(skin)
    kept = armature.get(_KEPT)
    vertices = np.asarray(skin.vertices, dtype=np.float64)
    normals = _normals(vertices, np.asarray(skin.quads))
    if kept is not None and kept.get("made_of") == made_of:
        used = np.frombuffer(kept["vertices"], "<i4")
        for name, values in (("points", vertices), ("normals", normals)):
            del kept[name]  # bytes that are written over others end at their first zero
            kept[name] = _floats(values[used])
        return
    used, found = _chosen(skin, vertices, normals, rest, bones)
    armature[_KEPT] = {
        "made_of": made_of,
        "vertices": used.astype("<i4").tobytes(),
        "joints": ",".join(found.joints),
        "points": _floats(found.points),
        "movers": found.movers.astype("u1").tobytes(),
        "weights": _floats(found.weights),
        "rounding": _floats(found.rounding),
        "normals": _floats(found.normals),
        "rows": _packed(found.rows),
        "grids": _packed(found.grids),
        "columns": {joint: int(grid.shape[1]) for joint, grid in found.grids.items()},
    }


def _fingerprint(skin: Skin) -> str:
    """Changes with the vertices' number and weights, not with their places."""
    check = len(skin.vertices)
    for bone, (vertices, shares) in skin.weights.items():
        for part in (bone.encode(), np.ascontiguousarray(vertices).tobytes(), np.ascontiguousarray(shares).tobytes()):
            check = zlib.crc32(part, check)
    return f"{check:08x}"


def _floats(values: np.ndarray) -> bytes:
    return values.astype("<f4").tobytes()


def skin_points_of(armature: bpy.types.Armature) -> SkinPoints | None:
    """The points that are kept with an armature; None where it has none, as armatures have that were not made by us."""
    kept = armature.get(_KEPT)
    if kept is None:
        return None
    key = (kept["joints"], kept["points"], kept["movers"], kept["weights"])
    found = _read.pop(key, None)
    if found is None:
        found = SkinPoints(
            joints=tuple(kept["joints"].split(",")),
            points=np.frombuffer(kept["points"], "<f4").reshape(-1, 3).astype(np.float64),
            movers=np.frombuffer(kept["movers"], "u1").reshape(-1, MOST_BONES).astype(np.intp),
            weights=np.frombuffer(kept["weights"], "<f4").reshape(-1, MOST_BONES).astype(np.float64),
            normals=np.frombuffer(kept["normals"], "<f4").reshape(-1, 3).astype(np.float64),
            rounding=np.frombuffer(kept["rounding"], "<f4").astype(np.float64),
            rows={joint: np.frombuffer(data, "<i4") for joint, data in kept["rows"].items()},
            grids={
                joint: np.frombuffer(data, "<i4").reshape(-1, kept["columns"][joint]) for joint, data in kept["grids"].items()
            },
        )
    _read[key] = found  # the latest last
    while len(_read) > _MOST_READ:
        del _read[next(iter(_read))]
    return found


def _packed(indices: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    return {joint: found.astype("<i4").tobytes() for joint, found in indices.items()}


def _chosen(
    skin: Skin, vertices: np.ndarray, normals: np.ndarray, rest: HumanoidRest, bones: JointMap
) -> tuple[np.ndarray, SkinPoints]:
    """The numbers of the vertices that are kept, and what is kept of them."""
    joints = tuple(rest.heads)
    table = np.zeros((len(vertices), len(joints)))
    for column, joint in enumerate(joints):
        if bones[joint] in skin.weights:
            indices, shares = skin.weights[bones[joint]]
            table[indices, column] = shares
    owner = table.argmax(axis=1)
    rows: dict[str, np.ndarray] = {}
    grids: dict[str, np.ndarray] = {}
    for column, joint in enumerate(joints):
        own = np.flatnonzero(owner == column)
        if len(own) > 8:
            grids[joint] = own[_grid(vertices[own], rest, joint)]
            rows[joint] = np.union1d(own[_outermost(vertices[own], joint)], grids[joint])
        if joint.endswith("UpperLeg") and joint in rows:
            rows[joint] = np.union1d(rows[joint], own[_sat_upon(vertices[own], normals[own], rest, joint)])
    rounding = skin.rounding
    if rounding is None:
        rounding = np.zeros(len(vertices))
        indices, shares = rounded(len(vertices), skin.weights)
        rounding[indices] = shares
    used = np.unique(np.concatenate(list(rows.values())))
    number = np.zeros(len(vertices), dtype=np.intp)
    number[used] = np.arange(len(used))
    movers = np.argsort(-table[used], axis=1, kind="stable")[:, :MOST_BONES]
    weights = np.take_along_axis(table[used], movers, axis=1)
    return used, SkinPoints(
        joints,
        vertices[used],
        movers,
        weights / weights.sum(axis=1, keepdims=True),
        {joint: number[found] for joint, found in rows.items()},
        {joint: number[found] for joint, found in grids.items()},
        normals[used],
        rounding[used],
    )


def _normals(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    face = np.cross(points[quads[:, 2]] - points[quads[:, 0]], points[quads[:, 3]] - points[quads[:, 1]])
    normals = np.stack([np.bincount(quads.ravel(), np.repeat(face[:, k], 4), len(points)) for k in range(3)], axis=1)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _sat_upon(points: np.ndarray, normals: np.ndarray, rest: HumanoidRest, joint: str) -> np.ndarray:
    """Half of the points at the back of a thigh near its hip: skin that folds when the thigh is raised, and is sat upon."""
    near = np.linalg.norm(points - rest.heads[joint], axis=1) < BEHIND * rest.hip_height
    return np.flatnonzero(near & (normals[:, 1] > 0.2))[::2]


def _outermost(points: np.ndarray, joint: str) -> np.ndarray:
    return np.unique(np.argmax(points @ np.array(_COARSE if joint in _SMALL else _FINE, dtype=np.float64).T, axis=0))


def _grid(points: np.ndarray, rest: HumanoidRest, joint: str) -> np.ndarray:
    """(rows, columns): for each knot of the grid the point nearest to it."""
    frame = rest.bone_frame(joint)
    local = (points - rest.heads[joint]) @ frame
    low, high = local[:, 1].min(), local[:, 1].max()
    radius = np.hypot(local[:, 0], local[:, 2])
    angle = np.arctan2(local[:, 0], local[:, 2])
    rows, columns = _SMALL_GRID if joint in _SMALL else _LONG_GRID if joint.endswith(_LONG) else _GRID
    heights = np.linspace(low, high, rows)
    turns = np.arange(columns) * (2 * np.pi / columns)
    aside = (angle[None, :] - turns[:, None] + np.pi) % (2 * np.pi) - np.pi
    # The mean radius, not each point's own: near the axis, at the top of the head, every angle would be near.
    across = (aside * radius.mean()) ** 2
    return np.array([[int(np.argmin(across[c] + (local[:, 1] - h) ** 2)) for c in range(columns)] for h in heights])


def all_rows(points: SkinPoints, joints: Collection[str]) -> np.ndarray:
    """The points of some joints."""
    found = [points.rows[joint] for joint in joints if joint in points.rows]
    return np.concatenate(found) if found else np.empty(0, dtype=np.intp)
