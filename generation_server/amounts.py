# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts of bytes as a person reads them, in the add-on and on the server. Standard library only.

Files, downloads and disks in GB and MB, of 10⁹ and 10⁶ bytes, as hubs, disks and file managers count. Memory of GPUs, and what a
user limits in GiB, in GiB and MiB, of 2³⁰ and 2²⁰ bytes: a GPU that is sold with "12 GB" has 12 GiB, and counts them so.
"""

from __future__ import annotations

GIB = 1024**3


def in_gb(size: float) -> str:
    """Bytes of files, downloads and disks."""
    if round(size / 1e6) < 1000:
        return f"{size / 1e6:.1f} MB" if size < 1e7 else f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB"


def in_gib(size: float) -> str:
    """Bytes of a GPU's memory, or beside a setting in GiB."""
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / 1024**2:.1f} MiB"
