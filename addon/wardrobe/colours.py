# SPDX-License-Identifier: GPL-3.0-or-later
"""The named colours of the wardrobe (``rigs/wardrobe/colours.toml``), and what a prompt calls a colour."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .piece import WardrobeError

USES = ("hair", "eyes", "cloth")
FILE = "colours.toml"

RGB = tuple[float, float, float]
"""sRGB as it is seen, 0 to 1."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
# Linear sRGB → the cones' responses → OKLab (B. Ottosson, "A perceptual color space for image processing", 2020).
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@dataclass(frozen=True)
class Colour:
    """A colour with a name. ``uses``: of ``USES``, what it is offered for."""

    name: str
    hex: str
    uses: tuple[str, ...]


@dataclass(frozen=True)
class SkinTone:
    """``tag`` is what a prompt says about it; empty where it says nothing."""

    name: str
    hex: str
    tag: str


@dataclass(frozen=True)
class Palette:
    """All named colours and skin tones, in the order of their file."""

    colours: Mapping[str, Colour]
    skin: Mapping[str, SkinTone]

    def hex(self, colour: str) -> str:
        """``#rrggbb`` of a name or of itself. Raises WardrobeError."""
        if _HEX.fullmatch(colour):
            return colour.lower()
        if colour not in self.colours:
            near = difflib.get_close_matches(colour, self.colours, 3, 0.5) or list(self.colours)
            raise WardrobeError(f"There is no colour '{colour}': use #rrggbb or a name such as {', '.join(near)}.")
        return self.colours[colour].hex

    def rgb(self, colour: str) -> RGB:
        """Of a name or ``#rrggbb``. Raises WardrobeError."""
        return rgb_of(self.hex(colour))

    def skin_rgb(self, tone: str) -> RGB:
        """Of a skin tone's name or ``#rrggbb``. Raises WardrobeError."""
        if _HEX.fullmatch(tone):
            return rgb_of(tone)
        if tone not in self.skin:
            raise WardrobeError(f"There is no skin tone '{tone}': use #rrggbb or one of {', '.join(self.skin)}.")
        return rgb_of(self.skin[tone].hex)

    def leading(self, tag: str) -> str:
        """The colour that a tag begins with, the longest that fits ("light blue" of "light blue pants"); empty for none."""
        return max((name for name in self.colours if tag.startswith(name + " ")), key=len, default="")

    def name_of(self, colour: str, use: str) -> str:
        """What a prompt calls a colour: its name, or that of the nearest one of this use. Raises WardrobeError."""
        if colour in self.colours:
            return colour
        place = oklab(self.rgb(colour))
        return min(self.of_use(use), key=lambda name: float(np.linalg.norm(oklab(self.rgb(name)) - place)))

    def of_use(self, use: str) -> list[str]:
        """The names of the colours that are offered for this."""
        return [name for name, colour in self.colours.items() if use in colour.uses]


def rgb_of(text: str) -> RGB:
    """Of ``#rrggbb``."""
    red, green, blue = (int(text[start : start + 2], 16) / 255.0 for start in (1, 3, 5))
    return red, green, blue


def hex_of(rgb: Iterable[float]) -> str:
    """``#rrggbb`` of sRGB values; what lies beyond 0 to 1 is cut off."""
    return "#" + "".join(f"{round(255.0 * min(max(value, 0.0), 1.0)):02x}" for value in rgb)


def linear(rgb: Iterable[float]) -> np.ndarray:
    """(3,): sRGB values as amounts of light (IEC 61966-2-1)."""
    value = np.array(list(rgb))
    result: np.ndarray = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return result


def from_linear(light: Iterable[float]) -> RGB:
    """sRGB of amounts of light: ``linear`` turned round."""
    value = np.clip(np.array(list(light)), 0.0, 1.0)
    red, green, blue = np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1.0 / 2.4) - 0.055)
    return float(red), float(green), float(blue)


def oklab(rgb: Iterable[float]) -> np.ndarray:
    """(3,): lightness 0 to 1, and two axes of hue, in which equal distances look about equally far apart."""
    result: np.ndarray = _OKLAB @ np.cbrt(_CONES @ linear(rgb))
    return result


def read_palette(paths: Iterable[Path]) -> Palette:
    """The colours of these files; a later file adds to the earlier ones and takes the place of names. Raises WardrobeError."""
    colours: dict[str, Colour] = {}
    skin: dict[str, SkinTone] = {}
    for path in paths:
        data = _read(path)
        for name, entry in _table(data, "colours", path).items():
            colours[name] = _colour(name, entry, path)
        for name, entry in _table(data, "skin", path).items():
            tag = entry.get("tag", "")
            if not isinstance(tag, str):
                raise WardrobeError(f"{path.name}: the tag of the skin tone '{name}' must be a text.")
            skin[name] = SkinTone(name, _hex(name, entry, path), tag)
    return Palette(colours, skin)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise WardrobeError(f"The file {path} cannot be read ({error}): check the path.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WardrobeError(f"The file {path} is not valid TOML ({error}).") from error


def _table(data: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict) or not all(isinstance(entry, dict) for entry in table.values()):
        raise WardrobeError(f'{path.name}: [{name}] must hold entries such as red = {{ hex = "#cc3344" }}.')
    return table


def _colour(name: str, entry: Mapping[str, Any], path: Path) -> Colour:
    uses = entry.get("uses", list(USES))
    if not isinstance(uses, list) or not set(map(str, uses)) <= set(USES):
        raise WardrobeError(f"{path.name}: the uses of the colour '{name}' must be a list of {', '.join(USES)}.")
    return Colour(name, _hex(name, entry, path), tuple(uses))


def _hex(name: str, entry: Mapping[str, Any], path: Path) -> str:
    value = entry.get("hex")
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise WardrobeError(f"{path.name}: the hex of the colour '{name}' must be written as \"#rrggbb\".")
    return value.lower()
