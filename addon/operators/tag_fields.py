# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts seen as tags: a field to add one by, and a number for the weight of each. Nothing of it is stored but the prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import FloatProperty, PointerProperty, StringProperty

from ..generate import tag_shelf
from ..prompting.tag_list import the_list
from ..prompting.tags import plain, said
from ..prompting.weights import HIGHEST, LOWEST, STEP, has_tag, tags_of, with_tag, with_weight, without_tag
from .prompt import PROMPTS

WEIGHED = 60
"""How many tags of a prompt the panel shows with their weights."""

_WEIGHT = re.compile(r"(?:.*\.)?(\w+)_weight_(\d+)")
_PRESENT = " ✓"
_OTHER_NAME = " → "


def _generation(owner: bpy.types.PropertyGroup) -> bpy.types.PropertyGroup:
    return owner.id_data.pose_to_anime.generation


def field_of(prompt: str) -> str:
    """The name of the field by which tags are added to this prompt."""
    return f"add_to_{prompt}"


def weight_of(prompt: str, index: int) -> str:
    """The name of the number that is the weight of this entry of a prompt."""
    return f"{prompt}_weight_{index}"


def entry_of(path: str) -> tuple[str, int] | None:
    """Which prompt and which entry of it the number at this path of a property is the weight of; None of another property."""
    found = _WEIGHT.fullmatch(path)
    return (found[1], int(found[2])) if found and found[1] in (name for name, _, _ in PROMPTS) else None


def toggled(text: str, tag: str) -> str:
    """A prompt with this tag, or without it where it is there."""
    return without_tag(text, tag) if has_tag(text, tag) else with_tag(text, tag)


def with_chosen(text: str, value: str) -> str:
    """A prompt with a tag that was chosen or written in its field; without one that has the mark."""
    tag = value.rpartition(_OTHER_NAME)[2].strip()
    if tag.endswith(_PRESENT):
        return without_tag(text, tag.removesuffix(_PRESENT))
    for part in tags_of(tag):
        text = with_tag(text, tag[part.start : part.end])
    return text


def _field(prompt: str) -> Any:
    def found(self: bpy.types.PropertyGroup, _context: bpy.types.Context, text: str) -> Iterator[str]:
        """What Blender lists below the field while one writes in it: a tag, before it the other name by which it was found,
        behind it a mark where the prompt has it."""
        tag_shelf.searched()
        there = said(getattr(_generation(self), prompt))
        for tag, other in the_list().find(text):
            yield (f"{other}{_OTHER_NAME}" if other else "") + tag + (_PRESENT if plain(tag) in there else "")

    def add(self: bpy.types.PropertyGroup, value: str) -> None:
        generation = _generation(self)
        setattr(generation, prompt, with_chosen(getattr(generation, prompt), value))

    return StringProperty(
        name="Add Tag",
        description="Write a few letters and choose a tag: it is added to the prompt, or taken out where it is in it",
        get=lambda _self: "",
        set=add,
        search=found,
        search_options={"SUGGESTION"},
        options={"SKIP_SAVE"},
    )


def _weight(prompt: str, index: int) -> Any:
    def get(self: bpy.types.PropertyGroup) -> float:
        tags = tags_of(getattr(_generation(self), prompt))
        return tags[index].weight if index < len(tags) else 1.0

    def set_(self: bpy.types.PropertyGroup, value: float) -> None:
        generation = _generation(self)
        text = getattr(generation, prompt)
        if index < len(tags_of(text)):
            setattr(generation, prompt, with_weight(text, index, round(value, 3)))

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


for _prompt, _, _ in PROMPTS:
    _weights = {weight_of(_prompt, index): _weight(_prompt, index) for index in range(WEIGHED)}
    P2A_PG_tags.__annotations__.update({field_of(_prompt): _field(_prompt)} | _weights)

CLASSES: tuple[type, ...] = (P2A_PG_tags,)


def register() -> None:
    bpy.types.Scene.pose_to_anime_tags = PointerProperty(type=P2A_PG_tags)


def unregister() -> None:
    del bpy.types.Scene.pose_to_anime_tags
