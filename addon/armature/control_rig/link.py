# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of our armatures drives which character, and by what: a control rig, the character's meshes, the constraints between.

Nothing is written on a character but constraints on its pose bones. The control rig knows its character by a pointer; a bone of
the character knows what it follows by the target of its constraints. So a copy of a control rig that drives nothing is told from
one that does, and what one side has lost the other side shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy
import numpy as np
from numpy.typing import NDArray

from ...pose.moved import moved
from ..worn import is_worn

CONTROL_RIG = "pose_to_anime_control_rig"
"""Custom property of the armature of a control rig: what is put back when it goes (see ``use``)."""
TO_CHARACTER = "to_character"
"""A part of that property: (4, 4) row by row, from the axes of the controls' armature to those of the character's, at rest."""
LOCATION, ROTATION, SCALE = "Pose to Anime location", "Pose to Anime rotation", "Pose to Anime scale"
"""Names of the constraints on a character's bones."""
_NAMES = {"COPY_LOCATION": LOCATION, "COPY_ROTATION": ROTATION, "COPY_SCALE": SCALE}
HAS_SURFACE = ("MESH", "CURVE", "SURFACE", "FONT", "META")
"""Types of objects that have faces to draw."""
_NOT_DRAWN = ("WIRE", "BOUNDS")
"""How rigid bodies and other helpers are displayed: they are no part of a body."""


def is_control_rig(obj: bpy.types.Object | None) -> bool:
    """Whether an object is one of our armatures that was made for a character, whether or not it still drives one."""
    return obj is not None and obj.type == "ARMATURE" and CONTROL_RIG in obj.data


def character_of(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The armature object of the character that a control rig drives; None for any other object, and where it drives none."""
    if not is_control_rig(obj):
        return None
    character = noted_character(obj)
    return character if character is not None and _drives(obj, character) else None


def noted_character(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The character for which a control rig was made, whether or not anything follows it."""
    settings = getattr(obj, "pose_to_anime", None)
    return settings.drives if settings is not None else None


def controls_of(character: bpy.types.Object) -> bpy.types.Object | None:
    """The control rig that drives a character."""
    return next((each.target for _, each in constraints_of(character) if each.target is not None), None)


def constraints_of(character: bpy.types.Object) -> Iterator[tuple[bpy.types.PoseBone, bpy.types.Constraint]]:
    """Each bone of a character that follows a control rig, with each constraint by which it does. Also those whose control rig is
    gone."""
    for bone in character.pose.bones:
        for constraint in bone.constraints:
            if _is_ours(constraint):
                yield bone, constraint


def _is_ours(constraint: bpy.types.Constraint) -> bool:
    name = _NAMES.get(constraint.type)
    return (
        name is not None and constraint.name.startswith(name) and (constraint.target is None or is_control_rig(constraint.target))
    )


def _drives(obj: bpy.types.Object, character: bpy.types.Object) -> bool:
    bone = character.pose.bones.get(str(obj.data[CONTROL_RIG].get("hips", "")))
    return bone is not None and any(_is_ours(each) and each.target == obj for each in bone.constraints)


def release(character: bpy.types.Object, controls: bpy.types.Object | None = None) -> None:
    """Take the constraints off a character by which it follows these controls, or controls that are gone."""
    for bone, constraint in list(constraints_of(character)):
        if constraint.target in (None, controls):
            remove_constraint(bone, constraint)


def remove_constraint(bone: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> None:
    """Remove a constraint; which of the others is the active one stays."""
    active = bone.constraints.active
    name = active.name if active is not None and active != constraint else ""
    bone.constraints.remove(constraint)
    if name:
        bone.constraints.active = bone.constraints[name]


def free(controls: bpy.types.Object) -> bpy.types.Object | None:
    """Let nothing follow a control rig any more, and show its character's bones again where it had hidden them. Returns the
    character's armature object."""
    character = noted_character(controls)
    if character is not None and is_control_rig(controls):
        was_driven = character_of(controls) is not None
        release(character, controls)
        if was_driven and controls.data[CONTROL_RIG].get("shown") and character.name in bpy.context.view_layer.objects:
            character.hide_set(False)
    return character


def carried_by(objects: Iterable[bpy.types.Object]) -> dict[bpy.types.Object, list[bpy.types.Object]]:
    """Armature of a figure → the objects with a surface that it moves: by an Armature modifier, or as their parent's bones do.

    What two armatures move belongs to the first. Helpers that are displayed as lines are left out, and what figures wear."""
    found: dict[bpy.types.Object, list[bpy.types.Object]] = {}
    for obj in objects:
        # Where an object has just been deleted, a view layer lists None until it is evaluated again (seen in 5.2).
        if obj is None or obj.type not in HAS_SURFACE or obj.display_type in _NOT_DRAWN or is_worn(obj):
            continue
        movers = [each.object for each in obj.modifiers if each.type == "ARMATURE" and each.show_viewport]
        if obj.parent_type in ("BONE", "ARMATURE"):
            movers.append(obj.parent)
        mover = next((each for each in movers if each is not None and each.type == "ARMATURE" and not is_worn(each)), None)
        if mover is not None:
            found.setdefault(mover, []).append(obj)
    return found


def surfaces_of(character: bpy.types.Object) -> list[bpy.types.Object]:
    """All objects with a surface that a character's armature moves, but those that are off in viewports."""
    found = (obj for obj in carried_by(bpy.data.objects).get(character, []) if not obj.hide_viewport)
    return sorted(found, key=lambda obj: obj.name_full)


def meshes_of(character: bpy.types.Object) -> list[bpy.types.Object]:
    """The meshes among them."""
    return [obj for obj in surfaces_of(character) if obj.type == "MESH"]


def at_rest(obj: bpy.types.Object, mesh: bpy.types.Object, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3): where vertices of a figure's mesh, in the mesh's axes, are at rest in the armature's axes."""
    character = character_of(obj)
    if character is None:
        return places
    # Not as the controls stand now: they may have been moved, and the character's meshes do not rest elsewhere for it.
    kept = obj.data[CONTROL_RIG].get(TO_CHARACTER)
    own = np.array(kept).reshape(4, 4) if kept is not None else np.array(character.matrix_world.inverted() @ obj.matrix_world)
    matrix = np.linalg.inv(own) @ rest_matrix(character, mesh)
    return moved(places, matrix)


def rest_matrix(character: bpy.types.Object, mesh: bpy.types.Object) -> NDArray[np.float64]:
    """(4, 4) from the axes of a mesh that a character moves to those of its armature, at rest."""
    matrix = np.array(character.matrix_world.inverted_safe() @ mesh.matrix_world)
    bone = character.pose.bones.get(mesh.parent_bone) if hangs_on_bone(character, mesh) else None
    return matrix if bone is None else np.array(bone.bone.matrix_local @ bone.matrix.inverted_safe()) @ matrix


def hangs_on_bone(character: bpy.types.Object, mesh: bpy.types.Object) -> bool:
    """Whether a bone of a character carries a mesh as a whole."""
    return mesh.parent == character and mesh.parent_type == "BONE"


def carriers_of(obj: bpy.types.Object) -> dict[str, str]:
    """Vertex group, or bone, of a figure's meshes → the deform bone of ours that carries it.

    For a mannequin each bone is its own. A character's bone that follows nothing itself goes along with the next above that does.
    """
    character = character_of(obj)
    if character is None:
        return {bone.name: bone.name for bone in obj.data.bones if bone.use_deform}
    found: dict[str, str] = {}
    for bone, constraint in constraints_of(character):
        helper = obj.data.bones.get(constraint.subtarget)
        if helper is not None and helper.parent is not None:
            found[bone.name] = helper.parent.name
    for each in character.data.bones:  # parents come first
        if each.name not in found and each.parent is not None and each.parent.name in found:
            found[each.name] = found[each.parent.name]
    return found
