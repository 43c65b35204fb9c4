# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that asks which Blender this is (4.2 to 5.2)."""

import importlib
import sys

import bpy


def blender_version() -> str:
    """As Blender calls itself, "4.5.3 LTS"."""
    return bpy.app.version_string


def write_single_layer_exr(settings: bpy.types.ImageFormatSettings) -> None:
    """Have a render written as one layer of 32-bit floats."""
    _write_as(settings, "OPEN_EXR", "32", "RGBA")


def write_png(settings: bpy.types.ImageFormatSettings) -> None:
    """Have a render written as a PNG of 8 bits without alpha."""
    _write_as(settings, "PNG", "8", "RGB")


def _write_as(settings: bpy.types.ImageFormatSettings, file_format: str, depth: str, mode: str) -> None:
    """Blender 5.0 asks for the kind of file first."""
    if bpy.app.version >= (5, 0, 0):
        settings.media_type = "IMAGE"
    settings.file_format = file_format
    settings.color_depth = depth
    settings.color_mode = mode


def use_nodes(material: bpy.types.Material) -> None:
    """Give a new material its node tree; from Blender 5.0 every material has one."""
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True


def select_pose_bone(bone: bpy.types.PoseBone, select: bool) -> None:
    """Blender 5.0 moved selection from the bone to the pose bone."""
    (bone if bpy.app.version >= (5, 0, 0) else bone.bone).select = select


def is_pose_bone_selected(bone: bpy.types.PoseBone) -> bool:
    return bool((bone if bpy.app.version >= (5, 0, 0) else bone.bone).select)


def is_pose_bone_hidden(bone: bpy.types.PoseBone) -> bool:
    """Hidden by itself, as with the H key; its collections are another matter. Since 5.0 pose bones have their own flag."""
    return bool((bone if bpy.app.version >= (5, 0, 0) else bone.bone).hide)


def action_curves(obj: bpy.types.Object) -> list[bpy.types.bpy_prop_collection]:
    """The collections of F-curves that animate an object; from Blender 5.0 they are reached through the action's slots alone."""
    data = obj.animation_data
    if data is None or data.action is None:
        return []
    if bpy.app.version < (5, 0, 0):
        return [data.action.fcurves]
    strips = (strip for layer in data.action.layers for strip in layer.strips)
    return [bag.fcurves for strip in strips for bag in strip.channelbags if bag.slot == data.action_slot]


def writes_for_every_blender() -> bool:
    """Whether the files that this Blender writes can be read by all that the extension supports."""
    return bpy.app.version < (4, 3, 0)


def new_curve(action: bpy.types.Action, path: str, index: int, group: str) -> bpy.types.FCurve:
    """A new F-curve of an action of an object; Blender 5.0 took them out of the action into its layers."""
    if bpy.app.version < (5, 0, 0):
        return action.fcurves.new(path, index=index, action_group=group)
    slot = action.slots[0] if action.slots else action.slots.new("OBJECT", "Pose")
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves.new(path, index=index, group_name=group)


def set_modifier_input(modifier: bpy.types.NodesModifier, identifier: str, value: object) -> None:
    """Give a modifier made of geometry nodes the value of one of its inputs; Blender 5.2 has properties for them."""
    if hasattr(modifier, "properties"):
        getattr(modifier.properties.inputs, identifier).value = value
    else:
        modifier[identifier] = value


def stop_using_nodes(material: bpy.types.Material) -> None:
    """Let a material be what it is without nodes; from Blender 5.0 every material has some."""
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = False


def stored_properties(owner: bpy.types.ID) -> object:
    """What other extensions have stored on a data-block through properties that they registered, whether they are here or not:
    since Blender 5.0 apart from what ``owner[key]`` reads. A mapping, or None."""
    if bpy.app.version >= (5, 0, 0):
        return owner.bl_system_properties_get()
    return owner


def clipboard_takes_pictures() -> bool:
    """Whether Blender can put pictures into the clipboard of the system it runs on: on Linux under Wayland alone; under X11 its
    operator is there and does nothing (seen in 4.3 and 5.2)."""
    return not sys.platform.startswith("linux") or _window_system() == "WAYLAND"


def runs_under_x11() -> bool:
    return _window_system() == "X11"


def _window_system() -> str:
    """X11, WAYLAND, WIN32, COCOA; something else without a window. Blender itself tells it nowhere else."""
    backend = getattr(importlib.import_module("_bpy"), "_ghost_backend", None)
    return str(backend()) if backend is not None else ""
