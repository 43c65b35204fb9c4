# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of one user's server: what is in it, making it, filling it with wheels that lie ready, checking it.

Standard library only, Python 3.11 or newer.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import setup_plan
from environments import LOCKS, StudioError, lock_lines, mend, packages_in, python_in, try_lock
from setup_folders import SHORTER, Home, Told, remove_tree
from simple_index import canonical
from torch_builds import Choice
from wheel_download import File, NotGiven

ISOLATED = ("-I", "-X", "utf8")
"""Options of a Python that is to see neither the user's variables nor, on Windows, a code page that lacks letters of a path."""
WATCHED = str(LOCKS / "watched.py")
EMPTY = 64_000_000
"""Bytes that an environment with nothing but pip takes, and some to work with."""
CHECK = """\
import json, torch, diffusers, transformers, fastapi, uvicorn
cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
print(json.dumps({"torch": torch.__version__, "gpu": cuda or mps}))
"""
FATE = {
    "No space left on device": "the disk is full: make room",
    "not enough space on the disk": "the disk is full: make room",
    "Permission denied": "a file of it is in use or may not be written: stop the generation server",
    "Access is denied": "a file of it is in use or may not be written: stop the generation server",
    "WinError 32": "a file of it is in use: stop the generation server",
    "WinError 206": f"a path is too long for Windows: {SHORTER}",
    "Filename too long": f"a path is too long: {SHORTER}",
    "DO NOT MATCH THE HASHES": "a file is not the one that the index promises (its SHA-256 differs): check PIP_INDEX_URL",
}
"""What pip says, and what it means."""
ENDING = 20.0
"""Seconds that a server gets to end."""
C_RUNTIME = "install Microsoft's Visual C++ Redistributable (aka.ms/vs/17/release/vc_redist.x64.exe)"


def run_program(
    command: list[str], told: Told, on_line: Callable[[str], None] | None = None, **variables: str | None
) -> tuple[int, str]:
    """Run a program, whose standard input closes when this process ends; its exit code and last line. All lines go to the log.

    ``variables`` change the environment; None takes one away. Raises Stopped.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "__PYVENV"))}
    for key, value in {"PYTHONUTF8": "1", **variables}.items():
        environment.pop(key, None)
        if value is not None:
            environment[key] = value
    options: dict[str, Any] = {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
    told.check()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, **options
    )
    told.child = process
    last = ""
    assert process.stdin is not None and process.stdout is not None
    with process.stdin, process.stdout:
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            last = line or last
            if on_line is not None:
                on_line(line)
            if on_line is None or not line.startswith("{"):
                told.log(line)
        code = process.wait()
    told.child = None
    told.check()
    return code, last


def installed(home: Home) -> dict[str, tuple[str, str]]:
    """Name → version and dist-info folder of what is wholly there; pip writes a package's RECORD last."""
    try:
        packages = packages_in(home.environment)
    except ValueError:
        return {}
    found = {}
    for record in packages.glob("*.dist-info/RECORD"):
        name, _, version = record.parent.name.removesuffix(".dist-info").partition("-")
        found[canonical(name)] = (version, record.parent.name)
    return found


def make(home: Home, command: list[str], told: Told) -> None:
    """An empty environment with pip. Raises StudioError."""
    if home.environment.exists():
        told.log("the environment cannot be used as it is: it is made again")
        remove_tree(home.environment)
    if (free := setup_plan.free_bytes(home.folder)) < EMPTY:  # venv would not say it
        raise StudioError(setup_plan.no_room(home, setup_plan.needed_bytes(home, EMPTY), free))
    code, last = run_program([*command, *ISOLATED, WATCHED, "-m", "venv", str(home.environment)], told)
    if code != 0:
        raise StudioError(f"Python ({' '.join(command)}) could not make an environment ({last}): see {home.log}.")


def wanted(home: Home, choice: Choice, told: Told) -> tuple[set[str], list[File], dict[str, str]]:
    """What is to be in the environment: all names, the wheels that are still to come, and their pins by name.

    Raises NotGiven where the index has them not, or cannot be asked; StudioError where this computer is at fault.
    """
    pins_of_lock = lock_lines("server", {"index": choice.index, "replaced": choice.replaced})
    there = build_there(home, choice, pins_of_lock)
    request = {
        "pins": pins_of_lock,
        "have": {name: version for name, (version, _) in installed(home).items()},
        "build": [] if there else choice.pins,  # or an index that is away would be in the way of all else
        "index": choice.index,
        "locked": lock_lines("server", {}),
        "replaced": choice.replaced,
    }
    file = home.setup / "request.json"
    file.write_text(json.dumps(request), "utf-8")
    names = set(there)
    files: list[File] = []
    pins: dict[str, str] = {}
    problems: list[str] = []
    settings: dict[str, str] = {}

    def read(line: str) -> None:
        if not line.startswith("{"):
            return
        answer = json.loads(line)
        if "error" in answer:
            problems.append(answer["error"])
            return
        if "proxy" in answer:
            settings.update(answer)
            return
        names.add(answer["name"])
        if answer.get("url") and request["have"].get(answer["name"]) != answer["version"]:
            files.append(File(answer["file"], answer["url"], answer["sha256"], answer["size"], **settings))
            pins[answer["name"]] = answer["version"]
            told.note(f"{answer['name']} {answer['version']}")

    code, last = run_program(
        [str(python_in(home.environment)), *ISOLATED, WATCHED, str(LOCKS / "wheel_index.py"), str(file)], told, read
    )
    file.unlink()
    if problems:
        local = meaning(problems[0])  # pip keeps what it looks at on the disk
        raise (
            StudioError(f"The packages could not be looked up: {local}, and start this again.")
            if local
            else NotGiven(problems[0])
        )
    if code != 0:
        raise StudioError(f"The package index could not be read ({last}): see {home.log}.")
    return names, files, pins


def build_there(home: Home, choice: Choice, pins_of_lock: list[str]) -> set[str]:
    """The packages of a PyTorch from an index of its own, where all of them are installed; else none."""
    state, there = home.read_state(), installed(home)
    if not choice.index or state.get("torch") != choice.build:
        return set()
    own = set(state["packages"]) - {canonical(line.split("==")[0]) for line in pins_of_lock if "==" in line}
    pins = dict(pin.split("==") for pin in choice.pins)
    whole = own <= set(there) and all(there.get(name, ("",))[0] == version for name, version in pins.items())
    return own if whole else set()


def forget(home: Home, names: list[str]) -> None:
    """Have packages count as not installed, so that they are written over."""
    folders = installed(home)
    for name in names:
        if name in folders:
            remove_tree(packages_in(home.environment) / folders[name][1])


def fill(home: Home, files: list[File], pins: dict[str, str], strangers: list[str], told: Told) -> None:
    """Install the wheels that lie ready, and take out what the lock no longer names. Raises StudioError."""
    python = str(python_in(home.environment))
    mend(packages_in(home.environment))
    if strangers:
        told.phase("installing", note="taking out what is no longer needed")
        pip(home, [python, *ISOLATED, WATCHED, "-m", "pip", "uninstall", "--yes", *strangers], told)
    if not pins:
        return
    sizes = {canonical(file.name.split("-")[0]): (home.wheels / file.name).stat().st_size for file in files}
    told.phase("installing", sum(sizes.values()))

    def done() -> int:
        there = installed(home)
        names = [name for name, version in pins.items() if there.get(name, ("",))[0] == version]
        told.note(f"{len(names)} of {len(pins)} packages")
        return sum(sizes[name] for name in names)

    told.watch = done
    listing = home.setup / "install.txt"
    listing.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), "utf-8")
    command = [
        python,
        *ISOLATED,
        WATCHED,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--progress-bar",
        "off",
        "--no-deps",
        "--no-index",
    ]
    # Compiling all modules takes minutes on a slow processor, and most are never used: what is, Python compiles at its first use.
    command += ["--no-compile", "--disable-pip-version-check", "--find-links", str(home.wheels), "-r", str(listing)]
    pip(home, command, told)
    listing.unlink()


def meaning(why: str) -> str:
    """What to do about something that pip says of this computer; empty where it is not known."""
    return next((fate for words, fate in FATE.items() if words in why), "")


def pip(home: Home, command: list[str], told: Told) -> None:
    """Run pip apart from the user's settings, which are for the index alone. Raises StudioError."""
    errors: list[str] = []

    def read(line: str) -> None:
        if line.startswith("ERROR: "):
            errors.append(line.removeprefix("ERROR: ").rstrip("."))

    apart: dict[str, str | None] = {key: None for key in os.environ if key.startswith("PIP_")}
    code, last = run_program(command, told, read, **{**apart, "PIP_CONFIG_FILE": os.devnull})
    if code != 0:
        why = errors[-1] if errors else last
        fate = meaning(why) or f"{why}; see {home.log}"
        raise StudioError(f"The packages could not be installed: {fate}, and start this again.")


def check(home: Home, choice: Choice, told: Told) -> str:
    """Import what the server needs; a warning where the GPU cannot be reached. Raises StudioError."""
    told.phase("checking")
    answers: list[str] = []
    code, last = run_program([str(python_in(home.environment)), *ISOLATED, "-c", CHECK], told, answers.append)
    if code != 0:
        if "WinError 126" in last or "dependencies" in last:
            raise StudioError(f"PyTorch is installed and cannot start: {C_RUNTIME}, and start this again.")
        raise StudioError(f"The packages are installed and cannot start ({last}): choose Repair, and see {home.log}.")
    facts = json.loads([line for line in answers if line.startswith("{")][-1])
    if choice.build != "cpu" and not facts["gpu"]:
        return (
            "PyTorch does not reach the GPU, so that pictures will be made on the processor: restart the computer, or its driver."
        )
    return ""


# ---- Verifying


def damaged(home: Home, told: Told) -> list[str]:
    """Which packages lack a file, or have another than was installed. Reads everything, which takes a minute on a slow disk."""
    packages = packages_in(home.environment)
    state = home.read_state()
    there = installed(home)
    bad = [name for name in state.get("packages", {}) if name not in there]
    records = {name: list(record(packages / folder / "RECORD")) for name, (_, folder) in there.items()}
    told.phase("checking", sum(size for rows in records.values() for _, _, size in rows))
    for name, rows in records.items():
        told.note(name)
        for path, digest, size in rows:
            told.check()
            if not same(packages / path, digest, size):
                told.log(f"{name}: {path} is not as it was installed")
                bad.append(name)
                break
            told.add(size)
    return bad


def record(path: Path) -> Iterator[tuple[str, str, int]]:
    """Path, hash and size of each file in a RECORD that has a hash; compiled files have none."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if len(row) == 3 and row[1].startswith("sha256="):
                yield row[0], row[1].removeprefix("sha256="), int(row[2] or 0)


def same(path: Path, digest: str, size: int) -> bool:
    try:
        if path.stat().st_size != size:
            return False
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == digest


# ---- The server


def refuse_while_it_runs(home: Home, told: Told) -> None:
    """No file is taken from under a server that runs on this environment; one that is just ending is waited for.

    Raises StudioError, Stopped.
    """
    end = time.monotonic() + ENDING
    waits = False
    while any(runs_on(home, folder) for folder in home.server_folders):
        if time.monotonic() > end:
            raise StudioError("The generation server is running from these files: stop it, then start this again.")
        if not waits:
            told.phase("waiting for the generation server to end")
            waits = True
        told.check()
        time.sleep(0.1)


def runs_on(home: Home, folder: Path) -> bool:
    """Whether the server whose own folder this is runs on this environment: it holds its lock until its process ends."""
    try:
        used = Path((folder / "python").read_text("utf-8").strip())
        if used.parent.absolute() != python_in(home.environment).parent.absolute():
            return False
        with (folder / "server.lock").open("r+b") as handle:
            return not try_lock(handle)
    except (OSError, ValueError):
        return False
