# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of contents of a safetensors file, read without its weights. Standard library only."""

from __future__ import annotations

import json
import struct
from pathlib import Path

_LONGEST = 100 * 1024**2
"""Bytes; the format's own limit for a header (safetensors documentation)."""


class HeaderError(ValueError):
    """The file is cut off or no safetensors file; the text says which, to be put into a sentence."""


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Every tensor's shape by name. Raises HeaderError, also when the file's length is not what its header asks for."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 0 < length <= min(_LONGEST, size - 8):
                raise HeaderError("it is cut off, or no safetensors file")
            header = json.loads(file.read(length))
        tensors = {name: data for name, data in header.items() if name != "__metadata__"}
        shapes = {name: tuple(int(side) for side in data["shape"]) for name, data in tensors.items()}
        end = max((int(data["data_offsets"][1]) for data in tensors.values()), default=0)
    except OSError as error:
        raise HeaderError(f"it cannot be read: {error.strerror}") from error
    except HeaderError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise HeaderError("its table of contents cannot be read") from None
    if not shapes:
        raise HeaderError("it has no weights")
    if size != 8 + length + end:
        raise HeaderError(f"it has {size} bytes where {8 + length + end} are due")
    return shapes


def metadata(path: Path) -> dict[str, str]:
    """What its maker wrote into the header, by key; nothing where there is none or it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            said = json.loads(file.read(length)).get("__metadata__") if 0 < length <= _LONGEST else None
    except (OSError, ValueError, AttributeError):
        return {}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}
