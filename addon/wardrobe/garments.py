# SPDX-License-Identifier: GPL-3.0-or-later
"""What each table of a style's file makes: tops, trousers, skirts, socks."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..armature.skin.build import Skin
from .pattern import Pattern, pattern
from .piece import HangingBone, Style, WardrobeError
from .sheet import Sheet, borders
from .shell import Layer, body_scale, shell
from .skirt import SkirtCut, skirt, smooth

MM = 0.001

OFFSET = {"socks": 3.0, "bottom": 6.0, "top": 8.0, "dress": 8.0, "outer": 16.0}
"""Millimetres that the cloth of a slot is off the skin at least, so that layers lie on each other."""


@dataclass(frozen=True)
class Options:
    """One table of a style's file."""

    style: str
    table: str
    values: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise WardrobeError(f"{self.style}.toml: [{self.table}] must be a table.")

    def number(self, name: str, usual: float, low: float, high: float) -> float:
        """A number in a range. Raises WardrobeError."""
        value = self.values.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise WardrobeError(f"{self.style}.toml: {name} in [{self.table}] must be a number from {low:g} to {high:g}.")
        return float(value)

    def choice(self, name: str, usual: str, of: tuple[str, ...]) -> str:
        """One of some words. Raises WardrobeError."""
        value = self.values.get(name, usual)
        if value not in of:
            raise WardrobeError(f"{self.style}.toml: {name} in [{self.table}] must be one of {', '.join(of)}.")
        return str(value)


@dataclass(frozen=True)
class Work:
    """What is being made, for which body; ``normals`` are its skin's."""

    style: Style
    skin: Skin
    normals: np.ndarray
    names: tuple[str, ...]

    def part(self, name: str) -> int:
        """The number of a part, or of the first where the style gives this one no colour."""
        return self.names.index(name) if name in self.names else 0

    @property
    def offset(self) -> float:
        """Metres that the cloth is off the skin at least."""
        return OFFSET[self.style.slot] * MM


@dataclass(frozen=True)
class Made:
    """What a table makes."""

    layers: list[Layer]
    covered: np.ndarray
    bones: list[HangingBone] = field(default_factory=list)


def covers(sheet: Sheet, count: int, rings: int = 2) -> np.ndarray:
    """(count,) bool: the skin's vertices that lie under a sheet, ``rings`` faces or more from its border."""
    edge = np.zeros(len(sheet.rows), dtype=bool)
    edge[borders(sheet.faces)] = True
    for _ in range(rings):
        edge[np.unique(sheet.faces[edge[sheet.faces].any(axis=1)])] = True
    pure = (sheet.shares.max(axis=1) > 0.999) & ~edge
    covered = np.zeros(count, dtype=bool)
    covered[sheet.rows[np.flatnonzero(pure), sheet.shares[pure].argmax(axis=1)]] = True
    return covered


def neck_field(body: Pattern, wide: float, deep: float) -> np.ndarray:
    """Above zero outside a neckline that is ``wide`` metres from the middle on the shoulders and ``deep`` below the throat."""
    down = np.minimum(body.z - (body.neck[2] + 0.005), 0.0)
    front = body.y - (body.neck[1] - 0.005)
    around = np.sqrt((body.x / wide) ** 2 + (front / np.where(front < 0.0, 0.13, 0.062)) ** 2 + (down / deep) ** 2)
    return np.minimum(around - 1.0, (body.neck[2] + 0.04 - body.z) * 10.0)


@functools.lru_cache(maxsize=32)
def top_sheet(sleeve: float, hem: float, wide: float, deep: float, rib: float, cuff: float, band: int, trim: int) -> Sheet:
    """A top from hem to neckline; ``band`` is the part of the neck's edge, ``trim`` that of the cuffs'."""
    body = pattern()
    neck = neck_field(body, wide, deep)
    sheet = body.sheet.cut(neck).cut(body.trunk - hem)
    if sleeve > 0.0:
        sheet = sheet.cut(sleeve - body.arm)
    else:
        sheet = sheet.cut(armhole(body, sleeve))
    if band:
        sheet = sheet.coloured(rib - neck, band)
    if trim and sleeve > 0.0:
        sheet = sheet.coloured(body.arm - (sleeve - cuff), trim)
    return sheet


def armhole(body: Pattern, inward: float) -> np.ndarray:
    """Above zero inside the armholes of a top without sleeves."""
    edge = 0.158 + inward + 0.12 * np.maximum(body.z - 1.36, 0.0) - 0.1 * np.maximum(1.36 - body.z, 0.0)
    return np.where(body.z > 1.2, edge - body.x, 0.5 - body.on_arm)


def top(work: Work, options: Options) -> Made:
    """[top]: shirts. ``sleeve`` in bones of the arm (2 is the wrist), ``hem`` as a share of the trunk, ``loose`` in mm."""
    sleeve = options.number("sleeve", 0.55, -0.1, 2.0)
    hem = options.number("hem", 0.06, -0.4, 0.6)
    wide, deep = options.number("neck_width", 0.075, 0.05, 0.15), options.number("neck_depth", 0.075, 0.03, 0.2)
    loose = options.number("loose", 10.0, 0.0, 40.0) * MM
    sheet = top_sheet(sleeve, hem, wide, deep, 0.18, 0.12, work.part("collar"), work.part("trim"))
    body = pattern()
    trunk, arm = sheet.carry(body.trunk), sheet.carry(body.arm)
    ease = work.offset + loose * smooth((0.75 - trunk) / 0.6) * (arm <= 0.0)
    ease = ease + 1.1 * loose * smooth((arm - 0.1) / max(sleeve - 0.1, 0.1))
    layer = shell(sheet, work.skin, work.normals, ease * body_scale(work.skin), 40)
    return Made([layer], covers(sheet, len(work.skin.vertices)))


@functools.lru_cache(maxsize=32)
def bottom_sheet(waist: float, length: float, band: int, cuff: float, trim: int) -> Sheet:
    """Legs and hips up to the waist."""
    body = pattern()
    sheet = body.sheet.cut(0.5 - body.on_arm).cut(waist - body.trunk).cut(length - body.leg)
    if band:
        sheet = sheet.coloured(body.trunk - (waist - 0.06), band)
    if trim:
        sheet = sheet.coloured(body.leg - (length - cuff), trim)
    return sheet


def bottom(work: Work, options: Options) -> Made:
    """[bottom]: shorts and trousers. ``length`` in bones of the leg (2 is the ankle), ``loose`` in mm."""
    waist = options.number("waist", 0.24, 0.05, 0.5)
    length = options.number("length", 1.93, 0.1, 2.2)
    loose = options.number("loose", 14.0, 0.0, 50.0) * MM
    sheet = bottom_sheet(waist, length, work.part("belt"), 0.05, work.part("trim"))
    body = pattern()
    leg = sheet.carry(body.leg)
    ease = work.offset + loose * smooth(leg / min(length, 0.6))
    layer = shell(sheet, work.skin, work.normals, ease * body_scale(work.skin), 30)
    _part_legs(layer)
    return Made([layer], covers(sheet, len(work.skin.vertices)))


def _part_legs(layer: Layer) -> None:
    """Keeps the cloth of each leg on its side of the middle."""
    for side, sign in (("L", 1.0), ("R", -1.0)):
        columns = [k for k, bone in enumerate(layer.bones) if bone in (f"thigh.{side}", f"shin.{side}")]
        rows = layer.table[:, columns].sum(axis=1) > 0.6
        layer.vertices[rows, 0] = sign * np.maximum(sign * layer.vertices[rows, 0], 0.002)


def hanging(work: Work, options: Options) -> Made:
    """[skirt]: cloth that hangs from the waist, over shorts."""
    pleats = int(options.number("pleats", 0.0, 0.0, 40.0))
    length = options.number("length", 0.6, 0.2, 1.95)
    waist = options.number("waist", 0.26, 0.1, 0.5)
    bands = []
    if work.part("belt"):
        bands.append((0.0, 0.09, work.part("belt")))
    if work.part("stripe"):
        bands.append((0.84, 0.9, work.part("stripe")))
    cut = SkirtCut(
        waist=waist,
        length=length,
        flare=options.number("flare", 0.35, -0.3, 1.2),
        pleats=pleats,
        depth=options.number("depth", 0.05, 0.0, 0.2),
        sharp=options.choice("folds", "sharp", ("sharp", "soft")) == "sharp",
        ease=options.number("ease", OFFSET[work.style.slot], 0.0, 40.0) * MM,
        bands=tuple(bands),
    )
    layer, bones = skirt(work.skin, cut, f"{work.style.slot}_skirt")
    sheet = bottom_sheet(waist - 0.04, 0.3, 0, 0.0, 0)
    below = shell(sheet, work.skin, work.normals, np.full(len(sheet.rows), 0.003 * body_scale(work.skin)), 8, 0.0)
    below.parts[:] = work.part("under")
    return Made([layer, below], covers(sheet, len(work.skin.vertices)), list(bones))


def socks(work: Work, options: Options) -> Made:
    """[socks]."""
    length = options.number("length", 1.15, 0.2, 2.0)
    body = pattern()
    sheet = _sock_sheet(length, work.part("trim"))
    ease = np.full(len(sheet.rows), work.offset * body_scale(work.skin))
    return Made([shell(sheet, work.skin, work.normals, ease, 6, 0.002)], covers(sheet, len(body.x)))


@functools.lru_cache(maxsize=8)
def _sock_sheet(length: float, trim: int) -> Sheet:
    body = pattern()
    sheet = body.sheet.cut(body.leg - length)
    return sheet.coloured(length + 0.06 - body.leg, trim) if trim else sheet
