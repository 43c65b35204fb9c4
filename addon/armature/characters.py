# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters: armatures that are no mannequins of ours, the meshes that they move, and whether they are in the pictures.

A character is in the pictures by itself where a whole body is recognised and at least one visible mesh follows it: who opens a
file with a character wants that character drawn, and a rig without meshes, a lamp or a half known skeleton is not taken for
one. Each can be left out, and one of which only a part is known can be put in, as a drawing of a one-armed figure may be
wanted."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from ..errors import UserError
from ..settings.characters import BY_ITSELF, LEFT_OUT, SHOWN, P2A_PG_character
from .control_rig.link import carried_by
from .mannequin import is_mannequin, is_own
from .placed import fault_of_place
from .recognition import Recognition, recognise, spoken
from .worn import is_worn

_MANY = 3


def is_character(obj: bpy.types.Object | None) -> bool:
    """True for an armature object that is neither one of our figures nor the bones of what these wear."""
    return obj is not None and obj.type == "ARMATURE" and not is_mannequin(obj) and not is_worn(obj)


def settings_of(obj: bpy.types.Object) -> P2A_PG_character | None:
    """What the user chose for a character; None where the package is used without being enabled."""
    return getattr(getattr(obj, "pose_to_anime", None), "character", None)


def visible_meshes(meshes: Iterable[bpy.types.Object], view_layer: bpy.types.ViewLayer) -> list[bpy.types.Object]:
    return [mesh for mesh in meshes if mesh.visible_get(view_layer=view_layer)]


def is_wanted(obj: bpy.types.Object, found: Recognition) -> bool:
    """Whether a character that moves a visible mesh is in the pictures."""
    settings = settings_of(obj)
    choice = settings.in_pictures if settings is not None else BY_ITSELF
    return choice != LEFT_OUT and bool(found.joints) and (choice == SHOWN or not found.missing)


def characters_in(view_layer: bpy.types.ViewLayer) -> list[tuple[bpy.types.Object, Recognition]]:
    """The armatures of a view layer that could be characters, by name: those in which a part of a body is recognised, and
    those for which the user chose something."""
    found = []
    for obj in sorted(filter(is_character, view_layer.objects), key=lambda each: each.name_full):
        seen, settings = recognise(obj), settings_of(obj)
        if seen.joints or (settings is not None and (settings.map or settings.bones or settings.in_pictures != BY_ITSELF)):
            found.append((obj, seen))
    return found


def fault_of_character(obj: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> str:
    """Why an armature is no figure of the pictures, or one of which a part is unknown, in a sentence; empty where all is well or
    it was left out."""
    seen, settings = recognise(obj), settings_of(obj)
    if settings is not None and settings.in_pictures == LEFT_OUT:
        return ""
    if seen.problems:
        return seen.problems[0]
    if fault := fault_of_place(obj):
        return fault
    if not seen.joints:
        return f"'{obj.name}' has no hips, head and limbs that can be recognised: choose bones in Characters."
    if missing := seen.missing:
        names = [spoken(joint) for joint in missing[:_MANY]]
        more = f" and {len(missing) - _MANY} more" if len(missing) > _MANY else ""
        return f"'{obj.name}' lacks {', '.join(names)}{more}: choose bones in Characters."
    meshes = carried_by(view_layer.objects).get(obj, [])
    if not meshes:
        return f"'{obj.name}' moves no mesh: give its mesh an Armature modifier."
    return "" if visible_meshes(meshes, view_layer) else f"All meshes of '{obj.name}' are hidden: show one."


def instances_in(view_layer: bpy.types.ViewLayer) -> list[str]:
    """A sentence for each instance of a collection that holds a character: its bones cannot be asked for."""
    found = []
    for obj in filter(None, view_layer.objects):
        collection = obj.instance_collection if obj.instance_type == "COLLECTION" else None
        if collection is None or not obj.visible_get(view_layer=view_layer):
            continue
        if any(is_character(each) and not recognise(each).missing for each in collection.all_objects):
            found.append(
                f"'{obj.name}' is an instance of a collection: use Object ▸ Library Override ▸ Make, or make the instance real, "
                "to have its character in the pictures."
            )
    return found


def why_no_figure(view_layer: bpy.types.ViewLayer) -> str:
    """What keeps the armatures of a view layer out of the pictures, in a sentence; empty where there are none."""
    for obj in sorted(filter(is_character, view_layer.objects), key=lambda each: each.name_full):
        if fault := fault_of_character(obj, view_layer):
            return fault
    return next(iter(instances_in(view_layer)), "")


def require_settable(obj: bpy.types.Object | None) -> P2A_PG_character:
    """What is chosen for a character, to be changed. Raises UserError for a mannequin, and for what belongs to another file."""
    if obj is None or not is_character(obj):
        raise UserError("Select the armature of a character of your own.")
    if obj.library is not None or not is_own(obj):
        raise UserError(f"'{obj.name}' is linked from another file: make a library override of it to choose its bones.")
    found = settings_of(obj)
    if found is None:
        raise UserError("Pose to Anime is not enabled: enable it in the Preferences.")
    return found
