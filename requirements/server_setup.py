# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes, checks, mends, updates and removes the generation server's environment of one user, for who has only the extension.

  python -I server_setup.py COMMAND [--home DIR] [--server-dir DIR]… [--until-input-closes]

  plan       what would be installed, as one JSON object; asks no network and changes nothing
  install    makes the environment, or goes on where an earlier one was cut off
  verify     checks that every installed file is as it came, and that PyTorch and diffusers start
  repair     installs again what verify finds damaged
  update     moves the environment to the packages of this version of the extension
  remove     deletes the environment and what the set-up fetched; never models, pictures or the history

What changes files first waits some seconds for the server to end, where one runs on them that was told to.

Blender starts it with its own Python, as a process of its own, and that Python is left as it is: standard library only, 3.11 or
newer. What ``plan`` prints: ``state`` (missing, partial, ready, outdated, broken), ``folder``, ``python`` (``command`` or null,
``version``, ``how``: system or uv), ``gpu``, ``torch`` and ``why_cpu`` (sentences), ``download_bytes``, ``disk_bytes`` (in the
end), ``needed_bytes`` (at most, meanwhile), ``free_bytes``, ``minutes`` at ``speed``, ``packages``, ``error`` (a sentence, or
empty).

The others tell what they do in HOME/server-setup/status.json (``setup_folders.Status``), in words in setup.log there, and print
the last status in the end. Exit code 0 where all was done, 2 otherwise. A file HOME/server-setup/cancel stops them, and so do
SIGTERM and, with --until-input-closes, the end of standard input; the next install goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # an extension's folder is not for caches
HERE = Path(__file__).absolute().parent
if str(HERE) not in sys.path:  # under -I it is not
    sys.path.insert(0, str(HERE))

COMMANDS = ("plan", "install", "verify", "repair", "update", "remove")


def usual_home() -> Path:
    """The folder that Blender and the server use for this user."""
    sys.path.append(str(HERE.parent))
    from generation_server.protocol import user_data_dir

    return user_data_dir()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="server_setup.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--home", type=Path, metavar="DIR", help="the user's folder (default: that of Blender and the server)")
    words = "where a server may run that is to end first, may be given again (default: HOME/server)"
    parser.add_argument("--server-dir", type=Path, metavar="DIR", action="append", default=[], help=words)
    parser.add_argument("--until-input-closes", action="store_true", help="stop when standard input closes")
    options = parser.parse_args(arguments)
    from setup_folders import Home

    home = Home((options.home or usual_home()).absolute(), tuple(folder.absolute() for folder in options.server_dir))
    if options.command == "plan":
        from setup_plan import plan

        told = plan(home)
    else:
        from setup_commands import work

        told = work(home, options.command, options.until_input_closes)
    print(json.dumps(told))
    return 2 if told["error"] else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # a thread that still reads standard input must not hold it
