# SPDX-License-Identifier: GPL-3.0-or-later
"""The posed figure as a clay model, shaded from its depth: what was sent, to the pixel, to compare a result with. No bpy.

Made from the buffers that the passes leave, so that it costs the click on Generate nothing but writing them down.
"""

from __future__ import annotations

import io
import traceback
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..passes.shading import light_on
from ..png import encode
from .records import Record, RecordError, write_file

GROUND = (58, 59, 62)
CLAY = np.array((0.86, 0.80, 0.75))
"""Reflectance, sRGB-like: a warm grey that keeps form readable and is nobody's skin."""

_STEP = 0.008
"""Metres of depth from pixel to pixel beyond which the next pixel belongs to another limb."""


def pack(depth: NDArray[np.float32], projection: NDArray[np.float64], perspective: bool) -> bytes:
    """Depth (H, W) in metres, infinite where there is nothing, and the camera's (4, 4) projection as bytes for ``unpack``."""
    stream = io.BytesIO()
    np.savez(stream, depth=depth, projection=projection, perspective=np.array(perspective))
    return stream.getvalue()


def unpack(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float64], bool]:
    with np.load(path, allow_pickle=False) as data:
        return data["depth"], data["projection"], bool(data["perspective"])


def shade(depth: NDArray[np.float32], projection: NDArray[np.float64], perspective: bool) -> NDArray[np.uint8]:
    """A picture of the surface that ``depth`` describes: (H, W, 3) uint8 sRGB, row 0 at the top."""
    height, width = depth.shape
    there = np.isfinite(depth)
    z = np.where(there, depth, 0.0).astype(np.float64)
    across = ((np.arange(width) + 0.5) / width * 2.0 - 1.0)[None, :]
    up = (1.0 - (np.arange(height) + 0.5) / height * 2.0)[:, None]
    weight = z if perspective else np.ones_like(z)
    shift_x, shift_y = (projection[0, 2], projection[1, 2]) if perspective else (-projection[0, 3], -projection[1, 3])
    position = np.stack(((across + shift_x) * weight / projection[0, 0], (up + shift_y) * weight / projection[1, 1], -z), axis=-1)
    normal = np.cross(_slope(position, there, 1), -_slope(position, there, 0))
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    normal = np.divide(normal, length, out=np.zeros_like(normal), where=length > 0.0)
    normal[length[..., 0] == 0.0] = (0.0, 0.0, 1.0)
    normal = _smoothed(normal, z, there)
    light = light_on(*np.moveaxis(normal, -1, 0))
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = GROUND
    picture[there] = np.rint(np.clip(light[there, None] * CLAY, 0.0, 1.0) * 255.0)
    return picture


def make_picture(record: Record) -> None:
    """The clay picture of what was sent, while the server is busy with the job; one that fails is only missed in comparisons."""
    try:
        write_file(record.figure_path, encode(shade(*unpack(record.clay_path))))
        record.clay_path.unlink()
    except (OSError, RecordError, ValueError, KeyError, zipfile.BadZipFile):
        if record.clay_path.exists():
            traceback.print_exc()


def _smoothed(normal: NDArray[np.float64], z: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Normals averaged over the neighbourhood on the same surface, so that the mesh's facets do not show.

    Wider at every round ("à trous"): four rounds reach as far as forty of neighbours alone.
    """
    # Of the picture's height, about half the length of the body's longest facets when a figure fills it.
    widest = max(1, normal.shape[0] // 160)
    for reach in sorted({max(1, widest // 4), max(1, widest // 2), widest, max(1, widest * 3 // 2)}):
        total = normal.copy()
        for axis in (0, 1):
            for step in (-reach, reach):
                near = np.roll(there, step, axis) & there & (np.abs(np.roll(z, step, axis) - z) < _STEP * reach)
                edge = [slice(None), slice(None)]
                edge[axis] = slice(0, reach) if step > 0 else slice(-reach, None)
                near[tuple(edge)] = False  # what rolled in from the other side
                total += np.roll(normal, step, axis) * near[..., None]
        normal = total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)
    return normal


def _slope(position: NDArray[np.float64], there: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Change of position from pixel to pixel along ``axis``: of the two one-sided differences the one that stays on the surface.

    A step over an outline is much longer than one along the surface, so the shorter one is right on both sides of it.
    """
    step = np.diff(position, axis=axis)
    ok = there.take(range(1, there.shape[axis]), axis) & there.take(range(there.shape[axis] - 1), axis)
    step[~ok] = np.inf
    pad = [(0, 0)] * 3
    pad[axis] = (1, 0)
    before = np.pad(step, pad, constant_values=np.inf)
    pad[axis] = (0, 1)
    after = np.pad(step, pad, constant_values=np.inf)
    shorter = np.abs(before[..., 2]) <= np.abs(after[..., 2])
    with np.errstate(invalid="ignore"):
        both = (before + after) / 2.0
        similar = np.abs(before[..., 2] - after[..., 2]) < 0.25 * (np.abs(before[..., 2]) + np.abs(after[..., 2]) + 1e-4)
    chosen = np.where(shorter[..., None], before, after)
    chosen = np.where((similar & np.isfinite(both[..., 2]))[..., None], both, chosen)
    return np.where(np.isfinite(chosen), chosen, 0.0)
