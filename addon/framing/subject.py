# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as points in space: what there is to be framed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import bpy
import numpy as np

from ..keys import ObjectKey, object_in
from ..pose.moved import moved
from .advice import Advice, advise_ratio
from .solve import Array

_FLESH = 0.05
"""What the skin adds around the bones, as a part of the longer side of the bones' extent: 8 cm on a standing adult."""


class Framed(Protocol):
    """What framing needs to know of a figure."""

    @property
    def armature(self) -> ObjectKey: ...

    @property
    def meshes(self) -> tuple[ObjectKey, ...]: ...

    @property
    def joint_map(self) -> Mapping[str, str]: ...  # humanoid joint → name of its deform bone


def figure_points(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, figures: Sequence[Framed]) -> Array:
    """(N, 3) world positions of all vertices of the figures' evaluated meshes, metres.

    A figure without a mesh gives its bones instead. Vertices that a broken modifier threw to infinity are left out.
    """
    parts = []
    for figure in figures:
        skins = [points for key in figure.meshes if len(points := _mesh_points(scene, depsgraph, key))]
        parts += skins or [_bone_points(scene, depsgraph, figure)]
    points = np.concatenate(parts) if parts else np.empty((0, 3))
    return points[np.isfinite(points).all(axis=1)]


def figure_extent(
    scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, figures: Sequence[Framed], camera: bpy.types.Object
) -> tuple[float, float]:
    """Width and height of the figures as the camera is turned, metres; (0, 0) without figures.

    From the bones, so that a panel may ask at every redraw.
    """
    parts = [_bone_points(scene, depsgraph, figure) for figure in figures]
    points = np.concatenate(parts) if parts else np.empty((0, 3))
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return 0.0, 0.0
    axes = camera.evaluated_get(depsgraph).matrix_world.to_3x3().normalized()
    turned = points @ np.array(axes, np.float64)
    width, height = (turned.max(axis=0) - turned.min(axis=0))[:2]
    flesh = 2.0 * _FLESH * max(width, height)
    return float(width + flesh), float(height + flesh)


def spine_is_level(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, figure: Framed) -> bool:
    """Whether a figure lies: the line from its hips to its head rises by less than half its length."""
    armature = object_in(scene, figure.armature)
    if armature is None or armature.pose is None:
        return False
    evaluated = armature.evaluated_get(depsgraph)
    ends = [evaluated.pose.bones.get(figure.joint_map.get(joint, "")) for joint in ("hips", "head")]
    if None in ends:
        return False
    spine = evaluated.matrix_world.to_3x3() @ (ends[1].head - ends[0].head)
    return abs(spine.z) < 0.5 * spine.length


def scene_advice(
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
    figures: Sequence[Framed],
    camera: bpy.types.Object,
    ratio: tuple[float, float],
) -> Advice | None:
    """The preset that shows these figures larger than ``ratio`` does, as the camera is turned now; None where it does well.

    Quick enough for a panel. Raises SizeError where the ratio is none.
    """
    lying = len(figures) == 1 and spine_is_level(scene, depsgraph, figures[0])
    return advise_ratio(figure_extent(scene, depsgraph, figures, camera), ratio, spine_is_level=lying)


def subject_distance(view_layer: bpy.types.ViewLayer, camera: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> float:
    """How many metres in front of the camera the middle of the visible armatures is; without any, 3.

    From their bounding boxes, so that the viewport may ask at every redraw.
    """
    boxes = [
        _in_world(item, np.array(item.bound_box))
        for item in filter(None, view_layer.objects)  # an object that has just been deleted is listed as None
        if item.type == "ARMATURE" and item.visible_get(view_layer=view_layer)
    ]
    if not boxes:
        return 3.0
    corners = np.concatenate(boxes)
    matrix = camera.evaluated_get(depsgraph).matrix_world
    backwards = np.array(matrix.to_3x3().normalized(), np.float64)[:, 2]
    offset = np.array(matrix.translation, np.float64) - (corners.min(axis=0) + corners.max(axis=0)) / 2.0
    return max(float(backwards @ offset), camera.data.clip_start)


def _mesh_points(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, key: ObjectKey) -> Array:
    source = object_in(scene, key)
    evaluated = source.evaluated_get(depsgraph) if source else None
    if evaluated is None or not evaluated.is_evaluated:  # deleted, or not in this view layer
        return np.empty((0, 3))
    try:
        mesh = evaluated.to_mesh()
    except RuntimeError:  # an object without a surface
        return np.empty((0, 3))
    local = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", local)
    evaluated.to_mesh_clear()
    return _in_world(evaluated, local.reshape(-1, 3))


def _bone_points(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph, figure: Framed) -> Array:
    armature = object_in(scene, figure.armature)
    if armature is None or armature.pose is None:
        return np.empty((0, 3))
    evaluated = armature.evaluated_get(depsgraph)
    bones = evaluated.pose.bones
    # Control bones stand beside the body, hair and skirts hang off it: only the joints' bones count, where they are known.
    joints = [bone for name in figure.joint_map.values() if (bone := bones.get(name)) is not None]
    bones = joints or [bone for bone in bones if bone.bone.use_deform] or list(bones)
    return _in_world(evaluated, np.array([end for bone in bones for end in (bone.head, bone.tail)], np.float64).reshape(-1, 3))


def _in_world(evaluated: bpy.types.Object, local: np.ndarray) -> Array:
    return moved(local, np.array(evaluated.matrix_world, np.float64))
