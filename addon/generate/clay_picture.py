# SPDX-License-Identifier: GPL-3.0-or-later
"""What a camera sees of the figures, as clay with dark eyes and smooth outlines: for contact sheets and thumbnails."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator

import bpy
import numpy as np
from numpy.typing import NDArray

from ..armature.figures import figures_in
from ..armature.skin_mesh import EYES_MATERIAL
from ..passes.geometry import Surface, figure_surfaces
from ..passes.render import draw_buffers, render_passes
from .clay import shade

_FINER = 2
"""A picture is drawn this many times as large, then made small: its outlines are smooth."""
_DARK = 0.25
"""How much light irises and rims of lids give back, of what the clay beside them does."""
_SKIN, _EYES = 1, 2  # what the second draw calls its two "figures"


def clay_picture(camera: bpy.types.Object, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The current scene's figures as ``camera`` sees them: (height, width, 3) for a ``size`` of (width, height)."""
    width, height = size
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    view_layer.update()
    rendered = render_passes(scene, view_layer, camera, (width * _FINER, height * _FINER), kinds=("depth",))
    assert rendered.buffers is not None and rendered.view is not None  # depth was asked for
    fine = shade(rendered.buffers.depth, rendered.view.projection, rendered.view.perspective)
    surfaces = figure_surfaces(scene, view_layer, view_layer.depsgraph, figures_in(scene, view_layer))
    parts = [part for surface in surfaces for part in _skin_and_eyes(surface, bpy.data.objects[surface.source].data)]
    if any(part.figure == _EYES for part in parts):
        # Depth alone does not tell an iris, which is nearly flush with its eye. A prop before the face hides it all the same.
        seen = draw_buffers(parts, rendered.view, camera, view_layer.depsgraph)
        eyes = (seen.figures == _EYES) & (seen.depth <= rendered.buffers.depth + 1e-4)
        fine[eyes] = np.rint(fine[eyes] * _DARK)
    small = fine.reshape(height, _FINER, width, _FINER, 3).mean(axis=(1, 3))
    return np.rint(small).astype(np.uint8)


def _skin_and_eyes(surface: Surface, mesh: bpy.types.Mesh) -> Iterator[Surface]:
    """A figure's surface, and apart from it what wears the material of eyes; all of it where modifiers made other faces."""
    slot = mesh.materials.find(EYES_MATERIAL) if isinstance(mesh, bpy.types.Mesh) else -1
    mesh_triangles = 0
    if slot >= 0:
        mesh.calc_loop_triangles()
        mesh_triangles = len(mesh.loop_triangles)
    if mesh_triangles != len(surface.triangles):
        yield dataclasses.replace(surface, figure=_SKIN)
        return
    materials = np.empty(mesh_triangles, np.int32)
    mesh.loop_triangles.foreach_get("material_index", materials)
    for figure, chosen in ((_SKIN, materials != slot), (_EYES, materials == slot)):
        triangles = surface.triangles[chosen]
        if len(triangles):
            key = (*surface.key[:4], zlib.crc32(triangles.tobytes(), surface.key[4]))
            yield dataclasses.replace(surface, figure=figure, triangles=triangles, key=key)
