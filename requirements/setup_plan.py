# SPDX-License-Identifier: GPL-3.0-or-later
"""What a set-up would do, before it does anything: which Python, which PyTorch, how much, how long. Asks no network.

Standard library only, Python 3.11 or newer.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch_builds
from environments import ENVIRONMENTS, LOCKS, StudioError, in_gb, lock_hash, packages_in, python_in
from gpus import Machine, read_machine
from pythons import PROBE, find_python
from setup_folders import SHORTER, Home

SIZES = LOCKS / "server_sizes.toml"
SPEED = 50e6 / 8
"""Bytes a second of the estimate: 50 Mbit/s."""
LONGEST_PATH = 260
"""Characters of a path on Windows with its end (MAX_PATH)."""
INSTALLING = 40e6
"""Bytes a second that unpacking and compiling takes on an ordinary disk, with its virus scanner."""


@dataclass(frozen=True)
class Amount:
    """How much there is to fetch, and what it takes on the disk in the end."""

    packages: int = 0
    download: int = 0
    disk: int = 0


def amount(machine: Machine, choice: torch_builds.Choice) -> Amount:
    """What a whole environment weighs here."""
    data = tomllib.loads(SIZES.read_text("utf-8"))
    table = data.get(f"{machine.system}-{machine.machine}")
    if table is None:
        return Amount()
    if not choice.index:
        parts = [table["others"], table["torch"]]
    else:
        parts = [table["others"], data["builds"][choice.build][machine.system]]
    return Amount(*(sum(part[key] for part in parts) for key in ("packages", "download", "disk")))


def about(machine: Machine, choice: torch_builds.Choice) -> str:
    """The size of a build of PyTorch's own index in words, rounded as its data is."""
    builds = tomllib.loads(SIZES.read_text("utf-8"))["builds"]
    return f"about {in_gb(builds[choice.build][machine.system]['download'])}"


def python_for_server(home: Home) -> tuple[list[str] | None, str]:
    """The command of a Python for the server, and its version ("3.12"); (None, "") where one has to be fetched first.

    Never the Python that runs this: it is Blender's, and goes with the Blender that it belongs to.
    """
    versions = ENVIRONMENTS["server"][0][1]
    for version in versions:
        command = find_python((version,), own=False, more=home.pythons)
        if command is not None:
            return command, version
    return None, ""


def state_of(home: Home, build: str = "") -> str:
    """missing, partial (something was cut off), ready, outdated (the lock or the GPU asks for others), broken."""
    state = home.read_state()
    python = python_in(home.environment)
    if not state:
        return "partial" if home.environment.exists() or home.wheels.exists() else "missing"
    if state.get("damaged") or not python.exists() or version_of(python) == "" or missing_packages(home, state):
        return "broken"
    if state.get("lock") != lock_hash("server") or (build not in ("", "cpu") and state.get("torch") != build):
        return "outdated"
    return "ready"


def missing_packages(home: Home, state: dict[str, Any]) -> list[str]:
    """Which of the packages that were installed have lost the list of their files."""
    try:
        packages = packages_in(home.environment)
    except ValueError:
        return list(state["packages"])
    return [name for name, folder in state["packages"].items() if not (packages / folder / "RECORD").is_file()]


def version_of(python: Path) -> str:
    """The version of a Python that starts, "3.12"; empty where it does not."""
    try:
        answer = subprocess.run([str(python), "-I", "-c", PROBE], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    words = answer.stdout.decode("utf-8", "replace").split()
    return words[0] if answer.returncode == 0 and words else ""


def gpu_words(machine: Machine) -> str:
    """The GPU that counts, by its name."""
    cards = sorted(machine.gpus, key=lambda gpu: torch_builds.ORDER.index(gpu.vendor))
    return cards[0].name if cards else "none"


def free_bytes(folder: Path) -> int:
    """Free space where a folder is or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def fetched_bytes(home: Home) -> int:
    """What of the wheels is there already, whole or in part."""
    return sum(file.stat().st_size for file in home.wheels.glob("*")) if home.wheels.is_dir() else 0


def needed_bytes(home: Home, least: int) -> int:
    """What a whole set-up takes here at most, downloads included; ``least`` where that is not known."""
    machine = read_machine()
    try:
        choice = torch_builds.choose(machine, *torch_builds.read_builds())
    except torch_builds.NoBuild:
        return least
    much = amount(machine, choice)
    return max(much.download - fetched_bytes(home) + much.disk, least)


def plan(home: Home) -> dict[str, Any]:
    """The plan as JSON; ``server_setup.py`` says what its fields mean."""
    machine = read_machine()
    told: dict[str, Any] = {
        "state": "missing",
        "folder": str(home.environment),
        "python": {"command": None, "version": ENVIRONMENTS["server"][0][1][1], "how": "uv"},
        "gpu": gpu_words(machine),
        "torch": "",
        "why_cpu": "",
        "download_bytes": 0,
        "disk_bytes": 0,
        "needed_bytes": 0,
        "free_bytes": 0,
        "minutes": 0,
        "speed": "50 Mbit/s",
        "packages": 0,
        "error": "",
    }
    try:
        told["free_bytes"] = free_bytes(home.folder)
        choice = torch_builds.choose(machine, *torch_builds.read_builds(), again=torch_builds.REPAIR_IN_BLENDER)
        told["state"] = state_of(home, choice.build)
        much = amount(machine, choice)
        told["torch"] = choice.sentence if not choice.index else f"{choice.sentence}: {about(machine, choice)}."
        told["why_cpu"] = choice.why_cpu
        told["error"] = path_too_long(home, machine.system)
        if not much.packages:
            raise StudioError(
                f"The generation server's packages are not made for {machine.system.capitalize()} on {machine.machine}: run it "
                "on another computer and connect to that in the Preferences."
            )
        command, version = python_for_server(home)
        if command is not None:
            told["python"] = {"command": command, "version": version, "how": "system"}
        told.update(disk_bytes=much.disk, packages=much.packages)
        if told["state"] != "ready":  # of what is outdated or broken it may be less
            left = max(much.download - fetched_bytes(home), 0)
            told.update(download_bytes=left, needed_bytes=left + much.disk)
            told["minutes"] = math.ceil((left / SPEED + much.disk / INSTALLING) / 60)
        if told["state"] not in ("ready", "outdated", "broken") and told["free_bytes"] < told["needed_bytes"]:
            told["error"] = no_room(home, told["needed_bytes"], told["free_bytes"])
    except (StudioError, torch_builds.NoBuild) as error:
        told["error"] = str(error)
    except OSError as error:
        told["error"] = f"The plan could not be made ({error.strerror or error}): look at {home.folder} and start this again."
    return told


def path_too_long(home: Home, system: str) -> str:
    """What to do where Windows will not take the longest path of a package; empty elsewhere."""
    if system != "windows" or long_paths():
        return ""
    longest = tomllib.loads(SIZES.read_text("utf-8"))["windows-x86_64"]["longest"]
    length = len(str(home.environment)) + len("\\Lib\\site-packages\\") + longest
    if length < LONGEST_PATH:
        return ""
    return (
        f"The folder {home.folder} is {length - LONGEST_PATH + 1} characters too long for what is installed in it: "
        f"switch Windows' long paths on (aka.ms/longpaths), or {SHORTER}."
    )


def long_paths() -> bool:
    """Whether this Windows takes paths of more than 260 characters."""
    try:
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:  # type: ignore
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])  # type: ignore
    except (ImportError, OSError):
        return False


def no_room(home: Home, needed: int, free: int) -> str:
    return (
        f"The disk of {home.folder} has {in_gb(free)} free and the set-up needs {in_gb(needed)}: make room, or "
        "set the environment variable POSE_TO_ANIME_HOME to a folder on a larger disk before Blender starts."
    )
