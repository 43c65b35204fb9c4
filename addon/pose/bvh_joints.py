# SPDX-License-Identifier: GPL-3.0-or-later
"""Which joint of a motion capture skeleton is which joint of the humanoid: by the names that programs give, else by structure."""

from __future__ import annotations

import numpy as np

from .body_plan import joints_by_build
from .bvh import BvhError, Take
from .joint_words import NEEDED, add_fingers, joints_by_words
from .skeleton import Skeleton


def humanoid_joints(take: Take) -> dict[str, int]:
    """Humanoid joint → number of the joint in the file. Raises BvhError where no human body can be seen in the skeleton."""
    bones = skeleton_of(take)
    for find in (joints_by_words, joints_by_build):
        found = find(bones)
        if set(NEEDED) <= set(found):
            add_fingers(bones, found)
            return found
    raise BvhError(f"{take.source} has a skeleton in which no person is seen: it needs hips, a head, two arms and two legs.")


def skeleton_of(take: Take) -> Skeleton:
    """The skeleton of a file as it rests, in the file's lengths and axes."""
    heads = take.rest_places()
    ends = [joint.end if joint.end is not None else np.full(3, np.nan) for joint in take.joints]
    return Skeleton(
        tuple(joint.name for joint in take.joints),
        tuple(joint.parent for joint in take.joints),
        heads,
        heads + np.array(ends).reshape(-1, 3),
    )
