# SPDX-License-Identifier: GPL-3.0-or-later
"""Props into hands: the prop comes to the palm, the fingers close on it, and it goes with the hand from then on."""

from __future__ import annotations

import math

import bpy
import numpy as np
from mathutils import Matrix

from ...errors import UserError
from ...pose.hands import HandShape, load_hand
from ..hands import change_hand
from ..held import BOTH, LEFT, RIGHT, hold_of, props_of, set_hold
from ..joint_map import joint_map
from ..mannequin import require_posable
from ..posing import humanoid_rest_of
from .hand_model import MEETS, Hand, Solid, close_on, hand_of, touch
from .objects import add_prop_object, collection_for, prop_of, remove_props, scale_of, shape_prop, sized
from .prop_file import Grip, Prop, load_prop
from .shapes import Floats, Shape

SIDES = {LEFT: "left", RIGHT: "right"}

_ADULT_HAND = (0.087, 0.056, 0.077)
"""Metres from the wrist to the knuckles of a grown-up's hand, across them, and from there along the middle finger to its last
joint: half way between our woman's and our man's."""
_LIKE_ADULT = (0.8, 1.3)
"""Hands of so many times that size are a grown-up's: they hold things of real size."""


def hand_scale(hand: Hand) -> float:
    """How many times its real size a thing has in this hand: 1 for a grown-up; smaller figures have things of their own size,
    by the length and the breadth of their hands and the length of their fingers."""
    heads = hand.rest.heads
    finger = float(np.linalg.norm(heads[f"{hand.side}MiddleDistal"] - heads[f"{hand.side}MiddleProximal"]))
    ratio = math.prod(np.array((hand.length, hand.breadth, finger)) / _ADULT_HAND) ** (1 / 3)
    low, high = _LIKE_ADULT
    return 1.0 if low <= ratio <= high else ratio


def hold(obj: bpy.types.Object, name: str, side: str) -> bpy.types.Object:
    """Put a prop into the hand ``LEFT`` or ``RIGHT`` of a mannequin, instead of what it holds. Returns the prop's object.

    Raises UserError where the object is no mannequin or hidden, PropError for a prop that is unknown or has no grip.
    """
    prop = load_prop(name)
    if prop.grip is None:
        raise UserError(f"A {prop.title.lower()} is not held in a hand: {_otherwise(prop)} instead.")
    if side not in SIDES:
        raise UserError(f"A hand is L or R, not '{side}'.")
    require_posable(obj)
    grip = prop.grip if side == RIGHT else prop.grip.mirrored()
    hand = hand_model(obj, side)
    require_skin(obj, hand)
    scale = hand_scale(hand)
    place, shape = fitted(hand, prop, grip, scale)
    empty_hands(obj, {SIDES[side]})
    held = add_prop_object(collection_for(obj), prop, scale)
    attach(obj, held, joint_map("mannequin")[f"{SIDES[side]}Hand"], place)
    set_hold(held, side)
    change_hand(obj, side, lambda _present: shape)
    return held


def _otherwise(prop: Prop) -> str:
    return "give it to both hands" if prop.both is not None else "put it under the figure"


def empty_hands(obj: bpy.types.Object, sides: set[str] | None = None) -> None:
    """Take away what a figure has in these hands ("left", "right"); what two hands hold goes with either."""
    wanted = {LEFT, RIGHT, BOTH} if sides is None else {hold for hold, side in SIDES.items() if side in sides} | {BOTH}
    remove_props([held for held in props_of(obj) if hold_of(held) in wanted])


def require_props(obj: bpy.types.Object) -> None:
    """Raise UserError unless all that a figure has in one hand can be taken hold of anew."""
    for held in props_of(obj):
        if hold_of(held) in SIDES:
            prop_of(held)


def refit(obj: bpy.types.Object) -> None:
    """Take hold anew of all that a figure holds: its hands have changed, or its fingers have been moved."""
    for held in props_of(obj):
        side = hold_of(held)
        if side in SIDES:
            _hold_again(obj, held, side)


def swap_hands(obj: bpy.types.Object) -> None:
    """What the left hand holds goes to the right one, and the other way."""
    in_hands = [(held, hold_of(held)) for held in props_of(obj) if hold_of(held) in SIDES]
    if not in_hands:
        raise UserError(f"'{obj.name}' holds nothing in one hand: add a prop first.")
    for held, side in in_hands:
        _hold_again(obj, held, LEFT if side == RIGHT else RIGHT)
    emptied = {side for _, side in in_hands} - {LEFT if side == RIGHT else RIGHT for _, side in in_hands}
    for side in emptied:
        relaxed = load_hand("relaxed")
        change_hand(obj, side, lambda _present: relaxed)  # noqa: B023  # used at once


def _hold_again(obj: bpy.types.Object, held: bpy.types.Object, side: str) -> None:
    prop = prop_of(held)
    assert prop.grip is not None, "only what has a grip was put into a hand"
    grip = prop.grip if side == RIGHT else prop.grip.mirrored()
    hand = hand_model(obj, side)
    scale = hand_scale(hand)
    place, shape = fitted(hand, prop, grip, scale)
    if abs(scale - scale_of(held)) > 1e-6:
        shape_prop(held, prop, scale)
    attach(obj, held, joint_map("mannequin")[f"{SIDES[side]}Hand"], place)
    set_hold(held, side)
    change_hand(obj, side, lambda _present: shape)


def hand_model(obj: bpy.types.Object, side: str) -> Hand:
    """The hand ``LEFT`` or ``RIGHT`` of a mannequin."""
    return hand_of(obj, humanoid_rest_of(obj), joint_map("mannequin"), SIDES[side])


def require_skin(obj: bpy.types.Object, hand: Hand) -> None:
    """Raise UserError where a hand has nothing that could touch what it is to hold."""
    if not any(map(len, hand.skin.values())):
        raise UserError(
            f"'{obj.name}' has no skin at its {hand.side} hand that could hold something: give it a mesh there first."
        )


def fitted(hand: Hand, prop: Prop, grip: Grip, scale: float) -> tuple[Floats, HandShape]:
    """Where a prop lies in a hand at rest, (4, 4), and what the fingers do."""
    whole = prop.shape()
    held = Shape(sized(prop, whole.vertices, scale), whole.faces)
    solid = Solid(held, np.array(grip.at) * scale, MEETS * hand.length)
    shape = load_hand(grip.hand).for_side(hand.side)
    turn = hand.rotation(np.array(grip.thumb), np.array(grip.palm), math.radians(grip.tilt))
    knuckles = hand.wrist + (hand.fingers * grip.place + hand.thumb * grip.shift) * hand.length
    origin = touch(hand, shape, solid, turn, knuckles - turn @ np.array(grip.at) * scale)
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = turn, origin
    return place, close_on(hand, shape, solid, turn, origin)


def attach(obj: bpy.types.Object, held: bpy.types.Object, name: str, place: Floats) -> None:
    """Parent a prop to a bone so that it lies at ``place`` (4, 4), in armature axes, when the bone rests."""
    bone = obj.data.bones[name]
    held.parent, held.parent_type, held.parent_bone = obj, "BONE", name
    held.matrix_parent_inverse = Matrix.Identity(4)
    end = bone.matrix_local @ Matrix.Translation((0.0, bone.length, 0.0))  # what is parented to a bone hangs at its tail
    held.matrix_basis = end.inverted() @ Matrix(place)
