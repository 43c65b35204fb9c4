# SPDX-License-Identifier: GPL-3.0-or-later
"""Control images drawn by hand: enough like a skeleton and a depth map for a network that nobody has trained."""

from __future__ import annotations

from PIL import Image, ImageDraw

POSE, DEPTH, OTHER_POSE = "a" * 64, "b" * 64, "c" * 64
"""The names under which ``control_images`` gives them, as a request names images."""


def control_images(width: int, height: int) -> dict[str, Image.Image]:
    return {POSE: _pose(width, height, 0.2), DEPTH: _depth(width, height), OTHER_POSE: _pose(width, height, 0.8)}


def _pose(width: int, height: int, hand: float) -> Image.Image:
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    middle, hip = width // 2, height // 2
    draw.line([(middle, height // 6), (middle, hip)], fill=(255, 85, 0), width=6)
    draw.line([(middle, height // 4), (int(width * hand), height // 3)], fill=(85, 255, 0), width=6)
    draw.line([(middle, hip), (width // 4, height - 20)], fill=(0, 85, 255), width=6)
    draw.line([(middle, hip), (3 * width // 4, height - 20)], fill=(170, 0, 255), width=6)
    return image


def _depth(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    draw.ellipse([width // 3, height // 8, 2 * width // 3, height // 3], fill=(220,) * 3)
    draw.rectangle([width // 3, height // 3, 2 * width // 3, height - 20], fill=(150,) * 3)
    return image
