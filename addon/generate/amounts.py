# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts as a person reads them. GB are 10⁹ bytes, as hubs and disks count; only beside a setting in GiB it is GiB. No bpy."""

from __future__ import annotations


def in_words(size: float) -> str:
    """A number of bytes."""
    if round(size / 1e6) < 1000:
        return f"{size / 1e6:.1f} MB" if size < 1e7 else f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB"


def in_gib(size: float) -> str:
    """A number of bytes beside a setting in GiB."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 / 10 else f"{size / 2**20:.1f} MiB"


def pictures(count: int) -> str:
    """A number of pictures."""
    return "1 picture" if count == 1 else f"{count} pictures"
