# SPDX-License-Identifier: GPL-3.0-or-later
"""A Mixamo character in a real window: one click to use it, then it is posed as a mannequin is, and left as it was."""

from __future__ import annotations

import subprocess

from blender_windows import Session
from checkout import ROOT, blender_python

_CODE = """
import os, sys
sys.path.insert(0, {support!r})
import bpy, pose_to_anime
bpy.ops.wm.read_factory_settings(use_empty=True)
pose_to_anime.register()
from family_rigs import FAMILIES, build
build(FAMILIES["mixamo"], name="Hero")
pose_to_anime.unregister()
bpy.ops.wm.save_as_mainfile(filepath={path!r})
os._exit(0)
"""


def test_a_character_is_used_posed_and_let_go(session: Session) -> None:
    python = blender_python("4.2")  # whose files every Blender reads
    assert python is not None
    path = session.outside / "hero.blend"
    code = _CODE.format(support=str(ROOT / "tests" / "support"), path=str(path))
    made = subprocess.run([str(python), "-c", code], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    outcome = session.run("own_character", arguments={"blend": f"{session.inside}/hero.blend"})
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert facts["clicks"] <= 3 and facts["mode"] == "POSE" and facts["active"] != "Hero"
    assert facts["posed"] > 0.1 and facts["dragged"] > 0.05 and facts["dragged again"] > 0.05
    assert facts["constraints left"] == 0 and facts["objects left"] == ["Hero"]
