# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine without any OpenGL: Blender would end with its process when asked to draw, so that depth must come through Cycles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("bpy")

SCRIPT = """
import sys
import bpy
import numpy as np
from pose_to_anime.addon.armature.mannequin import add_mannequin
from pose_to_anime.addon.errors import UserError
from pose_to_anime.addon.passes import buffers_gpu
from pose_to_anime.addon.passes.render import PassOptions, render_passes

scene = bpy.context.scene
add_mannequin(bpy.context)
scene.camera.location, scene.camera.rotation_euler = (0.0, -4.0, 0.9), (np.pi / 2, 0.0, 0.0)
ask = lambda how: render_passes(scene, bpy.context.view_layer, scene.camera, (128, 192), options=PassOptions(buffers=how))
usable = buffers_gpu.usable()
depth = ask("auto").images["depth"]
assert depth.max() == 255 and depth[depth > 0].min() == 40
try:
    ask("gpu")
    print("GPU", usable)
except UserError as error:
    print("NO GPU", usable, error)
"""


def run(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **environment},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL's vendors are hidden as Linux names them")
def test_depth_comes_through_cycles_where_there_is_no_gl() -> None:
    # no vendor's library for EGL: glvnd's way and that of a plain Mesa
    answer = run(__EGL_VENDOR_LIBRARY_FILENAMES="/nowhere", LIBGL_DRIVERS_PATH="/nowhere")
    assert "NO GPU False This Blender has no OpenGL" in answer
