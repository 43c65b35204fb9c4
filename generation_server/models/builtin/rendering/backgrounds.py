# SPDX-License-Identifier: GPL-3.0-or-later
"""Backgrounds by chance, drawn flat as in simple anime: plain, gradient, park, beach, city, room, sky, night."""

from __future__ import annotations

import colorsys
import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
_Draw = ImageDraw.ImageDraw

TAGS: dict[str, list[str]] = {
    "white": ["white background", "simple background"],
    "plain": ["simple background"],
    "gradient": ["gradient background"],
    "park": ["outdoors", "park"],
    "beach": ["outdoors", "beach"],
    "city": ["outdoors", "city"],
    "room": ["indoors"],
    "sky": ["outdoors", "sky"],
    "night": ["outdoors", "night"],
}
_SHARES = {kind: 2.0 if kind in ("white", "plain") else 1.0 for kind in TAGS}
_PLAIN_NAMES = {"grey background": (205, 206, 210), "blue background": (150, 190, 235), "pink background": (245, 190, 205),
                "green background": (170, 215, 170), "yellow background": (248, 226, 150), "purple background": (195, 175, 228),
                "black background": (32, 31, 38)}  # fmt: skip
_USUAL_PITCH = 0.08
"""Radians that a camera looks down when the horizon is in the middle."""


def random_background(chance: random.Random, width: int, height: int, pitch: float) -> tuple[np.ndarray, list[str]]:
    """A picture (height, width, 3) uint8, and its tags. ``pitch`` in radians of a camera that looks down places the horizon."""
    kind = chance.choices(list(_SHARES), list(_SHARES.values()))[0]
    tags = list(TAGS[kind])
    if kind == "white":
        return np.full((height, width, 3), 255, dtype=np.uint8), tags
    if kind == "plain":
        name = chance.choice(list(_PLAIN_NAMES))
        image = np.empty((height, width, 3), dtype=np.uint8)
        image[:] = _varied(chance, _PLAIN_NAMES[name], 0.03)
        return image, [name, *tags]
    if kind == "gradient":
        hue = chance.random()
        low, high = (
            _hsv(hue, chance.uniform(0.1, 0.45), 0.97),
            _hsv(hue + chance.uniform(-0.12, 0.12), chance.uniform(0.2, 0.6), 0.85),
        )
        return _gradient(width, height, low, high), tags
    horizon = int(height * min(0.97, max(0.0, 0.52 - (pitch - _USUAL_PITCH) * 0.9 + chance.gauss(0.0, 0.04))))
    return _SCENES[kind](chance, width, height, horizon), tags


def _park(chance: random.Random, width: int, height: int, horizon: int) -> np.ndarray:
    image, draw = _sky(chance, width, height, horizon, _varied(chance, (140, 200, 245)), (225, 243, 252))
    _clouds(chance, draw, width, horizon)
    unit = max(width, height)
    for shade in (0.86, 1.0):
        tree = _scaled(_varied(chance, (86, 150, 84)), shade)
        for _ in range(chance.randint(4, 7)):
            x, r = chance.uniform(-0.1, 1.1) * width, chance.uniform(0.07, 0.16) * unit
            draw.rectangle((x - r * 0.1, horizon - r * 0.8, x + r * 0.1, horizon + 2), fill=_scaled((120, 88, 62), shade))
            for dx, dy in ((-0.5, -1.0), (0.5, -1.0), (0.0, -1.5)):
                _disc(draw, x + dx * r, horizon + dy * r, 0.75 * r, tree)
    grass = _varied(chance, (142, 196, 108))
    draw.rectangle((0, horizon, width, height), fill=grass)
    if chance.random() < 0.6:
        x, w = chance.uniform(0.2, 0.8) * width, 0.05 * unit
        draw.polygon(
            ((x - w, horizon), (x + w, horizon), (x + w * 8, height + 1), (x - w * 8, height + 1)),
            fill=_varied(chance, (222, 205, 170)),
        )
    return np.asarray(image)


def _beach(chance: random.Random, width: int, height: int, horizon: int) -> np.ndarray:
    image, draw = _sky(chance, width, height, horizon, _varied(chance, (96, 178, 240)), (205, 236, 250))
    _clouds(chance, draw, width, horizon)
    shore = min(height - 1, horizon + int(chance.uniform(0.08, 0.2) * height))
    draw.rectangle((0, horizon, width, shore), fill=_varied(chance, (52, 142, 200)))
    tilt = chance.uniform(-0.03, 0.03) * height
    draw.polygon(((0, shore - tilt - 4), (width, shore + tilt - 4), (width, height), (0, height)), fill=(238, 246, 248))
    draw.polygon(((0, shore - tilt), (width, shore + tilt), (width, height), (0, height)), fill=_varied(chance, (240, 220, 172)))
    return np.asarray(image)


def _city(chance: random.Random, width: int, height: int, horizon: int) -> np.ndarray:
    image, draw = _sky(chance, width, height, horizon, _varied(chance, (150, 200, 240)), (228, 238, 246))
    unit = max(width, height)
    for row in range(2):
        x = -0.1 * width
        while x < width:
            w, h = chance.uniform(0.1, 0.22) * unit, chance.uniform(0.15, 0.5) * unit * (1.0 - 0.35 * row)
            wall = _scaled(_hsv(chance.random(), 0.08, chance.uniform(0.62, 0.86)), 1.0 - 0.12 * row)
            draw.rectangle((x, horizon - h, x + w, horizon), fill=wall)
            pane = _scaled(wall, 0.78)
            step = unit * 0.035
            for j in range(int(h / step) - 1):
                for i in range(int(w / step) - 1):
                    px, py = x + (i + 0.7) * step, horizon - h + (j + 0.7) * step
                    draw.rectangle((px, py, px + step * 0.5, py + step * 0.5), fill=pane)
            x += w + chance.uniform(0.0, 0.03) * unit
    draw.rectangle((0, horizon, width, height), fill=_varied(chance, (158, 158, 166)))
    draw.rectangle((0, horizon, width, horizon + 0.03 * height), fill=(196, 194, 192))
    return np.asarray(image)


def _room(chance: random.Random, width: int, height: int, horizon: int) -> np.ndarray:
    floor = min(height - 1, horizon + int(chance.uniform(0.1, 0.25) * height))
    wall = _hsv(chance.random(), chance.uniform(0.05, 0.22), chance.uniform(0.85, 0.96))
    image = Image.new("RGB", (width, height), wall)
    draw = ImageDraw.Draw(image)
    unit = max(width, height)
    if chance.random() < 0.75:
        x, y, w, h = chance.uniform(0.0, 0.7) * width, floor - chance.uniform(0.5, 0.7) * unit, 0.26 * unit, 0.3 * unit
        draw.rectangle((x - 4, y - 4, x + w + 4, y + h + 4), fill=_scaled(wall, 0.8))
        draw.rectangle((x, y, x + w, y + h), fill=_varied(chance, (178, 220, 246)))
        draw.rectangle((x + w / 2 - 2, y, x + w / 2 + 2, y + h), fill=_scaled(wall, 0.8))
    if chance.random() < 0.5:
        x, w, h = chance.uniform(0.0, 0.8) * width, 0.2 * unit, chance.uniform(0.3, 0.5) * unit
        shelf = _varied(chance, (172, 126, 88))
        draw.rectangle((x, floor - h, x + w, floor), fill=shelf)
        for i in range(4):
            y = floor - h + (i + 0.15) * h / 4
            draw.rectangle((x + 3, y, x + w - 3, y + h / 4 * 0.75), fill=_scaled(shelf, 0.72))
            for k in range(5):
                book = _hsv(chance.random(), 0.5, 0.75)
                draw.rectangle((x + 4 + k * w / 6, y + h * 0.05, x + 4 + (k + 0.8) * w / 6, y + h / 4 * 0.75), fill=book)
    boards = _varied(chance, (206, 168, 124))
    draw.rectangle((0, floor, width, height), fill=boards)
    draw.rectangle((0, floor - 3, width, floor + 1), fill=_scaled(boards, 0.75))
    return np.asarray(image)


def _open_sky(chance: random.Random, width: int, height: int, horizon: int) -> np.ndarray:
    evening = chance.random() < 0.3
    top, low = ((250, 150, 110), (255, 222, 160)) if evening else ((88, 160, 238), (196, 228, 250))
    image, draw = _sky(chance, width, height, height, _varied(chance, top), low)
    for _ in range(3):
        _clouds(chance, draw, width, height)
    return np.asarray(image)


def _night(chance: random.Random, width: int, height: int, horizon: int) -> np.ndarray:
    image, draw = _sky(chance, width, height, horizon, _varied(chance, (22, 26, 62)), (62, 66, 120))
    unit = max(width, height)
    for _ in range(60):
        x, y = chance.random() * width, chance.random() * max(1, horizon)
        draw.point((x, y), fill=(235, 235, 250))
    if chance.random() < 0.7:
        _disc(draw, chance.random() * width, chance.uniform(0.05, 0.3) * height, 0.05 * unit, (250, 244, 214))
    for _ in range(6):
        x, w, h = chance.uniform(-0.1, 1.0) * width, chance.uniform(0.08, 0.2) * unit, chance.uniform(0.05, 0.25) * unit
        draw.rectangle((x, horizon - h, x + w, horizon), fill=(30, 30, 56))
        for _ in range(4):
            px, py = x + chance.random() * w * 0.9, horizon - chance.random() * h * 0.9
            draw.rectangle((px, py, px + 3, py + 4), fill=(248, 214, 128))
    draw.rectangle((0, horizon, width, height), fill=_varied(chance, (44, 46, 74)))
    return np.asarray(image)


_SCENES: dict[str, Callable[[random.Random, int, int, int], np.ndarray]] = {
    "park": _park, "beach": _beach, "city": _city, "room": _room, "sky": _open_sky, "night": _night,
}  # fmt: skip


def _sky(chance: random.Random, width: int, height: int, horizon: int, top: Colour, low: Colour) -> tuple[Image.Image, _Draw]:
    image = Image.fromarray(np.ascontiguousarray(_gradient(width, height, top, low, max(1, horizon))))
    return image, ImageDraw.Draw(image)


def _clouds(chance: random.Random, draw: _Draw, width: int, below: int) -> None:
    for _ in range(chance.randint(1, 4)):
        x, y, r = chance.random() * width, chance.uniform(0.05, 0.8) * max(below, 1), chance.uniform(0.03, 0.08) * width
        for k in range(4):
            _disc(draw, x + (k - 1.5) * r * 1.1, y + math.sin(k * 2.1) * r * 0.3, r, (250, 252, 255))


def _gradient(width: int, height: int, top: Colour, low: Colour, end: int | None = None) -> np.ndarray:
    share = np.clip(np.arange(height) / max(1, (end or height) - 1), 0.0, 1.0)[:, None]
    column = np.array(top) * (1.0 - share) + np.array(low) * share
    return np.repeat(column[:, None, :], width, axis=1).astype(np.uint8)


def _disc(draw: _Draw, x: float, y: float, radius: float, colour: Colour) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return int(r * 255), int(g * 255), int(b * 255)


def _varied(chance: random.Random, colour: Colour, amount: float = 0.06) -> Colour:
    r, g, b = (max(0, min(255, int(c + chance.gauss(0.0, amount) * 255))) for c in colour)
    return r, g, b


def _scaled(colour: Colour, factor: float) -> Colour:
    r, g, b = (max(0, min(255, int(c * factor))) for c in colour)
    return r, g, b
