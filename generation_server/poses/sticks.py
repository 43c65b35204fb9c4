# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings of OpenPose skeletons read by their colours: joints are discs of eighteen hues, limbs darker ellipses between them.

No model and no network is needed, and what was drawn by rules is read to the pixel. The colours are those that ControlNet was
trained with: hue i/18 for point *i*, 0.6 of that for limb *i*, hue i/20 for edge *i* of a hand, blue discs for its points, white
ones for those of a face.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .people import BODY, LEFT_KNEE, LEFT_WRIST, LIMBS, NECK, RIGHT_WRIST, Person, Points

Mask = NDArray[np.bool_]
Image = NDArray[np.uint8]


def _hues(count: int, brightness: float = 1.0) -> NDArray[np.int64]:
    """(count, 3): the circle of hues in so many steps, RGB."""
    return np.array([[int(c * 255 * brightness + 1e-6) for c in colorsys.hsv_to_rgb(i / count, 1, 1)] for i in range(count)])


JOINT_COLOURS = _hues(BODY)
LIMB_COLOURS = _hues(BODY, 0.6)[: len(LIMBS)]
EDGE_COLOURS = _hues(20)
BLUE, WHITE = (0, 0, 255), (255, 255, 255)

TOLERANCE = 40.0
"""Distance in RGB up to which a colour is one of these: what resizing and compressing leave of it."""
DARK = 40
"""Brightest channel of what counts as the black ground."""
LEAST_GROUND, LEAST_KNOWN = 0.5, 0.85
"""Parts of a picture that are black, and of the rest that has these colours, from which on it is taken for a drawing."""
MOST_COLOURS = 200_000
"""Colours that a drawing has at most, however it was compressed; a photograph of a night has millions."""
LEAST_SEEN, LEAST_PIXELS = 0.1, 12.0
"""Part of a joint's disc that must be seen, and pixels; the rest may be painted over."""
_NEVER_ALONE = (0, 9, 12)
"""Joints with colours that hands have too (nose, right knee, left knee): one without a limb is a part of a hand."""


@dataclass(frozen=True)
class Drawing:
    """What of a drawing is what. Arrays are (H, W); numbers are −1 where it is none."""

    ground: Mask
    joint: NDArray[np.int64]  # number of the joint whose colour it is
    limb: NDArray[np.int64]
    edge: NDArray[np.int64]  # of a hand
    blue: Mask
    white: Mask
    radius: int  # of joints


def read_drawing(image: Image) -> Drawing | None:
    """What the colours of an RGB picture (H, W, 3) say, None where it is no drawing of skeletons."""
    # First what needs little memory: a photograph of 40 million pixels must cost no more than itself.
    ground: Mask = np.asarray(image.max(axis=2) <= DARK)
    if ground.mean() < LEAST_GROUND or ground.all():
        return None
    packed = (image[..., 0].astype(np.int32) << 16) | (image[..., 1].astype(np.int32) << 8) | image[..., 2]
    values = np.unique(packed)
    if len(values) > MOST_COLOURS:
        return None
    places = np.searchsorted(values, packed)
    colours = np.stack((values >> 16, values >> 8 & 255, values & 255), axis=1)
    dark: Mask = np.asarray(colours.max(axis=1) <= DARK)
    (joint, _), (limb, _), (edge, to_edge), (blue, to_blue), (white, _) = (
        _nearest(colours, palette) for palette in (JOINT_COLOURS, LIMB_COLOURS, EDGE_COLOURS, np.array([BLUE]), np.array([WHITE]))
    )
    # An edge of the fourth finger is nearly as blue as the dots.
    blue = np.where((edge >= 0) & (to_edge < to_blue), -1, blue)
    edge = np.where(blue >= 0, -1, edge)
    joint, limb, edge, blue, white = (np.where(dark, -1, number) for number in (joint, limb, edge, blue, white))
    known: Mask = np.asarray((np.stack((joint, limb, edge, blue, white)) >= 0).any(axis=0))
    if known[places][~ground].mean() < LEAST_KNOWN:
        return None
    joints = joint[places]
    depths = [_depth(joints == number) for number in range(BODY)]
    there = sorted(depth for depth in depths if depth >= 2.5)
    if len(there) < 2:
        return None
    radius = int(there[int(0.6 * (len(there) - 1))] + 0.25)
    return Drawing(ground, joints, limb[places], edge[places], blue[places] >= 0, white[places] >= 0, radius)


def _nearest(colours: NDArray[np.int32], palette: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Number of the nearest of a palette for each of (n, 3) colours, −1 where none is near, and its squared distance."""
    number = np.zeros(len(colours), np.int64)
    least = np.full(len(colours), np.iinfo(np.int32).max, np.int32)
    for i, colour in enumerate(palette):  # one by one: all distances at once would take twenty times the memory
        distance = np.square(colours - colour.astype(np.int32)).sum(axis=1, dtype=np.int32)
        nearer = distance < least
        number[nearer], least[nearer] = i, distance[nearer]
    return np.where(least <= TOLERANCE**2, number, -1), least


def _depth(mask: Mask) -> float:
    """How far inside its shapes the innermost pixel lies: a disc's radius, and about 2 in the lines of a hand."""
    return float(cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max())


def disc(radius: int) -> Image:
    """A filled circle as OpenCV draws it, (2 r + 1, 2 r + 1) of 0 and 1."""
    side = 2 * radius + 1
    return np.asarray(cv2.circle(np.zeros((side, side), np.uint8), (radius, radius), radius, 1, -1), dtype=np.uint8)


def counted(mask: Mask, kernel: Image) -> NDArray[np.float32]:
    """How many pixels of ``mask`` the kernel covers, for each place of its middle. Outside the picture there are none."""
    found = cv2.filter2D(mask.astype(np.float32), -1, kernel.astype(np.float32), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(found, dtype=np.float32)


def find_discs(mask: Mask, ground: Mask, radius: int, most: int = 200) -> Points:
    """(n, 3): middles of discs of one colour, x, y and the part of them that is seen; those most seen first.

    A disc may be painted over in part, but black ground in it says that there is none.
    """
    kernel = disc(radius)
    area = float(kernel.sum())
    least = max(LEAST_SEEN * area, LEAST_PIXELS)
    if mask.sum() < least:
        return np.zeros((0, 3))
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, first = max(0, rows[0] - radius), max(0, columns[0] - radius)
    window = (slice(top, rows[-1] + radius + 1), slice(first, columns[-1] + radius + 1))
    left, ground = mask[window].copy(), ground[window]
    inner = cv2.distanceTransform(np.pad(left, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1] >= min(2.6, 0.6 * radius)
    black = counted(ground, kernel)
    found: list[tuple[float, float, float]] = []
    while len(found) < most:
        seen = counted(left, kernel)
        score = np.where(black <= 0.06 * area, seen - 2.0 * black, -1.0)
        best = float(score.max())
        if best < least:
            break
        ys, xs = np.nonzero(score >= best - 0.5)
        # Where it could be anywhere in a small patch, its middle.
        at = int(np.argmin((xs - xs.mean()) ** 2 + (ys - ys.mean()) ** 2)) if np.ptp(xs) + np.ptp(ys) <= radius else 0
        x, y = int(xs[at]), int(ys[at])
        around = (slice(max(0, y - radius), y + radius + 1), slice(max(0, x - radius), x + radius + 1))
        if inner[around].any():
            found.append((x + first, y + top, float(seen[y, x]) / area))
        cv2.circle(shown := left.astype(np.uint8), (x, y), radius + 1, 0, -1)
        left = shown.astype(bool)
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def read_bodies(drawing: Drawing, hands: list[Points], wrists: Points) -> list[Person]:
    """The people of a drawing, without their hands and faces.

    ``hands`` (21, 3) are those that were read, whose dots look like left knees; ``wrists`` (n, 2) is where dots may hide a wrist.
    """
    colours = [drawing.joint == number for number in range(BODY)]
    if hands:
        dots = np.zeros(drawing.ground.shape, np.uint8)
        for x, y in np.concatenate([hand[hand[:, 2] > 0, :2] for hand in hands]).astype(int):
            cv2.circle(dots, (int(x), int(y)), drawing.radius, 1, -1)
        colours[LEFT_KNEE] = colours[LEFT_KNEE] & (dots == 0)
    joints = [find_discs(mask, drawing.ground, drawing.radius) for mask in colours]
    for number in (RIGHT_WRIST, LEFT_WRIST):
        seen = joints[number][:, :2]
        far = [at for at in wrists if not len(seen) or np.linalg.norm(seen - at, axis=1).min() > drawing.radius]
        joints[number] = np.concatenate((joints[number], [(*at, 0.0) for at in far])) if far else joints[number]
    links = sorted(_links(drawing, joints), reverse=True)
    taken: set[tuple[int, int, int]] = set()
    groups = {(number, i): {(number, i)} for number in range(BODY) for i in range(len(joints[number]))}
    for _, limb, first, last in links:
        a, b = (LIMBS[limb][0], first), (LIMBS[limb][1], last)
        if (limb, 0, first) in taken or (limb, 1, last) in taken or groups[a] is groups[b]:
            continue
        if _fit(groups[a], groups[b]):
            taken |= {(limb, 0, first), (limb, 1, last)}
            _join(groups, groups[a], groups[b])
    people = _unique(groups.values())
    loose = [group for group in people if len(group) == 1]
    kept = [group for group in people if len(group) > 1]
    for group in loose:
        ((number, i),) = group
        if number in _NEVER_ALONE or joints[number][i, 2] < 0.6:
            continue
        _take_in(kept, group, joints)
    for group in sorted(kept, key=len):
        # What has no neck hangs on no body: an arm whose shoulder is not drawn, or all of one below a hand that hides it.
        others = [other for other in kept if other is not group]
        if all(number != NECK for number, _ in group) and others and _take_in(others, group, joints):
            kept.remove(group)
    return [Person(_body(group, joints)) for group in kept]


def _links(drawing: Drawing, joints: list[Points]) -> Iterable[tuple[float, int, int, int]]:
    """Score, limb and both ends of every limb that may be there."""
    for limb, (a, b) in enumerate(LIMBS):
        for i, first in enumerate(joints[a]):
            for j, last in enumerate(joints[b]):
                score = _limb_score(drawing, limb, first[:2], last[:2])
                if score > 0.0:
                    # Of two that look alike the shorter one.
                    yield score - 1e-4 * float(np.hypot(*(first - last)[:2])), limb, i, j


def _limb_score(drawing: Drawing, limb: int, first: Points, last: Points) -> float:
    """How well a limb's colour fills the way between two joints, up to 1; what is painted over it counts little."""
    length = float(np.hypot(*(last - first)))
    free = length - 2.0 * (drawing.radius + 1.0)
    if free < 2.0:
        return 0.25
    steps = np.linspace(0.5 - free / length / 2.0, 0.5 + free / length / 2.0, max(6, int(free)))
    x, y = (np.rint(first + (last - first) * steps[:, None]).astype(int)).T
    own = float((drawing.limb[y, x] == limb).mean())
    black = float(drawing.ground[y, x].mean())
    return own - 4.0 * black if own >= 0.12 else 0.0


def _fit(a: set[tuple[int, int]], b: set[tuple[int, int]]) -> bool:
    return not {number for number, _ in a} & {number for number, _ in b}


def _join(groups: dict[tuple[int, int], set[tuple[int, int]]], a: set[tuple[int, int]], b: set[tuple[int, int]]) -> None:
    a |= b
    for member in b:
        groups[member] = a


def _unique(groups: Iterable[set[tuple[int, int]]]) -> list[set[tuple[int, int]]]:
    return list({id(group): group for group in groups}.values())


def _take_in(people: list[set[tuple[int, int]]], group: set[tuple[int, int]], joints: list[Points]) -> bool:
    """Give a part to the nearest body that lacks it, if one is near."""
    mine = np.array([joints[number][i, :2] for number, i in group])
    best: tuple[float, set[tuple[int, int]]] | None = None
    for other in people:
        theirs = np.array([joints[number][i, :2] for number, i in other])
        distance = float(np.linalg.norm(mine[:, None] - theirs[None], axis=2).min())
        size = float(np.ptp(theirs, axis=0).max())
        if _fit(group, other) and distance <= size and (best is None or distance < best[0]):
            best = distance, other
    if best is None:
        return False
    best[1].update(group)
    return True


def _body(group: set[tuple[int, int]], joints: list[Points]) -> Points:
    body = np.zeros((BODY, 3))
    for number, i in group:
        # A pixel's middle: drawn again, it comes to the same pixel.
        body[number] = (*(joints[number][i, :2] + 0.5), 1.0)
    return body
