# SPDX-License-Identifier: GPL-3.0-or-later
"""Several commands one after another in one process of Blender's Python, as a script that uses them would run them.

usage: python many_commands.py < JSON, a list of argument lists; writes JSON, [exit code, what it said on stderr] of each.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path


def run_commands(python: Path, commands: list[list[str]], root: Path, **environment: str) -> list[tuple[int, str]]:
    """Exit code and stderr of each command; Blender must live through them all."""
    done = subprocess.run(
        [str(python), __file__],
        input=json.dumps(commands),
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return [(code, said) for code, said in json.loads(done.stdout.splitlines()[-1])]


def main() -> None:
    from pose_to_anime.addon import cli

    told = []
    for arguments in json.load(sys.stdin):
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            code = cli.main(arguments)
        told.append([code, errors.getvalue()])
    print(json.dumps(told), flush=True)
    os._exit(0)  # as cli does


if __name__ == "__main__":
    main()
