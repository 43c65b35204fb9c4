# SPDX-License-Identifier: GPL-3.0-or-later
"""The one call that says which bone of an artist's armature is which joint."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from ...errors import UserError
from ..joint_map import JointMap
from ..recognition import recognise
from .joints import require_joints


def recognised(obj: bpy.types.Object) -> tuple[JointMap, Mapping[str, str]]:
    """Humanoid joint → deform bone of an armature object, and its eyes (``leftEye``, ``rightEye``) where it has any.

    Raises UserError where no body, or only a part of one, is seen."""
    found = recognise(obj)
    if found.problems:
        raise UserError(found.problems[0])
    require_joints(dict(found.joints), obj.name)
    return dict(found.joints), found.eyes
