# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a figure in the scene another body: other sliders, or another of the bodies that there are.

All bodies have one topology, so the figure stays what it is: its skin and bones move, and its pose, its modes and all that hangs
on it stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import bpy

from ..errors import UserError
from ..pose.rest import humanoid_rest
from .bodies import load_body
from .control_rig.link import is_control_rig
from .controls import bring_up_to_date
from .joint_map import joint_map
from .limbs import LIMBS
from .limits import fit_limits
from .mannequin import is_mannequin, mannequin_name, require_skins, skins_of, slider_values, write_body
from .matching import is_ik, paused, set_ik
from .modes import edit_mode, shown
from .pins import has_pins
from .posing import apply_pose, read_pose
from .resting import ground_contacts
from .rig import build_bones, fault_of, fit_to_rest
from .settled import forget, remember
from .skin.body_file import Body
from .skin.build import Skin, build_skin
from .skin.sliders import SLIDERS, SliderError, apply_sliders
from .skin_mesh import SKIN, add_skin, is_shapeable, replace_weights, shape_skin


def reshape(obj: bpy.types.Object, values: Mapping[str, float]) -> None:
    """Move body sliders of a figure, by their names in ``SLIDERS``; those not named stay where they are.

    The pose stays, what rested on the ground does so again, and each limb keeps its mode. A figure that shares its data with
    another gets data of its own. Raises UserError, with nothing changed, for what cannot be.
    """
    wanted = {**slider_values(require_figure(obj)), **{name: float(value) for name, value in values.items()}}
    wanted = {name: value for name, value in wanted.items() if name not in SLIDERS or value != SLIDERS[name].neutral}
    name = mannequin_name(obj)
    _, body = load_body(name)
    _give(obj, name, body, wanted)


def change_body(obj: bpy.types.Object, name: str) -> None:
    """Put another body in a figure's place: pose, name, colour and place stay; its sliders go back to the middle.

    Raises UserError as ``reshape`` does.
    """
    require_figure(obj)
    entry, body = load_body(name)
    _give(obj, entry.key, body, {})


def require_changeable(obj: bpy.types.Object) -> bpy.types.Object:
    """The object itself; raises UserError unless another body can be put in its place."""
    require_figure(obj)
    if fault := fault_of(obj):
        raise UserError(fault)
    _shapeable_skins(obj, skin_at_rest(obj))
    with shown(obj):
        return obj


def figures_of(name: str) -> list[bpy.types.Object]:
    """The figures that have a body of ours. Without linked ones: a body is changed where they come from."""
    found = (obj for obj in bpy.data.objects if is_mannequin(obj) and not is_control_rig(obj))
    return [obj for obj in found if mannequin_name(obj) == name and not _is_linked(obj)]


def give_skin(obj: bpy.types.Object) -> None:
    """Make the skin of a figure that has none: Blender's own Duplicate copies the armature alone, as a skin cannot be selected.

    Raises UserError as ``reshape`` does, and where there is a skin already.
    """
    require_figure(obj)
    if skins_of(obj):
        raise UserError(f"'{obj.name}' has a skin already.")
    child = add_skin(obj, skin_at_rest(obj))
    for collection in obj.users_collection:
        collection.objects.link(child)


def skin_at_rest(obj: bpy.types.Object) -> Skin:
    """The skin that a figure's body and sliders make. Raises UserError where its body is gone."""
    return _skin_of(load_body(mannequin_name(obj))[1], slider_values(obj))


def require_figure(obj: bpy.types.Object) -> bpy.types.Object:
    """The object itself; raises UserError unless its body, and what it wears, can be changed as Blender is now."""
    if not is_mannequin(obj):
        raise UserError(f"'{obj.name}' is not a mannequin of Pose to Anime.")
    if is_control_rig(obj):
        raise UserError(f"'{obj.name}' moves a character of your own: its body and clothes are its own meshes.")
    if _is_linked(obj):
        raise UserError(f"'{obj.name}' is linked from another file: change it there, or make it local.")
    if bpy.context.mode not in {"OBJECT", "POSE"}:
        raise UserError("Go to Object Mode or Pose Mode before you change a figure.")
    if obj not in bpy.context.view_layer.objects.values():
        raise UserError(f"'{obj.name}' is in another scene, or its collection is switched off: show it before you change it.")
    return obj


def _is_linked(obj: bpy.types.Object) -> bool:
    return obj.library is not None or obj.data.library is not None or obj.override_library is not None


def _give(obj: bpy.types.Object, name: str, body: Body, sliders: Mapping[str, float]) -> None:
    if fault := fault_of(obj):
        raise UserError(fault)
    skin = _skin_of(body, sliders)
    children = _shapeable_skins(obj, skin)
    is_other = mannequin_name(obj) != name
    with shown(obj), paused():
        bring_up_to_date(obj)
        contacts, modes = ground_contacts(obj), [is_ik(obj, limb) for limb in LIMBS]
        # From the joints' own rotations: the solver's error would add up while a slider is dragged.
        for limb in LIMBS:
            set_ik(obj, limb, False)
        pose = replace(read_pose(obj), contacts=contacts)
        _make_single_user(obj, children)
        with edit_mode(obj):
            bones = joint_map("mannequin")
            rest = humanoid_rest(skin.joints, bones)
            build_bones(obj.data, rest, bones)
        fit_to_rest(obj)
        fit_limits(obj, rest, body.limits)
        write_body(obj, name, body, skin, sliders)
        for child in children:
            shape_skin(child, skin)
            if is_other:
                replace_weights(child, skin)
        forget(obj)
        # Joints keep their rotations, so that a slider that comes back brings the pose back.
        apply_pose(obj, pose, bends=False)
        for limb, mode in zip(LIMBS, modes, strict=True):
            set_ik(obj, limb, mode)
        remember(obj)
        bpy.context.view_layer.update()
        if has_pins(obj):  # they hold on to their places: with this body the limbs bend otherwise
            bring_up_to_date(obj)


def _skin_of(body: Body, sliders: Mapping[str, float]) -> Skin:
    try:
        return build_skin(apply_sliders(body, sliders))
    except SliderError as error:
        raise UserError(str(error)) from error


def _shapeable_skins(obj: bpy.types.Object, skin: Skin) -> list[bpy.types.Object]:
    children = [child for child in require_skins(obj) if SKIN in child]
    if not all(is_shapeable(child, skin) for child in children):
        raise UserError(f"The skin of '{obj.name}' was edited by hand, so its body cannot be changed any more.")
    return children


def _make_single_user(obj: bpy.types.Object, children: list[bpy.types.Object]) -> None:
    """Linked duplicates share armature and mesh; what changes this figure must not change the others."""
    for each in (obj, *children):
        if each.data.users > 1:
            each.data = each.data.copy()
