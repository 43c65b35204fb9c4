# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drawn face can show: how far lids are open, how brows stand, what the mouth does. Prompts' words for it: ``outfit``."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Expression:
    """Lengths are shares of the eye's height, or for the mouth of half the distance between the pupils.

    ``upper`` (2,) how far the upper lid hangs down at the inner and at the outer corner; ``lower`` how far the lower lid is
    raised. ``closed``: which eyes, of the figure's left and right; ``arch`` 1 closes them upwards as in laughing, −1 downwards.
    ``iris``: factor on its size. ``brow`` how far it is raised at its inner and outer end. ``curve`` of the mouth, up at its
    corners; ``open`` how far; ``mouth`` factor on its width.
    """

    upper: tuple[float, float] = (0.0, 0.0)
    lower: float = 0.0
    closed: tuple[bool, bool] = (False, False)
    arch: float = -1.0
    iris: float = 1.0
    brow: tuple[float, float] = (0.0, 0.0)
    curve: float = 0.04
    open: float = 0.0
    mouth: float = 1.0
    blush: bool = False


_SMILE = Expression(lower=0.04, curve=0.16, mouth=1.15, brow=(0.05, 0.02))

FACES: dict[str, Expression] = {
    "neutral": Expression(),
    "smile": _SMILE,
    "happy": replace(_SMILE, closed=(True, True), arch=1.0, brow=(0.12, 0.08)),
    "laughing": replace(_SMILE, open=0.42, curve=0.12, brow=(0.1, 0.06)),
    "sad": Expression(upper=(0.0, 0.24), brow=(0.2, -0.12), curve=-0.12, mouth=0.85),
    "angry": Expression(upper=(0.3, 0.0), lower=0.06, brow=(-0.24, 0.16), curve=-0.14, mouth=0.9, iris=0.94),
    "surprised": Expression(iris=0.8, brow=(0.3, 0.26), curve=0.0, open=0.4, mouth=0.5),
    "closed_eyes": Expression(closed=(True, True), arch=-1.0, curve=0.07),
    "wink": replace(_SMILE, closed=(False, True), arch=1.0),
    "embarrassed": Expression(upper=(0.0, 0.12), brow=(0.16, -0.08), curve=-0.05, mouth=0.7, blush=True),
}
"""The faces by the names that an outfit has for them."""
