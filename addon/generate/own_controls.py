# SPDX-License-Identifier: GPL-3.0-or-later
"""Control images of the user's own, as large as the picture: they fill its frame, and what is beyond its edges is cut off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...generation_server.protocol import CONTROL_KINDS
from ..errors import UserError
from ..passes.kinds import KINDS

Picture = NDArray[np.uint8]

INFO = "own_controls"
"""Key of the ``scene`` part of a job."""

_SHARP = ("openpose", "segmentation", "canny")
"""Kinds whose colours or lines must not be mixed."""


def own_images(scene: bpy.types.Scene, kinds: Mapping[str, object], size: tuple[int, int]) -> dict[str, Picture]:
    """Of these control kinds those for which the user has chosen a picture: (height, width, 3) uint8.

    Raises UserError where one cannot be read."""
    chosen = scene.pose_to_anime.own_controls
    images = {kind: getattr(chosen, kind) for kind in kinds if kind in CONTROL_KINDS}
    return {kind: fitted(_pixels(image), size, sharp=kind in _SHARP) for kind, image in images.items() if image is not None}


def sentences(scene: bpy.types.Scene, kinds: Mapping[str, object]) -> list[str]:
    """What is followed in the place of the scene, to be told with the picture."""
    found = {kind: getattr(scene.pose_to_anime.own_controls, kind) for kind in kinds if kind in CONTROL_KINDS}
    return [
        f"{KINDS[kind].title}: the picture “{image.name}” is followed, not the scene."
        for kind, image in found.items()
        if image is not None
    ]


def info(scene: bpy.types.Scene) -> dict[str, Any]:
    """For the ``scene`` part of a job: which pictures were followed, by the names of their images."""
    chosen = {kind: getattr(scene.pose_to_anime.own_controls, kind) for kind in CONTROL_KINDS}
    names = {kind: image.name for kind, image in chosen.items() if image is not None}
    return {INFO: names} if names else {}


def restore(scene: bpy.types.Scene, scene_info: Mapping[str, Any]) -> list[str]:
    """The pictures that a job followed, as far as they are in this file. Returns sentences about those that are not."""
    names = scene_info.get(INFO)
    names = names if isinstance(names, Mapping) else {}
    missing = []
    for kind in CONTROL_KINDS:
        image = bpy.data.images.get(str(names[kind])) if kind in names else None
        setattr(scene.pose_to_anime.own_controls, kind, image)
        if kind in names and image is None:
            missing.append(f"The picture “{names[kind]}” that was followed is not in this file: open it again under Own Images.")
    return missing


def fitted(picture: Picture, size: tuple[int, int], *, sharp: bool) -> Picture:
    """A picture (h, w, 3) that fills ``size`` (width, height), cut evenly at two edges where its ratio is another.
    ``sharp``: each pixel is one of the picture's own; else it is mixed from four."""
    width, height = size
    rows, columns = picture.shape[:2]
    scale = min(columns / width, rows / height)
    x = (np.arange(width) + 0.5 - width / 2.0) * scale + columns / 2.0 - 0.5
    y = (np.arange(height) + 0.5 - height / 2.0) * scale + rows / 2.0 - 0.5
    if sharp:
        nearest_x, nearest_y = (np.clip(np.rint(v), 0, n - 1).astype(int) for v, n in ((x, columns), (y, rows)))
        return picture[nearest_y][:, nearest_x]
    (left, right, across), (above, below, down) = _between(x, columns), _between(y, rows)
    values = picture.astype(np.float32)
    mixed = values[above] * (1.0 - down)[:, None, None] + values[below] * down[:, None, None]
    mixed = mixed[:, left] * (1.0 - across)[None, :, None] + mixed[:, right] * across[None, :, None]
    return np.rint(mixed).astype(np.uint8)


def _between(places: NDArray[np.float64], count: int) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.float32]]:
    """For each place on a row of pixels the two beside it, and how near it is to the second."""
    inside = np.clip(places, 0.0, count - 1.0)
    first = np.floor(inside).astype(int)
    return first, np.minimum(first + 1, count - 1), (inside - first).astype(np.float32)


def _pixels(image: bpy.types.Image) -> Picture:
    width, height = image.size
    if not width or not height:
        raise UserError(f"The picture “{image.name}” cannot be read: choose it again under Own Images.")
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    shown = values.reshape(height, width, 4)[::-1]
    colours = shown[..., :3] * shown[..., 3:] if image.depth in (32, 128) else shown[..., :3]  # what is clear is black
    found: Picture = np.rint(np.clip(colours, 0.0, 1.0) * 255.0).astype(np.uint8)
    return found
