# SPDX-License-Identifier: GPL-3.0-or-later
"""The colour of a figure's skin in the 3D view. No control image sees it: those know geometry alone."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from .mannequin import own_skins_of, skins_of
from .skin_mesh import CLAY, EYES_MATERIAL, OWN_MATERIAL, paint

Colour = tuple[float, float, float]


def figure_colour(obj: bpy.types.Object) -> Colour:
    """Linear red, green and blue of a mannequin's skin."""
    for skin in skins_of(obj):
        if skin.active_material is not None:
            r, g, b, _ = skin.active_material.diffuse_color
            return (r, g, b)
    return CLAY[:3]


def set_figure_colour(obj: bpy.types.Object, colour: Sequence[float]) -> None:
    """Paint a mannequin's skin. It gets a material of its own, so that no other figure changes."""
    rgba = (*(float(c) for c in colour), 1.0)
    is_covered = _are_eyes_covered(obj)
    show_sculpted_eyes(obj, True)
    for skin in own_skins_of(obj):
        material = skin.active_material
        if material is None or OWN_MATERIAL not in material or material.users > 1:
            material = _own_material(material)
            if not skin.material_slots:
                skin.data.materials.append(None)
            slot = skin.material_slots[skin.active_material_index]
            slot.link = "OBJECT"  # linked duplicates share the mesh, not the colour
            slot.material = material
        paint(material, rgba)
        skin.color = rgba  # for views that are coloured by object
    show_sculpted_eyes(obj, not is_covered)


def _own_material(material: bpy.types.Material | None) -> bpy.types.Material:
    own = material.copy() if material is not None else bpy.data.materials.new("Mannequin")
    own[OWN_MATERIAL] = True
    return own


def _are_eyes_covered(obj: bpy.types.Object) -> bool:
    slots = [skin.material_slots for skin in own_skins_of(obj)]
    return any(len(found) > 1 and found[1].link == "OBJECT" and found[1].material == found[0].material for found in slots)


def show_sculpted_eyes(obj: bpy.types.Object, shown: bool) -> None:
    """Let the irises and rims of lids be dark, or be painted as skin where a drawn face lies over them."""
    for skin in own_skins_of(obj):
        for slot in skin.material_slots[1:]:
            if shown and slot.link == "OBJECT" and slot.material == skin.material_slots[0].material:
                slot.material = None
                slot.link = "DATA"
            elif not shown and slot.material is not None and slot.material.name == EYES_MATERIAL:
                slot.link = "OBJECT"
                slot.material = skin.material_slots[0].material
