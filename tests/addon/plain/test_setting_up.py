# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-up's process as Blender follows it: the real program, begun, followed, found again by another, and cancelled."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pose_to_anime.addon.generate.processes import is_running
from pose_to_anime.addon.generate.setting_up import FOLDER, INTERRUPTED, LOCK, STATUS_FILE, SetUp, SetUpError

PYTHON = [sys.executable, "-I"]
PATIENCE = 120.0


def until(what: Callable[[], object], *set_ups: SetUp) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "what was waited for did not happen"
        for set_up in set_ups:
            set_up.poll()
        time.sleep(0.05)


def test_the_plan_comes_without_waiting(tmp_path: Path) -> None:
    set_up = SetUp(PYTHON, tmp_path / "home")
    assert not set_up.running and not set_up.has_plan and set_up.problem == ""
    set_up.ask_plan()
    assert set_up.is_planning
    until(lambda: set_up.has_plan, set_up)
    plan = set_up.plan
    assert plan is not None and Path(plan.folder) == tmp_path / "home" / "server-env"
    assert plan.download_bytes > 1e8 or plan.error
    assert not (tmp_path / "home").exists(), "looking changes nothing"


def test_a_program_that_cannot_say_its_plan_is_an_error_in_the_plan(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("raise SystemExit('the disk is on fire')")
    set_up = SetUp(PYTHON, tmp_path, program)
    set_up.ask_plan()
    until(lambda: set_up.has_plan, set_up)
    assert set_up.plan is not None and "the disk is on fire" in set_up.plan.error


def test_a_work_is_followed_by_another_blender_too_and_either_can_cancel_it(tmp_path: Path) -> None:
    first = SetUp(PYTHON, tmp_path)
    first.begin("install")
    with pytest.raises(SetUpError, match="at work already"):
        first.begin("verify")
    until(lambda: first.progress is not None and first.progress.pid, first)
    second = SetUp(PYTHON, tmp_path)
    assert second.running and second.progress is not None and second.progress.command == "install"
    pid = second.progress.pid
    second.cancel()
    until(lambda: not (first.running or second.running), first, second)
    assert not is_running(pid)
    assert second.problem == "", "who has cancelled it knows"
    assert "goes on where it was" in first.problem
    third = SetUp(PYTHON, tmp_path)
    assert not third.running and "goes on where it was" in third.problem


def test_one_that_was_killed_is_said_to_be_interrupted(tmp_path: Path) -> None:
    first = SetUp(PYTHON, tmp_path)
    first.begin("install")
    until(lambda: first.progress is not None and first.progress.pid, first)
    assert first.progress is not None
    os.kill(first.progress.pid, 9)
    until(lambda: not first.running, first)
    assert first.problem.startswith(INTERRUPTED)
    assert SetUp(PYTHON, tmp_path).problem == INTERRUPTED


def test_removing_what_is_not_there_ends_well_and_leaves_what_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.safetensors").write_bytes(b"x")
    set_up = SetUp(PYTHON, tmp_path)
    set_up.begin("remove")
    until(lambda: not set_up.running, set_up)
    assert set_up.problem == "" and set_up.progress is not None and set_up.progress.sentence
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_an_environment_of_another_version_is_noticed(tmp_path: Path) -> None:
    set_up = SetUp(PYTHON, tmp_path)
    assert not set_up.is_outdated(), "there is none"
    told = tmp_path / FOLDER / "environment.json"
    told.parent.mkdir()
    for lock, outdated in ((hashlib.sha256(LOCK.read_bytes()).hexdigest(), False), ("0" * 64, True)):
        told.write_text(json.dumps({"lock": lock, "packages": {}}))
        assert set_up.is_outdated() is outdated
    told.write_text("[]")
    assert not set_up.is_outdated()


def test_another_process_with_the_number_of_an_old_one_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    status = tmp_path / FOLDER / STATUS_FILE
    sleeper = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        status.write_text(f'{{"pid": {sleeper.pid}, "command": "install"}}')
        assert SetUp(PYTHON, tmp_path).running
        os.utime(status, (time.time() - 7200.0,) * 2)
        assert not SetUp(PYTHON, tmp_path).running
    finally:
        sleeper.communicate()
    assert not is_running(sleeper.pid)


SLOW_TO_END = """
import json, os, pathlib, sys
folder = pathlib.Path(sys.argv[-1]) / "server-setup"
folder.mkdir(exist_ok=True)
told = {"pid": os.getpid(), "command": sys.argv[1], "phase": "done", "finished": True, "error": "", "sentence": "All is there."}
(folder / "status.json").write_text(json.dumps(told))
go_on = pathlib.Path(sys.argv[-1]) / "go on"
while not go_on.exists():
    pass
print(json.dumps(told))
"""


def test_one_that_says_it_is_done_is_not_waited_for_and_what_another_says_is_not_its_own(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(SLOW_TO_END)
    set_up = SetUp(PYTHON, tmp_path, program)
    set_up.begin("remove")
    until(lambda: set_up.progress is not None and set_up.progress.finished, set_up)
    began = time.monotonic()
    set_up.poll()
    assert set_up.running and time.monotonic() - began < 5.0, "its process has not ended"
    status = tmp_path / FOLDER / STATUS_FILE
    status.write_text('{"pid": 1, "command": "install", "phase": "another", "finished": true, "error": "of another"}')
    os.utime(status, (1.0, 1.0))
    set_up.poll()
    assert set_up.progress is not None and set_up.progress.sentence == "All is there."
    (tmp_path / "go on").touch()
    until(lambda: not set_up.running, set_up)
    assert set_up.problem == "" and set_up.progress.sentence == "All is there."
