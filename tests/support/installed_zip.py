# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender: installs the built zip as a user does; enables it, works with it, disables it, twice; tells what stayed.

usage: python installed_zip.py ZIP OUT, with BLENDER_USER_RESOURCES naming an empty folder. Writes OUT/facts.json.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

import bpy

import addon_utils  # isort: skip (bpy puts it on the path)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gui" / "scenarios"))
from leftovers import state, watch_draw_handlers, watch_timers

MODULE = "bl_ext.user_default.pose_to_anime"
ZIP, OUT = (Path(argument) for argument in sys.argv[1:3])


def added(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, list[str]]:
    return {what: sorted(after[what] - before[what]) for what in before}


def work(out: Path) -> dict[str, object]:
    """The command line of the installed extension: a mannequin, a pose, a ratio, and control images on disk."""
    cli = importlib.import_module(f"{MODULE}.addon.cli")
    code = cli.main(
        ["passes", "--figure", "adult", "--pose", "running", "--ratio", "2:3", "--family", "builtin", "--out", str(out)]
    )
    return {"exit code": code, "files": sorted(path.name for path in out.iterdir())}


def main() -> dict[str, object]:
    # The environment also knows the checkout: only the installed zip may answer here.
    sys.modules["pose_to_anime"] = None  # type: ignore[assignment]
    facts: dict[str, object] = {"blender": bpy.app.version_string, "python": sys.version.split()[0]}
    watch_timers()
    watch_draw_handlers()
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=str(ZIP), enable_on_install=False)
    before = state()
    rounds = []
    for number in (1, 2):
        module = addon_utils.enable(MODULE, default_set=True)
        if module is None:
            raise RuntimeError(f"{MODULE} could not be enabled; the reason stands above")
        facts["file"] = module.__file__
        enabled = added(before, state())
        worked = work(OUT / f"round {number}")
        addon_utils._is_first_reset()
        warnings = {name: list(texts) for name, texts in addon_utils._extensions_warnings_get().items()}
        addon_utils.disable(MODULE, default_set=True)
        rounds.append({"enabled": enabled, "work": worked, "warnings": warnings, "left": added(before, state())})
    facts["rounds"] = rounds
    return facts


if __name__ == "__main__":
    status = 0
    try:
        (OUT / "facts.json").write_text(json.dumps(main(), indent=1), "utf-8")
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # some Blenders crash at a regular exit when something is still registered
