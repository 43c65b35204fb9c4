# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a pose of the library takes to apply, and the whole library to read, against resetting the figure.

usage: python benchmarks/poses.py [--figure NAME] [--repeat 3], with a Python that has bpy and this package. Prints the time that
passes and the time that the processor works; with OMP_NUM_THREADS=1 the second says what one core needs on a busy machine too. Of
each pose the shortest of the rounds counts; the longest of these is named.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import bpy
import pose_to_anime
from pose_to_anime.addon.armature.mannequin import DEFAULT_MANNEQUIN, add_mannequin, mannequin_names
from pose_to_anime.addon.armature.posing import apply_pose, reset_pose
from pose_to_anime.addon.armature.resting import contacts_of
from pose_to_anime.addon.pose.library import load_pose, pose_names


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--figure", default=DEFAULT_MANNEQUIN, choices=mannequin_names(), help="the body that is posed")
    parser.add_argument("--repeat", type=int, default=3, help="rounds through the library (default 3)")
    options = parser.parse_args()
    pose_to_anime.register()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, options.figure)
    poses = [load_pose(name) for name in pose_names()]
    apply_pose(figure, poses[0])

    rounds = range(options.repeat)
    applied = {}
    for name, pose in zip(pose_names(), poses, strict=True):
        applied[name] = shortest([measured(lambda pose=pose: apply_pose(figure, pose)) for _ in rounds])
    found = [measured(lambda: contacts_of(figure)) for _ in range(10)]
    reset = [measured(lambda: reset_pose(figure)) for _ in rounds for _ in range(20)]
    library = [measured(lambda: [load_pose(name) for name in pose_names()]) for _ in rounds]
    pose_to_anime.unregister()

    print(f"Blender {bpy.app.version_string}, {options.figure}, {len(poses)} poses, {options.repeat} rounds, ms")
    print(f"{'':22} {'passes':>8} {'(longest)':>10} {'works':>8} {'(longest)':>10}   medians")
    baseline = Times(*(statistics.median(column) for column in zip(*reset, strict=True)))
    for name, times in (
        ("reset the pose", reset),
        ("apply a pose", list(applied.values())),
        ("find its contacts", found),
        ("read the library", library),
    ):
        passes, works = (statistics.median(column) for column in zip(*times, strict=True))
        longest = Times(*(max(column) for column in zip(*times, strict=True)))
        print(
            f"{name:22} {passes * 1e3:8.1f} {longest.passes * 1e3:10.1f} {works * 1e3:8.1f} {longest.works * 1e3:10.1f}"
            f"   {works / baseline.works:.1f} resets"
        )
    slowest = max(applied, key=lambda name: applied[name].works)
    print(f"the longest to apply: {slowest}, {applied[slowest].works * 1e3:.1f} ms of work")
    return 0


class Times(NamedTuple):
    """Seconds that passed, and that the processor worked."""

    passes: float
    works: float


def measured(action: Callable[[], object]) -> Times:
    start, worked = time.perf_counter(), time.process_time()
    action()
    return Times(time.perf_counter() - start, time.process_time() - worked)


def shortest(times: list[Times]) -> Times:
    return Times(*(min(column) for column in zip(*times, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
