# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server is meant, and whether Blender's user lets us talk to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...generation_server.address import Address, AddressError, read_address
from ...generation_server.protocol import default_server_dir
from ..errors import UserError
from ..preferences import preferences


def chosen_server() -> Address | None:
    """The server that the Preferences name, None for the one on this computer. Raises UserError where they name none."""
    prefs = preferences()
    if prefs is None or not prefs.server_url.strip():
        return None
    try:
        return read_address(prefs.server_url, prefs.server_token, prefs.server_fingerprint)
    except AddressError as error:
        raise UserError(str(error)) from None


def may_connect(address: Address) -> None:
    """Check that a server may be talked to: this computer's always (on the user's click), others with online access alone.

    Raises:
        UserError: Blender is offline.
    """
    if address.is_here or bpy.app.online_access:
        return
    if bpy.app.online_access_override:
        raise UserError(
            f"Blender was started offline, so that {address.host} may not be reached: start it without --offline-mode."
        )
    raise UserError(f"{address.host} is another computer: switch on Preferences ▸ System ▸ Allow Online Access to reach it.")


def bridge_settings() -> dict[str, Any]:
    """What the bridge needs to find the server. Raises UserError as ``chosen_server`` and ``may_connect`` do."""
    server = chosen_server()
    if server is not None:
        may_connect(server)
    return {
        "url": server.url if server else "",
        "token": server.token if server else "",
        "fingerprint": server.fingerprint if server else "",
        "server_dir": str(server_dir()),
    }


def server_dir() -> Path:
    """Where the server of this computer keeps its token, jobs and results."""
    prefs = preferences()
    return Path(bpy.path.abspath(prefs.server_dir)) if prefs is not None and prefs.server_dir else default_server_dir()


def may_start_server() -> bool:
    """Whether Generate may start a server where none runs."""
    prefs = preferences()
    return bool(prefs is None or prefs.start_with_generate)


def start_with_blender() -> bool:
    """Whether the server of this computer shall start as soon as Blender does; one on another computer is not ours to start."""
    prefs = preferences()
    return prefs is not None and bool(prefs.start_with_blender) and not prefs.server_url.strip()
