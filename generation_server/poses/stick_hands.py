# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands of a drawing: twenty coloured edges between twenty-one blue dots.

A dot does not say which point it is, an edge's colour does: for every finger the chain of dots is taken whose four edges lie on
most of their colours, all five from one wrist. Hands whose dots have merged into a blot are left out.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .people import FINGERS, HAND, LEFT_WRIST, RIGHT_WRIST, Person, Points
from .sticks import BODY, Drawing, counted, disc

USUAL_RADIUS = 4
"""Of a hand's dots, in pixels: profiles that make limbs thicker leave hands as they are."""
MOST_DOTS = 160
"""Of one hand: every pixel at which one may be counts, so that merged dots are many."""
LEAST_EDGES = 10
"""Edges of a hand that must be seen. Without them its points could not be told apart."""
_SAMPLES = 14
_WRISTS, _TRIED, _KEPT = 3, 6, 40
"""How many dots are tried as the wrist and as the next of a finger, and how many ways are kept."""
_GROUND, _HIDDEN = 4.0, 0.45
"""How much a pixel of ground, and one that is painted over, speaks against an edge, where one of its colour speaks for it."""
_TWICE = 12.0
"""How much speaks against two points of a finger on one dot, in pixels."""


def find_hands(drawing: Drawing) -> tuple[list[Points], Points]:
    """The hands (21, 3) of a drawing, whosever they are, in whole pixels, and (n, 2) where wrists may be that their dots hide."""
    dots = _dots(drawing)
    if dots is None:
        return [], np.zeros((0, 2))
    found, wrists = [], [np.zeros((0, 2))]
    for cluster in _clusters(drawing, dots):
        while (hand := _best_hand(drawing, cluster)) is not None:
            found.append(hand)
            wrists.append(hand[:1, :2])
            cluster = cluster[np.linalg.norm(cluster[:, None] - hand[None, :, :2], axis=2).min(axis=1) > 2.0]
        wrists.append(cluster)
    return found, np.concatenate(wrists)


def give_hands(people: list[Person], found: list[Points]) -> None:
    """Give each of the hands to the wrist at which it begins."""
    wrists = [(number, part, person) for person in people for number, part in ((LEFT_WRIST, "left"), (RIGHT_WRIST, "right"))]
    # The nearest pairs of hand and wrist first.
    pairs = sorted(
        (float(np.hypot(*(hand[0, :2] - person.body[number, :2]))), h, w)
        for h, hand in enumerate(found)
        for w, (number, _, person) in enumerate(wrists)
        if person.body[number, 2]
    )
    used_hands: set[int] = set()
    used_wrists: set[int] = set()
    for distance, h, w in pairs:
        size = float(np.ptp(found[h][:, :2], axis=0).max())
        if h in used_hands or w in used_wrists or distance > size:
            continue
        used_hands.add(h)
        used_wrists.add(w)
        setattr(wrists[w][2], f"{wrists[w][1]}_hand", found[h] + np.array((0.5, 0.5, 0.0)) * found[h][:, 2:])


def _dots(drawing: Drawing) -> NDArray[np.uint8] | None:
    """(H, W): 1 where a blue dot's middle may be."""
    if drawing.blue.sum() < HAND * 10:
        return None
    blue = drawing.blue.astype(np.uint8)
    radius = USUAL_RADIUS
    if drawing.radius > radius:
        # All of one size, or a knee of that size alone?
        opened = cv2.morphologyEx(blue, cv2.MORPH_OPEN, disc(drawing.radius))
        radius = drawing.radius if opened.sum() >= 0.6 * blue.sum() else radius
    kernel = disc(radius)
    seen, black = counted(drawing.blue, kernel) / kernel.sum(), counted(drawing.ground, kernel)
    whole = seen > 0.999
    # One that is partly painted over is where most of it is seen.
    best = (seen >= cv2.dilate(seen, np.ones((2 * radius - 1, 2 * radius - 1), np.uint8))) & (seen >= 0.7) & (black < 0.5)
    near = cv2.dilate(whole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return (whole | (best & ~near)).astype(np.uint8)


def _clusters(drawing: Drawing, dots: NDArray[np.uint8]) -> list[Points]:
    """The dots (n, 2) of hands that do not touch each other."""
    parts = drawing.blue | ((drawing.edge >= 0) & (drawing.joint < BODY))
    count, label = cv2.connectedComponents(cv2.dilate(parts.astype(np.uint8), np.ones((3, 3), np.uint8)))
    clusters = []
    for number in range(1, count):
        ys, xs = np.nonzero((label == number) & (dots > 0))
        if len(xs) >= HAND // 2:
            every = max(1, -(-len(xs) // MOST_DOTS))
            clusters.append(np.stack((xs, ys), axis=1)[::every].astype(np.float64))
    return clusters


def _best_hand(drawing: Drawing, dots: Points) -> Points | None:
    """The hand (21, 3) that the edges between ``dots`` (n, 2) speak for, None where too few are seen."""
    if len(dots) < HAND // 2:
        return None
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    way = dots[None] - dots[:, None]  # from, to
    length = np.hypot(way[..., 0], way[..., 1])
    at = np.rint(dots[:, None, None] + way[:, :, None] * steps[:, None]).astype(int)
    edges, black = drawing.edge[at[..., 1], at[..., 0]], drawing.ground[at[..., 1], at[..., 0]]
    against = length * (_GROUND * black.mean(axis=2) + _HIDDEN)
    np.fill_diagonal(against, _TWICE)
    seen = np.stack([(edges == number).mean(axis=2) * length for number in range(20)])
    gains = seen * (1.0 + _HIDDEN) - against
    # The wrist is where the first edges of all fingers begin.
    starts = np.argsort(-gains[::4].max(axis=2).sum(axis=0))[:_WRISTS]
    _, chains = max((_fingers(gains, int(wrist)) for wrist in starts), key=lambda each: each[0])
    shown = sum(seen[4 * f + j, chain[j], chain[j + 1]] >= 1.0 for f, chain in enumerate(chains) for j in range(4))
    if shown < LEAST_EDGES:
        return None
    hand = np.ones((HAND, 3))
    for points, chain in zip(FINGERS, chains, strict=True):
        hand[list(points), :2] = dots[chain]
        # Where a dot would have to be two points, one of them is not in the picture.
        hand[[point for point, before, dot in zip(points[1:], chain, chain[1:], strict=False) if before == dot]] = 0.0
    return hand


def _fingers(gains: NDArray[np.float64], wrist: int) -> tuple[float, list[list[int]]]:
    """Score and chains of dots of the five fingers from a wrist; the one that is seen best chooses its dots first."""
    left, free, total = dict.fromkeys(range(5)), np.ones(gains.shape[1], dtype=bool), 0.0
    free[wrist] = False
    chains: list[list[int]] = [[] for _ in range(5)]
    while left:
        score, finger, chain = max((*_chain(gains[4 * f : 4 * f + 4], wrist, free, f),) for f in left)
        total += score
        chains[finger] = chain
        free[chain] = False
        del left[finger]
    return total, chains


def _chain(gains: NDArray[np.float64], wrist: int, free: NDArray[np.bool_], finger: int) -> tuple[float, int, list[int]]:
    """The best way over four dots that no other finger has, each of them once: a search that keeps the best so far."""
    paths = [(0.0, [wrist])]
    for step in gains:
        longer = []
        for score, path in paths:
            gain = np.where(free, step[path[-1]], -np.inf)
            gain[path[1:]] = -np.inf
            gain[path[-1]] = step[path[-1], path[-1]]  # two points on one dot
            longer += [(score + float(gain[dot]), [*path, int(dot)]) for dot in np.argsort(-gain)[:_TRIED]]
        paths = sorted(longer, reverse=True)[:_KEPT]
    return paths[0][0], finger, paths[0][1]
