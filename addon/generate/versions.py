# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of another version than this add-on: one that ran on through an update, or another computer's. No bpy."""

from __future__ import annotations

from ...generation_server.protocol import Health
from ..package import version


def other_version(health: Health | None, elsewhere: str) -> str:
    """What to do about it; it may work all the same. Empty where they are one. ``elsewhere``: empty for this computer's."""
    ours = version()
    if health is None or health.version == ours:
        return ""
    if elsewhere:
        return f"The server is of version {health.version}, and the extension of {ours}: update the older one."
    return f"The server that runs is of version {health.version}, and the extension of {ours}: press Restart in the Preferences."
