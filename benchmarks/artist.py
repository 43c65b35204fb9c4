# SPDX-License-Identifier: GPL-3.0-or-later
"""How near dots and rings bring a figure to twenty poses that are given as places of joints, against the figure untouched.

usage: python benchmarks/artist.py, with a Python that has bpy and this package. Ends with 1 where a pose is not reached: within 5
degrees on average over all bones, in at most twelve actions.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import bpy
import pose_to_anime
from pose_to_anime.addon.armature.mannequin import add_mannequin
from pose_to_anime.addon.armature.posing import reset_pose

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from artist import MOST_ACTIONS, Artist, mean_error, targets

NEAR = 5.0  # degrees


def main() -> int:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    pose_to_anime.register()
    figure = add_mannequin(bpy.context)
    untouched, reached, actions, seconds = [], [], [], []
    print(f"Blender {bpy.app.version_string}, degrees between bones as they are and as they should be")
    for name, target in targets().items():
        reset_pose(figure)
        untouched.append(mean_error(figure, target))
        artist = Artist(figure, target)
        start = time.perf_counter()
        artist.work()
        seconds.append((time.perf_counter() - start) / len(artist.done))
        reached.append(mean_error(figure, target))
        actions.append(len(artist.done))
        print(f"{name:<36} {untouched[-1]:5.1f} → {reached[-1]:4.1f} in {actions[-1]:2} actions: {', '.join(artist.done)}")
    far = sum(error > NEAR or count > MOST_ACTIONS for error, count in zip(reached, actions, strict=True))
    print(f"median                  {statistics.median(reached):8.2f} °    the worst {max(reached):.2f} °")
    print(f"untouched, median       {statistics.median(untouched):8.2f} °")
    print(f"ratio                   {statistics.median(untouched) / statistics.median(reached):8.1f}")
    print(f"an action, median       {statistics.median(seconds) * 1e3:8.1f} ms")
    print(f"not reached             {far:8} of {len(reached)}")
    pose_to_anime.unregister()
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main())
