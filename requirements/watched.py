# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module or a program, and ends when standard input closes: so no pip is left at work when its set-up was killed.

python -I watched.py -m MODULE [arguments]
python -I watched.py PROGRAM [arguments]
"""

from __future__ import annotations

import os
import runpy
import sys
import threading


def watch() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=watch, daemon=True).start()
    if sys.argv[1] == "-m":
        del sys.argv[:2]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        del sys.argv[0]
        sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
        sys.dont_write_bytecode = True
        runpy.run_path(sys.argv[0], run_name="__main__")
