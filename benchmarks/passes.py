# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the control images of one figure take, from a change of its pose to the arrays, against a Workbench render.

usage: python benchmarks/passes.py [--repeat 30] [--size 832x1216], with a Python that has bpy and this package.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import bpy
from mathutils import Euler
from pose_to_anime.addon.armature.figures import figures_in
from pose_to_anime.addon.armature.mannequin import add_mannequin
from pose_to_anime.addon.passes import geometry
from pose_to_anime.addon.passes.render import PassSet, render_passes


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=30, help="measured runs; the median counts (default 30)")
    parser.add_argument("--size", default="832x1216", help="pixels of the picture (default 832x1216)")
    parser.add_argument("--subdivide", action="store_true", help="subdivide the figure's skin once more")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    armature, camera = set_up(options.subdivide)
    print(f"Blender {bpy.app.version_string}, {width} × {height}, {triangles()} triangles, {options.repeat} runs, medians")

    seconds: list[float] = []
    steps: dict[str, list[float]] = {}
    for run in range(options.repeat + 3):  # the first ones make the GPU context, the shader and the targets
        start = time.perf_counter()
        change_pose(armature, run)
        passes = render_passes(bpy.context.scene, bpy.context.view_layer, camera, (width, height))
        if run >= 3:
            seconds.append(time.perf_counter() - start)
            for step, spent in passes.seconds.items():
                steps.setdefault(step, []).append(spent)
    check(passes, width, height)
    ours = statistics.median(seconds)
    each = ", ".join(f"{step} {statistics.median(spent) * 1e3:.1f}" for step, spent in steps.items())
    print(f"pose + depth            {ours * 1e3:8.1f} ms   ({each}; the fastest of all {min(seconds) * 1e3:.1f})")
    theirs = workbench(armature, width, height, max(3, options.repeat // 6))
    print(f"Workbench, 8 samples    {theirs * 1e3:8.1f} ms   (bpy.ops.render.render)")
    print(f"ratio                   {theirs / ours:8.1f}")
    return 0


def set_up(subdivide: bool) -> tuple[bpy.types.Object, bpy.types.Object]:
    """The factory scene with a mannequin in the cube's place, filling the picture."""
    scene = bpy.context.scene
    for item in list(scene.objects):
        if item.type == "MESH":
            bpy.data.objects.remove(item)
    armature = add_mannequin(bpy.context)
    if subdivide:
        for skin in armature.children:
            skin.modifiers.new("Subdivision", "SUBSURF").levels = 1
    scene.camera.data.lens = 85.0
    scene.camera.location = (0.0, -5.6, 0.9)
    scene.camera.rotation_euler = Euler((1.5708, 0.0, 0.0))
    return armature, scene.camera


def triangles() -> int:
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    figures = figures_in(scene, view_layer)
    surfaces = geometry.figure_surfaces(scene, view_layer, bpy.context.evaluated_depsgraph_get(), figures)
    return sum(len(surface.triangles) for surface in surfaces)


def change_pose(armature: bpy.types.Object, run: int) -> None:
    bone = armature.pose.bones[next(iter(figures_in(bpy.context.scene, bpy.context.view_layer))).joint_map["spine"]]
    bone.rotation_mode = "XYZ"
    bone.rotation_euler = Euler((0.01 * (run % 20), 0.02 * (run % 7), 0.0))


def check(passes: PassSet, width: int, height: int) -> None:
    for kind in ("openpose", "depth"):
        assert passes.images[kind].shape == (height, width, 3)
        assert passes.images[kind].any()


def workbench(armature: bpy.types.Object, width: int, height: int, repeat: int) -> float:
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.display.render_aa = "8"
    seconds = []
    for run in range(repeat + 1):
        start = time.perf_counter()
        change_pose(armature, run)
        bpy.ops.render.render()
        if run:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
