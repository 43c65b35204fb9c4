# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a set-up that change something: install, verify, repair, update, remove. Python 3.11 or newer."""

from __future__ import annotations

import errno
import json
import time
import traceback
from dataclasses import asdict
from typing import Any

import server_environment as environment
import setup_plan
import torch_builds
from environments import ENVIRONMENTS, StudioError, in_gb, lock_hash, python_in
from gpus import read_machine
from python_fetch import fetch_python, remove_pythons
from setup_folders import Home, Stopped, Told, only_one, remove_tree, replace, stop_with
from wheel_download import File, NotGiven, fetch_all, with_sizes

KEPT = {"pip"}
"""What an environment has from the beginning."""
STOPPED = {
    "verify": "Stopped before all was checked: nothing was changed, and Verify begins again.",
    "remove": "Stopped: choose Remove again for what is left.",
}


def work(home: Home, command: str, until_input_closes: bool = False) -> dict[str, Any]:
    """Do a command; its last status. A command that may not start leaves the status of the one that works alone."""
    told = Told(home, command)
    does = {"install": bring, "update": bring, "repair": repair, "verify": verify, "remove": remove}[command]
    try:
        home.make()
        with only_one(home), told:
            stop_with(told, until_input_closes)
            try:
                told.check()
                told.finish(sentence=does(home, told))
            except Stopped:
                told.finish(error=STOPPED.get(command, "Stopped: start it again, and it goes on where it was."))
            except StudioError as error:
                told.finish(error=str(error))
            except OSError as error:
                full = "make room on the disk" if error.errno == errno.ENOSPC else f"see {home.log}"
                told.finish(error=f"{error.strerror or error} ({error.filename or home.folder}): {full} and start this again.")
            except Exception as error:
                told.log(traceback.format_exc())
                told.finish(error=f"The set-up has a fault ({type(error).__name__}: {error}): please report it with {home.log}.")
        if command == "remove" and not told.status.error:
            remove_tree(home.setup)
    except StudioError as error:
        told.status.finished, told.status.error = True, str(error)
    return asdict(told.status)


def bring(home: Home, told: Told) -> str:
    """Make the environment what the lock says, from whatever is there."""
    began = time.monotonic()
    told.phase("looking for Python")
    choice = chosen()
    if problem := setup_plan.path_too_long(home, read_machine().system):
        raise StudioError(problem)
    python = python_in(home.environment)
    usable = (
        setup_plan.version_of(python) in ENVIRONMENTS["server"][0][1]
        and environment.run_program([str(python), *environment.ISOLATED, "-c", "import pip"], told)[0] == 0
    )
    if home.environment.exists():
        environment.refuse_while_it_runs(home, told)
    if not usable:
        command, _ = setup_plan.python_for_server(home)
        if command is None:
            command = fetch_python(home, told)
        told.phase("making the environment", note=" ".join(command))
        home.state_file.unlink(missing_ok=True)
        environment.make(home, command, told)
    try:
        names, files, pins = download(home, choice, told)
    except NotGiven as error:
        if not choice.index or home.read_state().get("torch", "cpu") != "cpu":
            raise  # what is there reaches the GPU, and is not given up for what does not
        # Where the package index gives nothing either, it is the network, and its error is the one that is told.
        told.log(f"{choice.index}: {error}")
        told.status.warning = (
            f"PyTorch for the GPU could not be had from {choice.index}, and pictures will be made on the processor, far slower: "
            "choose Update in the server's set-up once that address can be reached."
        )
        choice = torch_builds.Choice(choice.sentence)
        names, files, pins = download(home, choice, told)
    there = environment.installed(home)
    strangers = sorted(set(there) - names - KEPT)
    if pins or strangers:
        home.state_file.unlink(missing_ok=True)
        environment.fill(home, files, pins, strangers, told)
    warning = environment.check(home, choice, told)
    there = environment.installed(home)
    lost = sorted(names - set(there))
    if lost:
        raise StudioError(f"{', '.join(lost[:3])} could not be installed: choose Repair, and see {home.log}.")
    told.status.warning = told.status.warning or choice.why_cpu or warning
    packages = {name: there[name][1] for name in sorted(names)}
    remember(home, {"lock": lock_hash("server"), "torch": choice.build, "packages": packages})
    remove_tree(home.wheels)
    seconds = time.monotonic() - began
    took = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
    return f"The generation server is ready: {len(names)} packages, {len(pins)} of them installed now, in {took}."


def chosen() -> torch_builds.Choice:
    """The PyTorch for this computer. Raises StudioError."""
    try:
        return torch_builds.choose(read_machine(), *torch_builds.read_builds(), again=torch_builds.REPAIR_IN_BLENDER)
    except torch_builds.NoBuild as error:
        raise StudioError(str(error)) from error


def download(home: Home, choice: torch_builds.Choice, told: Told) -> tuple[set[str], list[File], dict[str, str]]:
    """Have every wheel that is missing; as ``server_environment.wanted``. Raises StudioError, NotGiven."""
    told.phase("looking up packages")
    told.log(choice.sentence)
    names, files, pins = environment.wanted(home, choice, told)
    files = with_sizes(files, told)
    size, there = sum(file.size for file in files), setup_plan.fetched_bytes(home)
    whole = setup_plan.amount(read_machine(), choice)
    needed = int(max(size - there, 0) + size * whole.disk / max(whole.download, 1))
    free = setup_plan.free_bytes(home.folder)
    if free < needed:
        raise StudioError(setup_plan.no_room(home, needed, free))
    fetch_all(files, home.wheels, told)
    return names, files, pins


def verify(home: Home, told: Told) -> str:
    """Say whether all is as it was installed; what is not is remembered for the plan, and for who repairs."""
    state = home.read_state()
    if not state:
        raise StudioError("The generation server is not installed: choose Install.")
    if setup_plan.version_of(python_in(home.environment)) == "":
        bad = ["Python"]
    else:
        bad = environment.damaged(home, told)
    remember(home, {**state, "damaged": bad})
    if bad:
        raise StudioError(f"{len(bad)} packages are damaged ({', '.join(bad[:3])}): choose Repair.")
    warning = environment.check(home, chosen(), told)
    told.status.warning = warning
    return f"All {len(state['packages'])} packages are as they were installed, and PyTorch starts."


def repair(home: Home, told: Told) -> str:
    """Install again what is damaged, and whatever is missing."""
    environment.refuse_while_it_runs(home, told)
    if home.read_state() and setup_plan.version_of(python_in(home.environment)) != "":
        bad = environment.damaged(home, told)
        environment.forget(home, bad)
        if KEPT & set(bad):  # no lock brings these
            remove_tree(home.environment)
    return bring(home, told)


def remember(home: Home, state: dict[str, Any]) -> None:
    """What is installed, and of that what was found damaged."""
    part = home.state_file.with_suffix(".part")
    part.write_text(json.dumps(state, indent=1), "utf-8")
    replace(part, home.state_file)


def remove(home: Home, told: Told) -> str:
    """Delete the environment, the Pythons that were fetched, and in the end the set-up's own folder. Nothing else."""
    environment.refuse_while_it_runs(home, told)
    told.phase("removing")
    before = setup_plan.free_bytes(home.folder)
    home.state_file.unlink(missing_ok=True)
    remove_tree(home.environment)
    remove_pythons(home)
    remove_tree(home.wheels)
    freed = max(setup_plan.free_bytes(home.folder) - before, 0)
    return f"The generation server is removed ({in_gb(freed)}); models, pictures and the history are as they were."
