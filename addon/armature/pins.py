# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins: hands, feet and gazes that stay with something while the body moves.

A pin keeps the place and rotation of its dot in the axes of what it is pinned to. Constraints hold it there wherever Blender
evaluates the figure (``pin_constraints``); after every change ``hold`` brings the dot's own transform there too, so that whatever
is done next starts from what is seen. Out of reach the limb is stretched toward the pin; on release its dot goes onto the joint,
as every dot does, but the pin stays and takes hold again. A dot that a person moves, or whose limb is turned by its joints, takes
its pin along.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import bpy
from mathutils import Matrix, Quaternion, Vector
from mathutils.geometry import intersect_point_line

from ..errors import UserError
from ..pose.humanoid import FINGER_JOINTS
from ..settings.pins import BODY, OBJECT, WORLD, P2A_PG_pin
from .gaze import look
from .handles import GAZE
from .joint_map import joint_map
from .limbs import LIMBS, Limb, limb_of
from .mannequin import is_mannequin, require_posable
from .matching import is_ik, set_ik
from .pin_constraints import follow_dot, hold_dot, put_on, take_off
from .settled import dot_state, settled_dot, settled_forearm
from .spine import TRUNK, Trunk
from .widgets import widget
from .wishes import eyes_of, gaze_goal, write_trunk
from .wrist import turn_hand

PINNABLE: tuple[str, ...] = (GAZE, *(limb.target for limb in LIMBS))
TARGET_IS_GONE = "What it was pinned to is gone: it stays where it was in the world."

_NOTES = "pose_to_anime_pin_"
"""What is noted of each pin beside its settings, as a plain property of the figure: Blender evaluates the whole figure anew for
each setting that is written."""
OWNER = "pose_to_anime_pins_of"
"""Name of the figure that the pins were given to, see ``pin_copies``."""
_WORLD = slice(0, 7)
"""Where the pin was last in the world, place and rotation: there it stays when it loses its target."""
_LEFT = slice(7, 18)
"""The dot and its hand or foot as they were last left (``dot_state``), to know them from what a person moved."""
_ANSWERED = slice(18, 35)
"""For which place of the pin, of the body and of the elbow the dot was last set: out of reach it is set once only."""

_REACHED = 5e-4
"""Metres: see ``matching``, where a dot that is farther from its joint was let go out of reach."""
_CLOSE = 1e-5
"""Metres, and components of unit quaternions."""


def pin_dot(
    obj: bpy.types.Object, control: str, kind: str = WORLD, target: bpy.types.Object | None = None, bone: str = ""
) -> None:
    """Pin a dot (``PINNABLE``) where it is now: to the world, to a bone of the own body, or to another object.

    Without ``bone`` the nearest one is taken, of the own body and of other figures. A dot that is pinned already is pinned anew.
    Raises UserError for what cannot be.
    """
    require_posable(obj)
    if obj.override_library is not None:  # Blender lets no one add to its settings
        raise UserError(f"'{obj.name}' is a library override, which takes no pins: make it local, or pin it where it comes from.")
    if control not in PINNABLE or control not in obj.pose.bones:
        raise UserError(f"'{control}' cannot be pinned. Dots that can be: {', '.join(PINNABLE)}.")
    if kind == OBJECT and target is None:
        raise UserError("Choose the object that the dot should be pinned to.")
    if kind == OBJECT and target == obj:
        kind = BODY
    carrier = obj if kind == BODY else target if kind == OBJECT else None
    if carrier is not None and carrier.type == "ARMATURE":
        if bone and bone not in carrier.pose.bones:
            raise UserError(f"'{carrier.name}' has no bone '{bone}'.")
        bone = bone or _nearest_bone(obj, control, carrier)
    else:
        bone = ""
    limb = limb_of(control)
    if limb is not None and carrier is not None and _hangs_on(carrier, bone, obj, limb):
        raise UserError(f"'{bone or carrier.name}' goes along with this dot itself: choose something else to pin it to.")
    release(obj, [control])
    obj.pop(OWNER, None)
    pin = obj.pose_to_anime.pins.add()
    pin.control, pin.kind, pin.bone = control, kind, bone
    pin.target = target if kind == OBJECT else None
    place, rotation = _seen(obj, control)
    if control == GAZE and pin.kind == OBJECT:
        # To look at a thing is to look at its middle, and at a figure, into its eyes.
        place = _axes(obj, pin) @ _middle(pin)
    _relate(obj, pin, place, rotation)
    obj.pose.bones[control].custom_shape = widget("pin")
    bpy.context.view_layer.update()


def release(obj: bpy.types.Object, controls: Iterable[str] | None = None) -> int:
    """Take the pins off dots, or off all of them; nothing moves. How many there were."""
    pins = obj.pose_to_anime.pins
    wanted = None if controls is None else set(controls)
    found = [index for index, pin in enumerate(pins) if wanted is None or pin.control in wanted]
    for index in reversed(found):
        bone = obj.pose.bones.get(pins[index].control)
        limb = limb_of(pins[index].control)
        if bone is not None:
            bone.custom_shape = widget("dot")
        if limb is not None:
            take_off(obj, limb)
        obj.pop(_NOTES + pins[index].control, None)
        pins.remove(index)
    return len(found)


def is_held(obj: bpy.types.Object, control: str) -> bool:
    """Whether a dot is where it is because of its pin: no person moves it."""
    return any(pin.control == control and not is_taken(obj, pin) for pin in _pins(obj))


def has_pins(obj: bpy.types.Object) -> bool:
    return len(_pins(obj)) > 0


def hold(obj: bpy.types.Object) -> bool:
    """Bring all pinned dots where their pins are; the evaluated pose must be up to date, and is so afterwards.

    True when something was written.
    """
    wrote = False
    for pin in _pins(obj):
        limb, bone = limb_of(pin.control), obj.pose.bones.get(pin.control)
        if bone is None or is_taken(obj, pin):
            if bone is not None and limb is not None and hold_dot(obj, limb, False):
                bpy.context.view_layer.update()
                wrote = True
            continue
        _mend(obj, pin)
        place, rotation = _wanted(obj, pin)
        _note(obj, pin, _WORLD, [*place, *rotation])
        wrote |= _hold_gaze(obj, place) if limb is None else _hold_limb(obj, pin, limb, place, rotation)
    return wrote


def move_world_pins(obj: bpy.types.Object, motion: Matrix) -> None:
    """Move a figure's pins to the world by a motion in the world, and with them what they hold."""
    for pin in _pins(obj):
        if pin.kind == WORLD:
            _relate(obj, pin, motion @ Vector(pin.place), motion.to_quaternion() @ Quaternion(pin.rotation))


def hold_in_other_frames(obj: bpy.types.Object) -> None:
    """Let pins hold that are out of reach in this frame too: in others of an animation they may not be."""
    for pin in _pins(obj):
        limb = limb_of(pin.control)
        if limb is not None and pin.control in obj.pose.bones and not is_taken(obj, pin):
            hold_dot(obj, limb, True)


def is_taken(obj: bpy.types.Object, pin: P2A_PG_pin) -> bool:
    """Whether a person is moving a pinned dot, or has turned the joints of its limb."""
    limb = limb_of(pin.control)
    if limb is None:
        return obj.pose.bones[pin.control].location.length > _CLOSE
    settled, state = settled_dot(obj, limb), dot_state(obj, limb)
    return settled is not None and (not is_ik(obj, limb) or (_differ(state, settled) and _differ(state, _noted(obj, pin, _LEFT))))


def taken_pins(obj: bpy.types.Object) -> dict[str, tuple[Vector, Quaternion]]:
    """The pinned dots that a person has moved since the figure was settled, and where they are in the world now."""
    taken = [pin.control for pin in _pins(obj) if pin.control in obj.pose.bones and is_taken(obj, pin)]
    limbs = [limb for limb in map(limb_of, taken) if limb is not None]
    let_go = [limb for limb in limbs if hold_dot(obj, limb, False)]
    if let_go:
        bpy.context.view_layer.update()
    return {control: _seen(obj, control) for control in taken}


def after_rest(obj: bpy.types.Object, taken: Mapping[str, tuple[Vector, Quaternion]]) -> None:
    """Pin dots anew where a person left them, to what they were pinned to before, and note how the settled ones are."""
    for pin in _pins(obj):
        limb = limb_of(pin.control)
        if pin.control in taken:
            _relate(obj, pin, *taken[pin.control])
            if limb is not None:
                hold_dot(obj, limb, True)
        if limb is not None:
            _note(obj, pin, _LEFT, dot_state(obj, limb))


def _pins(obj: bpy.types.Object) -> bpy.types.bpy_prop_collection:
    settings = getattr(obj, "pose_to_anime", None)  # a script may use figures with the extension not registered
    return settings.pins if settings is not None else ()


def _hold_limb(obj: bpy.types.Object, pin: P2A_PG_pin, limb: Limb, place: Vector, rotation: Quaternion) -> bool:
    dot, end = obj.pose.bones[limb.target], obj.pose.bones[limb.end]
    wanted = [*place, *_canonical(rotation)]
    own = obj.convert_space(pose_bone=dot, matrix=dot.matrix_basis, from_space="LOCAL", to_space="POSE")
    now, seen = obj.matrix_world @ own, obj.matrix_world @ end.matrix
    is_there = not _differ([*now.translation, *_canonical(now.to_quaternion())], wanted)
    if is_there and not _differ(_canonical(seen.to_quaternion()), wanted[3:]):
        return _hold_if_reached(obj, limb, place)
    carrier = obj.matrix_world @ obj.pose.bones[limb.parent].matrix
    elbow = obj.matrix_world @ obj.pose.bones[limb.lower].head
    question = [*wanted, *carrier.translation, *_canonical(carrier.to_quaternion()), *elbow]
    if not _differ(question, _noted(obj, pin, _ANSWERED)) and not _differ(dot_state(obj, limb), _noted(obj, pin, _LEFT)):
        return _hold_if_reached(obj, limb, place)  # out of reach, and as near as it can be already
    _note(obj, pin, _ANSWERED, question)
    _write(obj, dot, Matrix.LocRotScale(place, rotation, None))
    set_ik(obj, limb, True)
    bpy.context.view_layer.update()
    if not limb.end_keeps_orientation:
        facing = (obj.matrix_world.inverted_safe() @ rotation.to_matrix().to_4x4()).to_3x3().normalized()
        turn_hand(obj, limb, facing, settled_forearm(obj, limb), in_ik=True)
        bpy.context.view_layer.update()
    _hold_if_reached(obj, limb, place)
    _note(obj, pin, _LEFT, dot_state(obj, limb))
    return True


def _hold_if_reached(obj: bpy.types.Object, limb: Limb, place: Vector) -> bool:
    """Out of reach a dot goes onto its joint when it is let go of, where a constraint would not let it be seen."""
    is_reached = (obj.matrix_world @ obj.pose.bones[limb.end].head - place).length < _REACHED
    if not hold_dot(obj, limb, is_reached):
        return False
    bpy.context.view_layer.update()
    return True


def _write(obj: bpy.types.Object, bone: bpy.types.PoseBone, world: Matrix) -> None:
    pose = obj.matrix_world.inverted_safe() @ world
    own = obj.convert_space(pose_bone=bone, matrix=pose, from_space="POSE", to_space="LOCAL")
    bone.location = own.translation
    rotation = own.to_quaternion()
    bone.rotation_quaternion = rotation if rotation.dot(bone.rotation_quaternion) >= 0.0 else -rotation


def _hold_gaze(obj: bpy.types.Object, place: Vector) -> bool:
    bones = obj.pose.bones
    trunk = Trunk(obj, {name: bones[name].rotation_quaternion for name in TRUNK})
    look(trunk, eyes_of(obj), obj.matrix_world.inverted_safe() @ place)
    return write_trunk(obj, trunk)


def _wanted(obj: bpy.types.Object, pin: P2A_PG_pin) -> tuple[Vector, Quaternion]:
    """Place and rotation of a pin in the world."""
    axes = _axes(obj, pin)
    return axes @ Vector(pin.place), axes.to_quaternion() @ Quaternion(pin.rotation)


def _axes(obj: bpy.types.Object, pin: P2A_PG_pin) -> Matrix:
    """The axes of what a dot is pinned to, in the world."""
    carrier = _carrier(obj, pin)
    if carrier is None:
        return Matrix.Identity(4)
    return carrier.matrix_world @ carrier.pose.bones[pin.bone].matrix if pin.bone else carrier.matrix_world.copy()


def _carrier(obj: bpy.types.Object, pin: P2A_PG_pin) -> bpy.types.Object | None:
    """What a figure's dot is pinned to; None for the world, and for what was deleted."""
    return obj if pin.kind == BODY else pin.target if pin.kind == OBJECT else None


def _relate(obj: bpy.types.Object, pin: P2A_PG_pin, place: Vector, rotation: Quaternion) -> None:
    """Let a pin hold its dot at a place and rotation in the world."""
    axes = _axes(obj, pin)
    pin.place = axes.inverted_safe() @ place
    pin.rotation = axes.to_quaternion().inverted() @ rotation
    _note(obj, pin, _WORLD, [*place, *rotation])
    _constrain(obj, pin)


def _constrain(obj: bpy.types.Object, pin: P2A_PG_pin) -> None:
    limb = limb_of(pin.control)
    if limb is not None:
        put_on(obj, limb, _carrier(obj, pin), pin.bone, Vector(pin.place), Quaternion(pin.rotation))
        set_ik(obj, limb, True)
        follow_dot(obj, limb, True)


def _mend(obj: bpy.types.Object, pin: P2A_PG_pin) -> None:
    """A pin whose target was deleted stays where it was in the world."""
    if pin.kind == WORLD:
        return
    carrier = _carrier(obj, pin)
    is_there = carrier is not None and (carrier == obj or bool(carrier.users_scene))
    if carrier is not None and pin.bone:
        is_there = is_there and carrier.type == "ARMATURE" and pin.bone in carrier.pose.bones
    if not is_there:
        pin.kind, pin.target, pin.bone, pin.note = WORLD, None, "", TARGET_IS_GONE
        world = _noted(obj, pin, _WORLD)
        pin.place, pin.rotation = world[:3], world[3:]
        _constrain(obj, pin)


def _seen(obj: bpy.types.Object, control: str) -> tuple[Vector, Quaternion]:
    """Where a dot's hand or foot is in the world, or what the gaze looks at."""
    limb = limb_of(control)
    if limb is None:
        return obj.matrix_world @ gaze_goal(obj), Quaternion()
    matrix = obj.matrix_world @ obj.pose.bones[limb.end].matrix
    return matrix.translation.copy(), matrix.to_quaternion()


def _nearest_bone(obj: bpy.types.Object, control: str, carrier: bpy.types.Object) -> str:
    """The bone of a body that is nearest to a dot: of the own one none that the dot's limb moves, and never a finger."""
    limb = limb_of(control)
    if limb is None and is_mannequin(carrier) and carrier != obj:
        return "head"
    own = {limb.upper, limb.lower, limb.end, limb.parent} if limb is not None else {"neck", "head"}
    place = _seen(obj, control)[0]
    names: Iterable[str] = carrier.pose.bones.keys()
    if is_mannequin(carrier):
        names = [bone for joint, bone in joint_map("mannequin").items() if joint not in FINGER_JOINTS]
        if carrier == obj:
            names = [name for name in names if name not in own or name == "hips"]
    return min(names, key=lambda name: _distance(carrier, carrier.pose.bones[name], place))


def _hangs_on(carrier: bpy.types.Object | None, bone: str, obj: bpy.types.Object, limb: Limb, links: int = 16) -> bool:
    """Whether an object, or one of its bones, is carried by a limb of a figure: by parents, and by pins of other limbs."""
    if carrier is None or links == 0:
        return False
    by = _limb_that_moves(carrier, bone)
    if by is not None:
        if carrier == obj and by == limb:
            return True
        pin = next((pin for pin in _pins(carrier) if pin.control == by.target), None)
        if pin is not None and _hangs_on(_carrier(carrier, pin), pin.bone, obj, limb, links - 1):
            return True
    parents_bone = carrier.parent_bone if carrier.parent_type == "BONE" else ""
    return _hangs_on(carrier.parent, parents_bone, obj, limb, links - 1)


def _limb_that_moves(obj: bpy.types.Object, bone: str) -> Limb | None:
    above = obj.data.bones.get(bone) if is_mannequin(obj) else None
    while above is not None and limb_of(above.name) is None:
        above = above.parent
    return limb_of(above.name) if above is not None else None


def _middle(pin: P2A_PG_pin) -> Vector:
    if pin.bone == "head" and is_mannequin(pin.target):
        return pin.target.data.bones["head"].matrix_local.inverted() @ eyes_of(pin.target)
    return Vector()


def _distance(carrier: bpy.types.Object, bone: bpy.types.PoseBone, place: Vector) -> float:
    head, tail = carrier.matrix_world @ bone.head, carrier.matrix_world @ bone.tail
    nearest, share = intersect_point_line(place, head, tail)
    return (place - (head if share < 0.0 else tail if share > 1.0 else nearest)).length


def _noted(obj: bpy.types.Object, pin: P2A_PG_pin, part: slice) -> list[float]:
    notes = obj.get(_NOTES + pin.control)
    return list(notes)[part] if notes is not None else [math.inf] * (part.stop - part.start)


def _note(obj: bpy.types.Object, pin: P2A_PG_pin, part: slice, values: Sequence[float]) -> None:
    if _differ(values, _noted(obj, pin, part)):
        notes = list(obj.get(_NOTES + pin.control, [math.inf] * _ANSWERED.stop))
        notes[part] = [float(value) for value in values]
        obj[_NOTES + pin.control] = notes


def _canonical(quaternion: Quaternion) -> Quaternion:
    q = quaternion.normalized()
    return -q if q.w < 0.0 else q


def _differ(a: Iterable[float], b: Iterable[float]) -> bool:
    return any(abs(p - q) > _CLOSE for p, q in zip(a, b, strict=True))
