# SPDX-License-Identifier: GPL-3.0-or-later
"""Which vertices of a mesh follow some bones more than all others. Remembered, as Blender gives weights one by one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable

import bpy
import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]

_REMEMBERED = 32
_known: OrderedDict[Hashable, Bools] = OrderedDict()


def vertices_on(source: bpy.types.Object, mesh: bpy.types.Mesh, bones: Collection[str], key: Hashable) -> Bools | None:
    """(n,) which vertices of ``mesh`` weigh mostly on these bones; None where its object has no group of theirs.

    ``mesh`` is that of ``source``, evaluated or not: it has the groups of its object. ``key`` must change with the mesh's
    vertices; weights that were painted since are seen after ``forget``."""
    groups = {group.index for group in source.vertex_groups if group.name in bones}
    if not groups:
        return None
    whole = (key, frozenset(groups), len(mesh.vertices))
    if whole not in _known:
        _known[whole] = np.fromiter(
            (
                2.0 * sum(g.weight for g in vertex.groups if g.group in groups) > sum(g.weight for g in vertex.groups)
                for vertex in mesh.vertices
            ),
            dtype=bool,
            count=len(mesh.vertices),
        )
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    else:
        _known.move_to_end(whole)
    return _known[whole]


def forget() -> None:
    """Drop what is remembered of weights."""
    _known.clear()
