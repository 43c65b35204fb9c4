# SPDX-License-Identifier: GPL-3.0-or-later
"""Control images as files: every image, ``pose.json``, and ``passes.json``, which says what each file is for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import png
from .kinds import file_of, kind_of
from .render import PassSet
from .view import View

VERSION = 1
"""Of the form of ``passes.json``."""
PREPROCESSOR = "none"
"""Images are as the networks expect them already: a preprocessor would take them for photographs."""


def write_passes(folder: Path, rendered: PassSet, write: Callable[[Path, bytes], None]) -> int:
    """Writes all images, ``pose.json`` and ``passes.json`` into a folder; how many images there were.

    ``write`` writes a file whole or raises.
    """
    for key, image in rendered.images.items():
        write(folder / file_of(key), png.encode(image))
    for name, text in (("pose.json", rendered.pose_json), ("passes.json", json.dumps(described(rendered), indent=1))):
        write(folder / name, text.encode("utf-8"))
    return len(rendered.images)


def described(rendered: PassSet) -> dict[str, Any]:
    """What ``passes.json`` says: the size, the camera, and of each image which kind of ControlNet takes it."""
    assert rendered.view is not None
    return {
        "version": VERSION,
        "width": rendered.width,
        "height": rendered.height,
        "camera": camera_of(rendered.view),
        "skeleton_profile": rendered.skeleton_profile,
        "figures": [name for name, _library in rendered.figures],
        "images": [_image(key, image, rendered) for key, image in rendered.images.items()],
    }


def camera_of(view: View) -> dict[str, Any]:
    """Intrinsics and extrinsics. ``world_to_camera`` (4, 4), row by row, metres: x right, y up, looking along −z, as Blender has
    it. ``intrinsics`` (3, 3) takes OpenCV's axes (x right, y down, z forward) to pixels whose first has its centre at 0.5, 0.5;
    an orthographic camera has ``pixels_per_metre`` instead."""
    clip, width, height = view.projection, view.width, view.height
    told: dict[str, Any] = {
        "type": "perspective" if view.perspective else "orthographic",
        "world_to_camera": np.round(view.to_camera, 9).tolist(),
        "projection": np.round(clip, 9).tolist(),
    }
    focal = (float(clip[0, 0]) * width / 2.0, float(clip[1, 1]) * height / 2.0)
    if view.perspective:
        centre = ((1.0 - float(clip[0, 2])) * width / 2.0, (1.0 + float(clip[1, 2])) * height / 2.0)
        told["intrinsics"] = [[focal[0], 0.0, centre[0]], [0.0, focal[1], centre[1]], [0.0, 0.0, 1.0]]
    else:
        centre = ((1.0 + float(clip[0, 3])) * width / 2.0, (1.0 - float(clip[1, 3])) * height / 2.0)
        told |= {"pixels_per_metre": list(focal), "centre": list(centre)}
    return told


def _image(key: str, image: NDArray[Any], rendered: PassSet) -> dict[str, Any]:
    kind, number = kind_of(key)
    told: dict[str, Any] = {"file": file_of(key), "kind": kind.name, "bits": image.dtype.itemsize * 8, "use": kind.use}
    if number:
        told["figure"] = rendered.figures[number - 1][0]
    if kind.control:
        told |= {"control": kind.control, "preprocessor": PREPROCESSOR}
    if kind.name == "openpose":
        told["skeleton_profile"] = rendered.skeleton_profile
    return told
