# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the whole panel, by Blender's own preset menu: files of a line for each setting, where Blender keeps presets.

A seed is none of it: it belongs to a picture, and a preset to a way of working. Nor is a queue, a pose or a camera.
"""

from __future__ import annotations

import bpy
from bl_operators.presets import AddPresetBase
from bpy.props import StringProperty

from ...generation_server.protocol import CONTROL_KINDS
from ..settings.controls import word_of

SUBDIR = "pose_to_anime"
"""Below Blender's folder of presets."""

_PARTS = tuple(
    name
    for kind in CONTROL_KINDS
    for word in (word_of(kind),)
    for name in (f"use_{word}", f"{word}_strength", f"{word}_start", f"{word}_end")
)
# The model first: another family brings its own numbers, which those of the preset then replace.
VALUES = (
    "model",
    "prompt",
    "negative_prompt",
    "steps",
    "guidance_scale",
    "sampler",
    "draft",
    "loras",
    *_PARTS,
    "start_from",
    "denoising_strength",
    "random_seed",
    "pictures",
)
"""The settings of a preset, in the order in which they are set."""

STYLE_VALUES = ("style", "before", "given")
"""Those of its style, after the numbers: they say which of these the style has set."""


class P2A_OT_add_preset(AddPresetBase, bpy.types.Operator):
    bl_idname = "pose_to_anime.add_preset"
    bl_label = "Add Preset"
    bl_description = "Keep prompt, style, model, LoRAs, controls and numbers under a name; seed, pose and camera are none of it"

    preset_menu = "P2A_PT_presets"
    preset_subdir = SUBDIR
    preset_defines = (
        "settings = bpy.context.scene.pose_to_anime.generation",
        "styles = bpy.context.scene.pose_to_anime.styles",
    )
    preset_values = (*(f"settings.{name}" for name in VALUES), *(f"styles.{name}" for name in STYLE_VALUES))

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None


class P2A_OT_use_preset(bpy.types.Operator):
    bl_idname = "pose_to_anime.use_preset"
    bl_label = "Use Preset"
    bl_description = "Set prompt, style, model, LoRAs, controls and numbers to those of this preset"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    menu_idname: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Blender's own verb, as one step of undo, which that one is not."""
        try:
            return bpy.ops.script.execute_preset(filepath=self.filepath, menu_idname=self.menu_idname)
        except RuntimeError:
            self.report({"ERROR"}, "The file of this preset is gone or cannot be read: save the preset anew.")
            return {"CANCELLED"}


CLASSES: tuple[type, ...] = (P2A_OT_add_preset, P2A_OT_use_preset)
