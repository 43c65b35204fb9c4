# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene itself as the picture to begin with: as the 3D view shows it, as a toon, or rendered.

It is drawn from a copy of the scene that shares all objects, so that nothing of the user's settings is touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from .. import compat
from ..dressing import toon
from ..dressing.toon_view import FLAT
from ..errors import UserError
from ..terminal import read_picture

VIEWPORT, TOON, RENDER = "VIEWPORT", "TOON", "RENDER"

_SHADING = (
    "light", "studio_light", "use_rotate_studio_light", "studiolight_rotate_z", "color_type", "single_color", "background_type",
    "background_color", "show_backface_culling", "show_cavity", "cavity_type", "show_object_outline", "object_outline_color",
    "show_shadows", "shadow_intensity", "show_specular_highlight",
)  # fmt: skip
"""What a 3D view's shading and that of a Workbench render have in common."""


def start_picture(scene: bpy.types.Scene, camera: bpy.types.Object | None, size: tuple[int, int], kind: str) -> NDArray[np.uint8]:
    """The scene as ``camera`` sees it, (height, width, 3) uint8 sRGB for a ``size`` of (width, height).

    ``VIEWPORT`` is Workbench, shaded as the largest 3D view of solid shading is; ``TOON`` the same with the toon look, whether it
    is on or not; ``RENDER`` the scene's own engine with its samples and view transform, which takes as long as a render does.
    Raises UserError where there is no camera, or Blender cannot render.
    """
    if camera is None or camera.type != "CAMERA":
        raise UserError("There is no camera to look through: add a pose camera or choose a scene camera.")
    with _toon_look(scene, kind == TOON), _copy_of(scene) as copy, tempfile.TemporaryDirectory(prefix="pose_to_anime-") as folder:
        path = Path(folder) / "start.png"
        copy.camera = camera
        render = copy.render
        render.resolution_x, render.resolution_y = size
        render.resolution_percentage = 100
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0  # as all control images have them
        render.use_border = render.use_compositing = render.use_sequencer = render.use_stamp = render.use_multiview = False
        render.film_transparent = False
        render.filepath = str(path)
        compat.write_png(render.image_settings)
        if kind != RENDER:
            render.engine = "BLENDER_WORKBENCH"
            _shade(copy.display.shading, kind)
        try:
            bpy.ops.render.render(write_still=True, scene=copy.name)
        except RuntimeError as error:
            raise UserError(f"The scene could not be rendered to begin with ({str(error).strip()}): begin without it.") from None
        if not path.exists():
            raise UserError("The render to begin with was stopped: generate again, or begin without it.")
        return read_picture(path)


@contextmanager
def _copy_of(scene: bpy.types.Scene) -> Iterator[bpy.types.Scene]:
    copy = scene.copy()
    try:
        yield copy
    finally:
        bpy.data.scenes.remove(copy)


@contextmanager
def _toon_look(scene: bpy.types.Scene, wanted: bool) -> Iterator[None]:
    """The toon look for as long as this lasts, where it is wanted and not on anyway."""
    switched = wanted and not toon.is_on(scene)
    if switched:
        toon.switch(scene, True)
    try:
        yield
    finally:
        if switched:
            toon.switch(scene, False)


def _shade(shading: bpy.types.View3DShading, kind: str) -> None:
    """Shade a Workbench render as the user's 3D view is, or flat for the toon look."""
    if (view := _view_shading()) is not None:
        for name in _SHADING:
            try:
                setattr(shading, name, getattr(view, name))
            except (AttributeError, TypeError):  # not in this Blender, or not for this kind of light
                continue
    for name, value in FLAT.items() if kind == TOON else ():
        setattr(shading, name, value)


def _view_shading() -> bpy.types.View3DShading | None:
    """That of the largest 3D view with solid shading."""
    windows = () if bpy.app.background else bpy.context.window_manager.windows
    views = [area for window in windows for area in window.screen.areas if area.type == "VIEW_3D"]
    shadings = [(area.width * area.height, area.spaces.active.shading) for area in views]
    solid = [(size, shading) for size, shading in shadings if shading.type == "SOLID"]
    return max(solid, key=lambda item: item[0])[1] if solid else None
