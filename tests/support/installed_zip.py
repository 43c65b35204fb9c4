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


def work() -> dict[str, object]:
    """What a user clicks, then the control images of it, by the code that was installed."""
    bpy.ops.wm.read_homefile(app_template="")  # the factory scene: the add-on stays enabled
    verbs = bpy.ops.pose_to_anime
    verbs.add_mannequin()
    verbs.apply_pose(pose="running")
    verbs.set_ratio(ratio="2:3")
    verbs.add_camera()
    verbs.frame_figures()
    scene = bpy.context.scene
    camera = importlib.import_module(f"{MODULE}.addon.framing.camera")
    render = importlib.import_module(f"{MODULE}.addon.passes.render")
    width, height = camera.scene_size(scene)
    passes = render.render_passes(scene, bpy.context.view_layer, camera.pose_camera(scene), (width, height))
    return {
        "size": [width, height],
        "images": {kind: [list(image.shape), str(image.dtype), int(image.max())] for kind, image in passes.images.items()},
        "people": len(passes.people),
        "seen": int(passes.people[0].body[:, 2].sum()),
        "objects": sorted(item.name for item in scene.objects),
    }


def main() -> dict[str, object]:
    # The environment also knows the checkout: only the installed zip may answer here.
    sys.modules["pose_to_anime"] = None  # type: ignore[assignment]
    facts: dict[str, object] = {"blender": bpy.app.version_string, "python": sys.version.split()[0]}
    watch_timers()
    watch_draw_handlers()
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=str(ZIP), enable_on_install=False)
    before = state()
    rounds = []
    for _ in range(2):
        module = addon_utils.enable(MODULE, default_set=True)
        if module is None:
            raise RuntimeError(f"{MODULE} could not be enabled; the reason stands above")
        facts["file"] = module.__file__
        enabled = added(before, state())
        worked = work()
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
