# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of any armature is which joint of the humanoid.

In this order: the map that the user chose for the armature; the table that a VRM carries; the map whose names fit best, the
user's own before ours; the words of the names; the build. Bones that the user chose for single joints go before all of
these."""

from __future__ import annotations

import math
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import bpy
import numpy as np

from ..pose.body_plan import joints_by_build
from ..pose.humanoid import EYES, JOINTS, SIDES
from ..pose.joint_words import add_fingers, joints_by_words
from ..pose.skeleton import Skeleton
from .joint_map import MAPPED, ArmatureMap, JointMap, joint_map
from .mannequin import is_mannequin
from .map_files import MANNEQUIN, Maps, known_maps
from .vrm_table import stored_table

NEEDED: tuple[str, ...] = (
    "hips", "head", *(side + part for side in SIDES for part in ("UpperArm", "LowerArm", "UpperLeg", "LowerLeg")),
)  # fmt: skip
"""Without these there is no figure: hands and feet may end in the tails of forearms and shins."""

BY_TABLE, BY_WORDS, BY_BUILD, BY_HAND = "VRM_TABLE", "WORDS", "BUILD", "HAND"
TITLES: Mapping[str, str] = {
    MANNEQUIN: "Mannequin",
    BY_TABLE: "VRM",
    BY_WORDS: "Names of bones",
    BY_BUILD: "Build of the skeleton",
    BY_HAND: "Chosen by hand",
}
_REMEMBERED = 64
_known: OrderedDict[tuple[object, ...], Recognition] = OrderedDict()


@dataclass(frozen=True)
class Recognition:
    """What an armature is seen as. ``by`` is the key of a map, or one of the constants above; ``joints`` of ``JOINTS``,
    ``eyes`` of ``EYES``; ``problems`` are sentences for the user."""

    by: str = ""
    title: str = ""
    joints: Mapping[str, str] = field(default_factory=dict)
    eyes: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of ``NEEDED`` have no bone."""
        return tuple(joint for joint in NEEDED if joint not in self.joints)

    @property
    def is_whole(self) -> bool:
        return not self.missing and not self.problems


def recognise(obj: bpy.types.Object) -> Recognition:
    """What an armature object is seen as. Quick enough for every redraw: what was found out is remembered by the bones' names and
    places and the user's choice."""
    if is_mannequin(obj):
        return Recognition(MANNEQUIN, TITLES[MANNEQUIN], joint_map(MANNEQUIN), {})
    settings = getattr(getattr(obj, "pose_to_anime", None), "character", None)
    chosen = settings.map if settings is not None else ""
    overrides = tuple((item.name, item.bone) for item in settings.bones) if settings is not None else ()
    table = stored_table(obj.data)
    bones = obj.data.bones
    places = np.empty(len(bones) * 3, np.float32)
    bones.foreach_get("head_local", places)
    deform = np.empty(len(bones), bool)
    bones.foreach_get("use_deform", deform)
    maps = known_maps()
    names = tuple(bone.name for bone in bones)
    key = (names, zlib.crc32(places.tobytes()), deform.tobytes(), chosen, overrides, tuple(table.items()), maps.number)
    if key in _known:
        _known.move_to_end(key)
        return _known[key]
    found = _recognise(obj, chosen, dict(overrides), table, maps)
    _known[key] = found
    while len(_known) > _REMEMBERED:
        _known.popitem(last=False)
    return found


def skeleton_of(armature: bpy.types.Armature, only_deform: bool) -> Skeleton:
    """An armature at rest, in its own axes; ``only_deform`` leaves out bones that move no mesh, and hangs what hung on them on
    what they hung on."""
    bones = [bone for bone in armature.bones if bone.use_deform or not only_deform]
    number = {bone.name: index for index, bone in enumerate(bones)}
    parents = []
    for bone in bones:
        above = bone.parent
        while above is not None and above.name not in number:
            above = above.parent
        parents.append(number[above.name] if above is not None else -1)
    heads = np.array([bone.head_local for bone in bones], np.float64).reshape(-1, 3)
    tails = np.array([bone.tail_local for bone in bones], np.float64).reshape(-1, 3)
    return Skeleton(tuple(number), tuple(parents), heads, tails)


def _recognise(obj: bpy.types.Object, chosen: str, overrides: Mapping[str, str], table: JointMap, maps: Maps) -> Recognition:
    problems: list[str] = []
    found: Recognition | None = None
    if chosen in (BY_TABLE, BY_WORDS, BY_BUILD):
        found = _by_itself(obj, table, maps, only=chosen) or Recognition(chosen, TITLES[chosen], {}, {})
    elif chosen:
        entry = maps.entry(chosen)
        if entry is None:
            problems.append(f"The map '{chosen}' that was chosen for '{obj.name}' is gone or broken: choose another one.")
        else:
            found = _split(entry.key, entry.title, joints_by_map(entry, obj.data))
    if found is None:
        found = _by_itself(obj, table, maps) or Recognition("", "", {}, {})
    if overrides:
        found = _overridden(obj, found, overrides, problems)
    return replace(found, problems=tuple(problems))


def _by_itself(obj: bpy.types.Object, table: JointMap, maps: Maps, only: str = "") -> Recognition | None:
    if only in ("", BY_TABLE) and _is_plausible(obj.data, table):
        return _split(BY_TABLE, TITLES[BY_TABLE], table)
    if not only and (best := _best_map(obj.data, maps.entries)) is not None:
        return best
    for by, find in ((BY_WORDS, joints_by_words), (BY_BUILD, joints_by_build)):
        if only not in ("", by):
            continue
        for only_deform in (True, False):
            bones = skeleton_of(obj.data, only_deform)
            numbers = find(bones)
            if set(NEEDED) <= set(numbers):
                add_fingers(bones, numbers)
                joints = {joint: bones.names[index] for joint, index in numbers.items()}
                if _is_plausible(obj.data, joints):
                    return _split(by, TITLES[by], {**joints, **_eyes_of(obj.data, joints)})
    return None


def _best_map(armature: bpy.types.Armature, maps: Sequence[ArmatureMap]) -> Recognition | None:
    """The map by which most joints are found; the user's own before ours, however few joints it names. Of two that find as many,
    the one whose spine goes on nearer to the head."""
    best: tuple[tuple[bool, int, float], Recognition] | None = None
    for entry in maps:
        joints = joints_by_map(entry, armature)
        worth = (entry.own, len(joints), -_gap_below_head(armature, joints))
        if _is_plausible(armature, joints) and (best is None or worth > best[0]):
            best = worth, _split(entry.key, entry.title, {**joints, **_eyes_of(armature, joints)})
    return best[1] if best is not None else None


def _gap_below_head(armature: bpy.types.Armature, joints: Mapping[str, str]) -> float:
    """From the spine's last joint to the head."""
    last = next((joints[joint] for joint in ("upperChest", "chest", "spine", "hips") if joint in joints), None)
    if last is None or "head" not in joints:
        return math.inf
    return float((armature.bones[joints["head"]].head_local - armature.bones[last].head_local).length)


def joints_by_map(entry: ArmatureMap, armature: bpy.types.Armature) -> JointMap:
    """Humanoid joint → bone, as far as a map's names are found in an armature. Each bone is used once."""
    bones = armature.bones
    fitting = entry.candidates([bone.name for bone in bones])
    found: JointMap = {}
    for joint in MAPPED:
        names = [name for name in fitting.get(joint, ()) if name not in found.values()]
        if not names:
            continue
        if entry.segments:
            names = [name for name in names if bones[name].use_deform] or names
            names = _from_the_trunk(joint, names, fitting, bones)
        found[joint] = names[0]
    return found


_NEXT = {"UpperArm": "LowerArm", "LowerArm": "Hand", "UpperLeg": "LowerLeg", "LowerLeg": "Foot"}


def _from_the_trunk(joint: str, names: list[str], fitting: Mapping[str, list[str]], bones: bpy.types.ArmatureBones) -> list[str]:
    """Of the segments of a limb's part, first the one that begins farthest from where the part ends."""
    following = next((joint.removesuffix(part) + beyond for part, beyond in _NEXT.items() if joint.endswith(part)), "")
    ends = fitting.get(following)
    if not ends:
        return names
    end = np.mean([bones[name].head_local for name in ends], axis=0)
    away = [float(np.linalg.norm(np.array(bones[name].head_local) - end)) for name in names]
    return sorted(names, key=lambda name: -round(away[names.index(name)] / max(max(away), 1e-9), 3))


def _split(by: str, title: str, joints: Mapping[str, str]) -> Recognition:
    body = {joint: joints[joint] for joint in JOINTS if joint in joints}
    return Recognition(by, title, body, {eye: joints[eye] for eye in EYES if eye in joints})


def _overridden(obj: bpy.types.Object, found: Recognition, overrides: Mapping[str, str], problems: list[str]) -> Recognition:
    """With the bones that the user chose for single joints; what had such a bone by itself loses it."""
    own = {joint: bone for joint, bone in overrides.items() if joint in MAPPED}
    for joint, bone in own.items():
        if bone and bone not in obj.data.bones:
            problems.append(f"'{obj.name}' has no bone '{bone}' any more: choose another one for {spoken(joint)}.")
    taken = [bone for bone in own.values() if bone in obj.data.bones]
    for bone in sorted({bone for bone in taken if taken.count(bone) > 1}):
        both = [spoken(joint) for joint, name in own.items() if name == bone]
        problems.append(f"The bone '{bone}' is used for {' and '.join(both)}: choose another one for one of them.")
    joints = {joint: bone for joint, bone in {**found.joints, **found.eyes}.items() if joint not in own and bone not in taken}
    joints |= {joint: bone for joint, bone in own.items() if bone in obj.data.bones}
    return _split(found.by or BY_HAND, found.title or TITLES[BY_HAND], joints)


def _is_plausible(armature: bpy.types.Armature, joints: Mapping[str, str]) -> bool:
    """Whether these joints can be a body: all are there, each in its own place, left and right apart, the head above the
    feet's end of the trunk, and no limb folded onto itself."""
    if any(joint not in joints for joint in NEEDED):
        return False
    at = {joint: np.array(armature.bones[joints[joint]].head_local, np.float64) for joint in NEEDED}
    extent = float(np.ptp(list(at.values()), axis=0).max())
    if extent <= 0.0:
        return False
    legs = np.mean([at[f"{side}LowerLeg"] for side in SIDES], axis=0)
    hips = np.mean([at[f"{side}UpperLeg"] for side in SIDES], axis=0)
    up = at["head"] - hips
    if float(up @ (hips - legs)) <= 0.0:
        return False
    across = {part: at[f"left{part}"] - at[f"right{part}"] for part in ("UpperArm", "UpperLeg")}
    if (
        min(float(np.linalg.norm(gap)) for gap in across.values()) < 0.01 * extent
        or float(across["UpperArm"] @ across["UpperLeg"]) <= 0.0
    ):
        return False
    parts = ((f"{side}Upper{limb}", f"{side}Lower{limb}") for side in SIDES for limb in ("Arm", "Leg"))
    return all(float(np.linalg.norm(at[upper] - at[lower])) > 0.02 * extent for upper, lower in parts)


def _eyes_of(armature: bpy.types.Armature, joints: Mapping[str, str]) -> JointMap:
    """The bones of the eyes, by their words, among what hangs on the head: where a map names none."""
    head = armature.bones.get(joints.get("head", ""))
    if head is None or any(eye in joints for eye in EYES):
        return {}
    found: JointMap = {}
    for bone in head.children_recursive:
        words = bone.name.casefold().replace("_", ".").replace(" ", ".").replace("-", ".").split(".")
        plain = {word for word in words if word not in ("def", "org", "j", "adj", "bip", "b", "c")}
        for side, word in (("left", "l"), ("right", "r")):
            is_eye = plain == {"eye", word} or plain == {"eye", side} or plain in ({f"{side}eye"}, {f"eye{side}"}, {f"eye{word}"})
            if is_eye:
                found.setdefault(f"{side}Eye", bone.name)
    return found if len(found) == 2 else {}


_SPOKEN = {
    "UpperLeg": "hip",
    "LowerLeg": "knee",
    "Foot": "ankle",
    "Toes": "toes",
    "Shoulder": "collar bone",
    "UpperArm": "shoulder",
    "LowerArm": "elbow",
    "Hand": "wrist",
    "Eye": "eye",
}


def spoken(joint: str) -> str:
    """A joint in plain words: ``the left knee``."""
    for side in SIDES:
        if joint.startswith(side):
            part = joint[len(side) :]
            words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in part).strip()
            return f"the {side} {_SPOKEN.get(part, words)}"
    return {"upperChest": "the upper chest"}.get(joint, f"the {joint}")


def forget() -> None:
    """Drop what is remembered of armatures."""
    _known.clear()
