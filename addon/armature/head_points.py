# SPDX-License-Identifier: GPL-3.0-or-later
"""Nose, eyes and ears of a character, whose rig has no such landmarks: found on the mesh of its head, at rest.

The head is what weighs mostly on the head's bone, or hangs on it, without hair, hats and glasses. Eyes are where the rig's eye
bones are, else the vertices whose material or group is called after eyes, else where faces have them; the nose is what stands
out farthest in the middle below them, the ears what stands out at the sides at their height. Without a mesh, a head's usual
proportions to its bone must do."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..keys import key_of, object_in
from .figures import Figure
from .mesh_content import content_of
from .weights import vertices_on

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_PROPORTIONS = {
    "nose_tip": (0.0, 0.175, 0.687),
    "eye_left": (0.177, 0.38, 0.484),
    "eye_right": (-0.177, 0.38, 0.484),
    "ear_left": (0.418, 0.347, -0.068),
    "ear_right": (-0.418, 0.347, -0.068),
}
"""Left, up and forward from the head's joint in lengths of the head's bone: those of our own adult mannequin."""
_HEAD_OVER_TRUNK = 0.29
"""The length of a head's bone to the way from the hip joints to the head's joint, on the same."""
_BONE_IS_HEAD = (0.12, 0.75)
"""Where a head's bone is as long as this, in the same measure, its length is taken for the head's; importers give bones any
length."""

_EYES_UP = 0.46
"""How high eyes are in a head, from the chin to the crown, without a hint: drawn heads have them lower than the half of real
ones."""
_NOSE_BAND = (0.12, 0.62)
"""Where below the eyes a nose ends, on the way from them to the chin: lips and chin stand out, too."""
_MIDDLE = 0.14
"""How far from the middle a nose may be, as a part of the head's width."""
_EAR_BAND = (-0.22, 0.12)
"""Where ears are wide, from the eyes' height, as a part of the head's height."""
_LONGEST_EAR = 1.22
"""How far out an ear's middle may be to the head's width above it: an elf's points are not."""
_FEWEST = 24  # vertices that can be a head
_FAR = 20.0
"""In lengths of the head's bone: what is farther from its joint was thrown there by something broken."""

_HAIR = re.compile(
    r"hair|pony|twin.?tail|bang|fringe|braid|ahoge|hat\b|cap\b|helmet|ribbon|glass|headphone|horn|髪|帽|リボン|眼鏡|メガネ", re.I
)
_EYE = re.compile(r"eye|iris|pupil|目|瞳|虹彩", re.I)
_NO_EYE = re.compile(r"brow|lash|lid|line|glass|shadow|extra|high|star|hair|眉|睫|まつ|影", re.I)

_REMEMBERED = 32
_known: OrderedDict[Hashable, dict[str, Floats]] = OrderedDict()


@dataclass(frozen=True, eq=False)
class _Axes:
    """A figure's own axes at rest: ``turn`` (3, 3) has left, up and forward as rows."""

    origin: Floats
    turn: Floats
    size: float

    def of(self, points: Floats) -> Floats:
        found: Floats = (points - self.origin) @ self.turn.T
        return found

    def back(self, point: Floats) -> Floats:
        found: Floats = point @ self.turn + self.origin
        return found


def head_landmarks(figure: Figure, depsgraph: bpy.types.Depsgraph) -> dict[str, Floats]:
    """``nose_tip``, ``eye_left``, ``ear_right``, … (3,) at rest in armature space, as ``mannequin.landmarks`` says those of a
    mannequin. Empty without a head."""
    source = object_in(depsgraph.scene, figure.armature)
    if source is None or figure.joint_map.get("head") not in source.data.bones:
        return {}
    obj = source.evaluated_get(depsgraph)
    axes = _axes(source, figure.joint_map)
    if axes is None:
        return {}
    head = obj.pose.bones[figure.joint_map["head"]]
    to_rest = (obj.matrix_world @ head.matrix @ head.bone.matrix_local.inverted_safe()).inverted_safe()
    pieces, content = _meshes(figure, depsgraph, source)
    eyes = {name: source.data.bones[bone].head_local for name, bone in figure.eyes.items() if bone in source.data.bones}
    key = (
        figure.armature, tuple(figure.joint_map.items()), tuple((name, *place) for name, place in eyes.items()),
        axes.turn.tobytes(), content,
    )  # fmt: skip
    if key not in _known:
        points, eye_points = _head_points(figure, source, pieces, to_rest, axes)
        found = _found(axes, points, eye_points, {name: np.array(place) for name, place in eyes.items()})
        _known[key] = {name: axes.back(place) for name, place in found.items()}
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    else:
        _known.move_to_end(key)
    return _known[key]


def forget() -> None:
    """Drop what is remembered of heads."""
    _known.clear()


def _axes(source: bpy.types.Object, joints: Mapping[str, str]) -> _Axes | None:
    bones = source.data.bones
    at = {joint: np.array(bones[bone].head_local, np.float64) for joint, bone in joints.items() if bone in bones}
    parts = [part for part in ("UpperArm", "UpperLeg", "Shoulder") if f"left{part}" in at and f"right{part}" in at]
    below = [at[joint] for joint in ("leftUpperLeg", "rightUpperLeg", "hips") if joint in at]
    if not parts or not below:
        return None
    left = np.sum([at[f"left{part}"] - at[f"right{part}"] for part in parts], axis=0)
    up = at["head"] - np.mean(below[:2], axis=0)
    trunk = float(np.linalg.norm(up))
    left = left / max(float(np.linalg.norm(left)), 1e-12)
    up = up - float(up @ left) * left
    if trunk < 1e-9 or float(np.linalg.norm(up)) < 1e-9:
        return None
    up /= np.linalg.norm(up)
    bone = bones[joints["head"]]
    along = np.array(bone.tail_local, np.float64) - at["head"]
    fits = float(along @ up) > 0.8 * bone.length and _BONE_IS_HEAD[0] < bone.length / trunk < _BONE_IS_HEAD[1]
    return _Axes(at["head"], np.array((left, up, np.cross(left, up))), bone.length if fits else _HEAD_OVER_TRUNK * trunk)


_Piece = tuple[bpy.types.Object, bpy.types.Object]


def _meshes(figure: Figure, depsgraph: bpy.types.Depsgraph, source: bpy.types.Object) -> tuple[list[_Piece], Hashable]:
    """The meshes that can be a part of the head, each with its evaluated self, and what of them decides where its points are."""
    names = _face_bones(source.data.bones[figure.joint_map["head"]])
    pieces: list[_Piece] = []
    content: list[Hashable] = []
    for key in figure.meshes:
        mesh = object_in(depsgraph.scene, key)
        if mesh is None or mesh.type != "MESH" or _HAIR.search(mesh.name) or _HAIR.search(mesh.data.name):
            continue
        on_bone = mesh.parent_type == "BONE" and mesh.parent_bone in names
        if not on_bone and not any(group.name in names for group in mesh.vertex_groups):
            continue
        keys = mesh.data.shape_keys
        values = tuple(round(block.value, 4) for block in keys.key_blocks if block.value) if keys is not None else ()
        pieces.append((mesh, mesh.evaluated_get(depsgraph)))
        content.append((key, content_of(mesh.data), values, tuple(mod.show_viewport for mod in mesh.modifiers)))
    return pieces, tuple(content)


def _face_bones(head: bpy.types.Bone) -> set[str]:
    """The head's bone and those of the face that hang on it: not those of hair, nor what hangs on these."""
    found = {head.name}
    todo = list(head.children)
    while todo:
        bone = todo.pop()
        if not _HAIR.search(bone.name):
            found.add(bone.name)
            todo += bone.children
    return found


def _head_points(
    figure: Figure, source: bpy.types.Object, pieces: list[_Piece], to_rest: Matrix, axes: _Axes
) -> tuple[Floats, Floats]:
    """(n, 3) vertices of the head and (m, 3) those of its eyes, at rest in armature space."""
    names = _face_bones(source.data.bones[figure.joint_map["head"]])
    heads, eyes = [np.empty((0, 3))], [np.empty((0, 3))]
    for mesh, evaluated in pieces:
        try:
            shape = evaluated.to_mesh()
        except RuntimeError:
            continue
        try:
            count = len(shape.vertices)
            if not count:
                continue
            places = np.empty(count * 3, np.float32)
            shape.vertices.foreach_get("co", places)
            if mesh.parent_type == "BONE" and mesh.parent_bone in names:
                mask: Bools | None = np.ones(count, bool)
            else:
                mask = vertices_on(mesh, shape, names, (key_of(mesh), figure.armature))
            if mask is None:
                continue
            hair, eye = _by_name(mesh, shape, count)
        finally:
            evaluated.to_mesh_clear()
        matrix = np.array(to_rest @ evaluated.matrix_world, np.float64)
        points = places.reshape(-1, 3).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        good = np.abs(points - axes.origin).max(axis=1) < _FAR * axes.size  # and not where they are no number
        heads.append(points[mask & ~hair & good])
        eyes.append(points[mask & eye & good])
    return np.concatenate(heads), np.concatenate(eyes)


def _by_name(source: bpy.types.Object, shape: bpy.types.Mesh, count: int) -> tuple[Bools, Bools]:
    """(n,) which vertices belong to hair and which to eyes, by the names of materials and groups."""
    hair, eye = np.zeros(count, bool), np.zeros(count, bool)
    slots = [slot.material.name if slot.material is not None else "" for slot in source.material_slots]
    kinds = [(number, name) for number, name in enumerate(slots) if _HAIR.search(name) or _EYE.search(name)]
    if kinds and len(shape.polygons):
        corners = np.empty(len(shape.loops), np.int32)
        shape.loops.foreach_get("vertex_index", corners)
        sizes, materials = np.empty(len(shape.polygons), np.int32), np.empty(len(shape.polygons), np.int32)
        shape.polygons.foreach_get("loop_total", sizes)
        shape.polygons.foreach_get("material_index", materials)
        of_corner = np.repeat(materials, sizes)
        for number, name in kinds:
            inside = np.zeros(count, bool)
            inside[corners[of_corner == number]] = True
            if _HAIR.search(name):
                hair |= inside
            elif not _NO_EYE.search(name):
                eye |= inside
    groups = [group.name for group in source.vertex_groups if _EYE.search(group.name) and not _NO_EYE.search(group.name)]
    if groups and not eye.any():
        mask = vertices_on(source, shape, groups, (key_of(source), "eyes"))
        if mask is not None:
            eye |= mask
    return hair, eye


def _found(axes: _Axes, points: Floats, eye_points: Floats, eye_bones: Mapping[str, Floats]) -> dict[str, Floats]:
    """The landmarks in the figure's own axes."""
    usual = {name: np.array(place) * axes.size for name, place in _PROPORTIONS.items()}
    face = axes.of(points)
    eyes = _eyes(axes, axes.of(eye_points), eye_bones)
    if len(face) < _FEWEST:
        if not eyes:
            return usual
        middle = (eyes["eye_left"] + eyes["eye_right"]) / 2.0
        shift = middle - (usual["eye_left"] + usual["eye_right"]) / 2.0
        return {**{name: place + shift for name, place in usual.items()}, **eyes}
    chin, crown = float(face[:, 1].min()), float(face[:, 1].max())
    chin = max(chin, -0.6 * (crown - chin))  # a neck that weighs on the head
    height = crown - chin
    wide = face[face[:, 1] > chin + 0.35 * height]
    half = float(np.percentile(np.abs(wide[:, 0]), 97)) if len(wide) else axes.size * 0.4
    level = float(np.mean([place[1] for place in eyes.values()])) if eyes else chin + _EYES_UP * height
    if not eyes:
        eyes = {f"eye_{side}": np.array((sign * 0.44 * half, level, np.nan)) for side, sign in (("left", 1.0), ("right", -1.0))}
    eyes = {name: _on_face(face, place, half) for name, place in eyes.items()}
    found = {**usual, **eyes}
    across = (eyes["eye_left"][0] + eyes["eye_right"][0]) / 2.0
    drop = level - chin
    nose = face[
        (np.abs(face[:, 0] - across) < _MIDDLE * 2.0 * half)
        & (face[:, 1] < level - _NOSE_BAND[0] * drop)
        & (face[:, 1] > level - _NOSE_BAND[1] * drop)
    ]
    if len(nose):
        tip = nose[nose[:, 2].argmax()]
        found["nose_tip"] = np.array((across, tip[1], tip[2]))
    else:
        found["nose_tip"] = (eyes["eye_left"] + eyes["eye_right"]) / 2.0 + np.array((0.0, -0.2, 0.18)) * axes.size
    found.update(_ears(face, level, height, across, half))
    return found


def _eyes(axes: _Axes, points: Floats, bones: Mapping[str, Floats]) -> dict[str, Floats]:
    """Where eyes are by their bones or else by their vertices: the middle of what lies on a side."""
    if len(bones) == 2:
        return {"eye_left": axes.of(bones["leftEye"]), "eye_right": axes.of(bones["rightEye"])}
    if len(points) < 6:
        return {}
    middle = float((points[:, 0].min() + points[:, 0].max()) / 2.0)
    sides = {"eye_left": points[points[:, 0] > middle], "eye_right": points[points[:, 0] <= middle]}
    if min(map(len, sides.values())) < 3:
        return {}
    return {name: (side.min(axis=0) + side.max(axis=0)) / 2.0 for name, side in sides.items()}


def _on_face(face: Floats, place: Floats, half: float) -> Floats:
    """An eye that lies deep in the head, or of which only the height is known, brought to just behind the face's surface."""
    around = face[np.hypot(face[:, 0] - place[0], face[:, 1] - place[1]) < 0.3 * half]
    if not len(around):
        return place if np.isfinite(place).all() else np.array((place[0], place[1], float(face[:, 2].max()) * 0.8))
    front = float(np.percentile(around[:, 2], 85))
    deepest = front - 0.25 * half
    depth = front - 0.12 * half if not np.isfinite(place[2]) else max(float(place[2]), deepest)
    return np.array((place[0], place[1], depth))


def _ears(face: Floats, level: float, height: float, across: float, half: float) -> dict[str, Floats]:
    found = {}
    band = face[(face[:, 1] > level + _EAR_BAND[0] * height) & (face[:, 1] < level + _EAR_BAND[1] * height)]
    above = face[(face[:, 1] >= level + _EAR_BAND[1] * height) & (face[:, 1] < level + 0.4 * height)]
    limit = _LONGEST_EAR * float(np.abs(above[:, 0] - across).max()) if len(above) else half
    for name, sign in (("ear_left", 1.0), ("ear_right", -1.0)):
        out = (band[:, 0] - across) * sign
        if not len(out) or out.max() <= 0.0:
            found[name] = np.array((across + sign * half, level, -0.07 * height))
            continue
        reach = min(float(out.max()), limit)
        rim = band[(out > 0.9 * reach) & (out <= 1.02 * reach)]
        rim = rim if len(rim) else band[[int(np.abs(out - reach).argmin())]]
        found[name] = np.array((across + sign * 0.97 * reach, float(np.mean(rim[:, 1])), float(np.mean(rim[:, 2]))))
    return found
