# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures and their outfits: what a figure wears is noted on its armature object, and its pieces are made from that.

So an outfit is saved and copied with the figure, and can be made anew on any body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import bpy

from ..armature.colour import figure_colour, set_figure_colour, show_sculpted_eyes
from ..armature.figures import figures_in
from ..armature.mannequin import is_mannequin
from ..armature.matching import paused
from ..armature.modes import shown
from ..armature.reshape import require_figure, skin_at_rest
from ..armature.worn import is_in_pictures, pieces_of
from ..errors import UserError
from ..keys import object_in
from ..wardrobe.catalogue import read_catalogue
from ..wardrobe.colours import RGB, linear
from ..wardrobe.outfit import Outfit, Worn, dumps, loads, piece_colours, piece_of, tags
from ..wardrobe.piece import SLOTS, Piece, WardrobeError
from . import toon
from .covered import note_covered
from .piece_mesh import add_piece, paint_piece, remove_piece, shape_piece

_OUTFIT = "pose_to_anime_outfit"
_UNDRESSED = "pose_to_anime_undressed"
"""Custom property of the armature object: the colour of the skin before the figure wore anything."""
UNFITTED = "pose_to_anime_unfitted"
"""Custom property of the armature object: its clothes are not made for its body yet (``following``)."""


def is_dressed(obj: bpy.types.Object) -> bool:
    """Whether a figure has an outfit."""
    return is_mannequin(obj) and isinstance(obj.get(_OUTFIT), str)


def outfit_of(obj: bpy.types.Object) -> Outfit:
    """What a figure wears; nothing where what is noted on it cannot be read."""
    try:
        return noted_outfit(obj)
    except UserError:
        return Outfit()


def noted_outfit(obj: bpy.types.Object) -> Outfit:
    """What a figure wears, for who wants to change a part of it. Raises UserError where what is noted on it cannot be read, as
    that of a newer version."""
    if not is_dressed(obj):
        return Outfit()
    try:
        return loads(obj[_OUTFIT], f"The outfit of '{obj.name}'")
    except WardrobeError as error:
        raise UserError(f"{error} Or choose another outfit.") from error


def worn_tags(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> list[str]:
    """What prompts call all that the figures in view wear, each once."""
    catalogue = read_catalogue()
    worn = (outfit_of(object_in(scene, found.armature)) for found in figures_in(scene, view_layer))
    return list(dict.fromkeys(tag for outfit in worn for tag in tags(outfit, catalogue)))


def put_on(obj: bpy.types.Object, outfit: Outfit) -> None:
    """Dress a figure. What it wears already stays, what is only of another colour is painted.

    Raises UserError, with nothing changed, for what cannot be. What stays as it is may be of a style that is gone.
    """
    require_figure(obj)
    before, there = outfit_of(obj), pieces_of(obj)
    catalogue = read_catalogue()
    new = [slot for slot in SLOTS if slot in outfit.worn and (slot not in there or _differs(before, outfit, slot))]
    try:
        tone = catalogue.palette.skin_rgb(outfit.skin)
        stay = {slot for slot, worn in outfit.worn.items() if slot not in new and worn == before.worn[slot]}
        gone = {slot for slot in stay if outfit.worn[slot].style not in catalogue.styles}
        colours = {slot: piece_colours(outfit, slot, catalogue) for slot in outfit.worn if slot not in gone}
        skin = skin_at_rest(obj) if new else None
        pieces = {slot: piece_of(outfit, slot, skin, catalogue) for slot in new} if skin is not None else {}
        for slot, piece in pieces.items():
            _require_colours(piece, colours[slot])
    except WardrobeError as error:
        raise UserError(str(error)) from error
    with shown(obj), paused():
        for slot in [slot for slot in there if slot not in outfit.worn]:
            remove_piece(there[slot])
        for slot in outfit.worn:
            same = slot in there and slot in before.worn and before.worn[slot].style == outfit.worn[slot].style
            if slot in pieces and not (same and shape_piece(there[slot], pieces[slot])):
                _replace(obj, pieces[slot], colours[slot])
            elif slot not in gone:
                paint_piece(there[slot], colours[slot])
        if _UNDRESSED not in obj:
            obj[_UNDRESSED] = list(figure_colour(obj))
        obj[_OUTFIT] = dumps(outfit)
        if before.skin != outfit.skin or len(before.worn) == 0:
            set_figure_colour(obj, linear(tone).tolist())
        note_covered(obj, outfit.worn, pieces)
        show_sculpted_eyes(obj, "face" not in outfit.worn)
        toon.follow(bpy.context.scene, obj)
        bpy.context.view_layer.update()


def take_off(obj: bpy.types.Object) -> None:
    """Undress a figure: its skin has the colour again that it had before. Raises UserError."""
    require_figure(obj)
    with paused():
        for piece in pieces_of(obj).values():
            remove_piece(piece)
        if _UNDRESSED in obj:
            set_figure_colour(obj, list(obj[_UNDRESSED]))
        for key in (_OUTFIT, _UNDRESSED, UNFITTED):
            if key in obj:
                del obj[key]
        note_covered(obj, (), {})
        show_sculpted_eyes(obj, True)
        toon.follow(bpy.context.scene, obj)
        bpy.context.view_layer.update()


def refit(obj: bpy.types.Object, anew: bool = False) -> list[str]:
    """Give what a figure wears the form of its body, after that has changed; ``anew`` where its weights are others too.

    Returns a sentence for each piece that could not be made; it stays as it was. Raises UserError.
    """
    if not is_dressed(obj):
        return []
    outfit, catalogue, there = outfit_of(obj), read_catalogue(), pieces_of(obj)
    skin, problems, pieces = skin_at_rest(obj), [], {}
    with shown(obj), paused():
        for slot in outfit.worn:
            try:
                piece = piece_of(outfit, slot, skin, catalogue)
                colours = piece_colours(outfit, slot, catalogue)
                _require_colours(piece, colours)
            except WardrobeError as error:
                problems.append(str(error))
                continue
            pieces[slot] = piece
            if anew or slot not in there or not shape_piece(there[slot], piece):
                _replace(obj, piece, colours)
        note_covered(obj, outfit.worn, pieces)
        show_sculpted_eyes(obj, "face" not in outfit.worn)
        toon.follow(bpy.context.scene, obj)
        if UNFITTED in obj:
            del obj[UNFITTED]
        bpy.context.view_layer.update()
    return problems


def recolour(obj: bpy.types.Object, slot: str, part: str, colour: str) -> None:
    """Give a part of what a figure wears a colour, by name or ``#rrggbb``. Raises UserError."""
    outfit = noted_outfit(obj)
    if slot not in outfit.worn:
        raise UserError(f"'{obj.name}' wears nothing there.")
    worn = outfit.worn[slot]
    style = read_catalogue().styles.get(worn.style)
    if style is not None and part not in style.colours:
        raise UserError(f"'{style.title}' has no part '{part}': it has {', '.join(style.colours)}.")
    put_on(obj, outfit.wearing(slot, replace(worn, colours={**worn.colours, part: colour})))


def wear(obj: bpy.types.Object, slot: str, style: str) -> None:
    """Put a style on in its own colours; an empty one takes off what is there. Raises UserError."""
    if slot not in SLOTS:
        raise UserError(f"Nothing is worn as '{slot}': it may be {', '.join(SLOTS)}.")
    outfit = noted_outfit(obj)
    put_on(obj, replace(outfit.wearing(slot, Worn(style) if style else None), title=""))


def _differs(before: Outfit, outfit: Outfit, slot: str) -> bool:
    """Whether a slot needs another mesh."""
    if slot not in before.worn or before.worn[slot].style != outfit.worn[slot].style:
        return True
    return slot == "face" and (before.expression, before.gaze) != (outfit.expression, outfit.gaze)


def _require_colours(piece: Piece, colours: Mapping[str, RGB]) -> None:
    if missing := [part for part in piece.part_names if part not in colours]:
        raise WardrobeError(f"'{piece.style.title}' gives its part '{missing[0]}' no colour: add it under [colours] in its file.")


def _replace(obj: bpy.types.Object, piece: Piece, colours: Mapping[str, RGB]) -> None:
    """Put a piece in its slot; whether it is in the control images stays."""
    old = pieces_of(obj).get(piece.style.slot)
    is_left_out = old is not None and not is_in_pictures(old)
    if old is not None:
        remove_piece(old)
    child = add_piece(obj, piece, colours)
    if is_left_out:
        child.pose_to_anime.in_depth = False
