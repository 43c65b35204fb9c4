# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes while a slider of the body is dragged: they move with the skin below them, and are made anew once it rests.

Making them anew takes most of a second. A figure whose clothes wait for that says so itself, so that a file, a copy and a redo
know it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils.kdtree import KDTree
from numpy.typing import NDArray

from ..armature.mannequin import is_mannequin, is_own, skins_of
from ..armature.worn import pieces_of
from ..errors import UserError
from .wearing import UNFITTED, is_dressed, refit

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Bound:
    """How a piece goes with the body: for each of its vertices the nearest of the skin (n,); and, where bones of its own move it,
    which keep their places at rest, the figure's bones that carry these and their shares (n, bones)."""

    nearest: Rows
    carriers: tuple[str, ...]
    shares: Floats


_bound: dict[tuple[str, str], _Bound] = {}
"""By figure and piece, kept for as long as a slider is dragged."""


@contextmanager
def carried(figure: bpy.types.Object) -> Iterator[None]:
    """Meanwhile the body changes: afterwards what it wears has moved with the skin, and waits for ``fit_waiting``."""
    skins, pieces = skins_of(figure), list(pieces_of(figure).values())
    if len(skins) != 1 or not is_dressed(figure):
        yield
        return
    before = _places(skins[0])
    heads = _heads(figure)
    for piece in pieces:
        key = (figure.name, piece.name)
        if key not in _bound or len(_bound[key].nearest) != len(piece.data.vertices):
            _bound[key] = _bind(figure, piece, before)
    yield
    moved = _places(skins[0]) - before
    went = {name: head - heads[name] for name, head in _heads(figure).items() if name in heads}
    for piece in pieces:
        bound = _bound[figure.name, piece.name]
        if piece.data.users > 1:  # linked duplicates share it
            piece.data = piece.data.copy()
        places = _places(piece) + moved[bound.nearest]
        if bound.carriers:  # the figure's bones take it along already
            places -= bound.shares @ np.array([went.get(name, (0.0, 0.0, 0.0)) for name in bound.carriers], np.float32)
        piece.data.vertices.foreach_set("co", places.ravel())
        piece.data.update()
    figure[UNFITTED] = True


def fit_waiting() -> list[str]:
    """Make the clothes anew that wait for it, in the current view layer. Returns sentences about what could not be done."""
    _bound.clear()
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


def _places(obj: bpy.types.Object) -> Floats:
    places = np.empty(3 * len(obj.data.vertices), np.float32)
    obj.data.vertices.foreach_get("co", places)
    return places.reshape(-1, 3)


def _heads(figure: bpy.types.Object) -> dict[str, NDArray[np.float64]]:
    return {bone.name: np.array(bone.head_local) for bone in figure.data.bones}


def _bind(figure: bpy.types.Object, piece: bpy.types.Object, skin: Floats) -> _Bound:
    nearest, mover = _find(_places(piece), skin), piece.find_armature()
    if mover is None or mover == figure:
        return _Bound(nearest, (), np.empty((len(nearest), 0), np.float32))
    names: dict[str, int] = {}
    column = {}
    for group in piece.vertex_groups:
        if (carrier := _carrier(figure, mover, group.name)) is not None:
            column[group.index] = names.setdefault(carrier, len(names))
    shares = np.zeros((len(nearest), len(names)), np.float32)
    for vertex in piece.data.vertices:
        for share in vertex.groups:
            if share.group in column:
                shares[vertex.index, column[share.group]] += share.weight
    return _Bound(nearest, tuple(names), shares)


def _carrier(figure: bpy.types.Object, mover: bpy.types.Object, name: str) -> str | None:
    """The bone of the figure that a bone of a piece follows, or that carries the first of its line; None for another group."""
    bone = mover.data.bones.get(name)
    while bone is not None and bone.name not in figure.data.bones:
        bone = bone.parent
    return bone.name if bone is not None else None


def _find(places: Floats, skin: Floats) -> Rows:
    tree = KDTree(len(skin))
    for row, place in enumerate(skin.tolist()):
        tree.insert(place, row)
    tree.balance()
    return np.array([tree.find(place)[1] for place in places.tolist()], dtype=np.int64)
