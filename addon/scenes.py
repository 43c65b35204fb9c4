# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene from words, for commands without a window: figures, pose, ratio and camera by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import bpy

from .armature.characters import fault_of_character, is_character
from .armature.figures import Figure, figures_in
from .armature.mannequin import DEFAULT_MANNEQUIN, add_mannequin, gender_of, is_mannequin, mannequin_name
from .armature.pairs import apply_pair, refuse_child
from .armature.posing import apply_pose
from .armature.skin.body_file import Gender
from .dressing import wearing
from .errors import UserError
from .framing.camera import frame_figures, pose_camera, scene_size, use_pose_camera
from .framing.shot_names import parse_shot
from .framing.shots import take_shot
from .framing.sizes import CUSTOM, PRESETS, parse_ratio
from .keys import object_in
from .pose.library import load_pose, pose_files
from .pose.pairs import Pair, load_pair, pair_files
from .wardrobe.catalogue import read_catalogue
from .wardrobe.outfit import Outfit
from .wardrobe.outfit_files import named_outfit
from .wardrobe.piece import WardrobeError


def posed_scene(
    configure: Callable[[bpy.types.Scene], None],
    *,
    blend: str = "",
    figure: str = "",
    pose: str = "",
    ratio: str = "",
    shot: str = "",
    outfit: str = "",
) -> bpy.types.Scene:
    """A new scene, or that of the file ``blend``, with a figure in a pose, seen by the camera that the words ask for.

    ``figure`` names a mannequin to add; a file with figures needs none. ``pose`` may name a pair, which takes two figures.
    ``configure`` sets what decides the size of the picture, before anything is framed; ``shot`` is read by
    ``shot_names.parse_shot``; ``outfit``, read by ``outfit_files.named_outfit``, is put on every figure. Raises UserError,
    PoseError or SizeError in one sentence for the user.
    """
    pair = load_pair(pose) if pose in pair_files() and pose not in pose_files() else None
    loaded = load_pose(pose) if pose and pair is None else None
    if shot:
        parse_shot(shot)  # before anything is made
    if outfit:
        outfit_called(outfit)
    if blend:
        _open_blend(Path(blend))
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    configure(scene)
    if ratio:
        _set_ratio(scene, ratio)
    if figure or not blend:
        targets = [add_mannequin(bpy.context, figure or DEFAULT_MANNEQUIN)]
    else:
        armatures = [object_in(scene, found.armature) for found in figures_in(scene, view_layer)]
        targets = [armature for armature in armatures if is_mannequin(armature)]
    if pair is not None:
        _apply_pair(targets, pair, figure)
    if loaded is not None:
        if not targets:
            raise UserError(f"There is no mannequin in {blend} to pose: add one with --figure.")
        for armature in targets:
            apply_pose(armature, loaded)
    figures = figures_in(scene, view_layer)
    if outfit:
        for found in figures:
            armature = object_in(scene, found.armature)
            if not is_mannequin(armature):  # characters come with clothes of their own
                continue
            wearing.put_on(armature, outfit_called(outfit, gender_of(armature)))
    if shot or scene.camera is None:
        take_shot(scene, view_layer, use_pose_camera(scene), figures, parse_shot(shot or "front"))
    elif figure or pose or (ratio and scene.camera == pose_camera(scene)):  # otherwise it shows what the user framed
        frame_figures(scene, view_layer, scene.camera, figures)
    return scene


def figures_called(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, names: Sequence[str]) -> list[Figure] | None:
    """The figures whose armatures have these names, in this order; None, which means all, for no names. Raises UserError for an
    armature that is not there, or is no figure of the pictures."""
    if not names:
        return None
    known = {figure.name: figure for figure in figures_in(scene, view_layer)}
    for name in names:
        if name in known:
            continue
        obj = scene.objects.get(name)
        if obj is None or obj.type != "ARMATURE":
            others = ", ".join(sorted(known)) or "none is in the pictures"
            raise UserError(f"There is no armature '{name}' in this file: name one of those that are ({others}).")
        why = fault_of_character(obj, view_layer) if is_character(obj) else f"'{name}' is hidden: show it first."
        raise UserError(why or f"'{name}' was left out of the pictures: include it in Characters.")
    return [known[name] for name in dict.fromkeys(names)]


def outfit_called(name: str, gender: Gender = "any") -> Outfit:
    """The outfit that a command names, for a body of this gender. Raises UserError."""
    try:
        return named_outfit(name, read_catalogue(), gender)
    except WardrobeError as error:
        raise UserError(str(error)) from None


def _apply_pair(targets: list[bpy.types.Object], pair: Pair, figure: str) -> None:
    """Pose the two figures that there are as a pair; where there is one, with another of its body."""
    if len(targets) > 2:
        raise UserError(f"“{pair.name}” is for two figures, and there are {len(targets)}: choose a file with one or two.")
    if not targets:
        raise UserError("There is no mannequin to pose: add one with --figure.")
    for target in targets:
        refuse_child(pair, target)
    if len(targets) == 1:
        targets = [*targets, add_mannequin(bpy.context, figure or mannequin_name(targets[0]))]
    apply_pair(targets[0], targets[1], pair)


def _set_ratio(scene: bpy.types.Scene, text: str) -> None:
    framing = scene.pose_to_anime.framing
    if text in PRESETS:
        framing.ratio = text
    else:
        framing.custom_width, framing.custom_height = parse_ratio(text)
        framing.ratio = CUSTOM
    scene_size(scene)  # refuses what the model cannot paint


def _open_blend(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path.resolve()), load_ui=False)
    except RuntimeError as error:
        raise UserError(f"{path} cannot be opened: {str(error).strip().splitlines()[-1]}.") from None
