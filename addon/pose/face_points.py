# SPDX-License-Identifier: GPL-3.0-or-later
"""The 70 points of an OpenPose face: what each of them is, and how expression and gaze move them on a head.

The order is that of iBUG's 68 points with both pupils after them; it begins at the image's left, which is the person's right.
Heads have x to the figure's left, y back and z up, metres, as figures have at rest. No bpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COUNT = 70
JAW = slice(0, 17)
"""From the ear at the image's left over the chin (8) to the other ear."""
BROWS = {"right": (21, 20, 19, 18, 17), "left": (22, 23, 24, 25, 26)}
"""From the nose outwards; sides are the person's own here and below."""
BRIDGE = slice(27, 31)
NOSTRILS = slice(31, 36)
NOSE_TIP, UNDER_NOSE = 30, 33
EYES = {"right": (39, 38, 37, 36, 41, 40), "left": (42, 43, 44, 45, 46, 47)}
"""Inner corner, the upper lid from there outwards, outer corner, the lower lid back."""
OUTER_LIP = slice(48, 60)
"""From the corner at the image's left over the upper lip to the other corner (54), and back below."""
INNER_LIP = slice(60, 68)
PUPILS = {"right": 68, "left": 69}
CHIN, RIGHT_EAR_END, LEFT_EAR_END = 8, 0, 16


def _mirror() -> NDArray[np.int64]:
    image = np.arange(COUNT)
    pairs = [(i, 16 - i) for i in range(17)] + [(i, 43 - i) for i in range(17, 27)] + [(i, 66 - i) for i in range(31, 36)]
    pairs += list(zip(EYES["right"], EYES["left"], strict=True)) + [(i, 102 - i) for i in range(48, 55)]
    pairs += [(i, 114 - i) for i in range(55, 60)] + [(i, 124 - i) for i in range(60, 65)]
    pairs += [(i, 132 - i) for i in range(65, 68)] + [(68, 69)]
    for one, other in pairs:
        image[one], image[other] = other, one
    return image


MIRROR: NDArray[np.int64] = _mirror()
"""For each point the one that it becomes in a mirror."""

LEFT_AND_MIDDLE: tuple[int, ...] = (
    *range(8, 17), *range(22, 31), 33, 34, 35, *range(42, 48), *range(51, 58), *range(62, 67), 69,
)  # fmt: skip
"""The points that a half head has, the others are their mirror images."""


@dataclass(frozen=True)
class FaceValues:
    """How a face differs from the one at rest.

    ``gaze`` to the figure's left and up, −1 to 1. ``closed`` 0 to 1, the left and the right eye. ``brow`` −1 to 1, how far its
    inner and its outer end are raised. ``mouth_open`` 0 to 1, ``smile`` −1 (corners down) to 1 (up), ``mouth_width`` −1 to 1.
    """

    gaze: tuple[float, float] = (0.0, 0.0)
    closed: tuple[float, float] = (0.0, 0.0)
    brow: tuple[float, float] = (0.0, 0.0)
    mouth_open: float = 0.0
    smile: float = 0.0
    mouth_width: float = 0.0


_LOOK = (0.3, 0.25)
"""How far a pupil moves at most: to a side as a part of the eye's width, up or down of half that width."""
_BROW, _SMILE, _WIDTH = 0.3, 0.22, 0.3
"""How far a brow's end and a corner of the mouth rise, as parts of half the distance between the pupils; by how much the mouth
widens."""
_JAW_OPEN = math.radians(22.0)
"""How far a jaw drops at most, turning about the line between both ends of its outline: a wide open mouth of an adult is 25 to 30
degrees (Hylander, "Functional anatomy and biomechanics of the masticatory apparatus", 2006); drawn ones stay below."""
_JAW_SHARE = np.sin(np.linspace(0.0, math.pi, 17)) ** 0.7
_LOWER_LIP = {55: 0.8, 56: 1.0, 57: 1.0, 58: 1.0, 59: 0.8, 65: 0.95, 66: 1.0, 67: 0.95, 48: 0.4, 54: 0.4, 60: 0.4, 64: 0.4}
_CORNERS = {48: 1.0, 54: 1.0, 60: 1.0, 64: 1.0, 49: 0.4, 53: 0.4, 59: 0.5, 55: 0.5, 61: 0.2, 63: 0.2, 65: 0.2, 67: 0.2}


def moved(points: Floats, values: FaceValues, axes: Floats | None = None) -> Floats:
    """The points (70, 3) of a head at rest, with an expression and a gaze. ``axes`` (3, 3) has the head's left, back and up as
    rows, of length 1, where those are not x, y and z."""
    if values == FaceValues():
        return points
    if axes is not None:
        turned: Floats = moved(points @ axes.T, values) @ axes
        return turned
    result = np.array(points)
    unit = 0.5 * float(np.linalg.norm(points[PUPILS["left"]] - points[PUPILS["right"]]))
    for side, closed in (("left", values.closed[0]), ("right", values.closed[1])):
        inner, up_in, up_out, outer, low_out, low_in = EYES[side]
        for upper, lower in ((up_in, low_in), (up_out, low_out)):
            line = points[lower] * 0.9 + points[upper] * 0.1
            result[upper] += (line - points[upper]) * closed
            result[lower] += (line - points[lower]) * closed
        wide = abs(float(points[outer, 0] - points[inner, 0]))
        pupil = PUPILS[side]
        result[pupil, 0] += values.gaze[0] * _LOOK[0] * wide
        result[pupil, 2] += values.gaze[1] * _LOOK[1] * 0.5 * wide
        result[pupil] += ((result[up_in] + result[up_out]) / 2.0 - result[pupil]) * closed * np.array([0.0, 0.0, 1.0])
        raised = np.linspace(values.brow[0], values.brow[1], 5)
        result[list(BROWS[side]), 2] += raised * _BROW * unit
    _open_mouth(result, points, values.mouth_open)
    mouth = np.arange(OUTER_LIP.start, INNER_LIP.stop)
    middle = points[[51, 57], 0].mean()
    result[mouth, 0] = middle + (result[mouth, 0] - middle) * (1.0 + _WIDTH * values.mouth_width)
    for point, share in _CORNERS.items():
        result[point, 2] += share * values.smile * _SMILE * unit
    return result


def _open_mouth(result: Floats, points: Floats, share: float) -> None:
    """Turn jaw and lower lip down about the ends of the jaw's outline."""
    hinge = points[[RIGHT_EAR_END, LEFT_EAR_END]].mean(axis=0)
    shares = np.zeros(COUNT)
    shares[JAW] = _JAW_SHARE
    shares[list(_LOWER_LIP)] = list(_LOWER_LIP.values())
    angle = shares * share * _JAW_OPEN
    back, up = points[:, 1] - hinge[1], points[:, 2] - hinge[2]
    # the chin, in front of the hinge and below it, moves down and back
    result[:, 1] += back * (np.cos(angle) - 1.0) - up * np.sin(angle)
    result[:, 2] += back * np.sin(angle) + up * (np.cos(angle) - 1.0)


def in_proportion(marks: Mapping[str, Floats]) -> Floats | None:
    """The points (70, 3) of a head of which only ``eye_left``, ``eye_right``, ``ear_left``, ``ear_right``, ``nose_tip`` and
    perhaps ``chin`` (3,) are known, in any axes: as an adult's lie between those, or a drawn face's, whose nose is low for its
    eyes. None where one of them is missing."""
    axes = axes_of(marks)
    if axes is None or "nose_tip" not in marks:
        return None
    left, back, up = axes
    eyes = _middle(marks, "eye")
    half_ears = 0.5 * float(np.linalg.norm(marks["ear_left"] - marks["ear_right"]))
    depth = float((_middle(marks, "ear") - eyes) @ back)
    half_eyes = 0.5 * float(np.linalg.norm(marks["eye_left"] - marks["eye_right"]))
    drop = float((eyes - marks["chin"]) @ up) if "chin" in marks else _CHIN_BELOW_NOSE * float((eyes - marks["nose_tip"]) @ up)
    nose = float((eyes - marks["nose_tip"]) @ back)
    drawn = float(np.interp(float((eyes - marks["nose_tip"]) @ up) / drop, _NOSE_DROP, (0.0, 1.0))) if drop > 0.0 else 0.0
    across, behind, above = (_PROPORTIONS + (_DRAWN_PROPORTIONS - _PROPORTIONS) * drawn).T
    shares = np.clip(behind, 0.0, 1.0)
    half = np.empty((len(_PROPORTIONS), 3))
    half[:, 0] = across * (half_eyes * (1.0 - shares) + half_ears * shares)
    half[:, 1] = np.where(behind < 0.0, behind * nose, behind * depth)
    half[:, 2] = above * drop
    points = np.empty((COUNT, 3))
    whole = mirrored(half)
    points[:] = eyes + whole[:, :1] * left + whole[:, 1:2] * back + whole[:, 2:] * up
    return points


def axes_of(marks: Mapping[str, Floats]) -> Floats | None:
    """(3, 3) left, back and up, of length 1, of a head whose eyes and ears are known as ``in_proportion`` knows them; None where
    they do not say it."""
    if not all(f"{part}_{side}" in marks for part in ("eye", "ear") for side in ("left", "right")):
        return None
    left = marks["ear_left"] - marks["ear_right"]
    width = float(np.linalg.norm(left))
    if not width > 0.0:
        return None
    left = left / width
    back = _middle(marks, "ear") - _middle(marks, "eye")
    back = back - left * float(back @ left)
    depth = float(np.linalg.norm(back))
    if not depth > 0.0:
        return None
    back = back / depth
    return np.stack((left, back, np.cross(left, back)))


def _middle(marks: Mapping[str, Floats], part: str) -> Floats:
    middle: Floats = (marks[f"{part}_left"] + marks[f"{part}_right"]) / 2.0
    return middle


def mirrored(half: Floats) -> Floats:
    """(70, 3) from the points ``LEFT_AND_MIDDLE`` of a head whose middle is at x = 0."""
    points = np.empty((COUNT, 3))
    points[list(LEFT_AND_MIDDLE)] = half
    others = [i for i in range(COUNT) if i not in LEFT_AND_MIDDLE]
    points[others] = points[MIRROR[others]] * np.array([-1.0, 1.0, 1.0])
    return points


_CHIN_BELOW_NOSE = 2.77
"""How much lower than the eyes the chin is, where it is not known, in parts of what the nose's tip is."""
_PROPORTIONS = np.array((
    (0.000, -0.180, -1.047), (0.459, -0.004, -1.026), (0.760, 0.190, -0.946), (0.905, 0.361, -0.811),
    (0.987, 0.480, -0.644), (1.050, 0.550, -0.481), (1.106, 0.594, -0.316), (1.146, 0.620, -0.130),
    (1.169, 0.629, 0.045), (0.363, -0.566, 0.188), (0.665, -0.491, 0.235), (1.008, -0.327, 0.248),
    (1.351, -0.028, 0.229), (1.423, 0.130, 0.166), (0.000, -0.578, -0.005), (0.000, -0.664, -0.131),
    (0.000, -0.839, -0.252), (0.000, -0.997, -0.358), (0.000, -0.646, -0.446), (0.339, -0.437, -0.422),
    (0.564, -0.418, -0.380), (0.543, -0.079, -0.024), (0.772, -0.138, 0.064), (1.290, -0.066, 0.082),
    (1.501, 0.014, 0.009), (1.294, 0.004, -0.048), (0.777, -0.043, -0.065), (0.000, -0.539, -0.586),
    (0.142, -0.492, -0.564), (0.402, -0.424, -0.594), (0.631, -0.208, -0.636), (0.460, -0.350, -0.693),
    (0.245, -0.459, -0.734), (0.000, -0.495, -0.746), (0.000, -0.513, -0.656), (0.303, -0.423, -0.650),
    (0.535, -0.270, -0.637), (0.305, -0.406, -0.653), (0.000, -0.506, -0.657), (1.007, 0.001, 0.009),
))  # fmt: skip
"""Of ``LEFT_AND_MIDDLE``: to the side, in parts of the pupil's distance from the middle, behind the eyes of the ear's; behind
the eyes' line, in parts of the ear's distance from it, before it of the nose tip's; above the eyes, in parts of their height
above the chin. Measured on the mannequin ``adult_woman``."""
_DRAWN_PROPORTIONS = np.array((
    (0.000, 0.152, -1.049), (0.329, 0.185, -1.037), (0.597, 0.281, -0.999), (0.803, 0.407, -0.912),
    (0.943, 0.509, -0.790), (1.042, 0.597, -0.613), (1.093, 0.656, -0.393), (1.127, 0.685, -0.158),
    (1.151, 0.693, 0.081), (0.372, -1.630, 0.402), (0.682, -1.342, 0.451), (1.034, -0.803, 0.467),
    (1.379, 0.003, 0.450), (1.444, 0.118, 0.390), (0.000, -1.433, 0.006), (0.000, -1.150, -0.178),
    (0.000, -0.922, -0.353), (0.000, -1.000, -0.510), (0.000, -0.694, -0.567), (0.152, -0.424, -0.564),
    (0.244, -0.497, -0.525), (0.683, -1.013, -0.029), (0.881, -0.989, 0.224), (1.362, -0.139, 0.253),
    (1.403, 0.089, 0.027), (1.307, 0.040, -0.181), (0.894, -0.085, -0.206), (0.000, -0.202, -0.691),
    (0.101, -0.197, -0.685), (0.250, -0.134, -0.692), (0.361, -0.040, -0.708), (0.272, -0.046, -0.746),
    (0.147, 0.002, -0.778), (0.000, 0.004, -0.789), (0.000, -0.135, -0.737), (0.186, -0.137, -0.727),
    (0.330, -0.080, -0.708), (0.188, -0.136, -0.727), (0.000, -0.135, -0.737), (1.031, 0.002, 0.012),
))  # fmt: skip
"""The same of the mannequin ``chibi``, whose eyes and brows are as large as they are drawn and whose mouth is small."""
_NOSE_DROP = (0.39, 0.517)
"""How much lower than the eyes a nose's tip is, in parts of what the chin is: most of real faces, and of ``chibi``."""
