# SPDX-License-Identifier: GPL-3.0-or-later
"""What a figure wears, as marks on the objects: known to all that copy, hide or remove figures, made by what dresses them.

What is worn hangs on the figure's armature object as its skin does, but is no skin: contacts, sliders and
keypoints do not see it.
"""

from __future__ import annotations

import bpy

from .skin_mesh import remove_skin

WORN = "pose_to_anime_worn"
"""Custom property of the objects that are worn, and of what moves and outlines them: the slot, or one of those below."""
BONES, OUTLINE = "bones", "outline"


def is_worn(obj: bpy.types.Object | None) -> bool:
    """True for a piece of a figure's wardrobe, its bones, or an outline."""
    return obj is not None and isinstance(obj.get(WORN), str)


def worn_by(figure: bpy.types.Object, mark: str = "") -> list[bpy.types.Object]:
    """All objects of a figure's wardrobe, sorted by name; with ``mark``, those that are marked so."""
    found = [child for child in figure.children if is_worn(child) and mark in ("", child[WORN])]
    return sorted(found, key=lambda child: child.name)


def pieces_of(figure: bpy.types.Object) -> dict[str, bpy.types.Object]:
    """Slot → mesh object of what a figure wears."""
    found = (child for child in worn_by(figure) if child.type == "MESH" and child[WORN] != OUTLINE)
    return {child[WORN]: child for child in found}


def is_in_pictures(piece: bpy.types.Object) -> bool:
    """Whether a piece is ticked to be in the control images."""
    settings = getattr(piece, "pose_to_anime", None)
    return settings is None or bool(settings.in_depth)  # None where the package is used without being enabled


def remove_worn(obj: bpy.types.Object) -> None:
    """Remove an object of a wardrobe, with the data that no one else uses."""
    if obj.type != "ARMATURE":
        remove_skin(obj)
        return
    bones = obj.data
    bpy.data.objects.remove(obj)
    if bones.users == 0:
        bpy.data.armatures.remove(bones)


def remove_orphaned_wardrobe() -> None:
    """Remove what was worn by figures that Blender's Delete took away: it leaves children behind.

    What its user made an object of its own, by letting it be selected, stays.
    """
    for obj in [obj for obj in bpy.data.objects if is_worn(obj) and obj.library is None]:
        if obj.parent is None and obj.hide_select:
            remove_worn(obj)
