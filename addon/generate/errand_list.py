# SPDX-License-Identifier: GPL-3.0-or-later
"""Every errand of the bridge by the name under which Blender asks for it. No bpy."""

from __future__ import annotations

from collections.abc import Callable

from . import model_errands, pose_errands, server_results
from .errand_runner import Errand

ERRANDS: dict[str, Callable[..., Errand]] = {
    "fetch_results": server_results.fetch_results,
    "server_settings": server_results.server_settings,
    "list_models": model_errands.list_models,
    "download_size": model_errands.download_size,
    "download_model": model_errands.download_model,
    "import_model": model_errands.import_model,
    "find_poses": pose_errands.find_poses,
}
