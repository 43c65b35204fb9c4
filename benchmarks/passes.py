# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the control images of one figure take, from a change of its pose to the arrays, against a Workbench render of the same
run; and how much memory all of them need at 4096 × 4096.

usage: python benchmarks/passes.py [--repeat 30] [--size 832x1216], with a Python that has bpy and this package.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

import bpy
from mathutils import Euler
from pose_to_anime.addon.armature.figures import figures_in
from pose_to_anime.addon.armature.mannequin import add_mannequin
from pose_to_anime.addon.passes import geometry
from pose_to_anime.addon.passes.kinds import KINDS
from pose_to_anime.addon.passes.render import KINDS as PAIR
from pose_to_anime.addon.passes.render import PassSet, render_passes

LARGE = 4096


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=30, help="measured runs; the median counts (default 30)")
    parser.add_argument("--size", default="832x1216", help="pixels of the picture (default 832x1216)")
    parser.add_argument("--subdivide", action="store_true", help="subdivide the figure's skin once more")
    parser.add_argument("--memory", action="store_true", help="print only how many MB the images of a large picture need")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    if options.memory:
        print(f"{memory(options.subdivide):.0f}")
        return 0
    armature, camera = set_up(options.subdivide)
    print(f"Blender {bpy.app.version_string}, {width} × {height}, {triangles()} triangles, {options.repeat} runs, medians")
    ours = {}
    for title, kinds in (("pose + depth", PAIR), ("all images", tuple(KINDS))):
        ours[title], steps, fastest = measure(armature, camera, (width, height), kinds, options.repeat)
        each = ", ".join(f"{step} {statistics.median(spent) * 1e3:.1f}" for step, spent in steps.items())
        print(f"{title:<24}{ours[title] * 1e3:8.1f} ms   ({each}; the fastest of all {fastest * 1e3:.1f})")
    theirs = workbench(armature, width, height, max(3, options.repeat // 6))
    print(f"Workbench, 8 samples    {theirs * 1e3:8.1f} ms   (bpy.ops.render.render)")
    for title, seconds in ours.items():
        print(f"ratio, {title:<17}{theirs / seconds:8.1f}")
    command = [sys.executable, __file__, "--memory", *(["--subdivide"] if options.subdivide else [])]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    grown = child.stdout.strip().splitlines()[-1]
    print(f"memory, {LARGE} × {LARGE}     {grown:>8} MB   (growth of a process at its peak, all images)")
    return 0


def measure(
    armature: bpy.types.Object, camera: bpy.types.Object, size: tuple[int, int], kinds: tuple[str, ...], repeat: int
) -> tuple[float, dict[str, list[float]], float]:
    """The median in seconds, what each step took in each run, and the fastest run."""
    seconds: list[float] = []
    steps: dict[str, list[float]] = {}
    for run in range(repeat + 3):  # the first ones make the GPU context, the shader and the targets
        start = time.perf_counter()
        change_pose(armature, run)
        passes = render_passes(bpy.context.scene, bpy.context.view_layer, camera, size, kinds=kinds)
        if run >= 3:
            seconds.append(time.perf_counter() - start)
            for step, spent in passes.seconds.items():
                steps.setdefault(step, []).append(spent)
    check(passes, *size, kinds)
    return statistics.median(seconds), steps, min(seconds)


def memory(subdivide: bool) -> float:
    """MB by which the peak of this process grows with all images of a large picture, after those of a small one."""
    _armature, camera = set_up(subdivide)
    peaks = []
    for side in (64, LARGE):
        passes = render_passes(bpy.context.scene, bpy.context.view_layer, camera, (side, side), kinds=tuple(KINDS))
        check(passes, side, side, tuple(KINDS))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e3 if sys.platform != "darwin" else 1e6))
    return peaks[1] - peaks[0]


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


def check(passes: PassSet, width: int, height: int, kinds: tuple[str, ...]) -> None:
    assert len(passes.images) == len(kinds)
    for image in passes.images.values():
        assert image.shape[:2] == (height, width)
        assert image.any()


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
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module can crash when the interpreter takes it down
