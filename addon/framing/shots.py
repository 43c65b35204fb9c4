# SPDX-License-Identifier: GPL-3.0-or-later
"""Named shots: how much of the figures is seen, from which side of them, and from which height.

What a shot shows is chosen by the parts of the body and not by heights above the ground, so that a bust is a bust of someone who
sits or lies, too. Sides are those of the figure's chest: the front of a figure that was turned about is its face.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..errors import UserError
from ..keys import object_in
from ..pose.humanoid import base_name
from ..pose.moved import moved
from .camera import FRONT, LENS, first_lens, frame_points
from .shot_names import Shot
from .solve import Array
from .subject import Framed, figure_points, spine_is_level

_DEGREES = {"front": 0.0, "three-quarter": 40.0, "side": 90.0, "back": 180.0}
"""That the camera goes round the figure, towards its left hand; round someone who lies, towards the feet."""

_DOWN = {"eye-level": 0.0, "low": -22.0, "high": 26.0}
_DOWN_LYING = {"eye-level": 20.0, "low": 5.0, "high": 50.0}
"""Degrees by which the camera looks down. Level with someone who lies it would see a line."""

_STEEP_LENS = {"full": 50.0, "cowboy": 60.0}
"""Millimetres, for low and high shots of much of the body: nearer by, more of the angle is seen. Others keep ``LENS``."""

_CLEAR = 0.08
"""Metres that a camera stays above the ground on which the figures are: a low shot of a whole body looks up as far as that lets
it."""
_HALVINGS = 8  # of the angle of a low shot: to a tenth of a degree

Part = tuple[float, float]
"""Of a bone, from where (0 its head) to where (1 its end) a shot shows it."""
_WHOLE: Part = (0.0, 1.0)
_TRUNK = ("hips", "spine", "chest", "upperChest", "neck", "head")
_LEGS = ("UpperLeg", "LowerLeg", "Foot", "Toes")
_ARMS = ("Shoulder", "UpperArm", "LowerArm", "Hand")

_SHOWN: dict[str, Mapping[str, Part]] = {
    "cowboy": {"UpperLeg": (0.0, 0.55), "LowerLeg": (2.0, 2.0), "Foot": (2.0, 2.0), "Toes": (2.0, 2.0)},
    "bust": {
        **dict.fromkeys((*_LEGS, "hips", "spine", "LowerArm", "Hand"), (2.0, 2.0)),
        "chest": (0.05, 1.0),
        "UpperArm": (0.0, 0.5),
    },
    "portrait": {
        **dict.fromkeys((*_LEGS, "hips", "spine", "chest", "UpperArm", "LowerArm", "Hand"), (2.0, 2.0)),
        "upperChest": (0.6, 1.0),
        "Shoulder": (0.0, 0.7),
    },
}
"""For each framing the parts of the body that it does not show wholly; sides apart."""

_ENDS_IN_PICTURE = ("full",)
"""Framings whose figure ends inside the picture. The others cut it at the lower edge, where it goes on."""

_UPRIGHT = 0.3
"""Of the length from hips to head, by how much the head must be above the hips for spare room to go below the figure."""


def take_shot(
    scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, camera: bpy.types.Object, figures: Sequence[Framed], shot: Shot
) -> None:
    """Move the camera, and give it the lens, so that it sees the figures as the shot says; the ratio stays.

    Raises:
        UserError: there is no visible figure.
        SizeError: as ``camera.scene_size``.
    """
    view_layer.update()
    depsgraph = view_layer.depsgraph
    found = [(figure, points) for figure in figures if len(points := figure_points(scene, depsgraph, [figure]))]
    if not found:
        raise UserError("There is no visible figure to frame: add one with Add ▸ Mannequin, or show a hidden one.")
    joints = [joint_segments(scene, depsgraph, figure) for figure, _ in found]
    shown = [shown_points(points, parts, shot.framing) for (_, points), parts in zip(found, joints, strict=True)]
    lying = all(spine_is_level(scene, depsgraph, figure) for figure, _ in found)
    front = facing(joints)
    turn = front + math.radians(_DEGREES[shot.angle]) * (_way_to_the_feet(joints, front) if lying else 1.0)
    steep = shot.height != "eye-level" and not lying
    first_lens(camera.data)
    camera.data.lens = _STEEP_LENS.get(shot.framing, LENS) if steep else LENS
    down = math.radians((_DOWN_LYING if lying else _DOWN)[shot.height])
    ground = min(float(points[:, 2].min()) for _, points in found)
    upright = all(_is_upright(parts) for parts in joints)

    def look(pitch: float) -> float:
        """Place the camera; how far it then is above the ground."""
        axes = Matrix.Rotation(turn, 3, "Z") @ Matrix.Rotation(-pitch, 3, "X") @ FRONT.to_3x3()
        camera.matrix_world = Matrix.LocRotScale(camera.matrix_world.translation, axes, None)
        frame_points(
            scene, view_layer, camera, np.concatenate(shown),
            runs_out_below=shot.framing not in _ENDS_IN_PICTURE and upright,
        )  # fmt: skip
        return float(camera.matrix_world.translation.z) - ground

    if look(down) < _CLEAR and down < 0.0:
        low, high = down, 0.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if look(middle) < _CLEAR else (low, middle)
        look(high)


def joint_segments(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, figure: Framed) -> dict[str, Array]:
    """Humanoid joint → (2, 3) world places of the ends of its bone as it is posed. Empty for a figure without these bones.

    A bone ends where the next joint is, wherever its tail points: programs that know no tails leave that to chance."""
    armature = object_in(scene, figure.armature)
    if armature is None or armature.pose is None:
        return {}
    evaluated = armature.evaluated_get(depsgraph)
    matrix = np.array(evaluated.matrix_world, np.float64)
    bones = {joint: bone for joint, name in figure.joint_map.items() if (bone := evaluated.pose.bones.get(name)) is not None}
    found = {}
    for joint, bone in bones.items():
        following = next((bones[each] for each in _beyond(joint) if each in bones), None)
        end = bone.tail if following is None else following.head
        if joint == "head" and "neck" in bones:
            end = _crown(bone, bones["neck"])
        found[joint] = moved(np.array((bone.head, end), np.float64), matrix)
    return found


def _beyond(joint: str) -> tuple[str, ...]:
    """The joints that may come next along a trunk or a limb."""
    for way in (_TRUNK, _LEGS, _ARMS):
        bare = joint if way is _TRUNK else base_name(joint)
        if bare in way:
            side = joint.removesuffix(bare)
            return tuple(side + part for part in way[way.index(bare) + 1 :])
    return ()


def _crown(head: bpy.types.PoseBone, neck: bpy.types.PoseBone) -> Vector:
    """Where a head ends: at its bone's tail, unless that points elsewhere than the neck."""
    up = head.head - neck.head
    along = head.tail - head.head
    if along.dot(up) > 0.3 * along.length * up.length or up.length == 0.0:
        return head.tail
    return head.head + up.normalized() * max(along.length, up.length)


def shown_points(points: Array, joints: Mapping[str, Array], framing: str) -> Array:
    """Those of a figure's points (N, 3) that a framing shows: each point belongs to the bone that is nearest to it.

    All of them where the figure has too few joints to tell.
    """
    limits = _SHOWN.get(framing, {})
    names = list(joints)
    if not limits or not {"head", "hips"} <= set(names):
        return points
    starts, ends = (np.array([joints[name][end] for name in names]) for end in (0, 1))
    along = ends - starts
    lengths = np.maximum((along * along).sum(axis=1), 1e-12)
    # (N, joints): where beside each bone a point lies, and how far from it
    where = (points @ along.T - (starts * along).sum(axis=1)) / lengths
    clamped = np.clip(where, 0.0, 1.0)
    squared = (
        (points * points).sum(axis=1)[:, None]
        - 2.0 * (points @ starts.T + clamped * (points @ along.T))
        + (starts * starts).sum(axis=1)
        + 2.0 * clamped * (starts * along).sum(axis=1)
        + clamped**2 * lengths
    )
    nearest = squared.argmin(axis=1)
    parts = np.array([_part(name, limits) for name in names])
    place = clamped[np.arange(len(points)), nearest]
    kept = points[(place >= parts[nearest, 0]) & (place <= parts[nearest, 1])]
    return kept if len(kept) else points


def facing(figures: Sequence[Mapping[str, Array]]) -> float:
    """The angle in radians about z from the world's front (−y) to where the figures' chests face, together.

    A chest that faces up or down, and chests that face each other, have their front where the camera sees them from the side:
    on that side which is nearer the world's front.
    """
    forwards = [forward for joints in figures if (forward := _forward(joints)) is not None]
    level = [forward[:2] for forward in forwards]
    together = np.sum(level, axis=0) if level else np.zeros(2)
    if np.linalg.norm(together) < 0.5 * max(len(level), 1):
        together = _across(figures)
    return math.atan2(float(together[0]), -float(together[1]))


def _forward(joints: Mapping[str, Array]) -> Array | None:
    """Where a chest faces, length one; None without the joints that show it."""
    shoulders = [joints.get(f"{side}UpperArm", joints.get(f"{side}Shoulder")) for side in ("left", "right")]
    chest = next((joints[name] for name in ("upperChest", "chest", "spine", "hips") if name in joints), None)
    if chest is None or shoulders[0] is None or shoulders[1] is None:
        return None
    forward = np.cross(shoulders[0][0] - shoulders[1][0], chest[1] - chest[0])
    length = float(np.linalg.norm(forward))
    return forward / length if length > 1e-9 else None


def _across(figures: Sequence[Mapping[str, Array]]) -> Array:
    """(2,) level direction from which the longest line of these figures is seen from the side: from one to another, or along the
    spine of a single one."""
    middles = [np.mean([ends.mean(axis=0) for ends in joints.values()], axis=0) for joints in figures if joints]
    line = np.zeros(2)
    if len(middles) > 1:
        line = (middles[-1] - middles[0])[:2]
    elif figures and {"hips", "head"} <= set(figures[0]):
        line = (figures[0]["head"][1] - figures[0]["hips"][0])[:2]
    if np.linalg.norm(line) < 1e-6:
        return np.array((0.0, -1.0))
    across = np.array((line[1], -line[0])) / np.linalg.norm(line)
    return across if across[1] <= 1e-9 else -across


def _way_to_the_feet(figures: Sequence[Mapping[str, Array]], front: float) -> float:
    """1 where the feet are at the left hand of who looks out of the picture at angle ``front``, else −1."""
    ends = [joints["hips"][0] - joints["head"][1] for joints in figures if {"hips", "head"} <= set(joints)]
    across = np.array((math.cos(front), math.sin(front), 0.0))
    return 1.0 if float(np.sum(ends, axis=0) @ across if ends else 0.0) >= 0.0 else -1.0


def _is_upright(joints: Mapping[str, Array]) -> bool:
    if not {"hips", "head"} <= set(joints):
        return True
    spine = Vector(joints["head"][1] - joints["hips"][0])
    return bool(spine.z > _UPRIGHT * spine.length)


def _part(joint: str, limits: Mapping[str, Part]) -> Part:
    """What is shown of a joint's bone; fingers are as their hand."""
    bare = base_name(joint)
    if bare not in _LEGS and bare not in _ARMS and bare != joint:
        bare = "Hand"
    return limits.get(bare, _WHOLE)
