# SPDX-License-Identifier: GPL-3.0-or-later
"""A drawn eye, open or closed, as bands about the middle of the eye; x grows outwards, lengths as ``face`` has them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .decals import Band
from .expressions import Expression
from .strokes import Curves, clipped, ellipse, spread, stroke

_WHITE, _IRIS, _PUPIL, _LIGHT, _LASH = 1, 2, 3, 4, 5
"""Layers, from the head outwards."""

_COLUMNS = 25
_RAISED = 0.03
"""How much higher than the eye's middle the iris is, so that the upper lid cuts it: an iris seen whole stares."""
_REACH = (0.26, 0.16)
"""How far the iris moves to the side and up, as shares of the eye's width and height."""


def open_eye(options: Mapping[str, Mapping[str, float]], look: Expression, gaze: tuple[float, float], side: float) -> list[Band]:
    """``gaze``: outwards and up. ``side``: −1 where the bands will be mirrored; lights fall from the same side on both eyes."""
    eye, lash = options["eye"], options["lash"]
    outline = eye_outline(eye, look)
    bands = [Band("white", _WHITE, *outline)]
    height = eye["height"]
    tall = eye["iris"] * look.iris * height / 2.0
    wide = min(0.74 * tall, 0.4 * eye["width"])
    centre = iris_centre(eye, gaze)
    bands += _inside("eyes", _IRIS, ellipse(centre, (wide, tall), _COLUMNS), outline)
    # The lid's shadow: the upper part of the iris, dark whatever its colour, as pupil and lashes are.
    low, high = ellipse(centre, (wide, tall), _COLUMNS)
    low = np.column_stack([low[:, 0], np.clip(centre[1] + 0.42 * tall, low[:, 1], high[:, 1])])
    bands += _inside("pupil", _PUPIL, (low, high), outline)
    bands += _inside("pupil", _PUPIL, ellipse((centre[0], centre[1] + 0.06 * tall), (0.4 * wide, 0.5 * tall)), outline)
    light = (centre[0] - side * 0.38 * wide, centre[1] + 0.42 * tall)
    bands += _inside("highlight", _LIGHT, ellipse(light, (0.3 * wide, 0.26 * tall)), outline)
    light = (centre[0] + side * 0.4 * wide, centre[1] - 0.5 * tall)
    bands += _inside("highlight", _LIGHT, ellipse(light, (0.15 * wide, 0.13 * tall)), outline)
    return bands + _lashes(outline, eye, lash)


def iris_centre(eye: Mapping[str, float], gaze: tuple[float, float]) -> tuple[float, float]:
    """Where the iris of an eye is that looks outwards and up by ``gaze``."""
    return gaze[0] * _REACH[0] * eye["width"] - 0.03, gaze[1] * _REACH[1] * eye["height"] + _RAISED * eye["height"]


def eye_outline(eye: Mapping[str, float], look: Expression) -> Curves:
    """Lower and upper lid. Both bulge outwards, so that the eye is convex."""
    s = spread(_COLUMNS)
    half, rise = eye["width"] / 2.0, eye["height"] / 2.0
    bulge = np.power(np.maximum(1.0 - np.abs(s) ** eye["round"], 0.0), 1.0 / eye["round"])
    upper = np.minimum(rise * bulge, rise * (1.0 - 2.0 * (look.upper[0] * (1.0 - s) + look.upper[1] * (1.0 + s)) / 2.0))
    lower = -rise * np.minimum(np.sqrt(np.maximum(1.0 - s**2, 0.0)), 1.0 - 2.0 * look.lower)
    upper = np.maximum(upper, lower)
    tilt = eye["tilt"] * s
    return np.column_stack([half * s, lower + tilt]), np.column_stack([half * s, upper + tilt])


def _lashes(outline: Curves, eye: Mapping[str, float], lash: Mapping[str, float]) -> list[Band]:
    lower, upper = outline
    s = spread(len(upper))
    share = (s + 1.0) / 2.0
    thick = lash["thick"] * np.interp(share, [0.0, 0.08, 0.4, 0.8, 1.0], [0.25, 0.55, 0.9, 1.05, 0.75])
    line = upper[1:-1]
    bands = [stroke("lashes", _LASH, line, thick[1:-1], 0.3)]
    # The wing: a point beyond the outer corner, which carries on the course of the lash.
    root = np.array([np.interp(0.90, share, upper[:, 0]), np.interp(0.90, share, upper[:, 1])])
    end = upper[-2]
    tip = np.array([end[0] + lash["wing"], max(end[1], root[1] - 0.5 * eye["height"] / 2.0) + 0.35 * lash["wing"]])
    t = np.linspace(0.0, 1.0, 6)[:, None]
    top = root + np.array([0.0, 0.7 * lash["thick"]])
    bands.append(Band("lashes", _LASH, end * (1 - t) + tip * t, top * (1 - t) + tip * t))
    thin = lash["lower"] * np.interp(share, [0.0, 0.25, 0.6, 1.0], [0.0, 0.5, 1.0, 0.9])
    bands.append(stroke("lashes", _LASH, lower[4:-1], thin[4:-1], 0.6))
    crease = upper[5:-5] + np.array([0.0, 1.35 * lash["thick"]])
    bands.append(stroke("lines", _LASH, crease, 0.035 * np.sin(np.linspace(0.1, np.pi - 0.1, len(crease)))))
    return bands


def closed_eye(options: Mapping[str, Mapping[str, float]], look: Expression) -> list[Band]:
    """One thick curve: upwards as in laughing, downwards as in sleep."""
    eye, lash = options["eye"], options["lash"]
    line = closed_line(eye, look)
    share = (np.linspace(-1.0, 1.0, len(line)) + 1.0) / 2.0
    thick = lash["thick"] * np.interp(share, [0.0, 0.3, 0.8, 1.0], [0.3, 0.8, 0.9, 0.35])
    bands = [stroke("lashes", _LASH, line, thick)]
    if look.arch < 0.0:
        t = np.linspace(0.0, 1.0, 4)[:, None]
        for at, length in ((-3, 0.8), (-7, 0.6)):
            root = line[at]
            tip = root + lash["wing"] * length * np.array([0.9, -0.7])
            wide = np.array([0.35 * lash["thick"], 0.35 * lash["thick"]])
            bands.append(Band("lashes", _LASH, (root - wide) * (1 - t) + tip * t, (root + wide) * (1 - t) + tip * t))
    return bands


def closed_line(eye: Mapping[str, float], look: Expression) -> np.ndarray:
    """(N, 2) where the lids of a closed eye meet, from the inner corner to the outer."""
    s = np.linspace(-1.0, 1.0, _COLUMNS)
    z = eye["height"] * (-0.16 + look.arch * (0.3 if look.arch > 0.0 else 0.2) * (0.6 - s**2)) + eye["tilt"] * s
    return np.column_stack([0.5 * eye["width"] * s, z])


def _inside(part: str, layer: int, shape: Curves, outline: Curves) -> list[Band]:
    curves = clipped(shape, outline, _COLUMNS)
    return [] if curves is None else [Band(part, layer, *curves)]
