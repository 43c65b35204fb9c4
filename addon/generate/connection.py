# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server is meant, and whether Blender's user lets us talk to it."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import bpy

from ..errors import UserError
from ..preferences import preferences


def may_connect(url: str) -> None:
    """Check that ``url`` may be talked to: this computer always (on the user's click), others with online access alone.

    Raises:
        UserError: the address is none, or Blender is offline.
    """
    parts = urlsplit(url)
    try:
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in ("http", "https") or not host:
        raise UserError(f"'{url}' is not an address of a server: write it like http://127.0.0.1:8471 in the Preferences.")
    if is_loopback(host) or bpy.app.online_access:
        return
    if bpy.app.online_access_override:
        raise UserError(f"Blender was started offline, so that {host} may not be reached: start it without --offline-mode.")
    raise UserError(f"{host} is another computer: switch on Preferences ▸ System ▸ Allow Online Access to reach it.")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bridge_settings() -> dict[str, Any]:
    """What the bridge needs to find the server. Raises UserError as ``may_connect`` does."""
    prefs = preferences()
    url = prefs.server_url.strip() if prefs else ""
    if url:
        may_connect(url)
    return {
        "url": url,
        "token": prefs.server_token.strip() if prefs else "",
        "server_dir": bpy.path.abspath(prefs.server_dir) if prefs and prefs.server_dir else "",
    }


def may_start_server() -> bool:
    """Whether Generate may start a server where none runs."""
    prefs = preferences()
    return bool(prefs is None or prefs.start_with_generate)
