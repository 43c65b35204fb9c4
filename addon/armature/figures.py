# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures: what in a scene has a body, and which bone is which joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import bpy

from ..errors import UserError
from ..keys import ObjectKey, key_of, object_in
from .characters import is_character, is_wanted, visible_meshes
from .control_rig.link import carried_by, character_of, controls_of, surfaces_of
from .joint_map import joint_map
from .mannequin import is_mannequin, skins_of
from .recognition import recognise
from .worn import is_in_pictures, pieces_of, worn_by

_STAYS_HIDDEN = "pose_to_anime_stays_hidden"
"""Custom property of the armature object of a figure that ``show_figure`` hid: the names of its parts that were hidden before."""


@dataclass(frozen=True)
class Figure:
    """One figure by keys, which stay true where references to Blender's data would not."""

    armature: ObjectKey
    meshes: tuple[ObjectKey, ...]
    joint_map: Mapping[str, str]  # humanoid joint → deform bone
    worn: tuple[ObjectKey, ...] = ()  # what it wears and is ticked to be in the control images
    eyes: Mapping[str, str] = field(default_factory=dict)  # leftEye, rightEye → bone, where a rig has them

    @property
    def name(self) -> str:
        """What its armature is called: for sentences, as another figure may be called the same."""
        return self.armature[0]


def figures_in(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> list[Figure]:
    """The figures that can be seen in a view layer, sorted by name: mannequins with at least one visible skin, and characters
    that are in the pictures (``characters``) with at least one visible mesh.

    A figure whose armature alone is hidden still counts: artists hide the dots to look at the figure.
    """
    # Where an object has just been deleted, a view layer lists None until it is evaluated again (seen in 5.2).
    carried = carried_by(view_layer.objects)
    mannequins = {obj for obj in filter(None, view_layer.objects) if is_mannequin(obj)}
    figures = []
    for obj in sorted(mannequins | set(filter(is_character, carried)), key=lambda o: o.name_full):
        if obj not in mannequins and controls_of(obj) is not None:
            continue  # it is seen through its controls
        if obj in mannequins:
            figure = _mannequin_figure(obj, view_layer)
        else:
            figure = _character_figure(obj, visible_meshes(carried[obj], view_layer), scene)
        if figure is not None:
            figures.append(figure)
    return figures


def _mannequin_figure(obj: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> Figure | None:
    body = [part for part in _body_of(obj) if part.name in view_layer.objects]
    meshes = tuple(key_of(part) for part in visible_meshes(body, view_layer))
    if not meshes:
        return None
    worn = (piece for piece in pieces_of(obj).values() if is_in_pictures(piece) and piece.name in view_layer.objects)
    shown = tuple(key_of(piece) for piece in worn if piece.visible_get(view_layer=view_layer))
    return Figure(key_of(obj), meshes, joint_map("mannequin"), shown)


def _body_of(obj: bpy.types.Object) -> list[bpy.types.Object]:
    """What is seen of a mannequin's body; of a control rig all that its character moves, also what is no mesh."""
    character = character_of(obj)
    return skins_of(obj) if character is None else surfaces_of(character)


def _character_figure(obj: bpy.types.Object, meshes: Sequence[bpy.types.Object], scene: bpy.types.Scene) -> Figure | None:
    if not meshes or object_in(scene, key_of(obj)) is None:  # an armature may move meshes of a scene that it is not in
        return None
    found = recognise(obj)
    if not is_wanted(obj, found):
        return None
    return Figure(key_of(obj), tuple(key_of(mesh) for mesh in meshes), found.joints, (), found.eyes)


def is_figure_shown(obj: bpy.types.Object) -> bool:
    """Whether anything of a mannequin's body can be seen; of one that has lost its skin, the dots."""
    return any(part.visible_get() for part in _body_of(obj) or (obj,))


def show_figure(obj: bpy.types.Object, value: bool) -> None:
    """Show or hide a mannequin: skin, clothes, dots. What was hidden when it was hidden stays so when it is shown again.

    Raises UserError, with nothing changed, where its collection is hidden."""
    parts = (obj, *_body_of(obj), *(worn for worn in worn_by(obj) if worn.type != "ARMATURE"))
    if not value:
        obj[_STAYS_HIDDEN] = [part.name for part in parts if part.hide_get() or part.hide_viewport]
        for part in parts:
            part.hide_set(True)
        return
    before = [(part, part.hide_get(), part.hide_viewport) for part in parts]
    staying = set(obj.get(_STAYS_HIDDEN, ()))
    for wanted in ([part for part in parts if part.name not in staying], parts):
        for part in wanted:
            part.hide_set(False)
            part.hide_viewport = False
        if is_figure_shown(obj):
            obj.pop(_STAYS_HIDDEN, None)
            return
    for part, was_hidden, was_off in before:
        part.hide_set(was_hidden)
        part.hide_viewport = was_off
    raise UserError(f"'{obj.name}' is in a hidden collection: show that first.")
