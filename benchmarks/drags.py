# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of random drags of random dots: what must hold of each, the worst numbers, and how long a drag takes.

usage: python benchmarks/drags.py [--drags 10000] [--seed 1] [--from 0] [--undo-every 50] [--timed 300], with a Python that has
bpy and this package.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import bpy
import numpy as np
import pose_to_anime
from mathutils import Vector
from pose_to_anime.addon.armature.follow import come_to_rest, follow
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of
from pose_to_anime.addon.armature.matching import paused
from pose_to_anime.addon.armature.posing import apply_pose

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from random_drags import DOTS, Drags
from rig_scene import random_pose

_MOTIONS = 6
"""Of the mouse, in each drag that is timed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--drags", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="number of the first (default 0), to see some again")
    parser.add_argument("--undo-every", type=int, default=50, help="every how manieth is undone as well (default 50)")
    parser.add_argument("--timed", type=int, default=300, help="how many drags are timed as the mouse does them (default 300)")
    parser.add_argument("--mannequin", default="adult_woman", help="which body (default adult_woman)")
    options = parser.parse_args()
    pose_to_anime.register()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, options.mannequin)
    for skin in skins_of(figure):
        skin.hide_viewport = True  # it follows the bones, and takes most of the time
    drags = Drags(figure, options.seed)
    start = time.perf_counter()
    first = drags.start_of(options.first)
    for drag in range(first, options.first + options.drags):
        drags.run(drag, undo=options.undo_every > 0 and drag % options.undo_every == 0)
        if drag % 1000 == 999:
            print(f"… {drag + 1}", flush=True)
    seconds = time.perf_counter() - start

    tally = drags.tally
    print(f"Blender {bpy.app.version_string}, {options.mannequin}, seed {options.seed}")
    for name, count in sorted(tally.counts.items()):
        print(f"{count:8d}  {name}")
    for name, (value, drag) in sorted(tally.worst.items()):
        print(f"{value:12.6f}  worst {name} (drag {drag})")
    print(f"{options.drags / seconds:8.1f}  drags a second, with all that is checked of each")
    if options.timed:
        print_times(drags, options.timed)
    for sentence in tally.broken[:20]:
        print(sentence)
    print(f"{len(tally.broken)} broken promises")
    return 1 if tally.broken else 0


def print_times(drags: Drags, count: int) -> None:
    """Medians of what a motion of the mouse and its release take, against an evaluation of the figure by Blender alone."""
    obj, rng = drags.obj, np.random.default_rng(drags.seed)
    bones = obj.pose.bones
    spent: dict[str, list[float]] = {"evaluation by Blender": [], "motion of the mouse": [], "release": []}

    def timed(name: str, *steps: Callable[[], object]) -> None:
        start = time.perf_counter()
        for step in steps:
            step()
        spent[name].append(time.perf_counter() - start)

    update = bpy.context.view_layer.update
    with paused():
        for drag in range(count):
            if drag % 5 == 0:
                apply_pose(obj, random_pose(drags.limited.limits, rng))
            bone = bones[DOTS[rng.integers(len(DOTS))]]
            start, way = bone.location.copy(), Vector(rng.normal(size=3) * 0.15)
            for motion in range(1, _MOTIONS + 1):
                bone.location = start + way * (motion / _MOTIONS)
                timed("motion of the mouse", update, partial(follow, obj))
            timed("release", partial(come_to_rest, obj), update)
            bone.location = bone.location  # writing is enough for Blender to evaluate the figure anew
            timed("evaluation by Blender", update)
    medians = {name: statistics.median(seconds) for name, seconds in spent.items()}
    for name, median in medians.items():
        ratio = median / medians["evaluation by Blender"]
        print(f"{median * 1e3:8.2f} ms  {name} (median of {len(spent[name])}; {ratio:.1f} times Blender's own)")


if __name__ == "__main__":
    sys.exit(main())
