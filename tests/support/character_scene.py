# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of an artist, for tests: armatures with names, axes, rolls, stance and size of their own, and a mesh with weights.

The body is that of a mannequin, so that where its joints should be is known."""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector
from pose_to_anime.addon.armature.bodies import load_body
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.armature.skin_mesh import ROUNDED, add_weights
from pose_to_anime.addon.pose.humanoid import JOINTS, base_name, side_of
from pose_to_anime.addon.pose.rest import HumanoidRest, humanoid_rest

_MIXAMO = {
    "hips": "Hips", "spine": "Spine", "chest": "Spine1", "upperChest": "Spine2", "neck": "Neck", "head": "Head",
    "Shoulder": "Shoulder", "UpperArm": "Arm", "LowerArm": "ForeArm", "Hand": "Hand",
    "UpperLeg": "UpLeg", "LowerLeg": "Leg", "Foot": "Foot", "Toes": "ToeBase",
}  # fmt: skip
_FINGERS = {"Little": "Pinky"}


def mixamo_name(joint: str) -> str:
    """What Mixamo calls a joint."""
    base, side = base_name(joint), side_of(joint)
    if base in _MIXAMO:
        word = _MIXAMO[base]
    else:
        finger = next(f for f in ("Thumb", "Index", "Middle", "Ring", "Little") if base.startswith(f))
        order = ("Metacarpal", "Proximal", "Distal") if finger == "Thumb" else ("Proximal", "Intermediate", "Distal")
        word = f"Hand{_FINGERS.get(finger, finger)}{order.index(base[len(finger) :]) + 1}"
    return f"mixamorig:{side.capitalize() if side else ''}{word}"


@dataclass(frozen=True)
class Character:
    """An armature object, its mesh object, its map, and what it was made of."""

    obj: bpy.types.Object
    mesh: bpy.types.Object
    joints: dict[str, str]
    skin: Skin
    rest: HumanoidRest

    def place(self, joint: str) -> Vector:
        """Where a joint is now, in the world."""
        return self.obj.matrix_world @ self.obj.pose.bones[self.joints[joint]].head


def add_character(
    body: str = "adult_woman",
    *,
    scale: float = 1.0,
    size: float = 1.7,
    stance: str = "A",
    turn: tuple[float, float, float] = (np.pi / 2, 0.0, 0.0),
    place: tuple[float, float, float] = (0.0, 0.0, 0.0),
    without: tuple[str, ...] = (),
    seed: int = 1,
) -> Character:
    """A character that is ``size`` metres tall in the world, on an armature object of this scale, whose bones lie anyhow.

    At ``turn`` (XYZ Euler angles of the object) it stands upright in the world; ``without`` are joints that its rig lacks: what
    they would move, the next bone above moves."""
    skin = build_skin(load_body(body)[1])
    bones = joint_map("mannequin")
    rest = humanoid_rest(skin.joints, bones)
    vertices = np.asarray(skin.vertices, dtype=np.float64)
    if stance == "T":
        vertices, rest = _in_t_pose(skin, rest, bones)
    height = float(vertices[:, 2].max())
    upright = np.array(Euler(turn).to_matrix())
    factor = size / height / scale

    def local(points: np.ndarray) -> np.ndarray:
        return points @ upright * factor

    rng = np.random.default_rng(seed)
    armature = bpy.data.armatures.new("Rig")
    obj = bpy.data.objects.new("Hero", armature)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    joints = {joint: mixamo_name(joint) for joint in JOINTS if joint not in without}
    bpy.ops.object.mode_set(mode="EDIT")
    for joint, name in joints.items():
        bone = armature.edit_bones.new(name)
        bone.head = local(rest.heads[joint])
        length = float(np.linalg.norm(rest.tails[joint] - rest.heads[joint])) * factor
        bone.tail = bone.head + Vector(rng.normal(size=3)).normalized() * length
        bone.roll = float(rng.uniform(-3, 3))
        above = _above(joint, joints, rest)
        if above is not None:
            bone.parent = armature.edit_bones[joints[above]]
    bpy.ops.object.mode_set(mode="OBJECT")
    obj.rotation_euler = turn
    obj.scale = (scale, scale, scale)
    obj.location = place

    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata(local(vertices).tolist(), [], skin.quads.tolist())
    child = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(child)
    child.parent = obj
    child.modifiers.new("Armature", "ARMATURE").object = obj
    shares: dict[str, np.ndarray] = {}
    for joint, bone in bones.items():
        while joint not in joints:
            joint = _above(joint, joints, rest)
        if bone in skin.weights:
            rows, values = skin.weights[bone]
            np.add.at(shares.setdefault(joints[joint], np.zeros(len(vertices))), rows, values)
    rows = {name: np.flatnonzero(values) for name, values in shares.items()}
    add_weights(child, {name: (rows[name], values[rows[name]]) for name, values in shares.items()})
    child.vertex_groups.remove(child.vertex_groups[ROUNDED])
    bpy.context.view_layer.update()
    return Character(obj, child, joints, skin, rest)


def _above(joint: str, joints: dict[str, str], rest: HumanoidRest) -> str | None:
    above = rest.parent(joint)
    while above is not None and above not in joints:
        above = rest.parent(above)
    return above


def _in_t_pose(skin: Skin, rest: HumanoidRest, bones: dict[str, str]) -> tuple[np.ndarray, HumanoidRest]:
    heads, moved = {}, {}
    for joint in rest.heads:
        above, turn = rest.parent(joint), rest.to_t_pose[joint]
        heads[joint] = rest.heads[joint] if above is None else moved[above] @ np.append(rest.heads[joint], 1.0)
        moved[joint] = np.column_stack([turn, heads[joint] - turn @ rest.heads[joint]])
    points = np.concatenate((skin.vertices, np.ones((len(skin.vertices), 1))), axis=1)
    placed = np.zeros((len(points), 3))
    for joint, bone in bones.items():
        if bone in skin.weights:
            rows, values = skin.weights[bone]
            np.add.at(placed, rows, values[:, None] * (points[rows] @ moved[joint].T))
    tails = {joint: moved[joint] @ np.append(tail, 1.0) for joint, tail in rest.tails.items()}
    return placed, HumanoidRest.from_joints(heads, tails)


def dump(obj: bpy.types.Object) -> dict[str, object]:
    """All that can be seen of a character's object, armature and pose: to be compared before and after."""
    seen: dict[str, object] = {"object": _values(obj), "data": _values(obj.data)}
    for key in ("modifiers", "constraints", "vertex_groups"):
        seen[key] = [_values(each) for each in getattr(obj, key)]
    if obj.type == "ARMATURE":
        for bone in obj.pose.bones:
            seen[f"pose {bone.name}"] = (_values(bone), [_values(each) for each in bone.constraints])
            seen[f"bone {bone.name}"] = _values(bone.bone)
    data = obj.animation_data
    if data is not None:
        seen["animation"] = (str(data.action), [(curve.data_path, curve.array_index) for curve in data.drivers])
    seen["hidden"] = (obj.hide_get(), obj.hide_viewport, obj.select_get(), obj == bpy.context.view_layer.objects.active)
    # Those of the extension's own settings are there as soon as anyone looks.
    names = (each.keys() for each in (obj, obj.data))
    seen["keys"] = [sorted(key for key in keys if not key.startswith("pose_to_anime")) for keys in names]
    return seen


def _values(thing: bpy.types.bpy_struct) -> dict[str, object]:
    found: dict[str, object] = {}
    for prop in thing.bl_rna.properties:
        name = prop.identifier
        if prop.type in ("COLLECTION",) or name in ("rna_type", "pose_to_anime", "pose_to_anime_body", "is_updated"):
            continue
        try:
            value = getattr(thing, name)
        except (AttributeError, TypeError):
            continue
        if prop.type == "POINTER":
            found[name] = getattr(value, "name", str(type(value)))
        elif isinstance(value, Matrix):
            found[name] = [tuple(row) for row in value]
        elif isinstance(value, (str, bool, int, float, set)):
            found[name] = value
        else:
            try:
                found[name] = tuple(value)
            except TypeError:
                found[name] = str(value)
    return found
