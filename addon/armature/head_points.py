# SPDX-License-Identifier: GPL-3.0-or-later
"""Nose, eyes and ears of a character, whose rig has no such landmarks: found on the mesh of its head, at rest.

The head is what weighs mostly on the head's bone, or hangs on it, without hair, hats and glasses. Eyes are where the rig's eye
bones are, else the vertices whose object, material or group is called after irises or eyes; all else is found by shape
(``head_features``). Without a mesh, a head's usual proportions to its bone must do."""

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
from ..pose.moved import moved
from .figures import Figure
from .head_features import features_of
from .head_mesh import HeadMesh
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

_FAR = 20.0
"""In lengths of the head's bone: what is farther from its joint was thrown there by something broken."""

_HAIR = re.compile(
    r"hair|pony|twin.?tail|bang|fringe|braid|ahoge|hat\b|cap\b|helmet|ribbon|glass|headphone|horn|髪|帽|リボン|眼鏡|メガネ", re.I
)
_EYE = re.compile(r"eye|iris|pupil|目|瞳|虹彩", re.I)
_IRIS = re.compile(r"iris|pupil|cornea|瞳|虹彩|(?<!白)目", re.I)
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
        mesh = _head_mesh(figure, source, pieces, to_rest, axes)
        found = _found(axes, mesh, {name: np.array(place) for name, place in eyes.items()})
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


def _head_mesh(figure: Figure, source: bpy.types.Object, pieces: list[_Piece], to_rest: Matrix, axes: _Axes) -> HeadMesh:
    """The head but for hair and what is worn, at rest in the figure's own axes."""
    names = _face_bones(source.data.bones[figure.joint_map["head"]])
    parts = []
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
            shape.calc_loop_triangles()
            triangles = np.empty(len(shape.loop_triangles) * 3, np.int32)
            shape.loop_triangles.foreach_get("vertices", triangles)
            hair, eye, iris = _by_name(mesh, shape, count)
        finally:
            evaluated.to_mesh_clear()
        matrix = np.array(to_rest @ evaluated.matrix_world, np.float64)
        points = moved(places.reshape(-1, 3), matrix)
        near = np.abs(points - axes.origin).max(axis=1) < _FAR * axes.size  # and not where they are no number
        kept = mask & ~hair & near
        whole = HeadMesh(axes.of(np.where(kept[:, None], points, 0.0)), triangles.reshape(-1, 3).astype(np.int64), eye, iris)
        parts.append(whole.of(kept))
    return HeadMesh.joined(parts)


def _by_name(source: bpy.types.Object, shape: bpy.types.Mesh, count: int) -> tuple[Bools, Bools, Bools]:
    """(n,) which vertices belong to hair, which to eyes and which to irises, by the names of the object, its materials and
    groups."""
    hair, eye, iris = np.zeros(count, bool), np.zeros(count, bool), np.zeros(count, bool)
    for name in (source.name, source.data.name):
        if _EYE.search(name) and not _NO_EYE.search(name):
            eye[:] = True
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
                if _IRIS.search(name):
                    iris |= inside
    groups = [group.name for group in source.vertex_groups if _EYE.search(group.name) and not _NO_EYE.search(group.name)]
    if groups and not eye.any():
        mask = vertices_on(source, shape, groups, (key_of(source), "eyes"))
        if mask is not None:
            eye |= mask
    return hair, eye, iris


def _found(axes: _Axes, mesh: HeadMesh, eye_bones: Mapping[str, Floats]) -> dict[str, Floats]:
    """The landmarks in the figure's own axes."""
    usual = {name: np.array(place) * axes.size for name, place in _PROPORTIONS.items()}
    eyes = {name: axes.of(place) for name, place in eye_bones.items()}
    found = features_of(mesh, eyes)
    if not found and len(eyes) == 2:
        found = {"eye_left": eyes["leftEye"], "eye_right": eyes["rightEye"]}
        shift = (found["eye_left"] + found["eye_right"]) / 2.0 - (usual["eye_left"] + usual["eye_right"]) / 2.0
        usual = {name: place + shift for name, place in usual.items()}
    return {**usual, **found}
