# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a pose fits a body, measured on the skin as it is seen: support, sinking, joint limits, limbs in the body, balance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils.bvhtree import BVHTree
from pose_to_anime.addon.armature.clearance import NEAR_ROOT
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.limits import limits_of
from pose_to_anime.addon.armature.mannequin import is_child, skins_of
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of, read_pose
from pose_to_anime.addon.armature.resting import seat_height
from pose_to_anime.addon.pose.balance import centre_of_mass, outside_support
from pose_to_anime.addon.pose.humanoid import FINGER_JOINTS
from pose_to_anime.addon.pose.normalised import Pose

FIRM = 0.005
"""Metres that feet and seat may be from what carries them, and the most that anything may sink in."""
KNEELING_CHILDREN, LYING, LYING_CHILDREN = 0.015, 0.020, 0.070
"""The same where less can be asked: the knees of chibi and mascot are nearly as thick as they are high, flesh gives way under one
who lies, and beside a head that is larger than the trunk the shoulders cannot come down to the ground."""
THROUGH = 0.015
"""Metres that a limb of an adult body may be in trunk, neck or head."""
BEYOND = 0.5
"""Degrees beyond a joint's limits."""
IN_THE_AIR = 0.05

CORE = ("hips", "spine", "chest", "upper_chest", "neck", "head")
LIMB_ROOTS = {"upper_arm": ("shoulder", "upper_arm", "forearm", "hand"), "thigh": ("thigh", "shin", "foot", "toe")}
_HEELS = 0.16
"""Of 0.88 m, the height of the hips of an adult woman: around a hip joint the thigh's skin is sat upon."""
_CARRIES, _SEAT_CARRIES = 0.02, 0.04
"""Metres above the ground, and above the lowest of the seat, below which skin carries weight: soles and shins have curves, and
buttocks flatten."""


@dataclass(frozen=True)
class Fit:
    """What was measured of one pose on one body; metres."""

    support: dict[str, float]
    """For each contact with the ground or the seat, by its joint, how far the skin that should rest there is from it."""
    lowest: float
    """Height of the lowest point of the skin above the ground."""
    through: dict[str, float]
    """For each limb, by its first bone, how deep its skin is in the trunk, the neck or the head."""
    outside: float
    """How far the centre of mass is outside the area of what carries the body; negative inside."""


class Body:
    """The skin of a figure: which bone carries which vertex, and the closed surface of trunk and head."""

    def __init__(self, figure: bpy.types.Object) -> None:
        self.figure = figure
        (self.skin,) = skins_of(figure)
        mesh = self.skin.data
        names = [group.name for group in self.skin.vertex_groups]
        self.carried_by = np.array([names[max(v.groups, key=lambda share: share.weight).group] for v in mesh.vertices])
        self.rest = _flat(mesh, len(mesh.vertices))
        quads = np.empty(4 * len(mesh.polygons), dtype=np.int64)
        mesh.polygons.foreach_get("vertices", quads)
        core = np.isin(self.carried_by, CORE)
        self._faces = quads.reshape(-1, 4)
        self._faces = self._faces[core[self._faces].all(axis=1)]
        self._loops = _border(self._faces)
        self._limbs = {f"{root}{side}": self._limb(root, side) for root in LIMB_ROOTS for side in (".L", ".R")}
        self.sat_upon = self.carried_by == "hips"
        height = _HEELS / 0.88 * figure.data.bones["hips"].head_local.z
        for thigh in ("thigh.L", "thigh.R"):
            near = np.linalg.norm(self.rest - np.array(figure.data.bones[thigh].head_local), axis=1) < height
            self.sat_upon |= (self.carried_by == thigh) & near

    def measure(self, pose: Pose, seat: float | None = None) -> Fit:
        """The fit of the pose that was applied to the figure; ``seat`` is the height of the seat that it should sit on."""
        points = self.points()
        heights = points[:, 2]
        support = {}
        for contact in pose.contacts:
            if contact.surface == "ground":
                support[contact.joint] = abs(float(heights[np.isin(self.carried_by, bones_of(contact.joint))].min()))
            elif contact.surface == "seat":
                lowest = float(heights[self.sat_upon].min())
                support["seat"] = float("inf") if seat is None else abs(lowest - seat)
        carrying = points[heights < _CARRIES]
        if "seat" in support:
            near_seat = self.sat_upon & (heights < heights[self.sat_upon].min() + _SEAT_CARRIES)
            carrying = np.concatenate((carrying, points[near_seat]))
        return Fit(support, float(heights.min()), self._depths(points), outside_support(self._centre(), carrying[:, :2]))

    def points(self) -> np.ndarray:
        """(N, 3) vertices as they are seen, in the figure's axes."""
        evaluated = self.skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        points = _flat(mesh, len(mesh.vertices))
        evaluated.to_mesh_clear()
        return points

    def _limb(self, root: str, side: str) -> np.ndarray:
        """Indices of the vertices of a limb that lie away from its root."""
        fingers = {joint_map("mannequin")[joint] for joint in FINGER_JOINTS} if root == "upper_arm" else set()
        own = [f"{bone}{side}" for bone in LIMB_ROOTS[root]] + [bone for bone in fingers if bone.endswith(side)]
        bone = self.figure.data.bones[f"{root}{side}"]
        near = NEAR_ROOT["Arm" if root == "upper_arm" else "Leg"]
        far = np.linalg.norm(self.rest - np.array(bone.head_local), axis=1) > bone.length * near
        return np.flatnonzero(np.isin(self.carried_by, own) & far)

    def _depths(self, points: np.ndarray) -> dict[str, float]:
        caps = [points[loop].mean(axis=0) for loop in self._loops]
        corners = np.concatenate((points, np.array(caps)))
        closing = [
            (a, b, len(points) + number)
            for number, loop in enumerate(self._loops)
            for a, b in zip(loop, np.roll(loop, -1), strict=True)
        ]
        faces = [*map(tuple, self._faces.tolist()), *closing]
        tree = BVHTree.FromPolygons(corners.tolist(), faces)
        own = np.unique(self._faces)
        least, most = points[own].min(axis=0), points[own].max(axis=0)
        triangles = np.concatenate((self._faces[:, [0, 1, 2]], self._faces[:, [0, 2, 3]], np.array(closing)))
        depths = {}
        for limb, rows in self._limbs.items():
            near = rows[((points[rows] > least) & (points[rows] < most)).all(axis=1)]
            found = []
            for point in points[near]:
                place, normal, face, distance = tree.find_nearest(point)
                if face < len(self._faces) and (point - np.array(place)) @ np.array(normal) < 0:
                    found.append((distance, point))
            found.sort(key=lambda each: -each[0])
            # Beside an edge the nearest face can look the wrong way: the deepest must be inside by its winding number too.
            depths[limb] = next((d for d, point in found[:40] if _is_inside(point, corners[triangles])), 0.0)
        return depths

    def _centre(self) -> np.ndarray:
        places = {}
        for joint, bone in joint_map("mannequin").items():
            places[joint] = np.array(self.figure.pose.bones[bone].head)
            places[f"{joint}:tail"] = np.array(self.figure.pose.bones[bone].tail)
        return centre_of_mass(places)


def bones_of(joint: str) -> list[str]:
    """The bones whose skin may rest where a joint has contact: a foot rests on its toes too, a hand on its fingers."""
    joints = [joint, joint.replace("Foot", "Toes")] if joint.endswith("Foot") else [joint]
    if joint.endswith("Toes"):
        joints.append(joint.replace("Toes", "Foot"))
    if joint.endswith("Hand"):
        joints += [finger for finger in FINGER_JOINTS if finger.startswith(joint.removesuffix("Hand"))]
    return [joint_map("mannequin")[name] for name in joints]


def _flat(mesh: bpy.types.Mesh, count: int) -> np.ndarray:
    points = np.empty(3 * count, dtype=np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3).astype(np.float64)


def _border(faces: np.ndarray) -> list[np.ndarray]:
    """The loops of vertices round the holes of a surface, each so ordered that triangles with a point in the hole close it."""
    edges = np.concatenate([np.stack((faces[:, k], faces[:, (k + 1) % 4]), axis=1) for k in range(4)])
    known = set(map(tuple, edges.tolist()))
    following = {b: a for a, b in known if (b, a) not in known}
    loops = []
    while following:
        start, vertex = following.popitem()
        loop = [start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(np.array(loop))
    return loops


def _is_inside(point: np.ndarray, triangles: np.ndarray) -> bool:
    """By the solid angle that a closed surface of (N, 3, 3) triangles fills (A. Van Oosterom and J. Strackee, 1983)."""
    a, b, c = (triangles[:, k] - point for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c))
    below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
    return bool(np.arctan2(volume, below).sum() > np.pi)  # half of the solid angle, 2π inside


def faults(body: Body, pose: Pose) -> list[str]:
    """Apply a pose and say what is wrong with how it fits, in words; empty where all is well."""
    figure = body.figure
    apply_pose(figure, pose)
    fit = body.measure(pose, seat_height(figure))
    is_grown = not is_child(figure)
    found = []
    most = FIRM
    if pose.group == "lying":
        most = LYING if is_grown else LYING_CHILDREN
    elif pose.group == "kneeling" and not is_grown:
        most = KNEELING_CHILDREN
    for joint, distance in fit.support.items():
        if distance > most:
            found.append(f"{joint} is {1000 * distance:.0f} mm from what should carry it")
    if fit.lowest < -FIRM:
        found.append(f"{-1000 * fit.lowest:.0f} mm below the ground")
    if not pose.contacts and fit.lowest < IN_THE_AIR:
        found.append("a pose without contacts is in the air")
    if is_grown:
        found += [f"{limb} is {1000 * depth:.0f} mm in the body" for limb, depth in fit.through.items() if depth > THROUGH]
    if pose.balanced and fit.outside > 0.0 and is_grown:
        found.append(f"the centre of mass is {1000 * fit.outside:.0f} mm beside what carries the body")
    limits = limits_of(figure, humanoid_rest_of(figure))
    for joint, rotation in read_pose(figure).rotations.items():
        if (excess := math.degrees(limits.excess(joint, rotation))) > BEYOND:
            found.append(f"{joint} is {excess:.1f}° beyond its limits")
    return found
