# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user can choose about control images. Runs without bpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .depth import Range

if TYPE_CHECKING:
    import bpy


@dataclass(frozen=True)
class PassOptions:
    """How passes are made; the defaults are those of the scene settings.

    ``depth_floor`` 0 to 255 is the value of the farthest figure pixel, ``depth_gamma`` above 1 darkens the middle;
    ``depth_range`` fixes both ends of depth in metres, for sequences; ``keep_outside`` keeps keypoints outside the picture, so
    that limbs which leave it are drawn up to its edge; ``hide_occluded`` leaves out those that are behind something
    (``skeleton.person_of``). ``hands`` and ``face`` draw those that the ControlNet knows. ``buffers`` is "gpu", "cycles", or
    "auto": the GPU where there is one.
    """

    depth_floor: int = 40
    depth_gamma: float = 1.0
    keep_outside: bool = False
    buffers: str = "auto"
    depth_range: Range | None = None
    hide_occluded: bool = False
    hands: bool = True
    face: bool = True

    @classmethod
    def of(cls, scene: bpy.types.Scene) -> PassOptions:
        """What the user chose in this scene."""
        settings = getattr(getattr(scene, "pose_to_anime", None), "passes", None)
        if settings is None:  # the package is used without being enabled as an extension
            return cls()
        fixed = (settings.depth_near, settings.depth_far) if settings.depth_is_fixed else None
        return cls(
            settings.depth_floor,
            settings.depth_gamma,
            settings.keep_outside,
            depth_range=fixed,
            hide_occluded=settings.hide_occluded,
            hands=settings.hands,
            face=settings.face,
        )
