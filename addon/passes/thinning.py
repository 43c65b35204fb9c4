# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of any thickness made one pixel thin, without breaking them. No bpy.

The rules are those of T. Y. Zhang and C. Y. Suen, "A fast parallel algorithm for thinning digital patterns", Communications of
the ACM 27 (1984); corners that they leave thick are taken away afterwards. Only the pixels of lines are looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbours, (row, column), clockwise from the one above; bit k of a code stands for the k-th."""


def _tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(2, 256) whether the rules' first and second half take a pixel away, (4, 256) whether it is a corner that is not needed."""
    codes = np.arange(256)
    bits = (codes[:, None] >> np.arange(8)) & 1
    count = bits.sum(axis=1)
    begins = ((bits == 0) & (np.roll(bits, -1, axis=1) == 1)).sum(axis=1)
    up, right, down, left = bits[:, 0], bits[:, 2], bits[:, 4], bits[:, 6]
    common = (count >= 2) & (count <= 6) & (begins == 1)
    halves = [(up * right * down == 0) & (right * down * left == 0), (up * right * left == 0) & (up * down * left == 0)]
    corners = [(bits[:, k] == 1) & (bits[:, (k + 2) % 8] == 1) & (bits[:, (k + 5) % 8] == 0) & (count <= 6) for k in (0, 2, 4, 6)]
    return np.stack([common & half for half in halves]), np.stack(corners)


_HALVES, _CORNERS = _tables()


def thin(levels: NDArray[np.uint8], shortest: int, lasting: int) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """The thinned lines of ``levels`` (height, width), 0 where there is none, whose outermost rows and columns are empty.

    Open lines of fewer than ``shortest`` pixels are specks and left out, but for those that have the level ``lasting``.

    Returns the flat indices (n,) of the pixels that are left, and their levels (n,): the highest among the pixels that they stand
    for, themselves and their neighbours.
    """
    width = levels.shape[1]
    around = np.array([row * width + column for row, column in _ROUND])
    mask = (levels > 0).view(np.uint8).reshape(-1)
    places = np.flatnonzero(mask)
    active = places
    while len(active):
        before = len(active)
        for table in _HALVES:
            gone = table[_codes(mask, active, around)]
            mask[active[gone]] = 0
            active = active[~gone]
        if len(active) == before:
            break
    places = active
    for table in _CORNERS:
        gone = table[_codes(mask, places, around)]
        mask[places[gone]] = 0
        places = places[~gone]
    flat = levels.reshape(-1)
    highest = flat[places]
    for offset in around:
        np.maximum(highest, flat[places + offset], out=highest)
    keep = _without_specks(mask, places, highest >= lasting, around, shortest // 2)
    return places[keep], highest[keep]


def _without_specks(
    mask: NDArray[np.uint8], places: NDArray[np.intp], lasting: NDArray[np.bool_], around: NDArray[np.intp], rounds: int
) -> NDArray[np.bool_]:
    """Which pixels belong to long lines: they are burnt from their ends, and grow again from what is left of them."""
    alive = np.ones(len(places), dtype=bool)
    beside = np.stack([mask[places + offset] for offset in around])
    neighbours = beside.sum(axis=0, dtype=np.uint8)
    for _ in range(rounds):
        ends = np.flatnonzero(alive & (neighbours <= 1) & ~lasting)
        if not len(ends):
            break
        alive[ends] = False
        mask[places[ends]] = 0
        touched = np.unique(np.searchsorted(places, (places[ends][:, None] + around)[beside[:, ends].T > 0]))
        neighbours[touched] = mask[places[touched][:, None] + around].sum(axis=1, dtype=np.uint8)
    for _ in range(rounds):
        gone = np.flatnonzero(~alive)
        back = gone[mask[places[gone][:, None] + around].any(axis=1)]
        if not len(back):
            break
        alive[back] = True
        mask[places[back]] = 1
    return alive


def _codes(mask: NDArray[np.uint8], places: NDArray[np.intp], around: NDArray[np.intp]) -> NDArray[np.uint8]:
    code = np.zeros(len(places), dtype=np.uint8)
    for bit, offset in enumerate(around):
        code |= mask[places + offset] << np.uint8(bit)
    return code
