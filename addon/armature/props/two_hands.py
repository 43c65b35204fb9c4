# SPDX-License-Identifier: GPL-3.0-or-later
"""Props that two hands hold: the prop is put before the body, and both hands are brought to it by IK."""

from __future__ import annotations

import math

import bpy
import numpy as np

from ...errors import UserError
from ...pose import rotations as rot
from ...pose.hands import HandShape
from ..hand_goals import arm_of, arm_reach, bring_hand
from ..hands import change_hand
from ..held import BOTH, LEFT, RIGHT, set_hold
from ..joint_map import joint_map
from ..mannequin import require_posable, surface_points
from .hand_model import Hand
from .holding import SIDES, attach, empty_hands, fitted, hand_model, hand_scale, require_skin
from .objects import add_prop_object, collection_for
from .prop_file import Prop, TwoHands, load_prop
from .shapes import Floats

_TORSO = ("hips", "spine", "chest", "upper_chest")
_ADULT_ARM = 0.52
"""Metres from the shoulder to the wrist: half way between our woman's and our man's."""
_LIKE_ADULT = 0.85
_NEAR = 0.12
"""Metres round a place on the body in which its skin counts as being there."""


def hold_with_both(obj: bpy.types.Object, name: str) -> bpy.types.Object:
    """Have a mannequin hold a prop with both hands, instead of what they hold. Returns the prop's object.

    Raises UserError where the object is no mannequin or hidden, or its arms do not reach; PropError for a prop that is unknown
    or not held so. Nothing is changed then.
    """
    prop = load_prop(name)
    if prop.both is None:
        raise UserError(f"A {prop.title.lower()} is held in one hand: choose the left or the right one.")
    require_posable(obj)
    bpy.context.view_layer.update()
    hands = {side: hand_model(obj, side) for side in (RIGHT, LEFT)}
    for hand in hands.values():
        require_skin(obj, hand)
    scale = min(hand_scale(hands[RIGHT]), _arm_scale(obj))
    carried = _before_body(obj, prop.both, scale)
    goals: dict[str, tuple[Floats, Floats, HandShape]] = {}
    for side, grip in ((RIGHT, prop.both.right), (LEFT, prop.both.left)):
        place, shape = fitted(hands[side], prop, grip, scale)
        goals[side] = (carried @ np.linalg.inv(place), place, shape)
        _require_reach(obj, side, hands[side], goals[side][0], prop)
    empty_hands(obj)
    for side, (goal, _, shape) in goals.items():
        elbow = (prop.both.right if side == RIGHT else prop.both.left).elbow
        bring_hand(obj, side, goal, None if elbow is None else (carried @ np.append(np.array(elbow) * scale, 1.0))[:3])
        change_hand(obj, side, lambda _present, shape=shape: shape)
    held = add_prop_object(collection_for(obj), prop, scale)
    if prop.both.worn:
        bone = obj.pose.bones[prop.both.bone]
        attach(obj, held, bone.name, np.array(bone.bone.matrix_local @ bone.matrix.inverted()) @ carried)
    else:
        attach(obj, held, joint_map("mannequin")[f"{SIDES[RIGHT]}Hand"], goals[RIGHT][1])
    set_hold(held, BOTH)
    return held


def _before_body(obj: bpy.types.Object, both: TwoHands, scale: float) -> Floats:
    """Where the prop goes: (4, 4) from its axes to the armature's, as the figure is posed."""
    bone = obj.pose.bones[both.bone]
    x, y, z = (c * scale for c in both.place)
    height = bone.bone.head_local.z + z
    points = np.concatenate([points for name, points in surface_points(obj).items() if name in _TORSO])
    near = np.abs(points[:, 2] - height) < _NEAR * max(scale, 0.5)
    front = float((points[near] if near.any() else points)[:, 1].min())
    a, b, c = (math.radians(angle) for angle in both.turn)
    place = np.eye(4)
    place[:3, :3] = rot.about_axis((0, 0, 1), c) @ rot.about_axis((0, 1, 0), b) @ rot.about_axis((1, 0, 0), a)
    place[:3, 3] = (x, front + y, height)
    return np.array(bone.matrix @ bone.bone.matrix_local.inverted()) @ place


def _arm_scale(obj: bpy.types.Object) -> float:
    """How many times its real size a thing may have at most, so that these arms reach round it: 1 for a grown-up."""
    ratio = arm_reach(obj, RIGHT) / _ADULT_ARM
    return 1.0 if ratio >= _LIKE_ADULT else ratio


def _require_reach(obj: bpy.types.Object, side: str, hand: Hand, goal: Floats, prop: Prop) -> None:
    wrist = (goal @ np.append(hand.wrist, 1.0))[:3]
    shoulder = np.array(obj.pose.bones[arm_of(side).upper].head)
    if float(np.linalg.norm(wrist - shoulder)) > arm_reach(obj, side):
        raise UserError(f"The arms of '{obj.name}' do not reach round a {prop.title.lower()} in this pose: choose another pose.")
