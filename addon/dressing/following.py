# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes while a slider of the body is dragged: they move with the skin below them, and are made anew once it rests.

Making them anew takes most of a second. A figure whose clothes wait for that says so itself, so that a file, a copy and a redo
know it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils.kdtree import KDTree
from numpy.typing import NDArray

from ..armature.mannequin import is_mannequin, is_own, skins_of
from ..armature.worn import pieces_of
from ..errors import UserError
from .wearing import UNFITTED, is_dressed, refit

Rows = NDArray[np.int64]
_nearest: dict[tuple[str, str], Rows] = {}
"""Figure and piece → for each of the piece's vertices the nearest one of the skin, kept for as long as a slider is dragged."""


@contextmanager
def carried(figure: bpy.types.Object) -> Iterator[None]:
    """Meanwhile the body changes: afterwards what lies on the skin has moved with it, as far as no bones of its own carry it,
    and waits for ``fit_waiting``."""
    skins = skins_of(figure)
    stiff = [piece for piece in pieces_of(figure).values() if piece.find_armature() == figure]
    if len(skins) != 1 or not is_dressed(figure):
        yield
        return
    before = _places(skins[0])
    for piece in stiff:
        key = (figure.name, piece.name)
        if key not in _nearest or len(_nearest[key]) != len(piece.data.vertices):
            _nearest[key] = _find(_places(piece), before)
    yield
    moved = _places(skins[0]) - before
    for piece in stiff:
        if piece.data.users > 1:  # linked duplicates share it
            piece.data = piece.data.copy()
        places = _places(piece) + moved[_nearest[figure.name, piece.name]]
        piece.data.vertices.foreach_set("co", places.ravel())
        piece.data.update()
    figure[UNFITTED] = True


def fit_waiting() -> list[str]:
    """Make the clothes anew that wait for it, in the current view layer. Returns sentences about what could not be done."""
    _nearest.clear()
    problems = []
    for figure in waiting():
        try:
            problems += refit(figure)
        except UserError as error:
            problems.append(str(error))
    return problems


def waiting() -> list[bpy.types.Object]:
    """The figures in the current view layer whose clothes wait for ``fit_waiting``."""
    found = filter(None, bpy.context.view_layer.objects)
    return [obj for obj in found if UNFITTED in obj and is_mannequin(obj) and is_own(obj)]


def _places(obj: bpy.types.Object) -> NDArray[np.float32]:
    places = np.empty(3 * len(obj.data.vertices), np.float32)
    obj.data.vertices.foreach_get("co", places)
    return places.reshape(-1, 3)


def _find(places: NDArray[np.float32], skin: NDArray[np.float32]) -> Rows:
    tree = KDTree(len(skin))
    for row, place in enumerate(skin.tolist()):
        tree.insert(place, row)
    tree.balance()
    return np.array([tree.find(place)[1] for place in places.tolist()], dtype=np.int64)
