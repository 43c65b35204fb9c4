# SPDX-License-Identifier: GPL-3.0-or-later
"""The same case once more, with other details: what its words and control images leave open."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from .....addon.wardrobe.catalogue import shipped_catalogue
from .....addon.wardrobe.chance import random_outfit
from .....addon.wardrobe.outfit import Outfit
from ..rendering.figures import dressed_figure
from ..rendering.scenes import Scene, placed

_TRIES = 200


def other_details(scene: Scene) -> Scene:
    """The scene with another outfit of the same words: the same body, pose and camera; styles that share a tag change places,
    and so do faces."""
    figure = scene.figure
    chance = random.Random(f"twin {scene.seed}")
    catalogue = shipped_catalogue()
    styles = catalogue.styles
    worn = dict(figure.outfit.worn)
    for slot, piece in figure.outfit.worn.items():
        tag = styles[piece.style].tag
        alike = [key for key, style in styles.items() if style.slot == slot and style.tag == tag]
        if alike:
            worn[slot] = replace(piece, style=chance.choice(alike))
    for _ in range(_TRIES):
        other = random_outfit(chance.randrange(2**31), catalogue)
        if "face" in other.worn and "face" in worn:
            worn["face"] = replace(worn["face"], style=other.worn["face"].style)
            break
    outfit: Outfit = replace(figure.outfit, worn=worn)
    twin = dressed_figure(figure.body, figure.sliders, outfit, figure.people)
    _matrices, world, body = placed(twin, scene.posed.pose)
    return replace(scene, figure=twin, world=np.ascontiguousarray(world), body=body)
