# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the whole panel, by Blender's own preset menu: files of a line for each setting, where Blender keeps presets.

A seed is none of it: it belongs to a picture, and a preset to a way of working. Nor is a queue, a pose or a camera.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase
from bpy.props import StringProperty

from ...generation_server.protocol import CONTROL_KINDS
from ..errors import UserError
from ..generate.records import disk_sentence
from ..settings.controls import word_of
from .reporting import Reporting, report, tell_problems

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

_WHOLE = "settings.model"
"""What every preset sets that holds the whole panel. One that somebody has written by hand may set two or three things alone."""


class P2A_OT_add_preset(AddPresetBase, bpy.types.Operator):
    bl_idname = "pose_to_anime.add_preset"
    bl_label = "Add Preset"
    bl_description = "Keep prompt, style, model, LoRAs, controls and numbers under a name; seed, pose and camera are none of it"

    preset_menu = "P2A_PT_presets"
    preset_subdir = SUBDIR
    preset_defines = (
        "settings = bpy.context.scene.pose_to_anime.generation",
        "styles = bpy.context.scene.pose_to_anime.styles",
        "pose_tags = bpy.context.scene.pose_to_anime.pose_tags",
    )
    preset_values = (
        *(f"settings.{name}" for name in VALUES),
        *(f"styles.{name}" for name in STYLE_VALUES),
        "pose_tags.use",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def add(self, context: bpy.types.Context, filepath: str) -> None:
        """Write the file, which Blender 4.3 itself cannot with Python 3.13, as some systems have it."""
        ours = context.scene.pose_to_anime
        owners = {"settings": ours.generation, "styles": ours.styles, "pose_tags": ours.pose_tags}
        lines = ["import bpy", *self.preset_defines, ""]
        for path in self.preset_values:
            owner, _, name = path.partition(".")
            lines += _lines_of(path, getattr(owners[owner], name))
        try:
            Path(filepath).write_text("\n".join([*lines, ""]), "utf-8")
        except OSError as error:
            report(self, {"ERROR"}, disk_sentence(error, Path(filepath).parent))


def _lines_of(path: str, value: Any) -> list[str]:
    """How a preset sets this."""
    if not isinstance(value, bpy.types.bpy_prop_collection):
        return [f"{path} = {value!r}"]
    lines = [f"{path}.clear()"]
    for item in value:
        fields = [prop.identifier for prop in item.bl_rna.properties if prop.identifier != "rna_type"]
        lines += [f"item = {path}.add()", *(f"item.{name} = {getattr(item, name)!r}" for name in fields)]
    return lines


class P2A_OT_use_preset(Reporting, bpy.types.Operator):
    """In the place of Blender's own verb, which is no step of undo and stops in the midst of a preset from another version."""

    bl_idname = "pose_to_anime.use_preset"
    bl_label = "Use Preset"
    bl_description = "Set prompt, style, model, LoRAs, controls and numbers to those of this preset"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def run(self, context: bpy.types.Context) -> None:
        path = Path(self.filepath)
        try:
            lines = ast.parse(path.read_text("utf-8")).body
        except (OSError, ValueError, SyntaxError):
            raise UserError("The file of this preset is gone or cannot be read: save the preset anew.") from None
        _unset(context.scene.pose_to_anime, {_target(line) for line in lines})
        unused = _carry_out(lines)
        if unused:
            tell_problems(self, [f"Not used of this preset of another version: {', '.join(unused)}."])


def _target(line: ast.stmt) -> str:
    """What a line of a preset sets, as ``settings.steps``; empty for one that sets nothing."""
    return ast.unparse(line.targets[0]) if isinstance(line, ast.Assign) else ""


def _unset(ours: bpy.types.PropertyGroup, targets: set[str]) -> None:
    """What a whole preset does not speak of is as in a new scene: there was no such thing when it was saved. Not the style, which
    speaks of the numbers."""
    if _WHOLE not in targets:
        return
    for name in VALUES:
        if name != "loras" and f"settings.{name}" not in targets:
            ours.generation.property_unset(name)
    if "pose_tags.use" not in targets:
        ours.pose_tags.property_unset("use")


def _carry_out(lines: list[ast.stmt]) -> list[str]:
    """Run a preset line by line, as Python that it is; the names of what could not be set."""
    names: dict[str, Any] = {}
    unused = []
    for line in lines:
        code = compile(ast.Module([line], type_ignores=[]), "preset", "exec")
        try:
            exec(code, names)
        except Exception:  # a setting that is no more, or a value that it does not have
            unused.append(_target(line).rpartition(".")[2] or ast.unparse(line))
    return unused


CLASSES: tuple[type, ...] = (P2A_OT_add_preset, P2A_OT_use_preset)
