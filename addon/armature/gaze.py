# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a figure looks: the angles of neck and head for a place, as far as a neck goes."""

from __future__ import annotations

import math

from mathutils import Quaternion, Vector

from .spine import Trunk

NECK_TURN = math.radians(60.0)
NECK_NOD = math.radians(45.0)
"""How far a head turns to a side and nods: American Academy of Orthopaedic Surgeons, Joint Motion: Method of Measuring and
Recording (1965), cervical rotation 60°, flexion and extension 45° each."""

NECKS_SHARE = 0.4
"""Of a turn of the head, what the neck does; the head does the rest. About half of the rotation happens between the two upper
vertebrae, which are the head's joint here."""

_TURNS = 4
"""The eyes move with the head, so that the first turn misses by a little."""
_FORWARD = Vector((0.0, -1.0, 0.0))


def look(trunk: Trunk, eyes: Vector, place: Vector) -> bool:
    """Turn neck and head until the face looks at a place; a head that is tilted to a side stays tilted.

    ``eyes``: their middle at rest. Both are (3,) metres in armature axes. False where the place is farther round than a neck goes
    (the head then turns as far as it does), or lies between the eyes.
    """
    chest, freely = trunk.turned("upper_chest"), trunk.is_free("neck") and trunk.is_free("head")
    reached = True
    for _ in range(_TURNS):
        direction = chest.inverted() @ (place - trunk.point("head", eyes))
        if direction.length < 1e-6:
            return False
        wanted = sideways_and_down(direction)
        turn, nod = within_reach(*wanted, freely)
        reached = abs(turn - wanted[0]) < 1e-3 and abs(nod - wanted[1]) < 1e-3
        neck, head = (chest.inverted() @ trunk.turned(bone) for bone in ("neck", "head"))
        was_turn, was_nod = sideways_and_down(head @ _FORWARD)
        necks_turn, necks_nod = sideways_and_down(neck @ _FORWARD)
        more_turn, more_nod = (turn - was_turn) * NECKS_SHARE, (nod - was_nod) * NECKS_SHARE
        neck = _facing(necks_turn + more_turn, necks_nod + more_nod) @ _facing(necks_turn, necks_nod).inverted() @ neck
        head = _facing(turn, nod) @ _facing(was_turn, was_nod).inverted() @ head
        trunk.turn_to({"neck": chest @ neck, "head": chest @ head})
    return reached


def sideways_and_down(direction: Vector) -> tuple[float, float]:
    """The angles in radians by which a face must turn to its left and nod to look in a direction (x left, y back, z up)."""
    return math.atan2(direction.x, -direction.y), -math.atan2(direction.z, math.hypot(direction.x, direction.y))


def within_reach(turn: float, nod: float, freely: bool = False) -> tuple[float, float]:
    """The nearest angles that a neck can do; ``freely``: one without limits, which can do any."""
    if freely:
        return turn, nod
    return max(-NECK_TURN, min(NECK_TURN, turn)), max(-NECK_NOD, min(NECK_NOD, nod))


def _facing(turn: float, nod: float) -> Quaternion:
    """Up and down first, then to the side."""
    return Quaternion((0.0, 0.0, 1.0), turn) @ Quaternion((1.0, 0.0, 0.0), nod)
