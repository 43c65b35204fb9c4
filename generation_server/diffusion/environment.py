# SPDX-License-Identifier: GPL-3.0-or-later
"""What must stand in a process's environment before torch, diffusers and tokenizers are imported. Imports none of them."""

from __future__ import annotations

import os

VARIABLES = {
    # Threads that wait for work sleep instead of spinning. Blender and the server share the processor: where all cores are busy,
    # spinning threads hold up those they wait for, and a picture takes ten times as long.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Code that comes with a model is never run.
    "DIFFUSERS_DISABLE_REMOTE_CODE": "true",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def prepare() -> None:
    """Sets them, where the user has not chosen otherwise; remote code is not a matter of choice."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] = "true"
