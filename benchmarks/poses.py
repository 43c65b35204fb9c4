# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a pose of the library takes to apply, and the whole library to read, against resetting the figure.

usage: python benchmarks/poses.py [--figure NAME] [--repeat 3], with a Python that has bpy and this package.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

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
    applied = [seconds(lambda pose=pose: apply_pose(figure, pose)) for _ in rounds for pose in poses]
    found = [seconds(lambda: contacts_of(figure)) for _ in range(10)]
    reset = [seconds(lambda: reset_pose(figure)) for _ in rounds for _ in range(20)]
    library = [seconds(lambda: [load_pose(name) for name in pose_names()]) for _ in rounds]
    pose_to_anime.unregister()

    print(f"Blender {bpy.app.version_string}, {options.figure}, {len(poses)} poses, {options.repeat} rounds, medians")
    baseline = statistics.median(reset)
    print(f"reset the pose         {baseline * 1e3:8.1f} ms")
    for name, times in (("apply a pose", applied), ("find its contacts", found), ("read the library", library)):
        median = statistics.median(times)
        print(f"{name:22} {median * 1e3:8.1f} ms   (longest {max(times) * 1e3:.1f}), {median / baseline:.1f} resets")
    return 0


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
