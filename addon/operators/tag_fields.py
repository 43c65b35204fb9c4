# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompt seen as tags: a field to add one by, and a number for the weight of each. Nothing of it is stored but the prompt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import FloatProperty, PointerProperty, StringProperty

from ..generate import tag_shelf
from ..prompting.tag_list import the_list
from ..prompting.tags import plain, said
from ..prompting.weights import HIGHEST, LOWEST, STEP, has_tag, tags_of, with_tag, with_weight, without_tag

WEIGHED = 60
"""How many tags of a prompt the panel shows with their weights."""

WEIGHT = "tag_weight_"
"""What the names of their numbers begin with."""

_PRESENT = " ✓"
_OTHER_NAME = " → "


def _generation(owner: bpy.types.PropertyGroup) -> bpy.types.PropertyGroup:
    return owner.id_data.pose_to_anime.generation


def _found(owner: bpy.types.PropertyGroup, _context: bpy.types.Context, text: str) -> Iterator[str]:
    """What Blender lists below the field while one writes in it: a tag, before it the other name by which it was found, behind
    it a mark where the prompt has it."""
    tag_shelf.searched()
    there = said(_generation(owner).prompt)
    for tag, other in the_list().find(text):
        yield (f"{other}{_OTHER_NAME}" if other else "") + tag + (_PRESENT if plain(tag) in there else "")


def _add(owner: bpy.types.PropertyGroup, value: str) -> None:
    """A tag that was chosen or written: one that has the mark is taken out."""
    generation = _generation(owner)
    tag = value.rpartition(_OTHER_NAME)[2].strip()
    if tag.endswith(_PRESENT):
        generation.prompt = without_tag(generation.prompt, tag.removesuffix(_PRESENT))
        return
    for part in tags_of(tag):
        generation.prompt = with_tag(generation.prompt, tag[part.start : part.end])


def toggle_tag(generation: bpy.types.PropertyGroup, tag: str) -> None:
    """Write a tag into the prompt, or take it out where it is there."""
    change = without_tag if has_tag(generation.prompt, tag) else with_tag
    generation.prompt = change(generation.prompt, tag)


def _weight(index: int) -> Any:
    def get(self: bpy.types.PropertyGroup) -> float:
        tags = tags_of(_generation(self).prompt)
        return tags[index].weight if index < len(tags) else 1.0

    def set_(self: bpy.types.PropertyGroup, value: float) -> None:
        generation = _generation(self)
        if index < len(tags_of(generation.prompt)):
            generation.prompt = with_weight(generation.prompt, index, round(value, 3))

    return FloatProperty(
        name="Weight",
        description="How much this tag counts: 1 as it is, more or less than that by a number behind it in the prompt. "
        "With the mouse over it, Ctrl-Up and Ctrl-Down or Ctrl-Wheel change it, Backspace makes it 1",
        min=LOWEST,
        max=HIGHEST,
        default=1.0,
        step=100.0 * STEP,
        precision=2,
        get=get,
        set=set_,
        options={"SKIP_SAVE"},
    )


class P2A_PG_tags(bpy.types.PropertyGroup):
    """``scene.pose_to_anime_tags``."""

    add_tag: StringProperty(
        name="Add Tag",
        description="Write a few letters and choose a tag: it is added to the prompt, or taken out where it is in it",
        get=lambda _self: "",
        set=_add,
        search=_found,
        search_options={"SUGGESTION"},
        options={"SKIP_SAVE"},
    )


P2A_PG_tags.__annotations__.update({f"{WEIGHT}{index}": _weight(index) for index in range(WEIGHED)})

CLASSES: tuple[type, ...] = (P2A_PG_tags,)


def register() -> None:
    bpy.types.Scene.pose_to_anime_tags = PointerProperty(type=P2A_PG_tags)


def unregister() -> None:
    del bpy.types.Scene.pose_to_anime_tags
