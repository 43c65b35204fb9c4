# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes on every body: whole meshes, sound weights, the same each time."""

import functools

import numpy as np
import pytest
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.wardrobe.catalogue import read_style
from pose_to_anime.addon.wardrobe.clothes import build
from pose_to_anime.addon.wardrobe.colours import FILE, read_palette
from pose_to_anime.addon.wardrobe.piece import Piece, Style

BODIES = sorted(path.stem for path in (RIGS / "mannequins").glob("*.toml"))
PALETTE = read_palette([RIGS / "wardrobe" / FILE])
CLOTHES: dict[str, Style] = {
    style.key: style
    for style in (read_style(path, PALETTE) for path in sorted((RIGS / "wardrobe").glob("*.toml")) if path.name != FILE)
    if style.shape == "clothes"
}


@functools.cache
def skin_of(body: str) -> Skin:
    return build_skin(read_body(RIGS / "mannequins" / f"{body}.toml"))


@functools.cache
def piece_on(style: str, body: str) -> Piece:
    return build(CLOTHES[style], skin_of(body))


@pytest.mark.parametrize("style", CLOTHES)
def test_clothes_are_whole_on_every_body(style: str) -> None:
    for body in BODIES:
        piece, skin = piece_on(style, body), skin_of(body)
        count = len(piece.vertices)
        assert np.isfinite(piece.vertices).all()
        assert piece.faces.min() == 0 and piece.faces.max() == count - 1
        assert set(np.unique(piece.parts)) <= set(range(len(piece.part_names)))
        assert piece.covered is not None and piece.covered.shape == (len(skin.vertices),)
        known = set(skin.weights) | {bone.name for bone in piece.bones}
        assert set(piece.weights) <= known
        total, bones = np.zeros(count), np.zeros(count, dtype=int)
        for rows, shares in piece.weights.values():
            assert (shares > 0.0).all()
            total[rows] += shares
            bones[rows] += 1
        assert total == pytest.approx(1.0, abs=1e-4)
        assert bones.max() <= 4
