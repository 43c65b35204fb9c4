# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting our controls beside a character's rig, and taking them away again without a trace.

The controls are one of our figures: its armature has the character's proportions in metres, its object the character's place and
size, and it has no skin of its own. So all that works on a mannequin works on the character."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import bpy
import numpy as np
from mathutils import Matrix

from ...errors import UserError
from ...pose.normalised import Pose
from ...pose.rest import HumanoidRest
from ..bodies import load_body
from ..dots_only import follow_switch
from ..joint_map import JointMap, joint_map
from ..limbs import LIMBS
from ..limits import add_limits
from ..mannequin import is_mannequin, is_own, write_body
from ..matching import paused, set_ik, settle
from ..modes import select_only
from ..placed import NOTHING, fault_of_place
from ..posing import apply_pose
from ..rig import build_bones, configure_pose
from ..settled import remember
from ..widgets import remove_unused_widgets
from ..worn import is_worn
from .helpers import add_constraints, add_helpers
from .joints import assigned
from .link import (
    CONTROL_RIG,
    TO_CHARACTER,
    constraints_of,
    controls_of,
    free,
    is_control_rig,
    noted_character,
    release,
    remove_constraint,
)
from .measure import BODY, Measured, measure

_EVEN = 1e-3
"""Of a scale: axes that differ by less are scaled alike."""
_RESTS = 1e-3
"""Radians, and parts of the height of the hips: a character nearer to its rest than this is taken to be at rest."""


def require_usable(obj: bpy.types.Object) -> None:
    """Raise UserError unless controls can be put beside this armature object now."""
    if is_mannequin(obj) or is_worn(obj):
        raise UserError(f"'{obj.name}' is a figure of Pose to Anime already: drag its dots.")
    if obj.type != "ARMATURE":
        raise UserError(f"'{obj.name}' has no armature: select a character, or its armature.")
    if obj.library is not None or not is_own(obj):
        raise UserError(
            f"'{obj.name}' is linked from another file: make a library override of it first (Object, Library Override, Make), "
            "with its armature selected so that it can be edited."
        )
    if obj.data.is_editmode:
        raise UserError(f"'{obj.name}' is in Edit Mode: leave it first (Tab).")
    if (controls := controls_of(obj)) is not None:
        raise UserError(f"'{obj.name}' has controls already: '{controls.name}'.")
    if obj.name not in bpy.context.view_layer.objects:
        raise UserError(f"'{obj.name}' is in another scene, or its collection is switched off: show it first.")
    if obj.data.pose_position == "REST":
        raise UserError(f"'{obj.name}' is shown in its rest position: choose Pose Position in its armature's properties first.")
    if fault := fault_of_place(obj):
        raise UserError(fault)
    columns = np.array(obj.matrix_world)[:3, :3].T
    sizes = np.linalg.norm(columns, axis=1)
    if sizes.min() < NOTHING:
        raise UserError(f"'{obj.name}' is scaled to nothing: give it a size first (Alt-S).")
    if np.linalg.det(columns) < 0.0:
        raise UserError(f"'{obj.name}' is scaled by a negative number: apply its scale first (Ctrl-A, Scale).")
    across = columns @ columns.T / np.outer(sizes, sizes) - np.eye(3)
    if np.ptp(sizes) > _EVEN * sizes.max() or np.abs(across).max() > _EVEN:
        raise UserError(f"'{obj.name}' is scaled differently along its axes: apply its scale first (Ctrl-A, Scale).")


def use_character(obj: bpy.types.Object, joints: JointMap, eyes: Mapping[str, str] | None = None) -> bpy.types.Object:
    """Put controls beside a character's armature object, in the pose in which it is seen, and make them active.

    ``joints``: humanoid joint → its deform bone; ``eyes``: ``leftEye``, ``rightEye`` → bone, where it has them. Returns the
    controls, an armature object for which ``is_mannequin`` is true, in Object Mode. Raises UserError, with nothing changed, for
    what cannot be used.
    """
    require_usable(obj)
    if lost := next((bone for bone in joints.values() if bone not in obj.data.bones), ""):
        raise UserError(f"'{obj.name}' has no bone '{lost}' any more: choose its bones anew.")
    layer = bpy.context.view_layer
    layer.update()
    release(obj)  # what is left of controls that were deleted
    measured = measure(obj, joints, eyes or {})
    before = {
        "active": layer.objects.active.name if layer.objects.active is not None else "",
        "selected": [each.name for each in layer.objects.selected],
        "mode": obj.mode,
        "shown": bool(obj.visible_get()),
        "hips": joints["hips"],
    }
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    pose = _seen_pose(obj, measured, assigned(joints))
    with paused():
        controls = _added(obj, measured)
        controls.data[CONTROL_RIG] = {**before, TO_CHARACTER: np.array(measured.to_character).ravel().tolist()}
        controls.pose_to_anime.drives = obj
        add_constraints(controls, obj, measured.followers)
        layer.update()
        settle(controls)
        for limb in LIMBS:
            set_ik(controls, limb, True)
        remember(controls)
        layer.update()
        if before["shown"]:  # its bones would cover the dots
            obj.hide_set(True)
    if pose is not None:
        apply_pose(controls, pose)
    return controls


def _added(character: bpy.types.Object, measured: Measured) -> bpy.types.Object:
    bones = joint_map("mannequin")
    layer = bpy.context.view_layer
    armature = bpy.data.armatures.new("Character controls")
    obj = bpy.data.objects.new(f"{character.name} controls", armature)
    obj.show_in_front = True
    _collection(character).objects.link(obj)
    obj.parent = character
    obj.matrix_parent_inverse = Matrix.Identity(4)
    obj.matrix_basis = measured.to_character
    select_only([obj])
    layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        build_bones(armature, measured.rest, bones)
        add_helpers(armature, character, measured.followers, measured.to_character, bones)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    configure_pose(obj, bones)
    add_limits(obj, measured.rest, {})
    _, body = load_body(BODY)
    write_body(obj, BODY, replace(body, gender="any"), measured.skin, {})
    follow_switch(bpy.context.scene, obj)
    return obj


def _collection(character: bpy.types.Object) -> bpy.types.Collection:
    """Where the controls go: beside the character, or into the scene where its collection is another file's."""
    scene = bpy.context.scene
    beside = (each for each in character.users_collection if each.library is None and each.override_library is None)
    visible = {layer.collection for layer in _layers(bpy.context.view_layer.layer_collection) if layer.is_visible}
    return next((each for each in beside if each in visible), scene.collection)


def _layers(top: bpy.types.LayerCollection) -> list[bpy.types.LayerCollection]:
    return [top, *(each for child in top.children for each in _layers(child))]


def _seen_pose(obj: bpy.types.Object, measured: Measured, found: Mapping[str, str]) -> Pose | None:
    """The pose in which a character is seen; None where it is at rest."""
    rest: HumanoidRest = measured.rest
    to_body = np.array(measured.to_character.inverted())
    axes = to_body[:3, :3] / np.cbrt(np.linalg.det(to_body[:3, :3]))
    turns: dict[str, np.ndarray] = {}
    for joint in rest.heads:
        above = rest.parent(joint)
        turns[joint] = turns[above] if above is not None else np.eye(3)
        if joint in found:
            bone = obj.pose.bones[found[joint]]
            posed, own = (np.array(matrix.to_3x3().normalized()) for matrix in (bone.matrix, bone.bone.matrix_local))
            turns[joint] = axes @ posed @ own.T @ axes.T
    hips = obj.pose.bones[found["hips"]]
    way = to_body[:3, :3] @ np.array(hips.matrix.translation - hips.bone.matrix_local.translation)
    x, y, z = (float(c) for c in way / rest.hip_height)
    turned = max(float(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0))) for turn in turns.values())
    if turned < _RESTS and max(abs(c) for c in (x, y, z)) < _RESTS:
        return None
    return Pose(name="As it was", rotations=rest.rotations(turns), hips_translation=(x, y, z))


def let_go(controls: bpy.types.Object) -> bpy.types.Object | None:
    """Take controls away: the character is as it was before them. Returns its armature object, None where that is gone.

    Blender is in Object Mode afterwards. Raises UserError for what is no control rig."""
    if not is_control_rig(controls):
        raise UserError(f"'{controls.name}' is not the controls of a character.")
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    before, armature = controls.data[CONTROL_RIG].to_dict(), controls.data
    character = free(controls)
    bpy.data.objects.remove(controls)
    if armature.users == 0:
        bpy.data.armatures.remove(armature)
    remove_unused_widgets()
    layer = bpy.context.view_layer
    if character is None or character.name not in layer.objects:
        return character
    select_only(each for each in filter(None, layer.objects) if each.name in before["selected"])
    layer.objects.active = layer.objects.get(before["active"]) or character
    layer.update()
    return character


def tidy_up() -> None:
    """What is left when one side was deleted by hand: constraints that point at nothing, and controls of no character."""
    for obj in [obj for obj in bpy.data.objects if obj.type == "ARMATURE" and obj.library is None]:
        if is_control_rig(obj):
            character = noted_character(obj)
            if (character is None or not character.users_scene) and obj.users_scene and obj.mode == "OBJECT":
                let_go(obj)
        elif not is_mannequin(obj):
            _release_lost(obj)


def _release_lost(character: bpy.types.Object) -> None:
    lost = [(bone, each) for bone, each in constraints_of(character) if each.target is None or not each.target.users_scene]
    for bone, constraint in lost:
        remove_constraint(bone, constraint)
    if lost and character.name in bpy.context.view_layer.objects and character.hide_get():
        character.hide_set(False)
