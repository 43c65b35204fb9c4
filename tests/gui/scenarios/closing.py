# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender is closed while a set-up runs, which the next one finds running."""

import json
from collections.abc import Generator

import bpy
import hands
from first_picture import session_state
from set_up import environment, set_up_is_over


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    what = arguments["what"]
    if what == "set-up":
        environment().begin("install")
        yield at_work
        with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D")):
            bpy.ops.pose_to_anime.add_mannequin()
            bpy.ops.pose_to_anime.generate()
        facts["waiting"] = len(session_state().held)
        facts["pid"] = environment().set_up().progress.pid
    else:
        facts["found"] = environment().set_up().running
        facts["pid"] = environment().set_up().progress.pid
        bpy.ops.pose_to_anime.cancel_set_up()
        yield set_up_is_over
    facts["error"] = session_state().error
    (hands.OUT / "facts.json").write_text(json.dumps(facts))
    bpy.ops.wm.quit_blender()  # as a user closes it; what comes after this is never reached
    yield 60.0


def at_work() -> bool:
    """the set-up's first words"""
    progress = environment().set_up().progress
    return bool(progress.pid and progress.phase)
