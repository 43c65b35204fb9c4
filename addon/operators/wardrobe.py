# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the wardrobe: outfits, single pieces, colours, faces, the toon look, and an outfit's tags for the prompt."""

from __future__ import annotations

from dataclasses import replace

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..armature.mannequin import gender_of
from ..dressing import toon, wearing
from ..dressing.toon_view import follow_look
from ..wardrobe.catalogue import read_catalogue
from ..wardrobe.chance import random_outfit
from ..wardrobe.outfit import EXPRESSIONS
from ..wardrobe.outfit_files import named_outfit
from ..wardrobe.prompt_tags import retold
from .figure import EnumItems, _OnMannequin, readable
from .reporting import Reporting, report

_EXPRESSION_ITEMS = tuple((name, readable(name), ", ".join(found)) for name, found in EXPRESSIONS.items())
# Blender does not keep the strings of a dynamic enum alive: these must.
_colour_items: EnumItems = []
_tone_items: EnumItems = []


def colour_items(_operator: object, _context: bpy.types.Context | None) -> EnumItems:
    """The named colours."""
    palette = read_catalogue().palette
    _colour_items[:] = [(name, readable(name), colour.hex) for name, colour in palette.colours.items()]
    return _colour_items


def tone_items(_operator: object, _context: bpy.types.Context | None) -> EnumItems:
    """The skin tones."""
    palette = read_catalogue().palette
    _tone_items[:] = [(name, readable(name), tone.hex) for name, tone in palette.skin.items()]
    return _tone_items


class P2A_OT_wear_outfit(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.wear_outfit"
    bl_label = "Wear Outfit"
    bl_description = "Dress the figure in this outfit"

    outfit: StringProperty(name="Outfit", description="Its name, “random:SEED”, or “none”")

    def act(self, obj: bpy.types.Object) -> None:
        wearing.put_on(obj, named_outfit(self.outfit, read_catalogue(), gender_of(obj)))


class P2A_OT_random_outfit(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.random_outfit"
    bl_label = "Random"
    bl_description = "Dress the figure by chance, as suits its body, with the next seed. Shift: with the seed that is shown"

    seed: IntProperty(name="Seed", description="-1 takes the next one", default=-1, min=-1, options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.shift:
            self.seed = context.scene.pose_to_anime.wardrobe.seed
        return self.execute(context)

    def act(self, obj: bpy.types.Object) -> None:
        settings = bpy.context.scene.pose_to_anime.wardrobe
        seed = self.seed if self.seed >= 0 else settings.seed + 1
        wearing.put_on(obj, random_outfit(seed, read_catalogue(), gender=gender_of(obj)))
        settings.seed = self.seed = seed


class P2A_OT_wear(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.wear"
    bl_label = "Wear"
    bl_description = "Put this on the figure, or take off what it wears there"

    slot: StringProperty(name="Slot")
    style: StringProperty(name="Style", description="Empty: nothing")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_("Put this on the figure") if properties.style else tip_("Take off what the figure wears here")

    def act(self, obj: bpy.types.Object) -> None:
        wearing.wear(obj, self.slot, self.style)


class P2A_OT_undress(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.undress"
    bl_label = "No Outfit"
    bl_description = "Take off all that the figure wears: it is the bare mannequin again, in the colour that it had"

    def act(self, obj: bpy.types.Object) -> None:
        wearing.take_off(obj)


class P2A_OT_colour_part(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.colour_part"
    bl_label = "Colour"
    bl_description = "Give this part a colour that prompts have a name for"

    slot: StringProperty(name="Slot")
    part: StringProperty(name="Part")
    colour: EnumProperty(name="Colour", items=colour_items)

    def act(self, obj: bpy.types.Object) -> None:
        wearing.recolour(obj, self.slot, self.part, self.colour)


class P2A_OT_skin_tone(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.skin_tone"
    bl_label = "Skin Tone"
    bl_description = "Give the figure this tone of skin"

    tone: EnumProperty(name="Skin Tone", items=tone_items)

    def act(self, obj: bpy.types.Object) -> None:
        wearing.put_on(obj, replace(wearing.noted_outfit(obj), skin=self.tone))


class P2A_OT_expression(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.expression"
    bl_label = "Expression"
    bl_description = "What the face of the figure shows"

    expression: EnumProperty(name="Expression", items=_EXPRESSION_ITEMS)

    def act(self, obj: bpy.types.Object) -> None:
        wearing.put_on(obj, replace(wearing.noted_outfit(obj), expression=self.expression))


class P2A_OT_outfit_tags(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.outfit_tags"
    bl_label = "Tags to Prompt"
    bl_description = "Add what the figures wear to the prompt, in place of what it says otherwise, such as another colour of hair"

    def act(self, obj: bpy.types.Object) -> None:
        catalogue, scene = read_catalogue(), bpy.context.scene
        found = wearing.worn_tags(scene, bpy.context.view_layer)
        settings = scene.pose_to_anime
        settings.generation.prompt = retold(settings.generation.prompt, found, catalogue, settings.wardrobe.told)
        settings.wardrobe.told = ", ".join(found)
        report(self, {"INFO"}, f"In the prompt: {', '.join(found)}" if found else "The figures wear nothing that has a tag")


class P2A_OT_toon_look(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.toon_look"
    bl_label = "Toon Look"
    bl_description = "Show figures in flat tones with outlines, or as clay again. The control images stay the same"

    def run(self, context: bpy.types.Context) -> None:
        toon.switch(context.scene, not toon.is_on(context.scene))
        follow_look(context)


CLASSES: tuple[type, ...] = (
    P2A_OT_wear_outfit,
    P2A_OT_random_outfit,
    P2A_OT_wear,
    P2A_OT_undress,
    P2A_OT_colour_part,
    P2A_OT_skin_tone,
    P2A_OT_expression,
    P2A_OT_outfit_tags,
    P2A_OT_toon_look,
)
