# SPDX-License-Identifier: GPL-3.0-or-later
"""What a figure wears as a part of what a picture was made from, and the figure dressed so again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import bpy

from ..armature.worn import is_in_pictures, pieces_of
from ..errors import UserError
from ..wardrobe.catalogue import read_catalogue
from ..wardrobe.outfit import dumps, loads
from ..wardrobe.piece import WardrobeError
from . import wearing


def outfit_info(figure: bpy.types.Object) -> dict[str, Any] | None:
    """The outfit of a figure as JSON, and the slots that are not ticked to be in the control images; None for a bare one."""
    if not wearing.is_dressed(figure):
        return None
    unticked = [slot for slot, piece in pieces_of(figure).items() if not is_in_pictures(piece)]
    return {"outfit": json.loads(dumps(wearing.outfit_of(figure))), "unticked": unticked}


def restore_outfit(figure: bpy.types.Object, info: Mapping[str, Any] | None) -> list[str]:
    """Dress a figure as ``outfit_info`` said, bare where that was None. Returns sentences about what could not be done."""
    try:
        if info is None:
            if wearing.is_dressed(figure):
                wearing.take_off(figure)
            return []
        outfit = loads(json.dumps(info["outfit"]), "The outfit in this picture")
        known = read_catalogue().styles
        gone = {slot: worn.style for slot, worn in outfit.worn.items() if worn.style not in known}
        worn = {slot: worn for slot, worn in outfit.worn.items() if slot not in gone}
        wearing.put_on(figure, replace(outfit, worn=worn))
    except (UserError, WardrobeError) as error:
        return [f"'{figure.name}' keeps what it wears: {error}"]
    for slot, piece in pieces_of(figure).items():
        piece.pose_to_anime.in_depth = slot not in info["unticked"]
    return [f"'{figure.name}' goes without '{style}', which is not in the wardrobe any more." for style in gone.values()]
