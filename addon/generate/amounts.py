# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of pictures as a person reads them; bytes: ``generation_server/amounts.py``. No bpy."""

from __future__ import annotations


def pictures(count: int) -> str:
    """A number of pictures."""
    return "1 picture" if count == 1 else f"{count} pictures"
