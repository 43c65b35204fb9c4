# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a step of the slider for more dynamic poses takes in Blender, the rig brought up to date, against applying a pose.

usage: python benchmarks/dynamics.py [--repeat 40] [--body adult_woman], with a Python that has bpy and this package.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

import bpy
import pose_to_anime
from pose_to_anime.addon.armature.dynamics import push_to
from pose_to_anime.addon.armature.mannequin import add_mannequin
from pose_to_anime.addon.armature.posing import apply_pose
from pose_to_anime.addon.pose.library import load_pose

FREE = ("running", "walking_stroll", "fighting_punch", "jumping_leap")
STOPPED = (("dancing_lunge", 0.8), ("kneeling_squat", 0.8), ("sitting_chin_in_hand", 0.8), ("fighting_high_kick", -0.8))
"""What feet, hands or seats hold lets the figure go only a part of the way to these places of the slider."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=40, help="measured steps of each kind; the median counts (default 40)")
    parser.add_argument("--body", default="adult_woman", help="which body (default adult_woman)")
    options = parser.parse_args()
    pose_to_anime.register()  # with the watcher and whatever else listens, as an artist has it
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, options.body)
    each = max(2, options.repeat // len(FREE))
    print(f"Blender {bpy.app.version_string}, {options.body}, {each * len(FREE)} steps of each kind, medians")

    applying = [timed(lambda name=name: apply_pose(figure, load_pose(name))) for name in FREE * each]
    free = [second for name in FREE for second in drawn(figure, name, 0.8, each)]
    stopped = [second for name, factor in STOPPED for second in drawn(figure, name, factor, each)]
    print(f"applying a pose            {report(applying)}")
    print(f"a step that goes freely    {report(free)}")
    print(f"a step that is stopped     {report(stopped)}")
    print(f"stopped / applying a pose  {statistics.median(stopped) / statistics.median(applying):8.1f}")
    sys.stdout.flush()
    os._exit(0)  # some Blenders crash at a regular exit while gizmos are registered


def drawn(figure: bpy.types.Object, name: str, factor: float, steps: int) -> list[float]:
    """The slider drawn on from a place, a hair at a time, on a figure in a pose of the library."""
    apply_pose(figure, load_pose(name))
    push_to(figure, factor)
    return [timed(lambda step=step: push_to(figure, factor * (1.0 + 0.2 * step / steps))) for step in range(1, steps + 1)]


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def report(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:8.1f} ms   (the slowest {max(seconds) * 1e3:.1f})"


if __name__ == "__main__":
    sys.exit(main())
