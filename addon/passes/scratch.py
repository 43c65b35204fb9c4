# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene of our own to render in, so that the user's scene is not touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy


@contextmanager
def scratch_scene() -> Iterator[bpy.types.Scene]:
    """An empty scene with a camera that is removed afterwards, with everything that was put into it or made for it."""
    before = {kind: set(_of(kind)) for kind in _KINDS}
    scene = bpy.data.scenes.new(".pose_to_anime")
    try:
        camera = bpy.data.objects.new(".pose_to_anime", bpy.data.cameras.new(".pose_to_anime"))
        scene.collection.objects.link(camera)
        scene.camera = camera
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        for kind in _KINDS:
            for item in _of(kind) - before[kind]:
                getattr(bpy.data, kind).remove(item)


_KINDS = ("objects", "meshes", "cameras", "materials", "images")
"""Users before what they use."""


def _of(kind: str) -> set[bpy.types.ID]:
    return set(getattr(bpy.data, kind))
