# SPDX-License-Identifier: GPL-3.0-or-later
"""A piece of the wardrobe as a mesh object: made, given the form of another body, painted."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from ..armature.skin_mesh import OWN_MATERIAL, add_deform, add_weights, paint
from ..armature.worn import WORN, remove_worn
from ..wardrobe.colours import RGB, linear
from ..wardrobe.piece import Piece
from .hanging import add_bones

OUTLINED = "pose_to_anime_outlined"
"""Custom property of pieces: whether they get an outline in the toon look."""

_PART = "pose_to_anime_part"
"""Custom property of a piece's materials: which part they colour."""


def add_piece(figure: bpy.types.Object, piece: Piece, colours: Mapping[str, RGB]) -> bpy.types.Object:
    """A new mesh object that a figure wears, with bones of its own where it hangs. ``colours``: part → sRGB."""
    name = f"Mannequin {piece.style.slot}"
    mesh = bpy.data.meshes.new(name)
    faces = [face[:3] if face[2] == face[3] else face for face in piece.faces.tolist()]
    mesh.from_pydata(piece.vertices, [], faces)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), dtype=bool))
    for part in piece.part_names:
        mesh.materials.append(_material(piece, part))
    mesh.polygons.foreach_set("material_index", piece.parts.astype(np.int32))
    child = bpy.data.objects.new(name, mesh)
    add_weights(child, piece.weights)
    child.parent = figure
    child.hide_select = True
    child[WORN] = piece.style.slot
    child[OUTLINED] = piece.outlined
    if hasattr(child, "pose_to_anime"):
        child.pose_to_anime.in_depth = True
    for collection in figure.users_collection:
        collection.objects.link(child)
    mover = add_bones(figure, piece, figure.users_collection) if piece.bones else figure
    add_deform(child, mover)
    paint_piece(child, colours)
    return child


def remove_piece(child: bpy.types.Object) -> None:
    """Remove a piece with its bones."""
    mover = child.find_armature()
    is_own = mover is not None and mover != child.parent
    remove_worn(child)
    if is_own:
        remove_worn(mover)


def shape_piece(child: bpy.types.Object, piece: Piece) -> bool:
    """Give a piece without bones of its own the form that it has on another body; False where it must be made anew."""
    if piece.bones or len(child.data.vertices) != len(piece.vertices) or len(child.data.polygons) != len(piece.faces):
        return False
    if child.data.users > 1:  # linked duplicates share it
        child.data = child.data.copy()
    child.data.vertices.foreach_set("co", np.ascontiguousarray(piece.vertices, dtype=np.float32).ravel())
    child.data.update()
    return True


def paint_piece(child: bpy.types.Object, colours: Mapping[str, RGB]) -> None:
    """Give the parts of a piece their colours (sRGB). No other figure's piece changes with it."""
    for slot in child.material_slots:
        material = slot.material
        if material is None or material.get(_PART) not in colours:
            continue
        rgba = (*(float(value) for value in linear(colours[material[_PART]])), 1.0)
        if all(abs(a - b) < 1e-6 for a, b in zip(material.diffuse_color, rgba, strict=True)):
            continue
        if material.users > 1 or (slot.link == "DATA" and child.data.users > 1):  # linked duplicates share the mesh
            material = material.copy()
            slot.link = "OBJECT"
            slot.material = material
        paint(material, rgba)


def parts_of(child: bpy.types.Object) -> dict[str, bpy.types.Material]:
    """Part → the material that colours it."""
    found = (slot.material for slot in child.material_slots)
    return {material[_PART]: material for material in found if material is not None and _PART in material}


def _material(piece: Piece, part: str) -> bpy.types.Material:
    material = bpy.data.materials.new(f"{piece.style.title} {part}")
    material[OWN_MATERIAL] = True
    material[_PART] = part
    material.roughness = 0.8
    return material
