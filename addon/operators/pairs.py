# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb of pairs: two figures at once; where only one is in view, the other is added."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, StringProperty

from ..armature.mannequin import add_mannequin, is_mannequin, is_own, mannequin_name, remove_mannequin
from ..armature.modes import object_mode
from ..armature.pairs import apply_pair, refuse_child
from ..dressing import toon
from ..errors import UserError
from ..pose.normalised import PoseError
from ..pose.pairs import load_pair, pair_files
from .figure import EnumItems, _Posing, mannequin_items, object_named

# Blender does not keep the strings of a dynamic enum alive: this list must.
_pair_items: EnumItems = []


def pair_items(_operator: object, _context: bpy.types.Context | None) -> EnumItems:
    if not _pair_items:  # pairs come with the extension: they do not change while it is enabled
        for name in pair_files():
            try:
                pair = load_pair(name)
            except PoseError:  # it rests on a pose that the user has replaced by a broken one
                continue
            _pair_items.append((name, pair.name, ", ".join(pair.tags)))
    return _pair_items


class P2A_OT_apply_pair(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.apply_pair"
    bl_label = "Apply Pair"
    bl_description = (
        "Pose two figures together: the active one and the other selected one, else the only other one, else a new one"
    )

    pair: EnumProperty(name="Pair", items=pair_items)
    partner: StringProperty(
        name="Partner", description="Name of the other figure's armature object; the other selected or only one when empty",
        options={"HIDDEN", "SKIP_SAVE"},
    )  # fmt: skip
    body: EnumProperty(name="New Body", description="Which body is added where there is no other figure", items=mannequin_items)

    def act(self, obj: bpy.types.Object) -> None:
        pair = load_pair(self.pair)
        partner = self._partner(obj)
        refuse_child(pair, obj)
        if partner is not None:
            apply_pair(obj, partner, pair)
            return
        active, chosen = bpy.context.view_layer.objects.active, list(bpy.context.selected_objects)
        body = self.body if self.properties.is_property_set("body") else mannequin_name(obj)
        with object_mode():
            partner = add_mannequin(bpy.context, body, obj.matrix_world.translation)
            try:
                apply_pair(obj, partner, pair)
            except (UserError, PoseError):
                remove_mannequin(partner)
                raise
            toon.follow(bpy.context.scene, partner)
            bpy.context.view_layer.objects.active = active
            for selected in chosen:
                selected.select_set(True)

    def _partner(self, obj: bpy.types.Object) -> bpy.types.Object | None:
        if self.partner:
            named = object_named(bpy.context.scene, self.partner)
            if not is_mannequin(named) or named == obj:
                raise UserError(f"There is no other mannequin '{self.partner}' in this scene.")
            return named
        others = [other for other in bpy.context.selected_objects if is_mannequin(other) and other != obj]
        if len(others) > 1:
            raise UserError("More than two figures are selected: select the two that make the pair.")
        if not others:  # while one figure is posed, another is hard to select
            others = [other for other in bpy.context.visible_objects if is_mannequin(other) and is_own(other) and other != obj]
        return others[0] if len(others) == 1 else None


CLASSES: tuple[type, ...] = (P2A_OT_apply_pair,)
