# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture behind what the camera sees, to pose after, and its people as a skeleton in the same place."""

from __future__ import annotations

import bpy

from ..openpose.pose_json import PoseDocument

_ROLE = "BACKDROP"
_OPACITY = 0.6


def show_backdrop(camera: bpy.types.Object, image: bpy.types.Image) -> None:
    """Puts a picture behind the camera's view, whole within its frame. One that is there already gives way."""
    remove_backdrop(camera)
    image.pose_to_anime.role = _ROLE
    background = camera.data.background_images.new()
    background.image = image
    background.alpha = _OPACITY
    background.display_depth = "BACK"
    background.frame_method = "FIT"
    camera.data.show_background_images = True


def backdrop_of(camera: bpy.types.Object) -> bpy.types.CameraBackgroundImage | None:
    """What is behind a camera's view by our doing."""
    return next((found for found in camera.data.background_images if _is_ours(found)), None)


def remove_backdrop(camera: bpy.types.Object) -> bool:
    """Takes the picture away from behind the camera's view; False where there was none."""
    found = [background for background in camera.data.background_images if _is_ours(background)]
    for background in found:
        image = background.image
        background.image = None  # removing it alone would leave the image counted as used
        camera.data.background_images.remove(background)
        if not image.users:
            bpy.data.images.remove(image)
    return bool(found)


def fitted(document: PoseDocument, size: tuple[int, int]) -> PoseDocument:
    """The people of a picture as they are where it lies whole within a frame of ``size`` (width, height), in its middle."""
    width, height = size
    scale = min(width / document.width, height / document.height)
    left, top = (width - document.width * scale) / 2.0, (height - document.height * scale) / 2.0
    return PoseDocument(tuple(person.scaled(scale, scale).moved(left, top) for person in document.people), width, height)


def _is_ours(background: bpy.types.CameraBackgroundImage) -> bool:
    return background.image is not None and background.image.pose_to_anime.role == _ROLE
