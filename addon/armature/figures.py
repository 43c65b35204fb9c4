# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures: what in a scene has a body, and which bone is which joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import bpy

from ..errors import UserError
from ..keys import ObjectKey, key_of, object_in
from .characters import carried_by, is_wanted, visible_meshes
from .control_rig.link import controls_of
from .joint_map import joint_map
from .mannequin import is_mannequin, skins_of
from .recognition import recognise
from .worn import is_in_pictures, pieces_of, worn_by


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
    for obj in sorted(mannequins | set(carried), key=lambda o: o.name_full):
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
    meshes = tuple(
        key_of(skin) for skin in skins_of(obj) if skin.name in view_layer.objects and skin.visible_get(view_layer=view_layer)
    )
    if not meshes:
        return None
    worn = (piece for piece in pieces_of(obj).values() if is_in_pictures(piece) and piece.name in view_layer.objects)
    shown = tuple(key_of(piece) for piece in worn if piece.visible_get(view_layer=view_layer))
    return Figure(key_of(obj), meshes, joint_map("mannequin"), shown)


def _character_figure(obj: bpy.types.Object, meshes: Sequence[bpy.types.Object], scene: bpy.types.Scene) -> Figure | None:
    if not meshes or object_in(scene, key_of(obj)) is None:  # an armature may move meshes of a scene that it is not in
        return None
    found = recognise(obj)
    if not is_wanted(obj, found):
        return None
    return Figure(key_of(obj), tuple(key_of(mesh) for mesh in meshes), found.joints, (), found.eyes)


def is_figure_shown(obj: bpy.types.Object) -> bool:
    """Whether anything of a mannequin's body can be seen; of one that has lost its skin, the dots."""
    return any(part.visible_get() for part in skins_of(obj) or (obj,))


def show_figure(obj: bpy.types.Object, value: bool) -> None:
    """Show or hide a mannequin: skin, clothes, dots. Raises UserError, with nothing changed, where its collection is hidden."""
    parts = (obj, *skins_of(obj), *(worn for worn in worn_by(obj) if worn.type != "ARMATURE"))
    before = [(part, part.hide_get(), part.hide_viewport) for part in parts]
    for part in parts:
        part.hide_set(not value)
        if value:
            part.hide_viewport = False
    if value and not is_figure_shown(obj):
        for part, was_hidden, was_off in before:
            part.hide_set(was_hidden)
            part.hide_viewport = was_off
        raise UserError(f"'{obj.name}' is in a hidden collection: show that first.")
