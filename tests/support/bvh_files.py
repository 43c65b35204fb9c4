# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files made from known poses, in the styles of several programs: names, axes, units, resting stance, order of channels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pose_to_anime.addon.pose import rotations as rot
from pose_to_anime.addon.pose.humanoid import FINGER_JOINTS, JOINTS, PARENT, SIDES
from pose_to_anime.addon.pose.kinematics import hips_place, joint_places, world_rotations
from pose_to_anime.addon.pose.normalised import Pose
from pose_to_anime.addon.pose.rest import HumanoidRest

Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From our axes (x left, y back, z up) to a file's: x left, y up, z forward, as most files have them."""
Z_UP_TURNED = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""z up, looking along x."""
X_UP = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Style:
    """``names``: humanoid joint → name in the file; joints without one are left out. ``stance``: the pose in which it rests, None
    for one in which every bone lies along x. ``metre``: the file's units in a metre."""

    names: Mapping[str, str]
    axes: np.ndarray
    metre: float
    order: str
    stance: Pose | None


def _sided(plain: Mapping[str, str], sided: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    return {**plain, **{side + joint: name.replace("*", words[side]) for side in SIDES for joint, name in sided.items()}}


_LONG, _SHORT, _CAPITAL = ({"left": l, "right": r} for l, r in (("Left", "Right"), ("l", "r"), ("L", "R")))  # noqa: E741
T_POSE = Pose("T", {})
HANGING = Pose(
    "Arms hanging",
    {
        f"{side}UpperArm": (math.cos(0.55), 0.0, sign * math.sin(0.55), 0.0)
        for side, sign in (("left", 1.0), ("right", -1.0))
    },
)  # fmt: skip

_MIXAMO = _sided(
    {"hips": "mixamorig:Hips", "spine": "mixamorig:Spine", "chest": "mixamorig:Spine1", "upperChest": "mixamorig:Spine2",
     "neck": "mixamorig:Neck", "head": "mixamorig:Head"},
    {"Shoulder": "mixamorig:*Shoulder", "UpperArm": "mixamorig:*Arm", "LowerArm": "mixamorig:*ForeArm", "Hand": "mixamorig:*Hand",
     "UpperLeg": "mixamorig:*UpLeg", "LowerLeg": "mixamorig:*Leg", "Foot": "mixamorig:*Foot", "Toes": "mixamorig:*ToeBase",
     **{f"{ours}{part}": f"mixamorig:*Hand{theirs}{number}"
        for ours, theirs in (("Thumb", "Thumb"), ("Index", "Index"), ("Middle", "Middle"), ("Ring", "Ring"), ("Little", "Pinky"))
        for number, part in enumerate(
            ("Metacarpal", "Proximal", "Distal") if ours == "Thumb" else ("Proximal", "Intermediate", "Distal"), 1)}},
    _LONG,
)  # fmt: skip
_CMU = _sided(
    {"hips": "Hips", "spine": "LowerBack", "chest": "Spine", "upperChest": "Spine1", "neck": "Neck", "head": "Head"},
    {"Shoulder": "*Shoulder", "UpperArm": "*Arm", "LowerArm": "*ForeArm", "Hand": "*Hand",
     "UpperLeg": "*UpLeg", "LowerLeg": "*Leg", "Foot": "*Foot", "Toes": "*ToeBase"},
    _LONG,
)  # fmt: skip
_DAZ = _sided(
    {"hips": "hip", "spine": "abdomen", "upperChest": "chest", "neck": "neck", "head": "head"},
    {"Shoulder": "*Collar", "UpperArm": "*Shldr", "LowerArm": "*ForeArm", "Hand": "*Hand",
     "UpperLeg": "*Thigh", "LowerLeg": "*Shin", "Foot": "*Foot", "Toes": "*Toe"},
    _SHORT,
)  # fmt: skip
_SMPL = _sided(
    {"hips": "Pelvis", "spine": "Spine1", "chest": "Spine2", "upperChest": "Spine3", "neck": "Neck", "head": "Head"},
    {"Shoulder": "*_Collar", "UpperArm": "*_Shoulder", "LowerArm": "*_Elbow", "Hand": "*_Wrist",
     "UpperLeg": "*_Hip", "LowerLeg": "*_Knee", "Foot": "*_Ankle", "Toes": "*_Foot"},
    _CAPITAL,
)  # fmt: skip
_PERFUME = _sided(
    {"hips": "Hips", "spine": "Chest", "chest": "Chest2", "upperChest": "Chest3", "neck": "Neck", "head": "Head"},
    {"Shoulder": "*Collar", "UpperArm": "*Shoulder", "LowerArm": "*Elbow", "Hand": "*Wrist",
     "UpperLeg": "*Hip", "LowerLeg": "*Knee", "Foot": "*Ankle", "Toes": "*Toe"},
    _LONG,
)  # fmt: skip
_BIPED = _sided(
    {"hips": "Bip01 Pelvis", "spine": "Bip01 Spine", "chest": "Bip01 Spine1", "upperChest": "Bip01 Spine2",
     "neck": "Bip01 Neck", "head": "Bip01 Head"},
    {"Shoulder": "Bip01 * Clavicle", "UpperArm": "Bip01 * UpperArm", "LowerArm": "Bip01 * Forearm", "Hand": "Bip01 * Hand",
     "UpperLeg": "Bip01 * Thigh", "LowerLeg": "Bip01 * Calf", "Foot": "Bip01 * Foot", "Toes": "Bip01 * Toe0"},
    _CAPITAL,
)  # fmt: skip
_NAMELESS = {joint: f"node{number:02}" for number, joint in enumerate(JOINTS) if joint not in FINGER_JOINTS}

STYLES: dict[str, Style] = {
    "mixamo": Style(_MIXAMO, Y_UP, 100.0, "ZXY", T_POSE),
    "cmu": Style(_CMU, Y_UP, 1.0 / 0.0254 / 2.54, "ZYX", T_POSE),
    "daz": Style(_DAZ, Y_UP, 1.0 / 0.0254, "XZY", HANGING),
    "smpl": Style({joint: name.upper() if joint == "hips" else name for joint, name in _SMPL.items()}, Y_UP, 1.0, "ZYX", T_POSE),
    "perfume": Style(_PERFUME, X_UP, 100.0, "YXZ", HANGING),
    "biped": Style(_BIPED, Z_UP_TURNED, 1.0 / 0.0254, "XYZ", T_POSE),
    "small letters": Style({j: n.lower() for j, n in _CMU.items()}, Z_UP_TURNED, 1.0, "ZXY", HANGING),
    "nameless": Style(_NAMELESS, Y_UP, 100.0, "ZXY", T_POSE),
    "lafan": Style(_CMU, Y_UP, 100.0, "ZYX", None),
}


def bvh_text(style: Style, poses: Sequence[Pose], rest: HumanoidRest, frame_time: float = 1.0 / 30.0) -> str:
    """A file whose frames are these poses, on a body with this rest."""
    order = [joint for joint in JOINTS if joint in style.names]
    own = {joint: _resting(style, rest, joint) for joint in order}
    heads = joint_places(rest, world_rotations(style.stance or T_POSE), rest.heads["hips"])
    offsets = {
        joint: np.zeros(3) if above is None else own[above].T @ (heads[joint] - heads[above]) * style.metre
        for joint in order
        for above in [_above(style, joint)]
    }
    if style.stance is None:  # every bone along x
        offsets = {
            joint: offset if _above(style, joint) in (None, "hips", "upperChest") else _along_x(offset)
            for joint, offset in offsets.items()
        }
    lines = ["HIERARCHY"]
    _write_joint(style, rest, order, offsets, own, order[0], 0, lines)
    lines += ["MOTION", f"Frames: {len(poses)}", f"Frame Time: {frame_time:.6f}"]
    for pose in poses:
        world = world_rotations(pose)
        turned = {joint: world[joint] @ _to_world(style, rest, joint) for joint in order}
        place = style.axes @ hips_place(rest, pose) * style.metre
        values = [*place]
        for joint in _depth_first(style, order, order[0]):
            above = _above(style, joint)
            local = turned[joint] if above is None else turned[above].T @ turned[joint]
            if style.stance is not None:
                local = style.axes @ local @ style.axes.T
            elif above is None:
                local = style.axes @ local
            values += _angles(local, style.order)
        lines.append(" ".join(f"{value:.6f}" for value in values))
    return "\n".join(lines) + "\n"


def _to_world(style: Style, rest: HumanoidRest, joint: str) -> np.ndarray:
    """What comes after a joint's normalised world rotation to be its rotation in the file, in our axes."""
    if style.stance is not None:
        return world_rotations(style.stance)[joint].T
    return _bone_axes(style, rest, joint)


def _bone_axes(style: Style, rest: HumanoidRest, joint: str) -> np.ndarray:
    """In the T-pose, a frame whose x lies along the bone, turned about it by an angle that no two joints share."""
    below = next((child for child in JOINTS if child in style.names and _above(style, child) == joint), None)
    end = rest.heads[below] if below else rest.tails[joint]
    along = rot.unit(rest.to_t_pose[joint] @ (end - rest.heads[joint]))
    turn = rot.shortest_arc((1.0, 0.0, 0.0), along)
    return turn @ rot.about_axis((1.0, 0.0, 0.0), 0.7 * JOINTS.index(joint))


def _resting(style: Style, rest: HumanoidRest, joint: str) -> np.ndarray:
    """The frame in which the offsets of what hangs on a joint are written."""
    return np.eye(3) if style.stance is not None else _bone_axes(style, rest, joint)


def _along_x(offset: np.ndarray) -> np.ndarray:
    return np.array((float(np.linalg.norm(offset)), 0.0, 0.0))


def _above(style: Style, joint: str) -> str | None:
    above = PARENT[joint]
    while above is not None and above not in style.names:
        above = PARENT[above]
    return above


def _depth_first(style: Style, order: Sequence[str], joint: str) -> list[str]:
    found = [joint]
    for child in order:
        if _above(style, child) == joint:
            found += _depth_first(style, order, child)
    return found


def _write_joint(style, rest, order, offsets, own, joint, depth, lines) -> None:
    space, kind = "\t" * depth, "ROOT" if depth == 0 else "JOINT"
    turn = style.axes if style.stance is not None else np.eye(3)
    x, y, z = turn @ offsets[joint]
    channels = " ".join(f"{axis}rotation" for axis in style.order)
    places = "Xposition Yposition Zposition " if depth == 0 else ""
    lines += [f"{space}{kind} {style.names[joint]}", f"{space}{{", f"{space}\tOFFSET {x:.6f} {y:.6f} {z:.6f}"]
    lines.append(f"{space}\tCHANNELS {6 if depth == 0 else 3} {places}{channels}")
    children = [child for child in order if _above(style, child) == joint]
    for child in children:
        _write_joint(style, rest, order, offsets, own, child, depth + 1, lines)
    if not children:
        stance = world_rotations(style.stance or T_POSE)[joint]
        end = own[joint].T @ stance @ rest.to_t_pose[joint] @ (rest.tails[joint] - rest.heads[joint]) * style.metre
        x, y, z = turn @ end
        lines += [f"{space}\tEnd Site", f"{space}\t{{", f"{space}\t\tOFFSET {x:.6f} {y:.6f} {z:.6f}", f"{space}\t}}"]
    lines.append(f"{space}}}")


def _angles(matrix: np.ndarray, order: str) -> list[float]:
    """Degrees about the axes of ``order``, whose first turns last."""
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    middle = math.asin(max(-1.0, min(1.0, sign * matrix[i, k])))
    first = math.atan2(-sign * matrix[j, k], matrix[k, k])
    last = math.atan2(-sign * matrix[i, j], matrix[i, i])
    return [math.degrees(angle) for angle in (first, middle, last)]
