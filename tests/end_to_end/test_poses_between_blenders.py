# SPDX-License-Identifier: GPL-3.0-or-later
"""A pose that was saved by the oldest Blender is read, and taken by a figure, by the newest one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from checkout import blender_python

pytestmark = pytest.mark.requires("bpy-4.2", "bpy-5.2")

DEGREES = 0.01
BEGIN = """
import bpy, json, os, sys
import pose_to_anime
from pose_to_anime.addon.armature.mannequin import add_mannequin
from pose_to_anime.addon.armature.posing import read_pose
pose_to_anime.register()
bpy.ops.wm.read_factory_settings(use_empty=True)
figure = add_mannequin(bpy.context)
OPS = bpy.ops.pose_to_anime
"""
END = """
pose = read_pose(figure)
told = {"rotations": pose.rotations, "hips": pose.hips_translation, "blender": bpy.app.version[:2]}
open(sys.argv[1], "w", encoding="utf-8").write(json.dumps(told))
sys.stdout.flush()
os._exit(0)  # a registered gizmo group makes some Blenders crash at a regular exit
"""
SAVE = """
OPS.turn_joint(joint="chest", rotation=(0.98, 0.1, -0.1, 0.12))
OPS.move_control(control="hand.L", location=(0.35, -0.3, 1.25))
OPS.turn_joint(joint="head", rotation=(0.97, 0.0, 0.1, 0.2))
assert OPS.save_pose(name="Grüße", group="gestures") == {"FINISHED"}
"""
APPLY = """
from pose_to_anime.addon.generate import pose_shelf
(own,) = [entry for entry in pose_shelf.collection().entries if entry.own]
assert (own.title, own.group) == ("Grüße", "gestures") and own.preview_path.is_file()
assert OPS.apply_pose(pose=own.key) == {"FINISHED"}
"""


def told_by(version: str, work: str, home: Path) -> dict[str, object]:
    python = blender_python(version)
    if python is None:
        pytest.skip(f"there is no environment with Blender {version}")
    out = home / f"{version}.json"
    done = subprocess.run(
        [str(python), "-c", BEGIN + work + END, str(out)],
        env={**os.environ, "POSE_TO_ANIME_HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(out.read_text("utf-8")))


def test_a_pose_that_4_2_saved_reads_on_5_2(tmp_path: Path) -> None:
    saved = told_by("4.2", SAVE, tmp_path)
    taken = told_by("5.2", APPLY, tmp_path)
    assert (saved["blender"], taken["blender"]) == ([4, 2], [5, 2])
    assert set(saved["rotations"]) == set(taken["rotations"])
    for joint, q in saved["rotations"].items():
        a, b = np.array(q), np.array(taken["rotations"][joint])
        angle = 4.0 * np.arcsin(min(1.0, float(min(np.linalg.norm(a - b), np.linalg.norm(a + b))) / 2.0))
        assert np.degrees(angle) < DEGREES, joint
    assert taken["hips"] == pytest.approx(saved["hips"], abs=1e-4)
