# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a step of a body slider takes in Blender, pose and skin brought up to date, against adding the figure anew.

usage: python benchmarks/bodies.py [--repeat 60] [--body adult_woman] [--figures 2], with a Python that has bpy and this package.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable

import bpy
import pose_to_anime
from pose_to_anime.addon.armature.mannequin import add_mannequin, landmarks, remove_mannequin
from pose_to_anime.addon.armature.posing import apply_pose
from pose_to_anime.addon.armature.reshape import reshape
from pose_to_anime.addon.armature.skin.sliders import SLIDERS
from pose_to_anime.addon.pose.library import load_pose


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=60, help="measured steps; the median counts (default 60)")
    parser.add_argument("--body", default="adult_woman", help="which body (default adult_woman)")
    parser.add_argument("--figures", type=int, default=2, help="figures in the scene, all but one of which only stand by")
    options = parser.parse_args()
    pose_to_anime.register()  # with the watcher and whatever else listens, as an artist has it
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for number in range(1, options.figures):
        add_mannequin(bpy.context, options.body, (float(number), 0.0, 0.0))
    figure = add_mannequin(bpy.context, options.body)
    pose = load_pose("running")
    apply_pose(figure, pose)
    print(f"Blender {bpy.app.version_string}, {options.body}, {options.figures} figures, {options.repeat} steps, medians")

    steps = {}
    for mode in ("OBJECT", "POSE"):
        bpy.ops.object.mode_set(mode=mode)
        steps[mode] = [timed(lambda number=number: move_a_slider(figure, number)) for number in range(options.repeat)]
        print(f"a slider's step, {mode.capitalize() + ' Mode':<12}{report(steps[mode])}")
    assert landmarks(figure)["head_top"].z > 0.0

    def add() -> None:
        apply_pose(add_mannequin(bpy.context, options.body, (0.0, 1.0, 0.0)), pose)

    adding = []
    for _ in range(max(5, options.repeat // 6)):
        adding.append(timed(add))
        remove_mannequin(bpy.context.view_layer.objects.active)
    print(f"adding it, with its pose      {report(adding)}")
    ratio = statistics.median(adding) / statistics.median(steps["POSE"])
    print(f"adding / a step in Pose Mode  {ratio:8.1f}")
    sys.stdout.flush()
    os._exit(0)  # some Blenders crash at a regular exit while gizmos are registered


def move_a_slider(figure: bpy.types.Object, number: int) -> None:
    """Another slider each time, and never where it is already."""
    names = list(SLIDERS)
    slider = SLIDERS[names[number % len(names)]]
    reshape(figure, {names[number % len(names)]: slider.low + (slider.high - slider.low) * (0.5 + 0.45 * math.sin(1.0 + number))})


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def report(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:8.1f} ms   (the slowest {max(seconds) * 1e3:.1f})"


if __name__ == "__main__":
    sys.exit(main())
