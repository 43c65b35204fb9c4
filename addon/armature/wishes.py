# SPDX-License-Identifier: GPL-3.0-or-later
"""Grants what the dots of ``handles`` ask for, and bends the spine under hips that are moved.

While a dot of ``handles`` is away from its place, or the hips from where they were, the trunk is bent anew each time from the
rotations it was last settled in, never from its bent state: the same drag gives the same pose by whichever way the mouse went,
and a drag that is given up leaves nothing. What was granted is kept beside the settled state, in the file, so that it is
known from what a person turned: joints that a person turned win over every wish.
"""

from __future__ import annotations

from collections.abc import Mapping

import bpy
from mathutils import Quaternion, Vector

from ..compat import action_curves, is_pose_bone_selected
from .auto_keys import insert_auto_keys
from .gaze import look
from .handles import CHEST, GAZE, HANDLES, HEAD, LOOK_DISTANCE
from .hands_along import forget_hands, keep_hands_in_step
from .limits import within_limits
from .roll import Roller, legs, roll_dot, toe_of
from .settled import own_rotation, settled_body
from .spine import TRUNK, Trunk, partial

_ROLLED = "pose_to_anime_rolled"
GRANTED = "pose_to_anime_granted"
_CHANGED = 1e-5
"""Metres, and components of unit quaternions: a change below this is rounding."""

_CHEST_SHARES = {"spine": 0.4, "chest": 0.75, "upper_chest": 1.0}
_CHEST_MOST = 1.4
_HIPS_SHARES = {"spine": 1.0, "chest": 0.85, "upper_chest": 0.4, "neck": 0.2, "head": 0.0}
"""The trunk leans from the pelvis up and rights itself above, so that shoulders and face stay nearly level."""
_HIPS_MOST = 0.9
_LAG = 0.6
"""Of a motion of the hips across the trunk, what the shoulders do not join in."""
_HEAD_SHARES = {"chest": 0.1, "upper_chest": 0.3, "neck": 1.0}
_HEAD_MOST = 0.9
_HEAD_REST = 0.2
"""For what the first bend leaves, where turning the face back has taken the dot off its goal again."""
_HEAD_TURN_SHARES = {"neck": 0.4, "head": 1.0}


def key_if_automatic(obj: bpy.types.Object) -> None:
    """With Auto Keying, Blender keys what the mouse moved; what was turned for it holds the pose and needs keys too."""
    bones = obj.pose.bones
    if GRANTED in obj:
        insert_auto_keys(bpy.context, [bones[name] for name in TRUNK])
    if _ROLLED in obj:
        rolled = [limb for limb in legs() if limb.suffix in obj[_ROLLED]]
        insert_auto_keys(bpy.context, [bones[name] for limb in rolled for name in (limb.target, toe_of(limb))])
        insert_auto_keys(bpy.context, [bones[limb.target] for limb in rolled], "location")


def forget_wishes(obj: bpy.types.Object) -> bool:
    """Bring all dots back to their places, with nothing done for them. True when something was written."""
    forget_hands(obj)
    for name in (GRANTED, _ROLLED):
        if name in obj:
            del obj[name]
    away = [bone for bone in (obj.pose.bones[handle.name] for handle in HANDLES) if _is_away(bone)]
    if not away:
        return False
    for bone in away:
        bone.location = (0.0, 0.0, 0.0)
        bone.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
        bone.rotation_euler = (0.0, 0.0, 0.0)
    # Keys on a dot (Auto Keying makes them) would wish the same again at every frame. What holds the pose are keys on joints.
    paths = tuple(f'pose.bones["{bone.name}"].' for bone in away)
    for curves in action_curves(obj):
        for curve in [curve for curve in curves if curve.data_path.startswith(paths)]:
            curves.remove(curve)
    return True


def grant(obj: bpy.types.Object) -> bool:
    """Bend the trunk as the dots and the hips that were moved ask for. True when something was written.

    The evaluated pose must be up to date, and is so afterwards.
    """
    settled = settled_body(obj)
    if settled is None:
        return False
    wrote = _roll_feet(obj)
    return _bend_trunk(obj, settled) or wrote


def _roll_feet(obj: bpy.types.Object) -> bool:
    """Roll the feet whose dots are turned, each time from where they were settled; a roll that was given up is taken back."""
    rolled = set(obj.get(_ROLLED, ()))
    away = {limb.suffix for limb in legs() if _is_away(obj.pose.bones[roll_dot(limb)])}
    for limb in legs():
        if limb.suffix not in away | rolled:
            continue
        roller = Roller(obj, limb)
        pose = roller.settled(obj)
        if pose is not None:
            roller.write(obj, roller.roll(pose, obj.pose.bones[roll_dot(limb)].rotation_euler.x))
    if away != rolled:
        if away:
            obj[_ROLLED] = sorted(away)
        else:
            del obj[_ROLLED]
    if away or rolled:
        bpy.context.view_layer.update()
    return bool(away or rolled)


def _bend_trunk(obj: bpy.types.Object, settled: Mapping[str, tuple[Vector, Quaternion]]) -> bool:
    bones = obj.pose.bones
    before = {name: settled[name][1] for name in TRUNK}
    present = {name: bones[name].rotation_quaternion for name in TRUNK}
    granted = _granted(obj)
    if any(_differs(present[name], before[name]) for name in TRUNK) and (
        granted is None or any(_differs(present[name], granted[name]) for name in TRUNK)
    ):
        return False
    moved = {handle.name for handle in HANDLES if _is_away(bones[handle.name])}
    shift = bones["hips"].location - settled["hips"][0]
    start, trunk = Trunk(obj, before), Trunk(obj, before)
    if shift.length > _CHANGED and not _moves_as_one(obj, moved):
        _let_lag(obj, trunk, shift)
    if CHEST in moved:
        _bring_chest(obj, trunk)
    # Dots that are dragged together go as far as the mouse, though the chest carries those above it too.
    if HEAD in moved:
        _bring_head(obj, trunk, start)
    if GAZE in moved:
        look(trunk, eyes_of(obj), _wish(obj, start, GAZE)[1])
    wrote = keep_hands_in_step(obj, start, trunk, is_chest_moved=CHEST in moved)
    return write_trunk(obj, trunk, force=wrote)


def write_trunk(obj: bpy.types.Object, trunk: Trunk, force: bool = False) -> bool:
    """Give a figure the rotations of a bent trunk, within their limits, and keep in mind that no person turned these joints.

    Evaluates the figure. True when something was written, or was before (``force``).
    """
    bones = obj.pose.bones
    wanted = {name: within_limits(bones[name], q) for name, q in trunk.rotations.items()}
    changed = {name: q for name, q in wanted.items() if _differs(q, bones[name].rotation_quaternion)}
    if not changed and not force:
        return False
    for name, rotation in changed.items():
        bones[name].rotation_quaternion = rotation
    obj[GRANTED] = [c for name in TRUNK for c in bones[name].rotation_quaternion]
    bpy.context.view_layer.update()
    return True


def gaze_goal(obj: bpy.types.Object) -> Vector:
    """The place that the dot of the gaze was dragged to, or lies at, in armature axes."""
    settled = settled_body(obj)
    rotations = {name: settled[name][1] if settled else obj.pose.bones[name].rotation_quaternion for name in TRUNK}
    return _wish(obj, Trunk(obj, rotations), GAZE)[1]


def eyes_of(obj: bpy.types.Object) -> Vector:
    """The place between a figure's eyes from which its gaze goes out to the dot, at rest, in armature axes."""
    return obj.data.bones[GAZE].head_local + Vector((0.0, LOOK_DISTANCE, 0.0))


def _let_lag(obj: bpy.types.Object, trunk: Trunk, shift: Vector) -> None:
    """The hips were moved: the shoulders join in along the trunk, and lag behind across it."""
    hips = obj.pose.bones["hips"]
    carried = hips.parent.matrix @ hips.parent.bone.matrix_local.inverted() @ hips.bone.matrix_local
    motion = carried.to_3x3() @ shift
    top = trunk.matrices["neck"].translation
    along = (top - trunk.matrices["spine"].translation).normalized()
    across = motion - along * motion.dot(along)
    trunk.bend(_HIPS_SHARES, "upper_chest", obj.data.bones["neck"].head_local, top - across * _LAG, _HIPS_MOST)


def _bring_chest(obj: bpy.types.Object, trunk: Trunk) -> None:
    rest, goal, turn = _wish(obj, trunk, CHEST)
    trunk.bend(_CHEST_SHARES, "upper_chest", rest, goal, _CHEST_MOST)
    trunk.turn({name: partial(turn, share) for name, share in _CHEST_SHARES.items()})


def _bring_head(obj: bpy.types.Object, trunk: Trunk, start: Trunk) -> None:
    """The neck takes the head to its dot, helped a little by the chest; the face keeps its direction."""
    rest, goal, turn = _wish(obj, start, HEAD)
    facing = trunk.matrices["head"].to_quaternion()
    joint = obj.data.bones["head"].head_local
    for most in (_HEAD_MOST, _HEAD_REST):
        way = goal - trunk.point("head", rest)
        trunk.bend(_HEAD_SHARES, "neck", joint, trunk.point("neck", joint) + way, most)
        trunk.turn({"head": facing @ trunk.matrices["head"].to_quaternion().inverted()})
    trunk.turn({name: partial(turn, share) for name, share in _HEAD_TURN_SHARES.items()})


def _wish(obj: bpy.types.Object, trunk: Trunk, name: str) -> tuple[Vector, Vector, Quaternion]:
    """Where a dot rests, where it was dragged to, and by which rotation it was turned, from where its trunk is now."""
    dot, bone = obj.pose.bones[name], obj.data.bones[name]
    carrier = bone.parent.name
    frame = (trunk.matrices[carrier] @ bone.parent.matrix_local.inverted() @ bone.matrix_local).to_quaternion()
    goal = trunk.point(carrier, bone.head_local) + frame @ dot.location
    return bone.head_local, goal, frame @ own_rotation(dot) @ frame.inverted()


def _moves_as_one(obj: bpy.types.Object, moved: set[str]) -> bool:
    """Whether the hips are moved together with dots above them: then the figure goes as a whole."""
    above = [obj.pose.bones[name] for name in (CHEST, HEAD)]
    hips = obj.pose.bones["hips"]
    return bool(moved & {CHEST, HEAD}) or (is_pose_bone_selected(hips) and any(map(is_pose_bone_selected, above)))


def _granted(obj: bpy.types.Object) -> dict[str, Quaternion] | None:
    stored = obj.get(GRANTED)
    if stored is None or len(stored) != 4 * len(TRUNK):
        return None
    return {name: Quaternion(stored[4 * index : 4 * index + 4]) for index, name in enumerate(TRUNK)}


def _is_away(bone: bpy.types.PoseBone) -> bool:
    return bone.location.length > _CHANGED or _differs(own_rotation(bone), Quaternion())


def _differs(a: Quaternion, b: Quaternion) -> bool:
    """Two quaternions of opposite signs are the same rotation."""
    p, q = a.normalized(), b.normalized()
    return max(abs(c) for c in (p - q if p.dot(q) >= 0.0 else p + q)) > _CHANGED
