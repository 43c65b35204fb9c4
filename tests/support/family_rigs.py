# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters with the rigs of several programs, whose joints are known: the mannequin's body on bones with published names.

The truth is reckoned here, from where the mannequin's joints rest and how each is turned, not asked of Blender's pose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np
from mathutils import Matrix, Vector
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.mannequin import add_mannequin, landmarks, remove_mannequin, skins_of
from pose_to_anime.addon.pose.body_points import BODY_JOINTS, BODY_LANDMARKS
from pose_to_anime.addon.pose.humanoid import FINGER_JOINTS, JOINTS, PARENT, SIDES

Z_UP, Y_UP = Matrix.Identity(3), Matrix(((1, 0, 0), (0, 0, 1), (0, -1, 0)))
"""From the world's axes to the armature's own."""


@dataclass(frozen=True)
class Family:
    """``names``: joint → bone, sides written out. ``segments``: (joint, name of a bone that begins part of the way to the next
    joint and carries what follows, how far)."""

    names: Mapping[str, str]
    segments: tuple[tuple[str, str, float], ...] = ()
    extras: tuple[tuple[str, str, tuple[float, float, float]], ...] = ()  # name, joint that carries it, offset
    chains: tuple[tuple[str, str, tuple[tuple[float, float, float], ...]], ...] = ()  # the same, with several places


def _named(trunk: str, limbs: str, fingers: str, left: str, right: str, phalanges: str = "123", eye: str = "") -> dict[str, str]:
    """``trunk``: hips … head, ``limbs``: collar bone … toes, ``fingers``: five, all apart by commas; ``*`` is the side."""
    found = dict(zip(("hips", "spine", "chest", "upperChest", "neck", "head"), trunk.split(","), strict=True))
    parts = ("Shoulder", "UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot", "Toes")
    for side, word in zip(SIDES, (left, right), strict=True):
        found.update({side + part: name.replace("*", word) for part, name in zip(parts, limbs.split(","), strict=True)})
        if fingers:
            for index, joint in enumerate(joint for joint in FINGER_JOINTS if joint.startswith(side)):
                name = fingers.split(",")[index // 3]
                found[joint] = name.replace("*", word).replace("#", phalanges[index % 3])
        if eye:
            found[f"{side}Eye"] = eye.replace("*", word)
    return {joint: name for joint, name in found.items() if name}


def _halves(
    upper_arm: str, forearm: str, thigh: str, shin: str, left: str = "L", right: str = "R"
) -> tuple[tuple[str, str, float], ...]:
    parts = (("UpperArm", upper_arm), ("LowerArm", forearm), ("UpperLeg", thigh), ("LowerLeg", shin))
    return tuple(
        (side + part, name.replace("*", word), 0.5)
        for side, word in zip(SIDES, (left, right), strict=True)
        for part, name in parts
        if name
    )


_LONG_LIMBS = "*Shoulder,*Arm,*ForeArm,*Hand,*UpLeg,*Leg,*Foot,*ToeBase"
_MIXAMO_FINGERS = "*HandThumb#,*HandIndex#,*HandMiddle#,*HandRing#,*HandPinky#"


def _prefixed(names: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {joint: prefix + name for joint, name in names.items()}


_MIXAMO = _named("Hips,Spine,Spine1,Spine2,Neck,Head", _LONG_LIMBS, _MIXAMO_FINGERS, "Left", "Right")
_RIGIFY = _named(
    "spine,spine.001,spine.002,spine.003,spine.004,spine.006",
    "shoulder.*,upper_arm.*,forearm.*,hand.*,thigh.*,shin.*,foot.*,toe.*",
    "thumb.0#.*,f_index.0#.*,f_middle.0#.*,f_ring.0#.*,f_pinky.0#.*", "L", "R",
)  # fmt: skip
_DAZ_FINGERS = "*Thumb#,*Index#,*Mid#,*Ring#,*Pinky#"

FAMILIES: dict[str, Family] = {
    "vroid": Family(_named(
        "J_Bip_C_Hips,J_Bip_C_Spine,J_Bip_C_Chest,J_Bip_C_UpperChest,J_Bip_C_Neck,J_Bip_C_Head",
        "J_Bip_*_Shoulder,J_Bip_*_UpperArm,J_Bip_*_LowerArm,J_Bip_*_Hand,J_Bip_*_UpperLeg,J_Bip_*_LowerLeg,J_Bip_*_Foot,"
        "J_Bip_*_ToeBase",
        "J_Bip_*_Thumb#,J_Bip_*_Index#,J_Bip_*_Middle#,J_Bip_*_Ring#,J_Bip_*_Little#", "L", "R", eye="J_Adj_*_FaceEye",
    ), extras=(("J_Sec_Hair1_01", "head", (0.0, 0.1, 0.15)), ("J_Sec_L_Bust1", "upperChest", (0.08, -0.1, 0.0)))),
    "mixamo": Family(_prefixed(_MIXAMO, "mixamorig:"), extras=(("mixamorig:HeadTop_End", "head", (0.0, 0.0, 0.2)),)),
    "mixamo bare": Family(_MIXAMO),
    "mixamo numbered": Family(_prefixed(_MIXAMO, "mixamorig1:")),
    "mixamo underscores": Family(_prefixed(_MIXAMO, "mixamorig_")),
    "rigify": Family(
        _prefixed(_RIGIFY, "DEF-"),
        _halves("DEF-upper_arm.*.001", "DEF-forearm.*.001", "DEF-thigh.*.001", "DEF-shin.*.001"),
    ),
    "rigify metarig": Family(_RIGIFY),
    "makehuman": Family(_named(
        "root,spine05,spine03,spine01,neck01,head",
        "clavicle.*,upperarm01.*,lowerarm01.*,wrist.*,upperleg01.*,lowerleg01.*,foot.*,toe2-1.*",
        "finger1-#.*,finger2-#.*,finger3-#.*,finger4-#.*,finger5-#.*", "L", "R", eye="eye.*",
    ), _halves("upperarm02.*", "lowerarm02.*", "upperleg02.*", "lowerleg02.*")),
    "game engine": Family(_named(
        "pelvis,spine_01,spine_02,spine_03,neck_01,head",
        "clavicle_*,upperarm_*,lowerarm_*,hand_*,thigh_*,calf_*,foot_*,ball_*",
        "thumb_0#_*,index_0#_*,middle_0#_*,ring_0#_*,pinky_0#_*", "l", "r",
    )),
    "unreal 5": Family(_named(
        "pelvis,spine_01,spine_03,spine_05,neck_01,head",
        "clavicle_*,upperarm_*,lowerarm_*,hand_*,thigh_*,calf_*,foot_*,ball_*",
        "thumb_0#_*,index_0#_*,middle_0#_*,ring_0#_*,pinky_0#_*", "l", "r",
    ), extras=(("ik_foot_l", "hips", (0.1, 0.0, -0.8)), ("upperarm_twist_01_l", "leftUpperArm", (0.1, 0.0, 0.0)))),
    "unity": Family(_named(
        "Hips,Spine,Chest,UpperChest,Neck,Head",
        "*Shoulder,*UpperArm,*LowerArm,*Hand,*UpperLeg,*LowerLeg,*Foot,*Toes", "", "Left", "Right", eye="*Eye",
    )),
    "vrchat": Family(_named(
        "Hips,Spine,Chest,Upper Chest,Neck,Head",
        "* shoulder,* arm,* elbow,* wrist,* leg,* knee,* ankle,* toe", "", "Left", "Right", eye="Eye_*",
    )),
    "mmd japanese": Family(_named(
        "下半身,上半身,上半身2,上半身3,首,頭", "*肩,*腕,*ひじ,*手首,*足,*ひざ,*足首,*足先EX",
        ",*人指#,*中指#,*薬指#,*小指#", "左", "右", phalanges="１２３", eye="*目",
    ), extras=(("センター", "", (0.0, 0.0, 0.0)), ("左足ＩＫ", "", (0.1, 0.0, 0.0)))),
    "mmd_tools": Family(_named(
        "下半身,上半身,上半身2,上半身3,首,頭", "肩.*,腕.*,ひじ.*,手首.*,足D.*,ひざD.*,足首D.*,足先EX.*",
        ",人指#.*,中指#.*,薬指#.*,小指#.*", "L", "R", phalanges="１２３", eye="目.*",
    )),
    "mmd english": Family(_named(
        "Lower body,Upper body,Upper body2,Upper body3,Neck,Head",
        "Shoulder_*,Arm_*,Elbow_*,Wrist_*,Leg_*,Knee_*,Ankle_*,Toe_*", "", "L", "R", eye="Eye_*",
    )),
    "cmu": Family(_named("Hips,LowerBack,Spine,Spine1,Neck,Head", _LONG_LIMBS, "", "Left", "Right")),
    "auto-rig pro": Family(_named(
        "root.x,spine_01.x,spine_02.x,spine_03.x,neck.x,head.x",
        "shoulder.*,c_arm_twist_offset.*,forearm_stretch.*,hand.*,thigh_twist.*,leg_stretch.*,foot.*,toes_01.*",
        "thumb#.*,index#.*,middle#.*,ring#.*,pinky#.*", "l", "r",
    ), _halves("arm_stretch.*", "forearm_twist.*", "thigh_stretch.*", "leg_twist.*", "l", "r")),
    "auto-rig pro export": Family(_named(
        "root.x,spine_01.x,spine_02.x,spine_03.x,neck.x,head.x",
        "shoulder.*,arm_stretch.*,forearm_stretch.*,hand.*,thigh_stretch.*,leg_stretch.*,foot.*,toes_01.*",
        "c_thumb#.*,c_index#.*,c_middle#.*,c_ring#.*,c_pinky#.*", "l", "r",
    )),
    "genesis 2": Family(_named(
        "hip,abdomen,abdomen2,chest,neck,head", "*Collar,*Shldr,*ForeArm,*Hand,*Thigh,*Shin,*Foot,*Toe", _DAZ_FINGERS, "l",
        "r", eye="*Eye",
    )),
    "genesis 8": Family(_named(
        "hip,abdomenLower,chestLower,chestUpper,neckLower,head",
        "*Collar,*ShldrBend,*ForearmBend,*Hand,*ThighBend,*Shin,*Foot,*Toe", _DAZ_FINGERS, "l", "r", eye="*Eye",
    ), _halves("*ShldrTwist", "*ForearmTwist", "*ThighTwist", "", "l", "r")),
    "genesis 9": Family(_named(
        "hip,spine1,spine3,spine4,neck1,head",
        "*_shoulder,*_upperarm,*_forearm,*_hand,*_thigh,*_shin,*_foot,*_toes",
        "*_thumb#,*_index#,*_mid#,*_ring#,*_pinky#", "l", "r", eye="*_eye",
    ), extras=(("l_upperarmtwist1", "leftUpperArm", (0.1, 0.0, 0.0)),)),
    "biped": Family(_prefixed(_named(
        "Pelvis,Spine,Spine1,Spine2,Neck,Head",
        "* Clavicle,* UpperArm,* Forearm,* Hand,* Thigh,* Calf,* Foot,* Toe0", "", "L", "R",
    ), "Bip01 ")),
    "biped underscores": Family(_prefixed(_named(
        "Pelvis,Spine,Spine1,Spine2,Neck,Head",
        "*_Clavicle,*_UpperArm,*_Forearm,*_Hand,*_Thigh,*_Calf,*_Foot,*_Toe0", "", "L", "R",
    ), "Bip001_")),
    "reallusion": Family(_prefixed(_named(
        "Hip,Waist,Spine01,Spine02,NeckTwist01,Head",
        "*_Clavicle,*_Upperarm,*_Forearm,*_Hand,*_Thigh,*_Calf,*_Foot,*_ToeBase",
        "*_Thumb#,*_Index#,*_Mid#,*_Ring#,*_Pinky#", "L", "R", eye="*_Eye",
    ), "CC_Base_")),
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """The mannequin at rest: joint → head and tail (2, 3), landmarks, and its skin with groups named after joints."""

    joints: dict[str, np.ndarray]
    points: dict[str, np.ndarray]
    vertices: np.ndarray
    faces: list[list[int]]
    weights: list[list[tuple[str, float]]]


_bodies: dict[str, Body] = {}


def body_of(name: str = "adult_woman") -> Body:
    """The mannequin's body as numbers. Adds a mannequin and removes it again."""
    if name not in _bodies:
        obj = add_mannequin(bpy.context, name)
        names = joint_map("mannequin")
        joint_of = {bone: joint for joint, bone in names.items()}
        bones = obj.data.bones
        joints = {joint: np.array((bones[bone].head_local, bones[bone].tail_local)) for joint, bone in names.items()}
        (skin,) = skins_of(obj)
        groups = [joint_of.get(group.name, "") for group in skin.vertex_groups]
        _bodies[name] = Body(
            joints,
            {key: np.array(place) for key, place in landmarks(obj).items()},
            np.array([vertex.co for vertex in skin.data.vertices]),
            [list(face.vertices) for face in skin.data.polygons],
            [[(groups[g.group], g.weight) for g in vertex.groups if groups[g.group]] for vertex in skin.data.vertices],
        )
        remove_mannequin(obj)
    return _bodies[name]


def _with_arms_down(body: Body, angle: float) -> Body:
    """The same body with both arms turned down about its shoulders. Its skin stays, which rests elsewhere then."""
    joints = dict(body.joints)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        turn = np.array(Matrix.Rotation(sign * angle, 3, "Y"))
        centre = body.joints[f"{side}UpperArm"][0]
        for joint, ends in body.joints.items():
            if joint.startswith(side) and not joint.endswith(("Leg", "Foot", "Toes", "Shoulder")):
                joints[joint] = (ends - centre) @ turn.T + centre
    return replace(body, joints=joints)


@dataclass
class Character:
    """A character that was built, and where its joints and landmarks are in the world."""

    armature: bpy.types.Object
    mesh: bpy.types.Object | None
    joints: dict[str, np.ndarray]
    points: dict[str, np.ndarray]

    def keypoints(self) -> np.ndarray:
        """(18, 3) as they should be found, the neck NaN."""
        found = np.full((18, 3), np.nan)
        for index, joint in enumerate(BODY_JOINTS):
            if joint:
                found[index] = self.joints[joint]
        for index, name in BODY_LANDMARKS.items():
            found[index] = self.points[name]
        return found


def random_turns(rng: np.random.Generator, most: float = 40.0) -> dict[str, Matrix]:
    """A turn for each joint from where its parent takes it, degrees about any axis."""
    return {
        joint: Matrix.Rotation(math.radians(rng.uniform(-most, most)), 3, Vector(rng.normal(size=3)).normalized())
        for joint in JOINTS
    }


def build(
    family: Family,
    turns: Mapping[str, Matrix] | None = None,
    *,
    world: Matrix | None = None,
    axes: Matrix = Z_UP,
    with_mesh: bool = True,
    body: str = "adult_woman",
    name: str = "Character",
    hanging: float = 0.0,
) -> Character:
    """Add a character. Its arms rest ``hanging`` radians below those of the mannequin. ``world`` is its object's matrix
    without ``axes``, which the armature's own space is turned by and its object back."""
    shape = _with_arms_down(body_of(body), hanging) if hanging else body_of(body)
    world = world or Matrix.Identity(4)
    armature = bpy.data.armatures.new(name)
    obj = bpy.data.objects.new(name, armature)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    _add_bones(armature.edit_bones, family, shape, axes)
    bpy.ops.object.mode_set(mode="OBJECT")
    obj.matrix_world = world @ axes.inverted().to_4x4()
    turns = turns or {}
    for joint, turn in turns.items():
        if joint in family.names:
            bone = obj.pose.bones[family.names[joint]]
            rest = bone.bone.matrix_local.to_3x3()
            bone.matrix_basis = (rest.inverted() @ axes @ turn @ axes.inverted() @ rest).to_4x4()
    mesh = _add_mesh(obj, family, shape, axes, name) if with_mesh else None
    bpy.context.view_layer.update()
    joints, carry = _truth(shape, family, turns)
    place = np.array(world, np.float64)

    def seen(point: np.ndarray) -> np.ndarray:
        return place[:3, :3] @ point + place[:3, 3]

    head = carry["head"]
    points = {key: seen(head[0] @ (point - shape.joints["head"][0]) + joints["head"]) for key, point in shape.points.items()}
    return Character(obj, mesh, {joint: seen(point) for joint, point in joints.items()}, points)


def _parent(joint: str, family: Family) -> str | None:
    above = PARENT.get(joint, "head" if joint.endswith("Eye") else None)
    while above is not None and above not in family.names:
        above = PARENT[above]
    return above


def _truth(
    shape: Body, family: Family, turns: Mapping[str, Matrix]
) -> tuple[dict[str, np.ndarray], dict[str, tuple[np.ndarray]]]:
    places: dict[str, np.ndarray] = {}
    carry: dict[str, tuple[np.ndarray]] = {}
    for joint in JOINTS:
        if joint not in family.names:
            continue
        above = _parent(joint, family)
        turn = np.array(turns.get(joint, Matrix.Identity(3)), np.float64)
        if above is None:
            places[joint], carry[joint] = shape.joints[joint][0], (turn,)
        else:
            places[joint] = places[above] + carry[above][0] @ (shape.joints[joint][0] - shape.joints[above][0])
            carry[joint] = (carry[above][0] @ turn,)
    return places, carry


def _add_bones(edit: bpy.types.ArmatureEditBones, family: Family, shape: Body, axes: Matrix) -> None:
    root = edit.new("Root of all")
    root.head, root.tail = (0, 0, 0), axes @ Vector((0, 0.2, 0))
    root.use_deform = False
    ends: dict[str, bpy.types.EditBone] = {}
    for joint in (*JOINTS, *(joint for joint in family.names if joint.endswith("Eye"))):
        if joint not in family.names:
            continue
        bone = edit.new(family.names[joint])
        above = _parent(joint, family)
        bone.parent = ends[above] if above else root
        if joint.endswith("Eye"):
            head = Vector(shape.points["eye_left" if joint.startswith("left") else "eye_right"])
            tail = head + Vector((0, -0.02, 0))
        else:
            head, tail = (Vector(place) for place in shape.joints[joint])
        bone.head, bone.tail = axes @ head, axes @ tail
        ends[joint] = bone
        for part, name, share in family.segments:
            if part == joint:
                middle = edit.new(name)
                middle.head, middle.tail = axes @ head.lerp(tail, share), axes @ tail
                bone.tail = middle.head
                middle.parent = bone
                ends[joint] = middle
    for name, joint, offset in family.extras:
        bone = edit.new(name)
        bone.parent = ends[joint] if joint else root
        start = Vector(shape.joints[joint][0]) if joint else Vector()
        bone.head, bone.tail = axes @ (start + Vector(offset)), axes @ (start + Vector(offset) + Vector((0, 0, 0.05)))
    for name, joint, places in family.chains:
        above = ends[joint] if joint else root
        start = Vector(shape.joints[joint][0]) if joint else Vector()
        for number, place in enumerate(places):
            bone = edit.new(f"{name}x{number}")
            bone.parent, above = above, bone
            bone.head = axes @ (start + Vector(place))
            further = Vector(places[number + 1]) if number + 1 < len(places) else Vector(place) + Vector((0.0, 0.0, -0.03))
            bone.tail = axes @ (start + further)
            bone.use_deform = bool(joint)
    if any(edit.get(name) is None for name in family.names.values()):
        raise AssertionError("Blender renamed a bone")


def _add_mesh(obj: bpy.types.Object, family: Family, shape: Body, axes: Matrix, name: str) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(f"{name} body")
    mesh.from_pydata([tuple(axes @ Vector(vertex)) for vertex in shape.vertices], [], shape.faces)
    skin = bpy.data.objects.new(f"{name} body", mesh)
    bpy.context.scene.collection.objects.link(skin)
    groups: dict[str, list[tuple[int, float]]] = {}
    for index, weights in enumerate(shape.weights):
        for joint, weight in weights:
            known = joint if joint in family.names else _parent(joint, family)
            if known is not None:
                groups.setdefault(family.names[known], []).append((index, weight))
    for bone, pairs in groups.items():
        group = skin.vertex_groups.new(name=bone)
        for index, weight in pairs:
            group.add([index], weight, "ADD")
    modifier = skin.modifiers.new("Armature", "ARMATURE")
    modifier.object = obj
    skin.parent = obj
    return skin


def empty_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def nameless(rng: np.random.Generator, family: Family) -> Family:
    """The same rig with names that say nothing."""
    numbers = iter(rng.permutation(900).tolist())

    def name() -> str:
        return f"q{next(numbers):03}"

    names = {joint: name() for joint in family.names}
    segments = tuple((joint, name(), share) for joint, _, share in family.segments)
    return replace(
        family,
        names=names,
        segments=segments,
        extras=tuple((name(), joint, offset) for _, joint, offset in family.extras),
        chains=tuple((name(), joint, places) for _, joint, places in family.chains),
    )
