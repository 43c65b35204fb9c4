# SPDX-License-Identifier: GPL-3.0-or-later
"""Leads elbows and knees to a side where their limb is within its limits, while a hand, a foot or the body is moved.

Without it a hand would stop on its way only because its elbow keeps to one side. The side is found from where the elbow's dot
was when the limb was last settled, so that a hand which comes back finds its elbow where it was; an elbow's dot that is moved
itself goes as near to the mouse as the limits let it."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..pose.reach import Reach, side_within
from .limbs import LIMBS, Limb
from .limits import ranges_on, reference_of
from .matching import is_ik, place_hinge
from .settled import Hinge, differs, hinge_of, is_changed, settled_hinge

_LED = "pose_to_anime_led"
"""Where elbows were led to since the rig was settled: in the object, for the same reason as what was settled."""


def lead_hinges(obj: bpy.types.Object) -> bool:
    """Move the elbows' and knees' dots so that limbs in IK are within their limits; the evaluated pose must be up to date. True
    when something was written."""
    if not is_changed(obj):
        if _LED in obj:
            del obj[_LED]
        return False
    wrote = False
    for limb in LIMBS:
        if is_ik(obj, limb):
            wrote |= _lead(obj, limb)
    return wrote


def _lead(obj: bpy.types.Object, limb: Limb) -> bool:
    limits = [ranges_on(obj.pose.bones[name]) for name in (limb.upper, limb.lower)]
    if limits[0] is None or limits[1] is None:
        return False
    bones = obj.pose.bones
    current, settled = hinge_of(obj, limb), settled_hinge(obj, limb)
    led = obj.get(_LED, {}).get(limb.hinge)
    ours = settled is not None and led is not None and not differs(list(led), current.numbers())
    start = settled if ours and settled is not None else current
    reach = Reach(
        root=np.array(bones[limb.upper].matrix.translation),
        goal=np.array(bones[limb.target].matrix.translation),
        upper_length=bones[limb.upper].length,
        lower_length=bones[limb.lower].length,
        reference=np.array(bones[reference_of(limb.upper)].matrix.to_3x3().normalized()),
        upper=limits[0],
        lower=limits[1],
    )
    swing = bones[limb.swing].matrix
    outward = side_within(reach, np.array(_pole(obj, limb, start, swing)) - reach.root)
    if outward is None:
        if start is current:
            return False
        bones[limb.hinge].location, bones[limb.hinge].rotation_quaternion = start.place, start.rotation
        return True
    elbow = Vector(reach.root + reach.uppers(outward)[:, 1] * reach.upper_length)
    place_hinge(obj, limb, elbow, Vector(np.cross(outward, reach.axis)), Vector(outward), swing)
    moved = hinge_of(obj, limb).numbers()
    obj[_LED] = {**dict(obj.get(_LED, {})), limb.hinge: moved}
    return differs(moved, current.numbers())


def _pole(obj: bpy.types.Object, limb: Limb, hinge: Hinge, swing: Matrix) -> Vector:
    """Where the pole is while the elbow's dot is there (armature space)."""
    rest = obj.data.bones
    carried = swing @ rest[limb.swing].matrix_local.inverted() @ rest[limb.hinge].matrix_local
    own = Matrix.LocRotScale(hinge.place, hinge.rotation, None)
    return carried @ own @ rest[limb.hinge].matrix_local.inverted() @ rest[limb.pole].head_local
