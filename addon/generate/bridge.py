# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the bridge process: ``python bridge.py``, with one JSON object on standard input (see link.py).

Blender's Python is started with ``-I``, under which ``-m`` finds neither an extension nor a checkout. So this file, started by
its path, makes the package importable under its own name from where it lies, without a change to any path that others use.
"""

import importlib
import importlib.util
import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

PACKAGE = "pose_to_anime"


def load_package() -> None:
    """Make ``import pose_to_anime`` give the package that this file belongs to, whatever its folder is called."""
    here = Path(__file__).absolute().parent
    # Started without -I, Python puts this folder first, and its modules would hide others of the same names.
    sys.path[:] = [path for path in sys.path if not path or Path(path) != here]
    root = here.parents[1]
    spec = importlib.util.spec_from_file_location(PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def run(first: dict[str, Any]) -> None:
    """The bridge's life. ``first`` is what link.py writes to its standard input."""
    relay = importlib.import_module(f"{PACKAGE}.addon.generate.relay")
    folder = Path(first["folder"])
    try:
        with socket.create_connection(("127.0.0.1", int(first["port"])), 10.0) as blender:
            blender.sendall(str(first["secret"]).encode("ascii") + b"\n")
            blender.settimeout(30.0)  # a Blender that reads nothing for so long is computing; one that is gone is noticed at once
            relay.Relay(blender, folder, first["settings"]).run()
    finally:
        sys.stdout.flush()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    first = json.loads(sys.stdin.buffer.read())
    load_package()
    run(first)
