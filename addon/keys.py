# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects by name and file. A name alone does not tell an object of this file from a linked one that is called the same."""

from __future__ import annotations

import bpy

ObjectKey = tuple[str, str | None]
"""The name of an object, and the path of the file that it is linked from; None for one of this file."""


def key_of(obj: bpy.types.Object) -> ObjectKey:
    """What finds an object again where a reference to Blender's data would not stay true."""
    return obj.name, obj.library.filepath if obj.library is not None else None


def object_in(scene: bpy.types.Scene, key: ObjectKey) -> bpy.types.Object | None:
    """The object of a scene that has this key; None where it is not in the scene any more."""
    named = scene.objects.get(key[0])
    if named is None or key_of(named) == key:
        return named
    return next((obj for obj in scene.objects if key_of(obj) == key), None)
