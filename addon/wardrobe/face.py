# SPDX-License-Identifier: GPL-3.0-or-later
"""A drawn face on a body's head: eyes, brows, nose and mouth as thin layers that follow its front.

A drawn eye is larger than the sculpted one, whose iris and lid (``Skin.dark``) must be painted as skin under it.

Options of a style; lengths are shares of half the distance between the pupils:

    [eye]     width, height, round (2 an ellipse, more a box), tilt (how much higher the outer corner is than the middle),
              out and up (its place beside the sculpted pupil), iris (width and height as shares of the eye's height)
    [lash]    thick, wing (length beyond the outer corner), lower (thickness below)
    [brow]    thick, length (share of the eye's width), above (the eye), bend
    [mouth]   width, thick
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..armature.skin.build import Skin
from .decals import Band, head_front, pressed
from .drawn_eye import closed_eye, open_eye
from .drawn_mouth import mouth, nose
from .expressions import FACES, Expression
from .options import Range, numbers_of, refuse_other_tables
from .piece import Piece, Style, WardrobeError
from .strokes import ellipse, stroke

PARTS = ("eyes", "pupil", "highlight", "white", "lashes", "brows", "lines", "mouth", "tongue", "teeth", "blush")
"""What has a colour. ``lines`` are nose, closed mouth and crease of the lid."""

Options = Mapping[str, Mapping[str, float]]

_TABLES: dict[str, dict[str, Range]] = {
    "eye": {
        "width": (1.4, 0.2, 3.0), "height": (1.45, 0.2, 3.0), "round": (2.3, 1.0, 8.0), "tilt": (0.06, -0.5, 0.5),
        "out": (0.05, -0.8, 0.8), "up": (-0.1, -0.8, 0.8), "iris": (0.9, 0.2, 1.5),
    },
    "lash": {"thick": (0.16, 0.02, 0.6), "wing": (0.16, 0.0, 0.8), "lower": (0.035, 0.0, 0.3)},
    "brow": {"thick": (0.11, 0.02, 0.6), "length": (0.9, 0.2, 2.0), "above": (0.32, -0.3, 1.5), "bend": (0.08, -0.5, 0.5)},
    "mouth": {"width": (0.74, 0.1, 2.0), "thick": (0.05, 0.01, 0.3)},
}  # fmt: skip
_GROWN = 0.036
"""Metres from the middle to a grown person's pupil: the layers of wider faces are as much thicker."""
_MOUTH = 0.61
_NOSE = 0.06
_NOSE_LOWEST = 0.44
"""Shares of the way from eyes to chin: where the mouth is; how far below the nose's tip its shadow; the lowest that this is."""


def build(style: Style, skin: Skin, expression: str = "neutral", gaze: tuple[float, float] = (0.0, 0.0)) -> Piece:
    """The face on a skin's head. ``gaze``: to the figure's left and up, −1 to 1. Raises WardrobeError."""
    look, options = expression_of(expression), options_of(style)
    layout = Layout.of(options, skin)
    scale = layout.scale
    bands: list[Band] = []
    for side, closed in ((1.0, look.closed[0]), (-1.0, look.closed[1])):
        toward = (float(np.clip(gaze[0], -1.0, 1.0)) * side, float(np.clip(gaze[1], -1.0, 1.0)))
        drawn = closed_eye(options, look) if closed else open_eye(options, look, toward, side)
        drawn += _brow(options, look.brow)
        if look.blush:
            drawn.append(Band("blush", 0, *ellipse((0.12, -0.78 * options["eye"]["height"]), (0.4, 0.15))))
        placed = [band.placed(scale, *layout.eye) for band in drawn]
        bands += placed if side > 0.0 else [band.mirrored() for band in placed]
    bands += [band.placed(scale, *layout.mouth) for band in mouth(options["mouth"], look)]
    bands += [band.placed(scale, *layout.nose) for band in nose()]
    vertices, faces, parts = pressed(bands, head_front(skin), max(1.0, scale / _GROWN))
    names = tuple(style.colours)
    lacking = [part for part in PARTS if part not in names]
    if lacking:
        raise WardrobeError(f"'{style.title}' needs a colour for {', '.join(lacking)}.")
    everyone = np.arange(len(vertices), dtype=np.int32)
    return Piece(
        style=style,
        vertices=vertices,
        faces=faces,
        parts=np.array([names.index(part) for part in parts], dtype=np.int16),
        part_names=names,
        weights={"head": (everyone, np.ones(len(vertices), dtype=np.float32))},
        outlined=False,
    )


def expression_of(name: str) -> Expression:
    """The expression of this name. Raises WardrobeError."""
    if name not in FACES:
        raise WardrobeError(f"There is no expression '{name}': choose one of {', '.join(FACES)}.")
    return FACES[name]


def options_of(style: Style) -> Options:
    """The numbers of a style's tables. Raises WardrobeError for others, and for tables that it does not have."""
    refuse_other_tables(style, _TABLES)
    return {name: numbers_of(style, name, known) for name, known in _TABLES.items()}


@dataclass(frozen=True)
class Layout:
    """Where on a head's front a face is drawn, x and z in metres: the left eye, mouth and nose; ``scale`` is the length of 1."""

    scale: float
    eye: tuple[float, float]
    mouth: tuple[float, float]
    nose: tuple[float, float]

    @classmethod
    def of(cls, options: Options, skin: Skin) -> Layout:
        """On this skin's head."""
        eye, chin = skin.landmarks["eye_left"], skin.landmarks["chin"]
        unit, drop = float(eye[0]), float(eye[2] - chin[2])
        # A wide face has its eyes far apart: they are drawn no higher than its length has room for.
        scale = min(unit, 0.52 * drop)
        under = max(float(skin.landmarks["nose_tip"][2]) - _NOSE * drop, float(eye[2]) - _NOSE_LOWEST * drop)
        place = (unit + scale * options["eye"]["out"], float(eye[2]) + scale * options["eye"]["up"])
        return cls(scale, place, (0.0, float(eye[2]) - _MOUTH * drop), (0.0, under))


def brow_line(options: Options, raised: tuple[float, float]) -> np.ndarray:
    """(13, 2) the course of a brow, from the nose outwards."""
    eye, brow = options["eye"], options["brow"]
    s = np.linspace(-1.0, 1.0, 13)
    share = (s + 1.0) / 2.0
    height = eye["height"]
    z = height * (0.5 + raised[0] * (1.0 - share) + raised[1] * share) + brow["above"]
    z += brow["bend"] * (1.0 - s**2) + 0.3 * eye["tilt"] * s
    return np.column_stack([s * brow["length"] * eye["width"] / 2.0 + 0.02, z])


def _brow(options: Options, raised: tuple[float, float]) -> list[Band]:
    line, brow = brow_line(options, raised), options["brow"]
    share = (np.linspace(-1.0, 1.0, len(line)) + 1.0) / 2.0
    return [stroke("brows", 5, line, brow["thick"] * (0.35 + 0.65 * np.sqrt(np.clip(1.0 - share, 0.0, 1.0))))]
