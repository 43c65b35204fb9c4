# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's OpenPose skeleton over what the camera sees, to pose after: an image of Blender's in front of the camera."""

from __future__ import annotations

import bpy
import numpy as np

from ..openpose.drawing import draw_people
from ..openpose.pose_json import PoseDocument
from .skeleton import SkeletonRules

NAME = "Pose Reference"
_ROLE = "REFERENCE"
_OPACITY = 0.7


def show_reference(scene: bpy.types.Scene, camera: bpy.types.Object, document: PoseDocument, size: tuple[int, int]) -> None:
    """Draws the people of a document, which fill the picture of ``size`` (width, height) as their own picture filled its own, in
    front of the camera's view. One that is there already gives way.

    The image is packed, so that it is saved with the file; Blender shows it through the camera alone, and never renders it.
    """
    remove_reference(camera)
    width, height = size
    scale = (width / document.width, height / document.height)
    rules = SkeletonRules.of(scene, "controlnet")
    drawn = draw_people([person.scaled(*scale) for person in document.people], width, height, rules.profile)
    pixels = np.empty((height, width, 4), np.float32)
    pixels[..., :3] = drawn[::-1] / np.float32(255.0)
    pixels[..., 3] = drawn[::-1].any(axis=2)
    image = bpy.data.images.new(NAME, width, height, alpha=True)
    image.pose_to_anime.role = _ROLE
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    image.pack()
    background = camera.data.background_images.new()
    background.image = image
    background.alpha = _OPACITY
    background.display_depth = "FRONT"
    background.frame_method = "STRETCH"
    camera.data.show_background_images = True


def remove_reference(camera: bpy.types.Object) -> bool:
    """Takes the skeleton away from before the camera; False where there was none."""
    found = [background for background in camera.data.background_images if _is_ours(background)]
    for background in found:
        image = background.image
        background.image = None  # removing it alone would leave the image counted as used
        camera.data.background_images.remove(background)
        if not image.users:  # a copy of the camera shows it, too
            bpy.data.images.remove(image)
    return bool(found)


def has_reference(camera: bpy.types.Object) -> bool:
    return any(_is_ours(background) for background in camera.data.background_images)


def _is_ours(background: bpy.types.CameraBackgroundImage) -> bool:
    return background.image is not None and background.image.pose_to_anime.role == _ROLE
