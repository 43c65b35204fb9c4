# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worked out once for a skin, and kept as long as that: a figure changes clothes more often than its body. No bpy."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TypeVar

from ..armature.skin.build import Skin

Made = TypeVar("Made")


def once_per_skin(make: Callable[[Skin], Made]) -> Callable[[Skin], Made]:
    """The function, which works out its result for a skin only once. What it returns must not hold on to the skin, nor be
    changed."""
    kept: dict[int, Made] = {}

    @functools.wraps(make)
    def found(skin: Skin) -> Made:
        key = id(skin)
        if key not in kept:
            kept[key] = make(skin)
            weakref.finalize(skin, kept.pop, key, None)
        return kept[key]

    return found
