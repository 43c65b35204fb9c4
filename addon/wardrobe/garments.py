# SPDX-License-Identifier: GPL-3.0-or-later
"""Shirts, jackets, trousers, skirts and socks: what the main tables of a style's file make."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from .options import Options
from .pattern import Pattern, pattern
from .sheet import Sheet
from .shell import body_scale, shell
from .skirt import SkirtCut, skirt, smooth
from .work import MM, OFFSET, Made, Work, covers

CROSSING = 0.62
"""Across, for each metre up, of the edges of a collar that crosses or of a V-neck."""

COLLAR = 0.045
"""Metres that the collar along such an edge is wide."""

ROUNDS = 24
"""Rounds of smoothing after which cloth spans the hollows of the trunk, but still shows chest and shoulders."""

HEM = 0.48
"""How far above its hem a top hides the skin in every pose, as a share of the trunk."""

WAIST, OVER_WAIST = 0.27, 0.008
"""Below which share of the trunk the hem of a top falls over a skirt, and by how many metres wider it is for that."""

UNDER, LONG_UNDER = 0.3, 1.15
"""How far down the leg, in bones, the shorts below a skirt reach, and those below a long one, which hide the knees where a long
stride would show them through the cloth."""


@dataclass(frozen=True)
class TopCut:
    """How a top is cut. ``sleeve`` in bones of the arm, ``hem`` as a share of the trunk, the rest in metres: the neckline's half
    width on the shoulders, how far it lies below the throat, how far a V goes below the neck's joint, half the opening in front.
    """

    sleeve: float
    hem: float
    wide: float
    deep: float
    point: float
    open: float
    crossed: bool


@dataclass(frozen=True)
class TopParts:
    """The part of each place that may have a colour of its own; 0 is the main one."""

    collar: int
    trim: int
    stripe: int


def neck_field(body: Pattern, wide: float, deep: float) -> np.ndarray:
    """Above zero outside a neckline that is ``wide`` metres from the middle on the shoulders and ``deep`` below the throat."""
    down = np.minimum(body.z - (body.neck[2] + 0.005), 0.0)
    front = body.y - (body.neck[1] - 0.005)
    around = np.sqrt((body.x / wide) ** 2 + (front / np.where(front < 0.0, 0.13, 0.062)) ** 2 + (down / deep) ** 2)
    return np.minimum(around - 1.0, (body.neck[2] + 0.04 - body.z) * 10.0)


def edge_field(body: Pattern, point: float, side: np.ndarray) -> np.ndarray:
    """Metres from the edge of a V whose point is ``point`` below the neck's joint; above zero to the ``side`` of it, which grows
    outward. It goes on below the point, across the middle."""
    return (side - CROSSING * (body.z - (body.neck[2] - point))) / float(np.hypot(1.0, CROSSING))


def armhole(body: Pattern, inward: float) -> np.ndarray:
    """Above zero inside the armholes of a top without sleeves."""
    edge = 0.158 + inward + 0.12 * np.maximum(body.z - 1.36, 0.0) - 0.1 * np.maximum(1.36 - body.z, 0.0)
    return np.where(body.z > 1.2, edge - body.x, 0.5 - body.on_arm)


@functools.lru_cache(maxsize=32)
def top_sheet(cut: TopCut, parts: TopParts) -> Sheet:
    """A top from hem to neckline."""
    body = pattern()
    neck = neck_field(body, cut.wide, cut.deep)
    sheet = body.sheet.cut(neck).cut(body.trunk - cut.hem)
    sheet = sheet.cut(cut.sleeve - body.arm if cut.sleeve > 0.0 else armhole(body, cut.sleeve))
    above = body.z - (body.neck[2] - cut.point)
    front = body.neck[1] - body.y
    if cut.point > 0.0:
        left, right = (edge_field(body, cut.point, side) for side in (body.side, -body.side))
        sheet = sheet.cut(np.maximum(np.maximum(left, right), -front))
        if parts.collar:
            tip = np.minimum(front, above + 0.02)
            sheet = sheet.banded(right, 0.0, COLLAR, parts.collar, np.minimum(front, -left) if cut.crossed else tip)
            sheet = sheet.banded(left, 0.0, COLLAR, parts.collar, front if cut.crossed else tip)
    edge = body.x - cut.open - 0.05 * np.maximum(body.neck[2] - body.z, 0.0)
    if cut.open > 0.0:
        sheet = sheet.cut(np.maximum(edge, -front))
        if parts.collar:
            sheet = sheet.banded(edge, 0.0, 0.02, parts.collar, front)
    if parts.collar:
        sheet = sheet.coloured(0.2 - neck, parts.collar)
    if parts.trim and cut.sleeve > 0.0:
        sheet = sheet.coloured(body.arm - (cut.sleeve - 0.1), parts.trim)
    if parts.trim:
        sheet = sheet.coloured(cut.hem + 0.05 - body.trunk, parts.trim)
    if parts.stripe:
        sheet = sheet.banded(body.arm, cut.sleeve - 0.26, cut.sleeve - 0.16, parts.stripe)
    return sheet


def top(work: Work, options: Options) -> Made:
    """[top]: shirts, jackets and what a dress has above. Lengths as in ``TopCut``, ``loose`` in mm."""
    cut = TopCut(
        sleeve=options.number("sleeve", 0.62, -0.1, 2.0),
        hem=options.number("hem", 0.09, -0.4, 0.6),
        wide=options.number("neck_width", 0.075, 0.05, 0.15),
        deep=options.number("neck_depth", 0.075, 0.03, 0.2),
        point=options.number("neck_point", 0.0, 0.0, 0.2),
        open=options.number("open", 0.0, 0.0, 0.1),
        crossed=options.choice("neck", "plain", ("plain", "crossed")) == "crossed",
    )
    loose = options.number("loose", 13.0, 0.0, 40.0) * MM
    sheet = top_sheet(cut, TopParts(work.part("collar"), work.part("trim"), work.part("stripe")))
    body = pattern()
    trunk, arm = sheet.carry(body.trunk), sheet.carry(body.arm)
    ease = work.offset + loose * smooth((0.75 - trunk) / 0.6) * (arm <= 0.0)
    if "skirt" not in work.style.options:
        # A hem falls over the waist of a skirt, which is wider there than the body.
        ease = ease + OVER_WAIST * smooth((WAIST - trunk) / 0.12) * (arm <= 0.0)
    ease = ease + 0.9 * loose * smooth((arm - 0.1) / max(min(cut.sleeve, 1.0) - 0.1, 0.1))
    layer = shell(sheet, work.skin, work.normals, ease * body_scale(work.skin), ROUNDS)
    # A hem stands off the back of a figure on all fours: what one sees there in under it must be drawn.
    hidden = covers(sheet, len(work.skin.vertices))
    if "skirt" not in work.style.options:
        hidden = hidden & (body.trunk > cut.hem + HEM)
    return Made([layer.of_part(work.main(options))], hidden)


@functools.lru_cache(maxsize=32)
def bottom_sheet(waist: float, length: float, band: int, trim: int, stripe: int) -> Sheet:
    """Legs and hips up to the waist."""
    body = pattern()
    sheet = body.sheet.cut(0.5 - body.on_arm).cut(waist - body.trunk).cut(length - body.leg)
    if stripe:
        sheet = sheet.banded(body.y, -0.01, 0.018, stripe, body.x - 0.085)
    if band:
        sheet = sheet.coloured(body.trunk - (waist - 0.06), band)
    if trim:
        sheet = sheet.coloured(body.leg - (length - 0.05), trim)
    return sheet


def bottom(work: Work, options: Options) -> Made:
    """[bottom]: shorts and trousers. ``length`` in bones of the leg (2 is the ankle), ``loose`` in mm."""
    waist = options.number("waist", 0.24, 0.05, 0.5)
    length = options.number("length", 1.93, 0.1, 2.2)
    loose = options.number("loose", 14.0, 0.0, 50.0) * MM
    sheet = bottom_sheet(waist, length, work.part("belt"), work.part("trim"), work.part("stripe"))
    leg = sheet.carry(pattern().leg)
    ease = OFFSET["bottom"] * MM + loose * smooth(leg / min(length, 0.6))
    layer = shell(sheet, work.skin, work.normals, ease * body_scale(work.skin), ROUNDS)
    for side, sign in (("L", 1.0), ("R", -1.0)):  # the cloth of each leg stays on its side of the middle
        columns = [k for k, bone in enumerate(layer.bones) if bone in (f"thigh.{side}", f"shin.{side}")]
        rows = layer.table[:, columns].sum(axis=1) > 0.6
        layer.vertices[rows, 0] = sign * np.maximum(sign * layer.vertices[rows, 0], 0.002)
    return Made([layer.of_part(work.main(options))], covers(sheet, len(work.skin.vertices)))


def hanging(work: Work, options: Options) -> Made:
    """[skirt]: cloth that hangs from the waist, over shorts. See ``SkirtCut``; ``ease`` in mm."""
    waist = options.number("waist", 0.26, 0.1, 0.5)
    bands = [(0.0, 0.09, work.part("belt"))] if work.part("belt") else []
    if work.part("hem"):
        bands.append((0.84, 0.9, work.part("hem")))
    cut = SkirtCut(
        waist=waist,
        length=options.number("length", 0.6, 0.2, 1.95),
        flare=options.number("flare", 0.3, -0.3, 1.2),
        pleats=int(options.number("pleats", 0.0, 0.0, 40.0)),
        depth=options.number("depth", 0.05, 0.0, 0.2),
        sharp=options.choice("folds", "sharp", ("sharp", "soft")) == "sharp",
        ease=options.number("ease", OFFSET[work.style.slot], 0.0, 40.0) * MM,
        bands=tuple(bands),
        edge=work.part("edge"),
    )
    layer, bones = skirt(work.skin, cut, f"{work.style.slot}_skirt")
    sheet = bottom_sheet(waist - 0.04, UNDER if cut.length < 1.3 else LONG_UNDER, 0, 0, 0)
    below = shell(sheet, work.skin, work.normals, np.full(len(sheet.rows), 0.003 * body_scale(work.skin)), 8, 0.0)
    main = work.main(options)
    below.parts[:] = work.part("under") or main
    return Made([layer.of_part(main), below], covers(sheet, len(work.skin.vertices)), list(bones))


def socks(work: Work, options: Options) -> Made:
    """[socks]: up to ``length`` in bones of the leg from the hip, 1 being the knee."""
    sheet = _sock_sheet(options.number("length", 1.15, 0.2, 2.0), work.part("trim"))
    ease = np.full(len(sheet.rows), work.offset * body_scale(work.skin))
    return Made([shell(sheet, work.skin, work.normals, ease, 6, 0.002)], covers(sheet, len(work.skin.vertices)))


@functools.lru_cache(maxsize=8)
def _sock_sheet(length: float, trim: int) -> Sheet:
    body = pattern()
    sheet = body.sheet.cut(body.leg - length)
    return sheet.coloured(length + 0.06 - body.leg, trim) if trim else sheet
