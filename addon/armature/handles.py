# SPDX-License-Identifier: GPL-3.0-or-later
"""The dots that hold nothing themselves: chest, head, gaze, and the roll of the feet.

Each is a child of a deform bone, and between the user's actions it lies exactly where it rests there, whatever the pose: what
holds the pose are the joints' own rotations. While a dot is away from its place it is a wish, which ``follow`` grants by turning
joints. So keys on joints alone hold an animation, and clearing a dot that was let go changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..pose.humanoid import SIDES
from ..pose.rest import HumanoidRest

CHEST, HEAD, GAZE = "chest_ik", "head_ik", "gaze"
LOOK_DISTANCE = 0.5
"""Metres from the head to the dot that says where the figure looks."""

_EYE_LEVEL = 0.38
"""Of the way from the head's joint to the crown."""
_ABOVE_FACE = 0.85
"""Of the same way: on the forehead, where the head's dot covers neither eyes nor mouth."""
_BEHIND_HEEL = 0.5
"""Of the way from the ankle to the tip of the toes: so far behind the ankle lies the dot of the foot roll, clear of the heel."""
_FORWARD, _BACK = np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Handle:
    """One such dot by bone names. ``is_moved``: dragged; otherwise it is turned about its x axis."""

    name: str
    carrier: str
    is_moved: bool = True


HANDLES: tuple[Handle, ...] = (
    Handle(CHEST, "upper_chest"),
    Handle(HEAD, "head"),
    Handle(GAZE, "head"),
    Handle("foot_roll.L", "foot.L", is_moved=False),
    Handle("foot_roll.R", "foot.R", is_moved=False),
)
HANDLE_NAMES: tuple[str, ...] = tuple(handle.name for handle in HANDLES)
ROLLS: tuple[str, ...] = tuple(handle.name for handle in HANDLES if not handle.is_moved)
MOVED_HANDLES: tuple[str, ...] = tuple(handle.name for handle in HANDLES if handle.is_moved)


def handle_places(rest: HumanoidRest) -> Iterator[tuple[Handle, NDArray[np.float64], NDArray[np.float64]]]:
    """Each dot with its axes (3, 3) and place (3,) at rest, in armature axes and metres."""
    head, crown = rest.heads["head"], rest.tails["head"]
    places = {
        CHEST: rest.heads["upperChest"],
        HEAD: head + (crown - head) * _ABOVE_FACE,
        GAZE: head + (crown - head) * _EYE_LEVEL + _FORWARD * LOOK_DISTANCE,
    }
    frames = {CHEST: rest.bone_frame("upperChest"), HEAD: rest.bone_frame("head"), GAZE: rest.bone_frame("head")}
    for side, roll in zip(SIDES, ROLLS, strict=True):
        ankle, ball, tip = rest.heads[f"{side}Foot"], rest.heads[f"{side}Toes"], rest.tails[f"{side}Toes"]
        behind = ankle + _BACK * _BEHIND_HEEL * float(np.linalg.norm((tip - ankle)[:2]))
        places[roll], frames[roll] = np.array([behind[0], behind[1], ball[2]]), np.eye(3)
    for handle in HANDLES:
        yield handle, frames[handle.name], places[handle.name]
