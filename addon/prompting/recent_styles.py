# SPDX-License-Identifier: GPL-3.0-or-later
"""Which styles the user chose last, in every file: a short list in the user's folder. No bpy."""

from __future__ import annotations

import contextlib
import json

from ...generation_server.protocol import user_data_dir
from ..errors import UserError
from ..pose import own_files

RECENT = 4
"""How many are remembered."""

_FILE = "recent_styles.json"


def recent_styles() -> tuple[str, ...]:
    """Their names, the last one first; none where the file is not there or says something else."""
    try:
        names = json.loads((user_data_dir() / _FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ()
    if not isinstance(names, list):
        return ()
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))[:RECENT]


def note_style(name: str) -> None:
    """A style was chosen. Where that cannot be written, it is not remembered."""
    names = dict.fromkeys((name, *recent_styles()))
    with contextlib.suppress(UserError, OSError):
        own_files.write_file(user_data_dir() / _FILE, f"{json.dumps(list(names)[:RECENT])}\n".encode(), UserError)
