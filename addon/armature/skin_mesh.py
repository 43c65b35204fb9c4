# SPDX-License-Identifier: GPL-3.0-or-later
"""A figure's skin as a mesh object of Blender's: made, and given another body's shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import bmesh
import bpy
import numpy as np

from .skin.build import Skin

SKIN = "pose_to_anime_skin"
"""Custom property of the mesh objects that are skins of ours."""

OWN_MATERIAL = "pose_to_anime_own"
"""Custom property of the materials that one figure has for itself."""

TINT = "Pose to Anime colour"
"""The node of a material that holds its colour where it is more than one shader."""

_MATERIAL = "Mannequin"
CLAY = (0.62, 0.60, 0.58, 1.0)
"""Colour of the skin: a light neutral grey, so that the coloured dots stand out and shading reads well."""
EYES_MATERIAL = "Mannequin eyes"
PLAIN_MATERIALS = (_MATERIAL, EYES_MATERIAL)
"""What figures share that have no colour of their own."""
DARK = (0.035, 0.032, 0.035, 1.0)
"""Colour of irises and rims of upper lids, so that one sees where a figure looks."""
ROUNDED = "Rounded joints"
"""Vertex group: how far dual quaternions (L. Kavan and others, "Skinning with Dual Quaternions", 2007) move a vertex, and not
linear blending, which pinches a twisted elbow and hollows a raised shoulder; dual quaternions alone swell them."""
_ROUNDING = {"upper_chest": 0.2, "shoulder": 0.4, "upper_arm": 0.15, "forearm": 0.85}
"""By bone, for the share that it has of a vertex. By eye, from arms across the chest and overhead."""
_SURFACE_DIRECTIONS = np.concatenate(
    [
        [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) != (0, 0, 0)],
        # Downward in steps of 7.5° from behind to the front: over these a heel rolls.
        [(0.0, math.cos(angle), -math.sin(angle)) for angle in np.radians(np.arange(7.5, 180.0, 7.5))],
    ]
)


def add_skin(obj: bpy.types.Object, skin: Skin) -> bpy.types.Object:
    """A new mesh object, in no collection yet, that an armature object carries and deforms."""
    mesh = bpy.data.meshes.new("Mannequin skin")
    mesh.from_pydata(skin.vertices, [], skin.quads)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), dtype=bool))
    mesh.materials.append(_material(_MATERIAL, CLAY))
    mesh.materials.append(_material(EYES_MATERIAL, DARK))
    mesh.polygons.foreach_set("material_index", skin.dark.astype(np.int32))
    child = bpy.data.objects.new("Mannequin skin", mesh)
    add_weights(child, skin.weights)
    child.parent = obj
    child.hide_select = True
    child[SKIN] = True
    add_deform(child, obj)
    return child


def add_deform(child: bpy.types.Object, obj: bpy.types.Object) -> None:
    """Let an armature object deform a mesh object as a skin is deformed."""
    modifier = child.modifiers.new("Armature", "ARMATURE")
    modifier.object = obj
    # Mixed with the first by how much of a vertex is in the group.
    rounding = child.modifiers.new("Rounded joints", "ARMATURE")
    rounding.object = obj
    rounding.use_deform_preserve_volume = True
    rounding.use_multi_modifier = True
    rounding.vertex_group = ROUNDED


def remove_skin(child: bpy.types.Object) -> None:
    """Remove a skin, with its mesh and materials where no one else uses them."""
    mesh, materials = child.data, {slot.material for slot in child.material_slots}
    bpy.data.objects.remove(child)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)
    for material in materials:
        if material is not None and OWN_MATERIAL in material and material.users == 0:
            bpy.data.materials.remove(material)


def is_shapeable(child: bpy.types.Object, skin: Skin) -> bool:
    """Whether a mesh object still has the vertices that a skin can be given to: not one that was edited by hand."""
    return len(child.data.vertices) == len(skin.vertices) and child.data.shape_keys is None


def shape_skin(child: bpy.types.Object, skin: Skin) -> None:
    """Give a skin the form of another body; its weights stay."""
    child.data.vertices.foreach_set("co", np.ascontiguousarray(skin.vertices, dtype=np.float32).ravel())
    child.data.update()


def replace_weights(child: bpy.types.Object, skin: Skin) -> None:
    """Give a skin the weights of a body of another form. Groups that its user made stay."""
    for bone in (*skin.weights, ROUNDED):
        if (group := child.vertex_groups.get(bone)) is not None:
            child.vertex_groups.remove(group)
    add_weights(child, skin.weights)


def add_weights(child: bpy.types.Object, weights: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """A vertex group for each bone of these weights, and ``ROUNDED``."""
    weights = {**weights, ROUNDED: rounded(len(child.data.vertices), weights)}
    groups = [child.vertex_groups.new(name=bone).index for bone in weights]
    # By way of a BMesh, because it takes a weight for each vertex five times as fast as the vertex groups do.
    work = bmesh.new()
    try:
        work.from_mesh(child.data)
        layer = work.verts.layers.deform.verify()
        shares = [vertex[layer] for vertex in work.verts]
        for group, (indices, values) in zip(groups, weights.values(), strict=True):
            for index, value in zip(indices.tolist(), values.tolist(), strict=True):
                shares[index][group] = value
        work.to_mesh(child.data)
    finally:
        work.free()


def rounded(count: int, weights: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The vertices between bones that are rounded, and how far.

    Never as far as the share of their heaviest bone, so that the heaviest of a vertex's groups is always a bone.
    """
    amount, most = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
    for bone, (vertices, shares) in weights.items():
        amount[vertices] += shares * _ROUNDING.get(bone.partition(".")[0], 0.0)
        most[vertices] = np.maximum(most[vertices], shares)
    rows = np.flatnonzero((amount > 0.0) & (most < 1.0)).astype(np.int32)
    return rows, np.minimum(amount, 0.99 * most)[rows]


def paint(material: bpy.types.Material, rgba: Sequence[float]) -> None:
    """Give a material a colour (linear), for Solid views and in its nodes."""
    material.diffuse_color = rgba
    for node in material.node_tree.nodes if material.node_tree is not None else ():
        if node.type == "BSDF_PRINCIPLED":
            node.inputs["Base Color"].default_value = rgba
        elif node.name == TINT:
            node.outputs[0].default_value = rgba


def outermost(skin: Skin) -> dict[str, list[float]]:
    """For each bone, of the vertices it carries for the most part, those that lie farthest out in many directions."""
    heaviest = np.zeros(len(skin.vertices))
    owner = np.full(len(skin.vertices), -1)
    names = list(skin.weights)
    for index, (vertices, values) in enumerate(skin.weights.values()):
        vertices, values = np.asarray(vertices), np.asarray(values)
        stronger = values > heaviest[vertices]
        heaviest[vertices[stronger]] = values[stronger]
        owner[vertices[stronger]] = index
    points: dict[str, list[float]] = {}
    for index, name in enumerate(names):
        own = np.asarray(skin.vertices, dtype=np.float64)[owner == index]
        if len(own):
            farthest = np.unique(np.argmax(own @ _SURFACE_DIRECTIONS.T, axis=0))
            points[name] = own[farthest].ravel().tolist()
    return points


def _material(name: str, colour: tuple[float, float, float, float]) -> bpy.types.Material:
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    material = bpy.data.materials.new(name)
    material.diffuse_color = colour
    material.roughness = 0.6
    return material
