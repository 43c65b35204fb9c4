# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every test in the environment that it is for: once with the server's packages, once with each Blender that is wanted.

Standard library only, nothing newer than Python 3.8: ``studio.py test`` imports it with whatever Python there is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environments import ENVIRONMENTS, ROOT, VENVS, StudioError, is_ready, prepare, read_state, say

HELP = """\
usage: studio.py test [pytest arguments]

Runs every test: those of the server, the houses' rules, the installed zip and the windows with the server's packages, those of
the add-on inside Blender. Arguments go on to pytest; paths and test ids choose where to run.

  studio.py test                                  everything
  studio.py test tests/server -k cancel           some
  studio.py test tests/addon/test_posing.py -x    one file, stopping at the first failure

Other Blenders than .venv/blender's (4.2, 4.5, 5.2) take part where their environments exist; POSE_TO_ANIME_REQUIRE, a list
such as bpy-4.2,bpy-4.5,bpy-5.2,window-4.3,window-5.2,server, makes them, and a skip of what it names is a failure.
"""

# pytest, ended without Blender's own farewell: some Blenders crash at exit when a gizmo group is still registered.
RUN_PYTEST = "import os, sys, pytest; code = int(pytest.main()); sys.stdout.flush(); sys.stderr.flush(); os._exit(code)"
NO_TESTS = 5  # pytest's exit code when nothing was collected

COUNTS = ("passed", "failed", "skipped")
TOLD = 10  # failures of a suite whose ends the summary repeats: what one suite says is far above what another prints after it
TOLD_LINES = 30  # of each
PLAIN = "tests/addon/plain"  # needs no Blender: the server's newer numpy and the main Blender's older one are enough
LANES = 2  # suites at once where the processor has the cores; each may take 4 GB of memory
ALONE = {"-s", "--capture=no", "--pdb", "--trace", "-x", "--exitfirst"}  # options that mean one suite after another

_printing = threading.Lock()


def run(arguments: list[str]) -> int:
    """All suites that the arguments touch, then one summary. 0 when every test that ran passed, and at least one ran."""
    if {"-h", "--help"} & set(arguments):
        print(HELP)
        return 0
    required = {name.strip() for name in os.environ.get("POSE_TO_ANIME_REQUIRE", "").split(",") if name.strip()}
    paths = [argument for argument in arguments if is_test_path(argument)]
    options = [argument for argument in arguments if argument not in paths]
    blenders = wanted_blenders(required)  # made first: the installed zip is tested in each of them
    wanted = []
    server_paths = [path for path in paths if not needs_bpy(path)]
    if server_paths or not paths:
        wanted.append(("server", prepare("server", tests=True), server_paths or ["tests"], options))
    addon_paths = [inside for inside in map(addon_part, paths) if inside]
    if addon_paths or not paths:
        for number, (version, python) in enumerate(blenders):
            chosen = addon_paths or ["tests/addon", *([f"--ignore={PLAIN}"] if number else [])]
            wanted.append((f"bpy-{version}", python, chosen, options))
    lanes = 1 if ALONE & set(options) else min(LANES, os.cpu_count() or 1, len(wanted))
    if lanes < 2:
        return summarise([run_suite(*suite) for suite in wanted])
    return summarise(run_beside_others(wanted, lanes))


def run_beside_others(wanted: list[tuple], lanes: int) -> list[dict]:
    """The suites' results in order, ``lanes`` of them at a time. Ctrl-C starts no more of them."""
    stopped = threading.Event()

    def run_one(suite: tuple) -> dict | None:
        return None if stopped.is_set() else run_suite(*suite, beside_others=True)

    with ThreadPoolExecutor(lanes) as pool:
        try:
            return list(pool.map(run_one, wanted))
        except BaseException:
            stopped.set()
            raise


def is_test_path(argument: str) -> bool:
    return not argument.startswith("-") and Path(argument.split("::")[0]).exists()


def needs_bpy(path: str) -> bool:
    file = Path(path.split("::")[0])
    return file.is_file() and 'importorskip("bpy")' in file.read_text("utf-8")


def addon_part(path: str) -> str | None:
    """What of a path is for Blender: itself inside tests/addon, tests/addon for a folder around it."""
    addon, place = ROOT / "tests" / "addon", Path(path.split("::")[0]).resolve()
    if place == addon or addon in place.parents:
        return path
    return "tests/addon" if place in addon.parents else None


def wanted_blenders(required: set[str]) -> list[tuple[str, Path]]:
    """(version, Python) of .venv/blender, of the other Blenders that are required, and of those that are there already."""
    main = prepare("blender", tests=True)
    version = read_state("blender")["lock"].split("-")[1]
    found = [(version, main)]
    for name in ENVIRONMENTS:
        other = name.partition("-")[2]
        if other and other != version and (f"bpy-{other}" in required or is_ready(name)):
            found.append((other, prepare(name, tests=True)))
    return found


def run_suite(name: str, python: Path, paths: list[str], options: list[str], beside_others: bool = False) -> dict:
    """One pytest process. Returns its name, exit code, seconds, counts and what went wrong, as ``read_failures`` gives it.

    ``beside_others``: each line says whose it is.
    """
    report = VENVS / "test-results" / (name + ".xml")
    report.parent.mkdir(exist_ok=True)
    if report.exists():
        report.unlink()
    say(f"\n==== {name}: {python}")
    environment = dict(os.environ, POSE_TO_ANIME_SUITE=name, PYTHONFAULTHANDLER="1")
    command = [
        str(python),
        "-c",
        RUN_PYTEST,
        f"--rootdir={ROOT}",
        f"--config-file={ROOT / 'pyproject.toml'}",
        f"--junitxml={report}",
    ]
    began = time.monotonic()
    paths = [path if path.startswith("-") or Path(path.split("::")[0]).exists() else str(ROOT / path) for path in paths]
    last: deque[str] = deque(maxlen=TOLD_LINES)
    code = call([*command, *options, *paths], environment, f"{name:8}| " if beside_others else "", last)
    counts = read_counts(report)
    if not report.exists() and not any(option.startswith("--junit") for option in options):
        code = code or 1  # something ended the process before pytest was done, however content it looked
    if code == NO_TESTS and not any(counts.values()):
        code = 0
    failures = read_failures(report)
    if code and not counts["failed"]:
        counts["failed"] = 1  # the process itself: a crash, a usage error, an interrupt
        failures = [("what it printed last", list(last))] if last else []
    return {"name": name, "code": code, "seconds": time.monotonic() - began, "failures": failures, **counts}


def call(command: list[str], environment: dict, prefix: str, last: deque[str]) -> int:
    """The command's exit code. With a prefix, each line that it prints is printed whole, behind it, and goes to ``last``."""
    if not prefix:
        return subprocess.call(command, env=environment, stdin=subprocess.DEVNULL)
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=environment, text=True, encoding="utf-8", errors="replace", **pipes) as child:
        for line in child.stdout:
            last.append(line.rstrip("\n"))
            with _printing:
                sys.stdout.write(prefix + line)
                sys.stdout.flush()
    return child.returncode


def read_counts(report: Path) -> dict:
    counts = dict.fromkeys(COUNTS, 0)
    try:
        suites = list(ElementTree.parse(str(report)).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return counts
    for suite in suites:
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts["failed"] += failed
        counts["skipped"] += skipped
        counts["passed"] += max(int(suite.get("tests", 0)) - failed - skipped, 0)
    return counts


def read_failures(report: Path) -> list[tuple[str, list[str]]]:
    """(test, the last lines of what it said) of each test that failed, as far as pytest came to write it down."""
    try:
        cases = list(ElementTree.parse(str(report)).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return []
    return [
        (f"{case.get('classname', '')}::{case.get('name')}", (said.text or said.get("message", "")).splitlines()[-TOLD_LINES:])
        for case in cases
        for said in case
        if said.tag in ("failure", "error")
    ]


def summarise(results: list[dict]) -> int:
    """Prints what failed where, then a line for each suite and the total. 0 when every suite ended well.

    Raises StudioError when no test ran at all.
    """
    total = {count: sum(result[count] for result in results) for count in COUNTS}
    for result in results if len(results) > 1 else []:
        for test, lines in result["failures"][:TOLD]:
            print(f"\n---- {result['name']}: {test}", *lines, sep="\n")
        if (more := len(result["failures"]) - TOLD) > 0:
            print(f"\n---- {result['name']}: and {more} more")
    print(flush=True)
    for result in results:
        words = ", ".join(f"{result[count]} {count}" for count in COUNTS)
        verdict = "ok" if result["code"] == 0 else f"FAILED (exit code {result['code']})"
        print(f"{result['name']:10} {words} in {result['seconds']:.0f} s: {verdict}")
    print(", ".join(f"{total[count]} {count}" for count in COUNTS), flush=True)
    if not any(total.values()):
        raise StudioError("No test was chosen by these arguments.")
    return 1 if any(result["code"] for result in results) else 0
