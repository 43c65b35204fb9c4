# SPDX-License-Identifier: GPL-3.0-or-later
"""One control image of a scene as it is now, for looking at while posing."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..framing.camera import picture_camera, scene_size
from ..framing.sizes import SizeError
from .kinds import GEOMETRY, KINDS, needs
from .render import render_passes
from .skeleton import SkeletonRules

LIVE_PIXELS = 200_000
"""How large an image that needs geometry is while the pose changes: enough to follow it, a quarter of the time of the whole."""


def control_image(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    kind: str,
    *,
    live: bool = False,
    rules: SkeletonRules | None = None,
) -> NDArray[np.uint8]:
    """The image of ``kind`` as a request of this scene, with the ``rules`` of its model, would hold it, (height, width, 3) uint8;
    smaller where it is ``live`` and would take long. A kind that each figure has shows that of the first.

    Raises UserError for what keeps it from being made.
    """
    try:
        width, height = scene_size(scene)
    except SizeError as error:
        raise UserError(str(error)) from error
    if live and needs((kind,), GEOMETRY) and width * height > LIVE_PIXELS:
        smaller = (LIVE_PIXELS / (width * height)) ** 0.5
        width, height = max(1, round(width * smaller)), max(1, round(height * smaller))
    if kind not in KINDS:  # of a file from another version
        raise UserError(f"This version knows no control image “{kind}”: choose another.")
    rendered = render_passes(scene, view_layer, picture_camera(scene), (width, height), kinds=(kind,), rules=rules)
    image = next(iter(rendered.images.values()))
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
