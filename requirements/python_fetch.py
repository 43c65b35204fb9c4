# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches a Python for the server where the system has none that fits: uv from the package index, and by it the Python.

Standard library only, Python 3.11 or newer.
"""

from __future__ import annotations

import os
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import web
from environments import LOCKS, StudioError
from gpus import read_machine
from pythons import WINDOWS, find_python
from server_environment import meaning, run_program
from setup_folders import Home, Told, remove_tree
from simple_index import PYPI, Settings, listed
from wheel_download import File, fetch_all

DATA = LOCKS / "uv.toml"
BY_HAND = "install Python 3.12 from python.org and start this again"

LITTER = (".lock", ".temp", ".gitignore")
"""What uv leaves beside its Pythons."""


def fetch_python(home: Home, told: Told) -> list[str]:
    """The command of a Python that was fetched into the user's folder.

    Raises:
        StudioError: uv or the Python cannot be had.
        Stopped: the user has stopped it.
    """
    data = tomllib.loads(DATA.read_text("utf-8"))
    uv = fetch_uv(home, told)
    told.phase("downloading Python", note=f"Python {data['python']}")
    home.pythons.mkdir(parents=True, exist_ok=True)
    command = [str(uv), "python", "install", data["python"], "--install-dir", str(home.pythons), "--no-bin", "--no-config"]
    if WINDOWS:
        command.append("--no-registry")
    cache = home.setup / "uv-cache"
    code, last = run_program(command, told, told.note, UV_CACHE_DIR=str(cache), UV_PYTHON_DOWNLOADS="automatic")
    found = find_python((data["python"],), own=False, more=home.pythons)
    if code != 0 or found is None:
        why = last.strip().removeprefix("Caused by: ") or "uv does not say why"
        if local := meaning(why):
            raise StudioError(f"Python could not be installed: {local}, and start this again.")
        raise StudioError(f"Python could not be downloaded ({why}): check the network connection, or {BY_HAND}.")
    uv.unlink(missing_ok=True)
    for folder in (home.setup / "uv", cache):
        remove_tree(folder)
    return found


def remove_pythons(home: Home) -> None:
    """Delete the Pythons that were fetched, and their folder where nothing else is in it. Raises StudioError."""
    for folder in home.pythons.glob("cpython-*"):
        remove_tree(folder)
    if any(path.name not in LITTER for path in home.pythons.glob("*")):
        return
    if home.pythons.exists():
        remove_tree(home.pythons)


def fetch_uv(home: Home, told: Told) -> Path:
    """uv's program, from its wheel with the hash that uv.toml gives. Raises StudioError, Stopped."""
    machine = read_machine()
    entry = tomllib.loads(DATA.read_text("utf-8")).get(f"{machine.system}-{machine.machine}")
    if entry is None:
        raise StudioError(f"No Python 3.11, 3.12 or 3.13 was found, and none can be fetched for this computer: {BY_HAND}.")
    index = os.environ.get("PIP_INDEX_URL") or PYPI
    indexes = (index, *os.environ.get("PIP_EXTRA_INDEX_URL", "").split())
    try:
        wheels = [wheel for wheel in listed("uv", Settings(indexes)) if wheel.file == entry["file"]]
    except OSError as error:
        raise StudioError(web.explain(error, index)) from error
    if not wheels:
        raise StudioError(f"No Python 3.11, 3.12 or 3.13 was found, and the package index has no {entry['file']}: {BY_HAND}.")
    folder = home.setup / "uv"
    fetch_all([File(entry["file"], wheels[0].url, entry["sha256"], wheels[0].size)], folder, told, "downloading uv")
    program = home.setup / ("uv.exe" if WINDOWS else "uv-program")
    with zipfile.ZipFile(folder / entry["file"]) as wheel:
        (inside,) = [name for name in wheel.namelist() if PurePosixPath(name).name in ("uv", "uv.exe")]
        program.write_bytes(wheel.read(inside))
    program.chmod(0o755)
    return program
