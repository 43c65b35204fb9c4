# SPDX-License-Identifier: GPL-3.0-or-later
"""Every errand of the bridge by the name under which Blender asks for it. No bpy."""

from __future__ import annotations

from collections.abc import Callable

from . import server_results
from .errand_runner import Errand

ERRANDS: dict[str, Callable[..., Errand]] = {
    "fetch_results": server_results.fetch_results,
    "server_settings": server_results.server_settings,
}
