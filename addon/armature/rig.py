# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds our mannequin's armature from the joints of its body: deform bones, dots, and the mechanism between them (see limbs)."""

from __future__ import annotations

import math
from functools import cache

import bpy
from mathutils import Matrix, Vector

from ..pose import rotations as rot
from ..pose.humanoid import FINGER_JOINTS, PARENT
from ..pose.rest import HumanoidRest
from .handles import CHEST, GAZE, HANDLE_NAMES, HANDLES, ROLLS, handle_places
from .joint_map import JointMap, joint_map
from .limbs import CONTROLS, COPY, LIMBS, ROOT, SOLVER, Limb
from .limits import reference_frames, reference_of
from .solving import SOLVER_BEND, lead_solver
from .widgets import ACTIVE, SELECTED, colour_of, widget

_POLE_DISTANCE = 0.06
"""Metres from the elbow's dot outward to the pole. Small, so that the elbow follows its dot closely; not zero, because in a
straight limb the dot lies on the line from shoulder to wrist, where it shows no plane."""
_POLE_ANGLE = -math.pi / 2
"""The pole lies on the −z side of the solving bones; Blender measures its angle from their x axis."""

_RADII = {"hips": 0.030, CHEST: 0.030, GAZE: 0.016, **dict.fromkeys(ROLLS, 0.016)}
"""Metres; of the other dots 0.024."""
_REFERENCE_LENGTH = 0.02
_NO_SIZE = 1e-12
"""Volume of a scale below which nothing can be brought back from the world into a figure's axes."""

COLLECTIONS = ("Controls", "Joints", "Fingers", "Mechanism")
_HIDDEN_COLLECTIONS = ("Fingers", "Mechanism")


@cache
def required_bones() -> tuple[str, ...]:
    """The bones without which a figure cannot be posed: the user may delete any of them in edit mode."""
    deform = tuple(joint_map("mannequin").values())
    references = (reference_of(bone) for bone in deform if bone != "hips")
    return (
        ROOT,
        *deform,
        *HANDLE_NAMES,
        *(name for limb in LIMBS for name in (limb.target, limb.hinge, *limb.mechanism)),
        *references,
    )


def fault_of(obj: bpy.types.Object) -> str:
    """A sentence that says why a figure cannot be posed though it is there: what its rig needs was removed or changed by hand.
    Empty for a whole one."""
    bones = obj.pose.bones
    if missing := next((name for name in required_bones() if name not in bones), ""):
        return f"The mannequin '{obj.name}' has lost its bone '{missing}': undo its removal, or add a new mannequin."
    for bone, constraint in _required_constraints():
        if constraint not in bones[bone].constraints:
            return f"'{bone}' of '{obj.name}' has lost its constraint '{constraint}': undo its removal, or add a new mannequin."
    for bone in required_bones():
        if bones[bone].rotation_mode != _rotation_mode(bone):
            needed = "XYZ Euler" if bone in ROLLS else "Quaternion (WXYZ)"
            return f"'{bone}' of '{obj.name}' is turned in another way than its rig needs: set its rotation mode to {needed}."
    if abs(obj.matrix_world.determinant()) < _NO_SIZE:
        return f"'{obj.name}' is scaled to nothing: give it a size first (Alt-S)."
    return ""


def _rotation_mode(bone: str) -> str:
    """The dots of the foot roll have angles, so that they can go round more than once."""
    return "XYZ" if bone in ROLLS else "QUATERNION"


@cache
def _required_constraints() -> tuple[tuple[str, str], ...]:
    """Bone and name of the constraints without which IK and FK do not go together."""
    copied = ((bone, COPY) for limb in LIMBS for bone in limb.turned_by_hand)
    return (*copied, *((limb.solve(limb.lower), SOLVER) for limb in LIMBS))


def build_bones(armature: bpy.types.Armature, rest: HumanoidRest, bones: JointMap) -> None:
    """Make all bones and bone collections, or bring those that are there to this rest. The armature must be in edit mode.

    The one place that says where bones rest: a slider that changes a body runs it again, so whatever is added here moves along.
    """
    for name in COLLECTIONS:
        if name not in armature.collections:
            armature.collections.new(name).is_visible = name not in _HIDDEN_COLLECTIONS
    _add(armature, ROOT, None, Matrix.Identity(3), Vector(), 0.25, "Controls")
    for joint, bone in bones.items():
        above = rest.parent(joint) if PARENT[joint] else None
        head, tail = Vector(rest.heads[joint]), Vector(rest.tails[joint])
        collection = "Controls" if bone in CONTROLS else "Fingers" if joint in FINGER_JOINTS else "Joints"
        frame = Matrix(rest.bone_frame(joint))
        _add(armature, bone, bones[above] if above else ROOT, frame, head, (tail - head).length, collection)
        armature.edit_bones[bone].use_deform = True
    for handle, axes, place in handle_places(rest):
        _add(armature, handle.name, handle.carrier, Matrix(axes), Vector(place), 0.05, "Controls")
    for limb in LIMBS:
        _add_limb(armature, limb)
    for bone, frame in reference_frames(rest, bones).items():
        deform = armature.edit_bones[bone]
        above, head = deform.parent.name, deform.head.copy()
        _add(armature, reference_of(bone), above, frame, head, _REFERENCE_LENGTH, "Mechanism")


def configure_pose(obj: bpy.types.Object, bones: JointMap) -> None:
    """Rotation modes, locks, shapes, colours and constraints of an armature object whose bones ``build_bones`` made."""
    fingers = {bones[joint] for joint in FINGER_JOINTS if joint in bones}
    for pose_bone in obj.pose.bones:
        pose_bone.rotation_mode = _rotation_mode(pose_bone.name)
        pose_bone.lock_scale = (True, True, True)
        if pose_bone.name not in CONTROLS:
            # Bones keep their length and their place at the joint above: grabbing a joint turns it.
            pose_bone.lock_location = (True, True, True)
        if obj.data.collections["Mechanism"].bones.get(pose_bone.name) is None:
            _shape(pose_bone, is_finger=pose_bone.name in fingers)
    fit_to_rest(obj)
    for limb in LIMBS:
        _constrain(obj, limb)
        # A dot is drawn on its joint even while the mouse pulls it out of reach.
        obj.pose.bones[limb.target].custom_shape_transform = obj.pose.bones[limb.end]
        obj.pose.bones[limb.hinge].custom_shape_transform = obj.pose.bones[limb.lower]
    for handle in HANDLES:
        obj.pose.bones[handle.name].custom_shape_transform = obj.pose.bones[handle.carrier]
    for name in ROLLS:
        obj.pose.bones[name].lock_rotation = (False, True, True)


def fit_to_rest(obj: bpy.types.Object) -> None:
    """What pose bones take from the rest, besides the bones' own places: run again when a slider has changed the body."""
    for limb in LIMBS:
        lead_solver(obj, limb)
    for pose_bone in obj.pose.bones:
        if pose_bone.name in HANDLE_NAMES:
            carrier = pose_bone.parent.bone.matrix_local
            pose_bone.custom_shape_translation = carrier.inverted() @ pose_bone.bone.head_local
        elif pose_bone.custom_shape is not None and pose_bone.name not in CONTROLS:
            # Half way along the bone, where it cannot be mistaken for the dot at the joint; the head's own dot is in its middle.
            along = pose_bone.bone.length * (0.1 if pose_bone.name == "head" else 0.5)
            pose_bone.custom_shape_translation = (0.0, along, 0.0)


def _add(
    armature: bpy.types.Armature,
    name: str,
    parent: str | None,
    frame: Matrix,
    head: Vector,
    length: float,
    collection: str,
) -> None:
    bone = armature.edit_bones.get(name) or armature.edit_bones.new(name)
    bone.head = head
    bone.tail = head + frame.col[1] * length
    bone.align_roll(frame.col[2])
    bone.use_deform = False
    if parent is not None:
        bone.parent = armature.edit_bones[parent]
    armature.collections[collection].assign(bone)


def _add_limb(armature: bpy.types.Armature, limb: Limb) -> None:
    upper, lower, end = (armature.edit_bones[name] for name in (limb.upper, limb.lower, limb.end))
    # Plain copies: adding a bone may move the others in memory.
    shoulder, elbow, wrist = upper.head.copy(), lower.head.copy(), end.head.copy()
    upper_frame, end_frame = upper.matrix.to_3x3(), end.matrix.to_3x3()
    upper_length, lower_length = (elbow - shoulder).length, (wrist - elbow).length

    _add(armature, limb.target, limb.target_parent, end_frame, wrist, end.length, "Controls")
    along = (wrist - shoulder).normalized()
    flexion = upper_frame.col[0]
    swing_frame = _frame(along, flexion)
    _add(armature, limb.swing, limb.parent, swing_frame, shoulder, (wrist - shoulder).length, "Mechanism")
    outward = -swing_frame.col[2]
    _add(armature, limb.hinge, limb.swing, _frame(outward, flexion), elbow, _POLE_DISTANCE, "Controls")
    _add(armature, limb.pole, limb.hinge, _frame(outward, flexion), elbow + outward * _POLE_DISTANCE, 0.05, "Mechanism")

    bent = Matrix.Rotation(SOLVER_BEND, 3, flexion) @ upper_frame
    solved_elbow = shoulder + upper_frame.col[1] * upper_length
    _add(armature, limb.solve(limb.upper), limb.parent, upper_frame, shoulder, upper_length, "Mechanism")
    _add(armature, limb.solve(limb.lower), limb.solve(limb.upper), bent, solved_elbow, lower_length, "Mechanism")
    _add(armature, limb.out(limb.upper), limb.solve(limb.upper), upper_frame, shoulder, upper_length, "Mechanism")
    _add(armature, limb.out(limb.lower), limb.solve(limb.lower), bent, solved_elbow, lower_length, "Mechanism")


def _frame(along: Vector, flexion: Vector) -> Matrix:
    """Axes with y along a direction and x as near as can be to the flexion axis."""
    x = Vector(rot.unit(rot.perpendicular(flexion, along)))
    return Matrix((x, along, x.cross(along))).transposed()


def _constrain(obj: bpy.types.Object, limb: Limb) -> None:
    bones = obj.pose.bones
    track = bones[limb.swing].constraints.new("DAMPED_TRACK")
    track.target, track.subtarget, track.track_axis = obj, limb.target, "TRACK_Y"

    solver = bones[limb.solve(limb.lower)].constraints.new("IK")
    solver.name = SOLVER
    solver.target, solver.subtarget = obj, limb.target
    solver.pole_target, solver.pole_subtarget = obj, limb.pole
    solver.pole_angle = _POLE_ANGLE
    solver.chain_count = 2
    solver.use_stretch = False

    for bone in (limb.upper, limb.lower):
        _copy_rotation(obj, bone, limb.out(bone))
    if limb.end_keeps_orientation:
        _copy_rotation(obj, limb.end, limb.target)


def _copy_rotation(obj: bpy.types.Object, bone: str, source: str) -> None:
    copy = obj.pose.bones[bone].constraints.new("COPY_ROTATION")
    copy.name = COPY
    copy.target, copy.subtarget = obj, source
    copy.influence = 0.0


def _shape(bone: bpy.types.PoseBone, is_finger: bool) -> None:
    bone.use_custom_shape_bone_size = False
    name = bone.name
    if name == ROOT:
        bone.custom_shape, radius = widget("root"), 0.35
    elif name in CONTROLS or name in HANDLE_NAMES:
        bone.custom_shape, radius = widget("dot"), _RADII.get(name, 0.024)
    else:
        bone.custom_shape, radius = widget("dot"), 0.005 if is_finger else 0.013
    bone.custom_shape_scale_xyz = (radius, radius, radius)
    colour = colour_of(name)
    bone.color.palette = "CUSTOM"
    bone.color.custom.normal = colour
    bone.color.custom.select = SELECTED
    bone.color.custom.active = ACTIVE
