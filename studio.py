#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose to Anime: makes the environments that a command needs, then runs it.

  python3 studio.py COMMAND [arguments]        (Windows: py studio.py COMMAND [arguments])

  demo       pose a figure, render its control images, generate a picture, write all of it with a sheet
  passes     control images and pose.json of a posed figure
  generate   the same, then a picture from prompt and model
  draw       OpenPose JSON drawn as ControlNet images
  poses      the pose library: a list, or a contact sheet
  mannequins the bodies: a list, or a contact sheet
  hands      the hand shapes: a list, or a contact sheet
  styles     the looks of pictures: a list, or one pose painted in each
  serve      the generation server
  models     the models that are known, here, missing
  test       every test (pytest arguments go on to pytest)
  build      dist/pose_to_anime-VERSION.zip, the Blender extension

Every command explains itself with --help. Examples:

  python3 studio.py demo --out demo
  python3 studio.py passes --figure adult_woman --pose running --ratio 2:3 --out passes
  python3 studio.py serve --port 9000
  python3 studio.py test tests/server -k cancel
  python3 studio.py build

The first use makes .venv/blender (Blender as a Python module, 1 GB) or .venv/server (torch and diffusers, up to 7 GB) from the
locked versions in requirements/. A half-made environment is mended at the next start.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

if sys.version_info < (3, 8):
    sys.exit("studio.py needs Python 3.8 or newer to start; this is " + sys.version.split()[0] + ".")

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "requirements"))

from environments import (  # noqa: E402
    FINDER,
    VENVS,
    WINDOWS,
    StudioError,
    find_python,
    is_ready,
    prepare,
    run_logged,
    say,
    site_packages,
)

IN_BLENDER = ("demo", "passes", "generate", "draw", "poses", "mannequins", "hands", "styles")
ON_SERVER = ("serve", "models")
NEEDS_BOTH = ("demo", "generate")
# What lies at the top of the extension's zip, and nothing else.
EXTENSION = {"__init__.py", "blender_manifest.toml", "LICENSE", "README.md", "addon", "generation_server", "requirements", "rigs"}


def forward(command: str, arguments: list) -> int:
    """Run a command of the add-on's or the server's own command line."""
    name, module = ("blender", "addon.cli") if command in IN_BLENDER else ("server", "generation_server")
    program = [f"pose_to_anime.{module}", command, *arguments]
    if {"-h", "--help"} & set(arguments) and not is_ready(name):
        return explain(program)
    environment = dict(os.environ)
    if command in NEEDS_BOTH or (command == "styles" and "--sheet" in arguments):
        environment["POSE_TO_ANIME_SERVER_PYTHON"] = str(prepare("server"))
    start = [str(prepare(name)), "-P", "-m", *program]  # -P: what lies in the current folder is not for us
    if not WINDOWS:
        os.execve(start[0], start, environment)  # so that signals reach the command itself
    child = subprocess.Popen(start, env=environment)
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # the console has sent it to the child too, which ends in its own way
            return child.wait()


def explain(program: list) -> int:
    """--help of a command whose environment is not there yet: any Python that can read the code will do."""
    python = find_python(("3.11", "3.12", "3.13"))
    if python is None:
        raise StudioError("Python 3.11 or newer is needed: install it from python.org and start this again.")
    code = FINDER.format(root=str(ROOT)) + f"import runpy\nrunpy.run_module({program[0]!r}, run_name='__main__', alter_sys=True)"
    return subprocess.call([*python, "-c", code, *program[1:]])


def build(arguments: list) -> int:
    """dist/pose_to_anime-VERSION.zip, made by Blender's own builder and checked by its own validator."""
    parser = argparse.ArgumentParser(prog="studio.py build", description=build.__doc__, epilog="example: studio.py build")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="folder for the zip (default: dist)")
    out = parser.parse_args(arguments).out.resolve()
    python, log = str(prepare("blender")), VENVS / "build.log"
    (builder,) = site_packages("blender").glob("bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(out)) as folder:
        command = [python, str(builder), "build", "--source-dir", str(ROOT), "--output-dir", folder]
        run_logged(command, log, "The build failed")
        (made,) = Path(folder).glob("*.zip")
        run_logged([python, str(builder), "validate", str(made)], log, "Blender's validator refuses the zip")
        refuse_strangers(made)
        os.replace(str(made), str(out / made.name))
    print(out / made.name)
    return 0


def refuse_strangers(made: Path) -> None:
    """A folder that somebody keeps in the checkout must not travel to every user."""
    with zipfile.ZipFile(str(made)) as archive:
        strangers = sorted({name.split("/")[0] for name in archive.namelist()} - EXTENSION)
    if strangers:
        raise StudioError(
            f"Not built: {', '.join(strangers)} would be in the zip and is no part of the extension. Move it out of this folder, "
            "or add it to paths_exclude_pattern in blender_manifest.toml."
        )


def test(arguments: list) -> int:
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import suites

    return suites.run(arguments)


def main(arguments: list) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__)
        return 0 if arguments else 2
    command, rest = arguments[0], arguments[1:]
    if command in IN_BLENDER + ON_SERVER:
        return forward(command, rest)
    if command in ("build", "test"):
        return {"build": build, "test": test}[command](rest)
    raise StudioError(f"There is no command '{command}': use one of {', '.join(IN_BLENDER + ON_SERVER)}, test, build.")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StudioError as error:
        say(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        say("Interrupted. Start the same command again to go on.")
        sys.exit(130)
