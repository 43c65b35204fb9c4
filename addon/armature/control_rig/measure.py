# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a character at rest: as a body of ours, standing at the origin in metres, with its joints, landmarks and skin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ...errors import UserError
from ...keys import key_of
from ...pose.face_points import CHIN, in_proportion
from ...pose.humanoid import FINGER_JOINTS, SIDES, side_of
from ...pose.rest import HumanoidRest, humanoid_rest
from ..bodies import load_body
from ..figures import Figure
from ..head_points import head_landmarks
from ..joint_map import JointMap, joint_map
from ..skin.build import Skin, build_skin
from .bound import Bound, bound_meshes
from .followers import Follower, followers_of, joint_of_bones
from .joints import assigned, joint_table, require_joints, standing_axes
from .link import meshes_of

Floats = NDArray[np.float64]

BODY = "adult_woman"
"""The body of ours that fills in what a rig or its meshes do not tell: its fingers, its face."""
_HUMAN = (0.5, 2.6)
"""Metres: a character of such a height is taken to be as tall as it is in the world; any other as tall as our own body."""
_FEW = 20
"""Fewer vertices than this say nothing about the form of a head or foot."""


@dataclass(frozen=True)
class Measured:
    """A character as a body. ``to_character`` (4, 4) brings what is said of the body into the axes of the character's armature:
    it turns, moves and scales evenly."""

    skin: Skin
    rest: HumanoidRest
    to_character: Matrix
    followers: tuple[Follower, ...]


def measure(obj: bpy.types.Object, joints: JointMap, eyes: Mapping[str, str]) -> Measured:
    """Measure the armature object of a character by its map. Raises UserError for one in which no body is seen."""
    require_joints(joints, obj.name)
    found = assigned(joints)
    local = {joint: np.array(obj.data.bones[bone].head_local, dtype=np.float64) for joint, bone in found.items()}
    axes = standing_axes(local, np.array(obj.matrix_world.to_3x3().normalized()).T)
    followers = followers_of(obj, found)
    bound = bound_meshes(obj)
    names = joint_map("mannequin")
    carrier = joint_of_bones(obj, followers)

    world = float(np.cbrt(abs(obj.matrix_world.determinant())))
    body = _Body(bound, bound.points @ axes * world, carrier)
    heads = {joint: place @ axes * world for joint, place in local.items()}
    crown, ground = body.crown(heads), body.ground(heads)
    height = float(crown[2] - ground)
    if height <= 0.0:
        raise UserError(f"The head of '{obj.name}' lies below its feet at rest: check its rest pose in Edit Mode.")
    metres = 1.0 if _HUMAN[0] <= height <= _HUMAN[1] else _template().landmarks["head_top"][2] / height
    origin = np.array([heads["hips"][0], heads["hips"][1], ground])
    places = {joint: (place - origin) * metres for joint, place in heads.items()}
    tips = {joint: (place - origin) * metres for joint, place in body.tips(heads).items()}
    points = (body.points - origin) * metres

    table = joint_table(places, _template_rest(), names, (crown - origin) * metres, tips)
    rest = humanoid_rest(table, names, twist=True)
    seen = _face(obj, joints, eyes)
    marks = _landmarks(rest, body, points, {name: (place @ axes * world - origin) * metres for name, place in seen.items()})
    skin = _skin(body, points, rest, names, marks, table)
    scale = 1.0 / (world * metres)
    to_character = np.eye(4)
    to_character[:3, :3] = axes * scale
    to_character[:3, 3] = axes @ (origin / world)
    return Measured(skin, rest, Matrix(to_character), followers)


class _Body:
    """The vertices of a character in the axes of a body that stands, with the joint that moves each most."""

    def __init__(self, bound: Bound, points: Floats, carrier: Mapping[str, tuple[str, bool]]) -> None:
        self.bound, self.points = bound, points
        self.joints = sorted({joint for joint, _ in carrier.values()})
        column = {joint: index for index, joint in enumerate(self.joints)}
        self.table = np.zeros((len(points), len(self.joints)))
        firm = np.zeros(len(points))
        for bone, (rows, values) in bound.shares.items():
            if bone in carrier:
                joint, is_firm = carrier[bone]
                np.add.at(self.table[:, column[joint]], rows, values)
                if is_firm:
                    np.add.at(firm, rows, values)
        total = self.table.sum(axis=1)
        self.is_firm = (total > 1e-6) & (firm >= 0.5 * total)
        """(N,): not hair, skirts and the like, which hang on bones of their own."""
        self.table[total > 0.0] /= total[total > 0.0, None]
        self.owner = np.where(total > 1e-6, self.table.argmax(axis=1) if len(self.joints) else 0, -1)
        moved = [
            len(np.unique(self.owner[self.is_firm & (bound.mesh == mesh)])) for mesh in range(int(bound.mesh.max(initial=-1)) + 1)
        ]
        self._main = bound.mesh == (int(np.argmax(moved)) if moved else 0)
        """(N,): of the mesh that most joints move, the body itself; hair, clothes and glasses are others."""

    def of(self, *joints: str) -> NDArray[np.int64]:
        """The vertices that some joints move most: those of the body itself, if these are enough."""
        wanted = np.isin(self.owner, [self.joints.index(joint) for joint in joints if joint in self.joints])
        for chosen in (wanted & self.is_firm & self._main, wanted & self.is_firm, wanted):
            if chosen.sum() >= _FEW:
                return np.flatnonzero(chosen)
        return np.empty(0, dtype=np.int64)

    def crown(self, heads: Mapping[str, Floats]) -> Floats:
        """The top of the head (3,), above the joint of the head."""
        head, rest = heads["head"], _template_rest()
        rows = self.of("head")
        if len(rows):
            return np.array([head[0], head[1], self.points[rows, 2].max()])
        share = (rest.tails["head"] - rest.heads["head"])[2] / (rest.heads["head"] - rest.heads["hips"])[2]
        return np.array([head[0], head[1], head[2] + share * (head - heads["hips"])[2]])

    def ground(self, heads: Mapping[str, Floats]) -> float:
        """The height of what the feet stand on."""
        feet = ("leftFoot", "leftToes", "rightFoot", "rightToes")
        rows = np.flatnonzero(np.isin(self.owner, [self.joints.index(joint) for joint in feet if joint in self.joints]))
        if len(rows) >= _FEW:
            return float(self.points[rows, 2].min())
        rest, ankles = _template_rest(), [heads[f"{side}Foot"][2] for side in SIDES]
        size = (heads["hips"][2] - min(ankles)) / (rest.heads["hips"] - rest.heads["leftFoot"])[2]
        return float(min(ankles) - size * rest.heads["leftFoot"][2])

    def tips(self, heads: Mapping[str, Floats]) -> dict[str, Floats]:
        """Where feet and hands end, as far as there is a mesh."""
        found = {}
        for side in SIDES:
            rows = self.of(f"{side}Foot", f"{side}Toes")
            if len(rows):
                own = self.points[rows]
                ankle = heads[f"{side}Foot"]
                front = own[own[:, 1] < own[:, 1].min() + 0.05 * np.ptp(own[:, 1])]
                found[f"{side}Toes"] = np.array(
                    [front[:, 0].mean(), own[:, 1].min(), own[:, 2].min() + 0.14 * (ankle[2] - own[:, 2].min())]
                )
            rows = self.of(f"{side}Hand", *(joint for joint in FINGER_JOINTS if side_of(joint) == side and "Thumb" not in joint))
            if len(rows):
                wrist = heads[f"{side}Hand"]
                along = (wrist - heads[f"{side}LowerArm"]) / np.linalg.norm(wrist - heads[f"{side}LowerArm"])
                found[f"{side}Hand"] = wrist + along * float(((self.points[rows] - wrist) @ along).max())
        return found


def _face(obj: bpy.types.Object, joints: JointMap, eyes: Mapping[str, str]) -> dict[str, Floats]:
    """Nose, eyes and ears (3,) at rest in the armature's axes, as control images have them of a character without controls."""
    meshes = tuple(key_of(mesh) for mesh in meshes_of(obj) if mesh.visible_get())
    figure = Figure(key_of(obj), meshes, dict(joints), eyes=dict(eyes))
    return head_landmarks(figure, bpy.context.evaluated_depsgraph_get())


def _landmarks(rest: HumanoidRest, body: _Body, points: Floats, face: Mapping[str, Floats]) -> dict[str, Floats]:
    """Named points of the skin (``Skin.landmarks``); ``face`` has those of the face but the chin."""
    marks = {name: np.asarray(place) for name, place in face.items()}
    marks["head_top"] = np.asarray(rest.tails["head"])
    if (whole := in_proportion(face)) is not None:
        marks["chin"] = whole[CHIN]
    for side in SIDES:
        foot, toes = rest.heads[f"{side}Foot"], rest.heads[f"{side}Toes"]
        tip = rest.tails[f"{side}Toes"]
        behind = points[body.of(f"{side}Foot")]
        back = float(behind[:, 1].max()) if len(behind) else float(foot[1] + 0.33 * (foot[1] - toes[1]))
        marks[f"ankle_{side}"] = np.asarray(foot)
        marks[f"ball_{side}"] = np.array([toes[0], toes[1], 0.0])
        marks[f"toe_{side}"] = np.asarray(tip)
        marks[f"heel_{side}"] = np.array([foot[0], back, 0.3 * foot[2]])
    return marks


def _skin(
    body: _Body, points: Floats, rest: HumanoidRest, names: JointMap, marks: dict[str, Floats], table: dict[str, Floats]
) -> Skin:
    """The character's skin in the form of ours, moved by our bones; without hair, skirts and what hangs on bones of its own."""
    used = np.flatnonzero(body.is_firm | np.isin(np.arange(len(points)), body.of("head")))
    number = np.full(len(points), -1)
    number[used] = np.arange(len(used))
    quads = number[body.bound.quads]
    quads = quads[(quads >= 0).all(axis=1)]
    shares = {joint: body.table[used, column] for column, joint in enumerate(body.joints)}
    if "upperChest" in shares and np.linalg.norm(rest.heads["chest"] - rest.heads["upperChest"]) < 1e-4:
        _share_with_chest(shares, points[used], rest)
    weights = {}
    for joint, share in shares.items():
        rows = np.flatnonzero(share > 1e-4)
        if len(rows):
            weights[names[joint]] = (rows.astype(np.int32), share[rows].astype(np.float32))
    face = in_proportion({name: place for name, place in marks.items() if name != "chin"})
    return Skin(
        vertices=points[used].astype(np.float32),
        quads=quads.astype(np.int32),
        dark=np.zeros(len(quads), dtype=bool),
        weights=weights,
        joints=table,
        landmarks=marks,
        face=face if face is not None else np.zeros((0, 3)),
        facings={},
        rounding=body.bound.is_round[used].astype(np.float64),
    )


def _share_with_chest(shares: dict[str, Floats], points: Floats, rest: HumanoidRest) -> None:
    """The lower half of a chest in one piece is what poses call the chest: touches name places there."""
    start, end = rest.heads["upperChest"], rest.tails["upperChest"]
    along = (points - start) @ (end - start) / float((end - start) @ (end - start))
    own = shares["upperChest"]
    is_low = (along < 0.45) & (own > 0.0)
    shares["chest"] = shares.get("chest", np.zeros(len(points))) + np.where(is_low, own, 0.0)
    shares["upperChest"] = np.where(is_low, 0.0, own)


@cache
def _template() -> Skin:
    return build_skin(load_body(BODY)[1])


@cache
def _template_rest() -> HumanoidRest:
    return humanoid_rest(_template().joints, joint_map("mannequin"))
