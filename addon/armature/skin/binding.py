# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin weights: from one dictionary a cage vertex to at most four bones a vertex of the whole skin."""

from __future__ import annotations

import numpy as np

from .cage import Weights
from .frames import MIDDLE_BONES, SIDE_BONES
from .smoothing import Mean

MOST_BONES = 4
"""What games, VRM and glTF allow a vertex."""

LEAST_SHARE = 1e-3

CROSSING = ("shoulder", "upper_arm", "thigh")
"""Bones of one side that, after smoothing, move some of the other side's vertices."""

COLUMNS: tuple[str, ...] = (
    *MIDDLE_BONES,
    *(f"{bone}.L" for bone in SIDE_BONES),
    *(f"{bone}.R" for bone in CROSSING),
)
BODY_COLUMNS = tuple(
    i for i, bone in enumerate(COLUMNS) if not any(part in bone for part in ("thumb", "index", "middle", "ring", "little"))
)


def weight_table(weights: list[Weights]) -> np.ndarray:
    """(N, len(COLUMNS)) from the cage's dictionaries."""
    column = {name: i for i, name in enumerate(COLUMNS)}
    table = np.zeros((len(weights), len(COLUMNS)))
    for row, shares in enumerate(weights):
        for bone, share in shares.items():
            table[row, column[bone if bone in MIDDLE_BONES else f"{bone}.L"]] = share
    return table


def level_at_plane(table: np.ndarray, on_plane: np.ndarray) -> None:
    """On the mirror plane both sides' bones hold a vertex alike; in place."""
    column = {name: i for i, name in enumerate(COLUMNS)}
    for bone in CROSSING:
        left, right = column[f"{bone}.L"], column[f"{bone}.R"]
        both = (table[on_plane, left] + table[on_plane, right]) / 2.0
        table[on_plane, left] = both
        table[on_plane, right] = both


def smoothed_weights(table: np.ndarray, strength: np.ndarray, rounds: int, mean: Mean, on_plane: np.ndarray) -> np.ndarray:
    """The table after some rounds of smoothing of the body's bones, where ``strength`` (N,) says."""
    rows = np.flatnonzero(strength > 0.0)
    columns = np.array(BODY_COLUMNS)
    values = table[:, columns]
    pairs = [(BODY_COLUMNS.index(COLUMNS.index(f"{b}.L")), BODY_COLUMNS.index(COLUMNS.index(f"{b}.R"))) for b in CROSSING]
    step = 0.5 * strength[rows, None]
    for _ in range(rounds):
        values[rows] += (mean.of(values, rows) - values[rows]) * step
        for left, right in pairs:
            both = (values[on_plane, left] + values[on_plane, right]) / 2.0
            values[on_plane, left] = both
            values[on_plane, right] = both
    full = table.copy()
    full[:, columns] = values
    return full


def limited(table: np.ndarray, on_plane: np.ndarray) -> np.ndarray:
    """The table with at most ``MOST_BONES`` shares a row, adding up to one, alike for both sides on the mirror plane."""
    weakest = np.argpartition(-table, MOST_BONES, axis=1)[:, MOST_BONES:]
    kept = table.copy()
    np.put_along_axis(kept, weakest, 0.0, axis=1)
    partner = np.arange(len(COLUMNS))
    for bone in CROSSING:
        left, right = COLUMNS.index(f"{bone}.L"), COLUMNS.index(f"{bone}.R")
        partner[left], partner[right] = right, left
    for row in np.flatnonzero(on_plane):
        # Here bones of both sides come in pairs: both are kept, or neither.
        kept[row] = 0.0
        room = MOST_BONES
        for column in np.argsort(-table[row], kind="stable"):
            pair = {int(column), int(partner[column])}
            if kept[row, column] == 0.0 and len(pair) <= room and table[row, column] > 0.0:
                kept[row, list(pair)] = table[row, column]
                room -= len(pair)
    kept[kept < LEAST_SHARE] = 0.0
    return kept / kept.sum(axis=1, keepdims=True)


def whole_table(table: np.ndarray, mirrored_rows: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Weights of both halves: the half's rows, then those of its mirror image; with the names of the columns."""
    names = (*MIDDLE_BONES, *(f"{bone}.{side}" for side in "LR" for bone in SIDE_BONES))
    column = {name: i for i, name in enumerate(names)}
    own = np.array([column[name] for name in COLUMNS])
    swap = {".L": ".R", ".R": ".L"}
    other = np.array([column[name[:-2] + swap[name[-2:]] if name[-2:] in swap else name] for name in COLUMNS])
    whole = np.zeros((len(table) + len(mirrored_rows), len(names)))
    whole[: len(table), own] = table
    whole[len(table) :, other] = table[mirrored_rows]
    return whole, names
