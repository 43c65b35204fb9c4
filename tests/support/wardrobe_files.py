# SPDX-License-Identifier: GPL-3.0-or-later
"""A small wardrobe of a test's own, so that tests do not change with the styles that ship."""

from __future__ import annotations

from pathlib import Path

from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.wardrobe.catalogue import Catalogue, read_style
from pose_to_anime.addon.wardrobe.colours import read_palette

STYLES = {
    "ponytail": ("hair", "ponytail", {"main": "black", "tie": "red"}),
    "bob": ("hair", "short hair", {"main": "brown"}),
    "eyes": ("face", "eyes", {"iris": "blue"}),
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
