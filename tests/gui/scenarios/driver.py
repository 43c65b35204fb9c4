# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside Blender: steps one scenario (a generator) from a timer, so that Blender's own loop goes on between steps.

A scenario yields the seconds to wait before its next step, or a function to wait for until it returns something true.
"""

import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
scenario_name, out = sys.argv[sys.argv.index("--") + 1 :][:2]
OUT = Path(out)
PATIENCE = 240.0  # seconds that a scenario may wait for one thing, on a machine with software OpenGL and other work

preferences = bpy.context.preferences
preferences.view.show_splash = False
preferences.view.smooth_view = 0
preferences.view.use_save_prompt = False
preferences.use_preferences_save = False

facts: dict[str, object] = {}
_waiting_for = None
_deadline = 0.0


def finish(code: int) -> None:
    (OUT / "facts.json").write_text(json.dumps(facts, default=str, indent=1))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a registered gizmo group makes some Blenders crash at a regular exit


def step() -> float:
    global _waiting_for, _deadline
    try:
        if _waiting_for is not None:
            if not _waiting_for():
                if time.monotonic() > _deadline:
                    raise TimeoutError(
                        f"waited {PATIENCE:.0f} s in vain for {getattr(_waiting_for, '__doc__', '') or _waiting_for}"
                    )
                return 0.1
            _waiting_for = None
        wish = next(scenario)
        if callable(wish):
            _waiting_for, _deadline = wish, time.monotonic() + PATIENCE
            return 0.05
        return float(wish)
    except StopIteration:
        finish(0)
    except BaseException:
        traceback.print_exc()
        hands.photograph("failure")
        finish(1)
    return 0.1


import hands  # noqa: E402  (needs the path set above)

hands.OUT = OUT
arguments = json.loads((OUT / "arguments.json").read_text())
scenario = importlib.import_module(scenario_name).scenario(facts, arguments)
bpy.app.timers.register(step, first_interval=2.0, persistent=True)
