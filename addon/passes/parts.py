# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a picture: each material of each surface has a number of its own, so that lines can be drawn between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .buffers import PART_BITS
from .geometry import Surface
from .view import View


@dataclass(frozen=True, eq=False)
class Part:
    """Those triangles of a surface that have one material; ``material`` None means all of them. ``number`` is as in
    ``Buffers.parts``."""

    number: int
    surface: Surface
    material: int | None

    @property
    def chosen(self) -> NDArray[np.bool_]:
        """Which triangles (t,) of the surface belong to the part."""
        if self.material is None or self.surface.materials is None:
            return np.ones(len(self.surface.triangles), dtype=bool)
        return self.surface.materials == self.material


def parts_of(surfaces: Sequence[Surface]) -> list[Part]:
    """The parts of detailed surfaces, in their order. Of a figure with more than 255, far ones share their numbers."""
    found: list[Part] = []
    counts: dict[int, int] = {}
    for surface in surfaces:
        assert surface.materials is not None
        slots = np.flatnonzero(np.bincount(surface.materials)).tolist()
        for slot in slots:
            count = counts[surface.figure] = counts.get(surface.figure, 0) + 1
            number = (surface.figure << PART_BITS) + (count - 1) % (2**PART_BITS - 1) + 1
            found.append(Part(number, surface, slot if len(slots) > 1 else None))
    return found


def normals_in_camera(surface: Surface, view: View) -> NDArray[np.float32]:
    """The normals of a detailed surface, shaped as they are, in the camera's axes; of any length.

    By the inverse transpose, so that they stay upright on a surface that is stretched or mirrored. As cofactors, which there are
    of a surface that is scaled to nothing along an axis, too.
    """
    assert surface.normals is not None
    x, y, z = (view.to_camera @ surface.to_world)[:3, :3].T
    cofactors = np.stack((np.cross(y, z), np.cross(z, x), np.cross(x, y)), axis=1)
    if x @ cofactors[:, 0] < 0.0:
        cofactors = -cofactors
    size = np.abs(cofactors).max()  # so that small figures do not vanish in the rounding of lengths
    turn = (cofactors / size if size > 0.0 else cofactors).astype(np.float32)
    normals = surface.normals
    result = np.empty_like(normals)
    for axis, (a, b, c) in enumerate(turn):
        result[..., axis] = a * normals[..., 0] + b * normals[..., 1] + c * normals[..., 2]
    return result
