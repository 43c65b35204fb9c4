# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of the prompts by clicks and keys: put one in, take it out, let it count more or less."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..prompting.weights import stepped, tags_of, with_weight, without_entry
from .prompt import PROMPTS
from .reporting import report
from .tag_fields import entry_of, toggled

_keymap_items: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


class OnPrompt:
    """Changes the prompt of the scene."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None


class OnTag(OnPrompt):
    tag: StringProperty(name="Tag", options={"SKIP_SAVE"})


class P2A_OT_toggle_tag(OnTag, bpy.types.Operator):
    bl_idname = "pose_to_anime.toggle_tag"
    bl_label = "Tag"
    bl_description = "Write this tag into the prompt, or take it out where it is there"

    prompt: EnumProperty(items=PROMPTS, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        generation = context.scene.pose_to_anime.generation
        setattr(generation, self.prompt, toggled(getattr(generation, self.prompt), self.tag))
        return {"FINISHED"}


class P2A_OT_remove_tag(OnPrompt, bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_tag"
    bl_label = "Remove Tag"
    bl_description = "Take this tag out of the prompt"

    index: IntProperty(name="Place", description="Which entry of the prompt", min=0, options={"SKIP_SAVE"})
    prompt: EnumProperty(items=PROMPTS, options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        generation = context.scene.pose_to_anime.generation
        text = getattr(generation, self.prompt)
        if self.index >= len(tags_of(text)):
            report(self, {"ERROR"}, "The prompt has no such tag any more.")
            return {"CANCELLED"}
        setattr(generation, self.prompt, without_entry(text, self.index))
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
        generation, prompt, index = found
        text = getattr(generation, prompt)
        setattr(generation, prompt, with_weight(text, index, stepped(tags_of(text)[index].weight, self.steps)))
        if context.region is not None:
            context.region.tag_redraw()
        return {"FINISHED"}


def _hovered(context: bpy.types.Context) -> tuple[Any, str, int] | None:
    """The generation settings, which of their prompts, and the entry of it whose weight the mouse is over."""
    owner, path, _ = getattr(context, "property", None) or (None, "", 0)
    # Blender gives the whole path only of what is stored; ours is not, and its name is enough.
    if not isinstance(owner, bpy.types.Scene) or (entry := entry_of(path)) is None:
        return None
    generation, (prompt, index) = owner.pose_to_anime.generation, entry
    return (generation, prompt, index) if index < len(tags_of(getattr(generation, prompt))) else None


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
