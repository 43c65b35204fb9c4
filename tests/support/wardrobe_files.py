# SPDX-License-Identifier: GPL-3.0-or-later
"""A small wardrobe of a test's own, so that tests do not change with the styles that ship."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.armature.skin.build import Skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.wardrobe import piece
from pose_to_anime.addon.wardrobe.catalogue import Catalogue, own_folder, read_style
from pose_to_anime.addon.wardrobe.colours import read_palette
from pose_to_anime.addon.wardrobe.piece import SHAPES, HangingBone, Piece, Style

_SIDES = 8

STYLES = {
    "ponytail": ("hair", "ponytail", {"main": "black", "tie": "red"}),
    "bob": ("hair", "short hair", {"main": "brown"}),
    "eyes": ("face", "eyes", {"iris": "blue", "brows": "brown"}),
    "tee": ("top", "t-shirt", {"main": "white", "collar": "navy"}),
    "jacket": ("outer", "jacket", {"main": "navy"}),
    "skirt": ("bottom", "skirt", {"main": "red"}),
    "kimono": ("dress", "kimono", {"main": "pink", "sash": "purple"}),
    "sundress": ("dress", "dress", {"main": "yellow"}),
    "knee_socks": ("socks", "kneehighs", {"main": "white"}),
    "sneakers": ("shoes", "sneakers", {"main": "white", "sole": "grey"}),
    "sandals": ("shoes", "sandals", {"main": "brown"}),
}
EXTRA = {
    "kimono": 'without = ["outer", "socks"]\noccasions = ["kimono"]',
    "sandals": 'occasions = ["kimono", "summer"]',
    "sneakers": 'occasions = ["sport", "everyday"]',
}


def style_text(key: str, **changes: str) -> str:
    """The text of a style file of ``STYLES``; ``changes`` replace the values of its first lines, as they are written."""
    slot, tag, colours = STYLES[key]
    shape = slot if slot in ("hair", "face", "shoes") else "clothes"
    lines = {"title": f'"{key.capitalize()}"', "slot": f'"{slot}"', "shape": f'"{shape}"', "tag": f'"{tag}"'} | changes
    head = "\n".join(f"{name} = {value}" for name, value in lines.items() if value)
    table = "\n".join(f'{part} = "{colour}"' for part, colour in colours.items())
    return f"{head}\n{EXTRA.get(key, '')}\n[colours]\n{table}\n"


def small_catalogue(folder: Path) -> Catalogue:
    """The styles above, read from files, with the colours that ship."""
    palette = read_palette([RIGS / "wardrobe" / "colours.toml"])
    styles = {}
    for key in STYLES:
        path = folder / f"{key}.toml"
        path.write_text(style_text(key), encoding="utf-8")
        styles[key] = read_style(path, palette)
    return Catalogue(styles, palette)


def ring_piece(style: Style, skin: Skin, **_options: object) -> Piece:
    """A stand-in for a shape: a tube around the chest, or a tube on the head with two hanging bones for hair."""
    bone = {"hair": "head", "face": "head", "bottom": "hips", "socks": "shin.L", "shoes": "foot.L"}.get(style.slot, "chest")
    head, tail = np.array(skin.joints[bone]), np.array(skin.joints.get(f"{bone}:tail", skin.joints[bone] + [0.0, 0.0, 0.12]))
    around = np.linspace(0.0, 2.0 * np.pi, _SIDES, endpoint=False)
    circle = np.column_stack([np.cos(around), np.sin(around), np.zeros(_SIDES)]) * 0.2
    vertices = np.concatenate([head + circle, tail + circle])
    side = np.arange(_SIDES)
    other = (side + 1) % _SIDES
    faces = np.column_stack([side, other, other + _SIDES, side + _SIDES])
    shares = {bone: (np.arange(2 * _SIDES), np.ones(2 * _SIDES))}
    bones: list[HangingBone] = []
    if style.slot == "hair":
        start = np.array(skin.landmarks["head_top"]) * [1, 1, 0.95] + [0.0, 0.12, 0.0]
        for number, above in enumerate(("head", "tail 1"), 1):
            end = start + np.array([0.0, 0.05, -0.1])
            outward = np.array([0.0, 0.1, 0.05]) / np.hypot(0.1, 0.05)
            bones.append(HangingBone(f"tail {number}", start, end, above, outward, gravity=0.8))
            rows = np.arange(len(vertices), len(vertices) + 4)
            vertices = np.concatenate([vertices, end + circle[::2] * 0.2])
            faces = np.concatenate([faces, [rows]])
            shares[f"tail {number}"] = (rows, np.ones(4))
            start = end
    weights = {name: (rows.astype(np.int32), values.astype(np.float32)) for name, (rows, values) in shares.items()}
    names = tuple(style.colours)
    parts = np.zeros(len(faces), np.int16)
    parts[::2] = len(names) - 1
    covered = np.zeros(len(skin.vertices), dtype=bool)
    covered[:10] = style.slot == "top"
    outlined = style.slot != "face"
    return Piece(
        style, vertices.astype(np.float32), faces.astype(np.int32), parts, names, weights, tuple(bones), outlined, covered
    )


@contextmanager
def small_wardrobe(home: Path) -> Iterator[Path]:
    """Meanwhile the styles above are the user's own, and stand-ins make their meshes. Yields the user's folder of styles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSE_TO_ANIME_HOME", str(home))
        own_folder().mkdir(parents=True)
        for key in STYLES:
            (own_folder() / f"{key}.toml").write_text(style_text(key), encoding="utf-8")
        for shape in SHAPES:
            stand_in = types.ModuleType(shape)
            stand_in.build = ring_piece
            patch.setitem(sys.modules, f"{piece.__package__}.{shape}", stand_in)
        yield own_folder()
