# SPDX-License-Identifier: GPL-3.0-or-later
"""The 70 points of an OpenPose face on a drawn face: brows, eyes, pupils, mouth and the end of the nose are where those are
drawn, the jaw is the head's own."""

from __future__ import annotations

import numpy as np

from ..armature.skin.build import Skin
from ..pose.face_points import BRIDGE, BROWS, EYES, INNER_LIP, NOSTRILS, OUTER_LIP, PUPILS, UNDER_NOSE, FaceValues
from .decals import head_front
from .drawn_eye import closed_line, eye_outline, iris_centre
from .drawn_mouth import mouth_outline
from .expressions import Expression
from .face import Layout, Options, brow_line, expression_of, options_of
from .piece import Style
from .strokes import Curves

_LIDS = (0.32, 0.68)
"""Of an eye's width, from the inner corner: where the two points of each lid are."""
_INSIDE = (0.0, 0.25, 0.5, 0.75, 1.0)
_OUTSIDE = (0.0, 0.17, 0.36, 0.5, 0.64, 0.83, 1.0)
"""Of a mouth's width: where its points are."""
_LIPS = (0.07, 0.09)
"""How thick the upper and the lower lip are about a mouth, which is drawn without any; as ``face`` has lengths."""

_NEUTRAL = Expression()
_TALL = 1.45
"""How tall an eye is drawn, by which expressions measure brows."""
_FULL = {"brow": 0.3 / _TALL, "open": 0.5, "curve": 0.3, "width": 0.3}
"""Of an expression's lengths, what ``FaceValues`` calls 1."""


def drawn_face_points(
    style: Style, skin: Skin, expression: str = "neutral", gaze: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """(70, 3) metres on a skin at rest, for the same arguments as ``face.build``. Raises WardrobeError."""
    look, options = expression_of(expression), options_of(style)
    layout = Layout.of(options, skin)
    flat = skin.face[:, [0, 2]].copy()
    drawn: list[int] = []
    for side, sign, closed in (("left", 1.0, look.closed[0]), ("right", -1.0, look.closed[1])):
        toward = (float(np.clip(gaze[0], -1.0, 1.0)) * sign, float(np.clip(gaze[1], -1.0, 1.0)))
        local = np.concatenate((_eye(options, look, closed, toward), brow_line(options, look.brow)[::3]))
        points = [*EYES[side], PUPILS[side], *BROWS[side]]
        flat[points] = (local * layout.scale + layout.eye) * (sign, 1.0)
        drawn += points
    lips = [*range(OUTER_LIP.start, INNER_LIP.stop)]
    flat[lips] = _mouth(mouth_outline(options["mouth"], look)) * layout.scale + layout.mouth
    drawn += lips
    result = skin.face.copy()
    # The drawn nose is a shadow, at which the sculpted one ends here: on round heads that lies lower, where the mouth is drawn.
    nose = [*range(BRIDGE.start, NOSTRILS.stop)]
    height = result[nose, 2]
    share = (height[0] - height) / max(height[0] - result[UNDER_NOSE, 2], 1e-6)
    result[nose, 2] += share * (layout.nose[1] - result[UNDER_NOSE, 2])
    result[drawn] = np.column_stack([flat[drawn, 0], head_front(skin).at(flat[drawn]), flat[drawn, 1]])
    return result


def _eye(options: Options, look: Expression, closed: bool, toward: tuple[float, float]) -> np.ndarray:
    """(7, 2): the points of ``EYES``, then the pupil, about the middle of the eye; x grows outwards."""
    if closed:
        line = closed_line(options["eye"], look)
        lower, upper, pupil = line, line, tuple(line[len(line) // 2])
    else:
        lower, upper = eye_outline(options["eye"], look)
        pupil = iris_centre(options["eye"], toward)
    (up_in, up_out), (low_in, low_out) = (_at(curve, _LIDS) for curve in (upper, lower))
    inner, outer = ((upper[end] + lower[end]) / 2.0 for end in (0, -1))
    return np.array([inner, up_in, up_out, outer, low_out, low_in, pupil])


def _mouth(outline: Curves) -> np.ndarray:
    """(20, 2): the points of ``OUTER_LIP`` and ``INNER_LIP`` about the middle of the mouth; x grows to the figure's left."""
    lower, upper = outline
    share = np.array(_OUTSIDE)
    full = np.sin(np.pi * share) ** 0.6
    top = _at(upper, _OUTSIDE) + np.column_stack([0.0 * share, _LIPS[0] * full])
    bottom = _at(lower, _OUTSIDE) - np.column_stack([0.0 * share, _LIPS[1] * full])
    inside_top, inside_bottom = _at(upper, _INSIDE), _at(lower, _INSIDE)
    return np.concatenate((top, bottom[5:0:-1], inside_top, inside_bottom[3:0:-1]))


def _at(curve: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """(n, 2) places on a curve whose x rises, by parts of its width."""
    x = curve[0, 0] + (curve[-1, 0] - curve[0, 0]) * np.array(shares)
    return np.column_stack([x, np.interp(x, curve[:, 0], curve[:, 1])])


def values_of(look: Expression, gaze: tuple[float, float]) -> FaceValues:
    """An expression on a head on which no face is drawn."""

    def share(value: float, full: float) -> float:
        return float(np.clip(value / full, -1.0, 1.0))

    lids = float(np.clip(sum(look.upper) / 2.0 + look.lower, 0.0, 1.0))
    return FaceValues(
        gaze=(float(np.clip(gaze[0], -1.0, 1.0)), float(np.clip(gaze[1], -1.0, 1.0))),
        closed=(1.0 if look.closed[0] else lids, 1.0 if look.closed[1] else lids),
        brow=(share(look.brow[0], _FULL["brow"]), share(look.brow[1], _FULL["brow"])),
        mouth_open=max(share(look.open, _FULL["open"]), 0.0),
        smile=share(look.curve - _NEUTRAL.curve, _FULL["curve"]),
        mouth_width=share(look.mouth - 1.0, _FULL["width"]),
    )
