# SPDX-License-Identifier: GPL-3.0-or-later
"""Mannequins in the scene: adding, recognising and removing them.

A mannequin is an armature object and its skin, a mesh object that is the armature's child and cannot be selected. What the rest
of the program must know about a body (its landmarks, points of its surface) is kept in custom properties of the armature, so that
it is saved with the file and copied with the figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy
import numpy as np
from mathutils import Vector

from ..errors import UserError
from ..pose import face_points
from ..pose.humanoid import SIDES
from ..pose.rest import humanoid_rest
from .bodies import load_body, read_bodies
from .control_rig.link import character_of, free, is_control_rig, meshes_of
from .dots_only import follow_switch
from .joint_map import joint_map
from .limbs import LIMBS
from .limits import add_limits
from .matching import paused, set_ik, settle
from .rig import build_bones, configure_pose, fault_of
from .settled import remember
from .skin.body_file import GENDERS, Body, Gender
from .skin.build import Skin, build_skin
from .skin_mesh import SKIN, add_skin, outermost, remove_skin
from .surface import keep_skin_points
from .worn import is_worn, remove_orphaned_wardrobe, remove_worn, worn_by

DEFAULT_MANNEQUIN = "adult_woman"

_MANNEQUIN = "pose_to_anime_mannequin"
_AGE = "pose_to_anime_age"
_GENDER = "pose_to_anime_gender"
_LANDMARKS = "pose_to_anime_landmarks"
_FACE = "pose_to_anime_face"
_SURFACE = "pose_to_anime_surface"
_SLIDERS = "pose_to_anime_sliders"
_MAP = "mannequin"
_PARTS = ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
_TOUCHED = ("hips", "head", "upperChest", *(f"{side}{part}" for side in SIDES for part in _PARTS))
"""The joints whose skin contacts cannot do without."""


def mannequin_names() -> list[str]:
    """The bodies that ``add_mannequin`` can build, by the names of their files."""
    return [entry.key for entry in read_bodies().entries]


def is_mannequin(obj: bpy.types.Object | None) -> bool:
    """True for the armature object of a figure of ours (also of a copy of one)."""
    return obj is not None and obj.type == "ARMATURE" and isinstance(obj.data.get(_MANNEQUIN), str)


def mannequin_name(obj: bpy.types.Object) -> str:
    """Which body a mannequin was built from; empty for any other object."""
    return str(obj.data[_MANNEQUIN]) if is_mannequin(obj) else ""


def is_own(obj: bpy.types.Object) -> bool:
    """Whether what is done to an object is saved with this file: not one that is linked from another file."""
    override = obj.override_library
    return obj.library is None and (override is None or not override.is_system_override)


def require_posable(obj: bpy.types.Object) -> None:
    """Raise UserError unless the object is a mannequin that can be read, is not in Edit Mode, and belongs to this file."""
    require_readable(obj)
    refuse_while_edited(obj)
    if not is_own(obj):
        raise UserError(f"'{obj.name}' is linked from another file: pose it there, or make it local.")


def refuse_while_edited(obj: bpy.types.Object) -> None:
    """Raise UserError for a figure in Edit Mode: there bones are where they rest, whatever their pose is."""
    if obj.data.is_editmode:
        raise UserError(f"'{obj.name}' is in Edit Mode: leave it first (Tab).")


def require_readable(obj: bpy.types.Object) -> None:
    """Raise UserError unless the object is a whole mannequin that Blender evaluates now: a hidden one keeps the pose it was last
    seen in."""
    if not is_mannequin(obj):
        raise UserError(f"'{obj.name}' is not a mannequin of Pose to Anime.")
    if not any(part.visible_get() for part in (obj, *skins_of(obj))):
        raise UserError(f"'{obj.name}' is hidden: show it before you pose it.")
    if fault := fault_of(obj):
        raise UserError(fault)


def is_child(obj: bpy.types.Object) -> bool:
    """Whether a figure has a child's body, or is a character that the user says is a child; of controls, what their character
    is."""
    if (character := character_of(obj)) is not None:
        return is_child(character)
    if is_mannequin(obj):
        return bool(obj.data.get(_AGE) == "child")
    settings = getattr(getattr(obj, "pose_to_anime", None), "character", None)
    return bool(settings is not None and settings.is_child)


def skins_of(obj: bpy.types.Object) -> list[bpy.types.Object]:
    """The mesh objects that are a figure's body, without what is worn over them: to be looked at. Of a control rig those of its
    character."""
    character = character_of(obj)
    return own_skins_of(obj) if character is None else meshes_of(character)


def own_skins_of(obj: bpy.types.Object) -> list[bpy.types.Object]:
    """The mesh objects that an armature object deforms and carries, without what is worn over them: to be changed. A control rig
    has none: the meshes of its character are the artist's."""
    meshes = (child for child in obj.children if child.type == "MESH" and not is_worn(child))
    return [child for child in meshes if child.find_armature() == obj]


def require_skins(obj: bpy.types.Object) -> list[bpy.types.Object]:
    """The skins of a mannequin; raises UserError where it has none."""
    if not (skins := skins_of(obj)):
        if is_control_rig(obj):
            raise UserError(f"'{obj.name}' drives no mesh: show the meshes of its character, or let go of it.")
        raise UserError(f"'{obj.name}' has lost its skin: give it a new one in the Figure panel.")
    return skins


def landmarks(obj: bpy.types.Object) -> dict[str, Vector]:
    """Named points of the skin (``nose_tip``, ``eye_left``, ``ear_right``, ``heel_left``, …) at rest, in armature space; none of
    an armature that is no mannequin."""
    return {name: Vector(point) for name, point in obj.data.get(_LANDMARKS, {}).items()}


def face_at_rest(obj: bpy.types.Object) -> np.ndarray | None:
    """(70, 3) the points of an OpenPose face on the skin at rest, in armature space: as measured, or in proportion to the head's
    landmarks in files from before there were these. None for a head without either."""
    found = obj.data.get(_FACE)
    if found is not None and len(found) == 3 * face_points.COUNT:
        return np.array(found, dtype=np.float64).reshape(-1, 3)
    return face_points.in_proportion({name: np.array(point) for name, point in landmarks(obj).items()})


def surface_points(obj: bpy.types.Object) -> dict[str, np.ndarray]:
    """Deform bone → (N, 3) outermost points of the skin that it carries, at rest, in armature space, metres."""
    return {bone: np.array(values).reshape(-1, 3) for bone, values in obj.data[_SURFACE].items()}


def slider_values(obj: bpy.types.Object) -> dict[str, float]:
    """The body sliders of a mannequin that are not in their middle."""
    return dict(obj.data.get(_SLIDERS, {}))


def gender_of(obj: bpy.types.Object) -> Gender:
    """What chance dresses a mannequin as: ``female``, ``male`` or ``any``."""
    found: Gender = obj.data.get(_GENDER, "any")
    return found if found in GENDERS else "any"


def write_body(obj: bpy.types.Object, name: str, body: Body, skin: Skin, sliders: Mapping[str, float]) -> None:
    """Note on a mannequin what is to be known about its body: which it is, with which sliders, and the points of its skin."""
    armature = obj.data
    armature[_MANNEQUIN] = name
    armature[_AGE] = body.age
    armature[_GENDER] = body.gender
    armature[_LANDMARKS] = {key: [float(c) for c in point] for key, point in skin.landmarks.items()}
    armature[_FACE] = skin.face.ravel().tolist()
    outer = outermost(skin)
    armature[_SURFACE] = outer
    armature[_SLIDERS] = dict(sliders)
    bones = joint_map(_MAP)
    if all(bones[joint] in outer for joint in _TOUCHED):  # a character may lack a mesh, or parts of one
        keep_skin_points(armature, skin, humanoid_rest(skin.joints, bones), bones)


def add_mannequin(
    context: bpy.types.Context | bpy.types.Scene,
    name: str = DEFAULT_MANNEQUIN,
    location: Sequence[float] = (0.0, 0.0, 0.0),
) -> bpy.types.Object:
    """Add a figure that stands at ``location`` (world metres; the ground under its hips), and make it selected and active.

    Returns the armature object. Blender must be able to leave the present mode. Raises UserError for an unknown name.
    """
    entry, body = load_body(name)
    skin = build_skin(body)
    view_layer, collection = _where(context)
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")

    armature = bpy.data.armatures.new("Mannequin")
    obj = bpy.data.objects.new(entry.title, armature)
    obj.location = location
    obj.show_in_front = True
    collection.objects.link(obj)
    for other in view_layer.objects.selected:
        other.select_set(False, view_layer=view_layer)
    view_layer.objects.active = obj
    obj.select_set(True, view_layer=view_layer)

    bones = joint_map(_MAP)
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        rest = humanoid_rest(skin.joints, bones)
        build_bones(armature, rest, bones)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    configure_pose(obj, bones)
    add_limits(obj, rest, body.limits)
    write_body(obj, entry.key, body, skin, {})
    collection.objects.link(add_skin(obj, skin))

    follow_switch(bpy.context.scene, obj)
    with paused():
        view_layer.update()
        settle(obj)
        for limb in LIMBS:
            set_ik(obj, limb, True)
        remember(obj)
        view_layer.update()
    return obj


def remove_mannequin(obj: bpy.types.Object) -> None:
    """Remove a figure: its armature, its skin, what it wears, and the data that no one else uses.

    Raises UserError for anything but a mannequin.
    """
    if not is_mannequin(obj):
        raise UserError(f"'{obj.name}' is not a mannequin.")
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    armature = obj.data
    free(obj)
    for child in own_skins_of(obj):
        remove_skin(child)
    for worn in worn_by(obj):
        remove_worn(worn)
    bpy.data.objects.remove(obj)
    if armature.users == 0:
        bpy.data.armatures.remove(armature)


def remove_orphaned_skins() -> None:
    """Remove skins, and what was worn over them, whose armature was deleted.

    Blender's Delete leaves children behind, and these could not even be selected.

    A skin that its user made a mesh of its own, by applying or removing the modifier or letting it be selected, stays.
    """
    for obj in [o for o in bpy.data.objects if o.type == "MESH" and SKIN in o and o.library is None]:
        lost = any(modifier.type == "ARMATURE" and modifier.object is None for modifier in obj.modifiers)
        if lost and obj.hide_select and obj.parent is None and obj.find_armature() is None:
            remove_skin(obj)
    remove_orphaned_wardrobe()


def _where(context: bpy.types.Context | bpy.types.Scene) -> tuple[bpy.types.ViewLayer, bpy.types.Collection]:
    """The view layer and the collection that new objects go into."""
    if isinstance(context, bpy.types.Scene):
        if bpy.context.scene != context:
            raise UserError(f"Make '{context.name}' the current scene before you add a mannequin to it.")
        context = bpy.context
    layer_collection = context.view_layer.active_layer_collection
    if layer_collection.exclude or layer_collection.collection.library is not None:
        return context.view_layer, context.scene.collection
    return context.view_layer, layer_collection.collection
