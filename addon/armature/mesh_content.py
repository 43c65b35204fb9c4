# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes with the vertices of a mesh, for what is found out about it and remembered.

To read a million vertices takes longer than a redraw may, so a mesh is read again only after Blender has evaluated a change of
it."""

from __future__ import annotations

import zlib

import bpy
import numpy as np
from bpy.app.handlers import persistent

from .. import handlers

_known: dict[int, int] = {}
"""Session number of a mesh → content. Filled only while Blender tells of changes."""


def content_of(mesh: bpy.types.Mesh) -> int:
    """A number that changes with the vertices of a mesh that is not evaluated, and with nothing else."""
    if (known := _known.get(mesh.session_uid)) is not None:
        return known
    found = _read(mesh)
    if _after_update in bpy.app.handlers.depsgraph_update_post:
        _known[mesh.session_uid] = found
    return found


def _read(mesh: bpy.types.Mesh) -> int:
    places = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", places)
    return zlib.crc32(places.data)


def forget() -> None:
    """Drop what is remembered of meshes."""
    _known.clear()


@persistent
def _after_update(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    if _known and depsgraph.id_type_updated("MESH"):
        for update in depsgraph.updates:
            if isinstance(update.id, bpy.types.Mesh):
                _known.pop(update.id.original.session_uid, None)


@persistent
def _all_changed(*_: object) -> None:
    forget()


CLASSES: tuple[type, ...] = ()
_HANDLERS = (
    ("depsgraph_update_post", _after_update),
    *((name, _all_changed) for name in ("undo_post", "redo_post", "load_pre", "load_post")),
)


def register() -> None:
    handlers.put_on(_HANDLERS)


def unregister() -> None:
    handlers.take_off(_HANDLERS)
    forget()
