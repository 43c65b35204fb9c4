# SPDX-License-Identifier: GPL-3.0-or-later
"""What a camera sees of the figures, as clay, with smooth outlines: for contact sheets."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..passes.render import render_passes
from .clay import shade

_FINER = 2
"""A picture is drawn this many times as large, then made small: its outlines are smooth."""


def clay_picture(camera: bpy.types.Object, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The current scene's figures as ``camera`` sees them: (height, width, 3) for a ``size`` of (width, height)."""
    width, height = size
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    view_layer.update()
    rendered = render_passes(scene, view_layer, camera, (width * _FINER, height * _FINER), kinds=("depth",))
    assert rendered.buffers is not None and rendered.view is not None  # depth was asked for
    fine = shade(rendered.buffers.depth, rendered.view.projection, rendered.view.perspective)
    small = fine.reshape(height, _FINER, width, _FINER, 3).mean(axis=(1, 3))
    return np.rint(small).astype(np.uint8)
