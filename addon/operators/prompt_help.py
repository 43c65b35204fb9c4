# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of the prompt by clicks and keys: put one in, take it out, let it count more or less."""

from __future__ import annotations

import re
from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty

from ..prompting.weights import stepped, tags_of, with_weight, without_entry
from .tag_fields import WEIGHT, toggle_tag

_WEIGHT = re.compile(rf"(?:.*\.)?{WEIGHT}(\d+)")
_keymap_items: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


class P2A_OT_toggle_tag(bpy.types.Operator):
    bl_idname = "pose_to_anime.toggle_tag"
    bl_label = "Tag"
    bl_description = "Write this tag into the prompt, or take it out where it is there"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    tag: StringProperty(name="Tag", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        toggle_tag(context.scene.pose_to_anime.generation, self.tag)
        return {"FINISHED"}


class P2A_OT_remove_tag(bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_tag"
    bl_label = "Remove Tag"
    bl_description = "Take this tag out of the prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: IntProperty(name="Place", description="Which entry of the prompt", min=0, options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        generation = context.scene.pose_to_anime.generation
        if self.index >= len(tags_of(generation.prompt)):
            self.report({"ERROR"}, "The prompt has no such tag any more.")
            return {"CANCELLED"}
        generation.prompt = without_entry(generation.prompt, self.index)
        return {"FINISHED"}


class P2A_OT_weigh_tag(bpy.types.Operator):
    """Blender tells which property the mouse is over, and not where the cursor is in a text: so keys act on the numbers."""

    bl_idname = "pose_to_anime.weigh_tag"
    bl_label = "Strengthen or Weaken Tag"
    bl_description = "Let the tag whose weight the mouse is over count more or less"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    steps: IntProperty(name="Steps", description="Tenths by which it counts more", default=1, options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _hovered(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = _hovered(context)
        if found is None:
            return {"PASS_THROUGH"}
        generation, index = found
        weight = tags_of(generation.prompt)[index].weight
        generation.prompt = with_weight(generation.prompt, index, stepped(weight, self.steps))
        if context.region is not None:
            context.region.tag_redraw()
        return {"FINISHED"}


def _hovered(context: bpy.types.Context) -> tuple[Any, int] | None:
    """The generation settings and the entry of their prompt whose weight the mouse is over."""
    owner, path, _ = getattr(context, "property", None) or (None, "", 0)
    # Blender gives the whole path only of what is stored; ours is not, and its name is enough.
    if not isinstance(owner, bpy.types.Scene) or (found := _WEIGHT.fullmatch(path)) is None:
        return None
    generation, index = owner.pose_to_anime.generation, int(found[1])
    return (generation, index) if index < len(tags_of(generation.prompt)) else None


CLASSES: tuple[type, ...] = (P2A_OT_toggle_tag, P2A_OT_remove_tag, P2A_OT_weigh_tag)


def register() -> None:
    config = bpy.context.window_manager.keyconfigs.addon
    if config is None:
        return  # Blender runs without a window
    keymap = config.keymaps.new(name="User Interface", space_type="EMPTY")
    for key, steps in (("UP_ARROW", 1), ("DOWN_ARROW", -1)):
        item = keymap.keymap_items.new(P2A_OT_weigh_tag.bl_idname, key, "PRESS", ctrl=True, repeat=True)
        item.properties.steps = steps
        _keymap_items.append((keymap, item))


def unregister() -> None:
    for keymap, item in _keymap_items:
        keymap.keymap_items.remove(item)
    _keymap_items.clear()
