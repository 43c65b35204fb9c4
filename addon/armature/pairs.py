# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs onto two mannequins: both take their poses, the second is placed, and their hands are brought together by IK."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Vector
from mathutils.bvhtree import BVHTree

from ..errors import UserError
from ..pose import rotations as rot
from ..pose.hands import load_hand
from ..pose.pairs import FIGURES, Meeting, Pair, Part
from .carried import carrying_bones
from .clasping import clasp
from .hand_goals import arm_of, arm_reach, bring_hand
from .hands import change_hand
from .joint_map import joint_map
from .mannequin import is_child, landmarks, require_posable, require_skins, skins_of
from .pose_tools import look_at
from .posing import apply_pose, humanoid_rest_of
from .props.hand_model import Hand, hand_of
from .props.seating import root_frame
from .seen_skin import seen_mesh, seen_skin

_SUFFIX = {"left": "L", "right": "R"}
_STRETCH = 0.985
"""Share of a straight arm that a hand which meets another reaches: a fully straight elbow looks locked."""
_MIDDLE_OF_PALM = 0.72
"""Hand lengths from the wrist."""
_ROUNDS = 2
"""Times that all hands are brought: one that lies on an arm has to follow when that arm has moved."""
_ARMS = ("upper_arm", "forearm", "hand", "thumb", "index", "middle", "ring", "little")
_MOST_POINTS = 2500
_CLOSE = 5e-4
_STEP, _MOST_STEPS = 0.02, 50
"""Metres by which figures are moved apart at a time."""
_BREATH = 0.06
"""Hip heights that faces stay from each other where a pair says no ``gap``: large heads would touch before hands meet."""
_DEEPEST = 0.3
"""Metres: what seems to be farther inside a body than a body is thick lies beside an edge of it."""


def apply_pair(first: bpy.types.Object, second: bpy.types.Object, pair: Pair) -> None:
    """Pose two mannequins as a pair. The first stays where it is, the second comes to where the pair has it.

    Raises UserError where one is no mannequin, hidden or without a skin, both are the same, or the pair is not for a child's
    body; then nothing is changed. Raises PoseError where the library has lost one of its poses."""
    figures = dict(zip(FIGURES, (first, second), strict=True))
    if first == second:
        raise UserError("A pair needs two figures: select another one too.")
    for obj in figures.values():
        require_posable(obj)
        require_skins(obj)
    refuse_child(pair, *figures.values())
    poses = {name: (pair.first if name == "first" else pair.second).whole() for name in FIGURES}
    for name, obj in figures.items():
        apply_pose(obj, poses[name])
        _shape_hands(obj, pair.first if name == "first" else pair.second)
    scale = sum(humanoid_rest_of(obj).hip_height for obj in figures.values()) / 2.0
    _place(first, second, Matrix.Translation((pair.place[0] * scale, pair.place[1] * scale, 0.0)), pair.turn)
    breath = _BREATH * scale if pair.gap is None else 0.0
    _stand_clear(first, second, pair.gap, pair.whole, breath)
    if pair.looks:
        for obj, other in ((first, second), (second, first)):
            look_at(obj, _face(other))
        if pair.gap is None:
            _stand_clear(first, second, None, pair.whole, breath)  # large heads that turn come nearer to each other
    for _ in range(_ROUNDS):
        for meeting in pair.contacts:
            _meet(figures, meeting, scale)
    for meeting in pair.contacts:
        if meeting.clasp and meeting.hand_of is not None:
            first_end, second_end = ((figures[name], _SUFFIX[side]) for name, side in (meeting.hand, meeting.hand_of))
            clasp(first_end, second_end)


def refuse_child(pair: Pair, *figures: bpy.types.Object) -> None:
    """Raise UserError where a pair is not for the body of a child, and one of these has it."""
    if pair.adults_only and (child := next((obj for obj in figures if is_child(obj)), None)) is not None:
        raise UserError(f"“{pair.name}” is for two adults: choose another pair, or an adult's body instead of '{child.name}'.")


def _shape_hands(obj: bpy.types.Object, part: Part) -> None:
    for side, name in part.hands.items():
        shape = load_hand(name)
        change_hand(obj, _SUFFIX[side], lambda _present, shape=shape: shape)


def _place(first: bpy.types.Object, second: bpy.types.Object, move: Matrix, turn: float) -> None:
    """Stand the second figure's root where ``move`` and ``turn`` (radians) take the first one's, on the ground of the first."""
    own = second.matrix_world.inverted() @ root_frame(second)
    size = second.matrix_world.to_scale()
    goal = root_frame(first) @ move @ Matrix.Rotation(turn, 4, "Z") @ own.inverted()
    second.matrix_world = Matrix.LocRotScale(goal.to_translation(), goal.to_quaternion(), size)
    bpy.context.view_layer.update()


def _stand_clear(first: bpy.types.Object, second: bpy.types.Object, gap: float | None, arms: bool, breath: float) -> None:
    """Move the second figure away from the first until their bodies are ``breath`` metres apart; with ``gap``, then back until
    they are so many apart. Arms count or not."""
    tree = _tree(first, arms)
    towards = first.matrix_world.translation - second.matrix_world.translation
    towards.z = 0.0
    if towards.length < 1e-6:
        return
    towards.normalize()
    skin, _ = seen_skin(second)
    skin = skin if arms else skin[~_on_arms(second)]
    points = [Vector(point) for point in skin[:: max(1, len(skin) // _MOST_POINTS)]]
    moved = 0.0
    for _ in range(_MOST_STEPS):
        if not any(_meets(tree, point + towards * moved, breath) for point in points):
            break
        moved -= _STEP
    for _ in range(_MOST_STEPS if gap is not None else 0):
        nearest = min(tree.find_nearest(point + towards * moved)[3] for point in points)
        moved += nearest - gap
        if abs(nearest - gap) < _CLOSE:
            break
    second.matrix_world = Matrix.Translation(towards * moved) @ second.matrix_world
    bpy.context.view_layer.update()


def _meets(tree: BVHTree, point: Vector, breath: float) -> bool:
    """Whether a point is inside a body, or nearer to it than ``breath``."""
    place, normal, _, distance = tree.find_nearest(point)
    return distance < breath or (distance < _DEEPEST and (point - place).dot(normal) < 0.0)


def _face(obj: bpy.types.Object) -> Vector:
    head = obj.pose.bones[joint_map("mannequin")["head"]]
    points = landmarks(obj)
    middle = (points["eye_left"] + points["eye_right"]) / 2.0
    return obj.matrix_world @ head.matrix @ head.bone.matrix_local.inverted() @ middle


def _meet(figures: dict[str, bpy.types.Object], meeting: Meeting, scale: float) -> None:
    axes = np.array(root_frame(figures["first"]).to_3x3().normalized())
    palm, fingers, other = (_turned(axes, vector) for vector in (meeting.palm, meeting.fingers, meeting.other_fingers))
    if meeting.on is not None:
        assert meeting.side is not None, "the reader sees to it"
        place, normal = _on_skin(figures, meeting.on, axes @ np.array(meeting.side))
        _put(figures[meeting.hand[0]], meeting.hand[1], place, -normal, fingers)
        return
    assert meeting.hand_of is not None and meeting.at is not None, "the reader sees to it"
    ends = (meeting.hand, meeting.hand_of)
    shoulders = [np.array(_shoulder(figures[name], side)) for name, side in ends]
    ways = (fingers, fingers if other is None else other)
    wrists = [_wrist_behind(figures[name], side, way) for (name, side), way in zip(ends, ways, strict=True)]
    goal = sum(shoulders) / 2.0 + axes @ np.array(meeting.at) * scale
    for _ in range(8):  # where both arms reach, even those of a child and of a tall man
        for (name, side), shoulder, wrist in zip(ends, shoulders, wrists, strict=True):
            obj = figures[name]
            reach = _STRETCH * arm_reach(obj, _SUFFIX[side]) * obj.matrix_world.median_scale
            if (far := float(np.linalg.norm(goal + wrist - shoulder))) > reach:
                goal = shoulder + (goal + wrist - shoulder) * (reach / far) - wrist
    _put(figures[ends[0][0]], ends[0][1], goal, palm, fingers)
    _put(figures[ends[1][0]], ends[1][1], goal, None if palm is None else -palm, ways[1])


def _wrist_behind(obj: bpy.types.Object, side: str, fingers: np.ndarray | None) -> np.ndarray:
    """From the middle of a palm whose fingers point along a direction to the wrist (3,), in world metres."""
    if fingers is None:
        return np.zeros(3)
    bones, names = obj.data.bones, joint_map("mannequin")
    length = (bones[names[f"{side}MiddleProximal"]].head_local - bones[names[f"{side}Hand"]].head_local).length
    return -rot.unit(fingers) * _MIDDLE_OF_PALM * length * obj.matrix_world.median_scale


def _turned(axes: np.ndarray, vector: tuple[float, float, float] | None) -> np.ndarray | None:
    return None if vector is None else axes @ np.array(vector)


def _shoulder(obj: bpy.types.Object, side: str) -> Vector:
    return obj.matrix_world @ obj.pose.bones[arm_of(_SUFFIX[side]).upper].head


def _put(obj: bpy.types.Object, side: str, place: np.ndarray, palm: np.ndarray | None, fingers: np.ndarray | None) -> None:
    """Bring the middle of a palm to a place, its palm and its fingers along directions (all in the world)."""
    hand = hand_of(obj, humanoid_rest_of(obj), joint_map("mannequin"), side)
    to_armature = obj.matrix_world.inverted()
    bone = obj.pose.bones[arm_of(_SUFFIX[side]).end]
    turn = np.array((bone.matrix @ bone.bone.matrix_local.inverted()).to_3x3().normalized())
    if palm is not None:
        into = np.array(to_armature.to_3x3().normalized())
        looks = rot.unit(into @ palm)
        along = turn @ hand.fingers if fingers is None else into @ fingers
        along = rot.unit(rot.perpendicular(along, looks))
        across = np.cross(along, looks) if side == "right" else np.cross(looks, along)
        turn = np.column_stack((across, along, looks)) @ np.column_stack((hand.thumb, hand.fingers, hand.palm)).T
    middle = _middle_of_palm(hand)
    goal = np.eye(4)
    goal[:3, :3] = turn
    goal[:3, 3] = np.array(to_armature @ Vector(place)) - turn @ middle
    bring_hand(obj, _SUFFIX[side], goal)


def _middle_of_palm(hand: Hand) -> np.ndarray:
    """A point of the palm's skin, at rest."""
    middle = hand.wrist + hand.fingers * _MIDDLE_OF_PALM * hand.length
    points = hand.skin.get(f"{hand.side}Hand", np.empty((0, 3))) - middle
    near = np.linalg.norm(points - np.outer(points @ hand.palm, hand.palm), axis=1) < 0.35 * hand.length
    return middle + hand.palm * float((points[near] @ hand.palm).max(initial=0.0))


def _on_skin(figures: dict[str, bpy.types.Object], end: tuple[str, str], side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the skin at a joint is met from a direction, and the skin's normal there, in the world."""
    obj = figures[end[0]]
    joint = np.array(obj.matrix_world @ obj.pose.bones[joint_map("mannequin")[end[1]]].head)
    tree, away = _tree(obj, arms=True), rot.unit(side)
    hit, normal, _, _ = tree.ray_cast(Vector(joint), Vector(away), 0.6 * humanoid_rest_of(obj).hip_height)
    if hit is None:
        return joint, away
    return np.array(hit), np.array(normal)


def _tree(obj: bpy.types.Object, arms: bool) -> BVHTree:
    """A figure's skin as it is seen, with its arms or without, in world metres."""
    points, faces = seen_skin(obj)
    if not len(faces):
        raise UserError(
            f"'{obj.name}' has no faces that another figure could touch: give its mesh some, or choose a single pose."
        )
    if not arms:
        faces = faces[~_on_arms(obj)[faces].any(axis=1)]
    return BVHTree.FromPolygons(points.tolist(), faces.tolist())


def _on_arms(obj: bpy.types.Object) -> np.ndarray:
    """Which points (n,) of ``seen_skin`` an arm carries for the most part."""
    found = [np.empty(0, dtype=bool)]
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for skin in skins_of(obj):
        with seen_mesh(skin, depsgraph) as (mesh, _):
            bones = carrying_bones(obj, skin, mesh)
        found.append(np.array([bone.startswith(_ARMS) for bone in bones], dtype=bool))
    return np.concatenate(found)
