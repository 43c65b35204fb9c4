# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of random drags of random dots: what must hold of each, the worst numbers, and drags per second.

usage: python benchmarks/drags.py [--drags 10000] [--seed 1] [--undo-every 50], with a Python that has bpy and this package.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import bpy
import pose_to_anime
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from random_drags import Drags


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--drags", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1)")
    parser.add_argument("--undo-every", type=int, default=50, help="every how manieth is undone as well (default 50)")
    parser.add_argument("--mannequin", default="adult_woman", help="which body (default adult_woman)")
    options = parser.parse_args()
    pose_to_anime.register()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, options.mannequin)
    for skin in skins_of(figure):
        skin.hide_viewport = True  # it follows the bones, and takes most of the time
    drags = Drags(figure, options.seed)
    start = time.perf_counter()
    for drag in range(options.drags):
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
    for sentence in tally.broken[:20]:
        print(sentence)
    print(f"{len(tally.broken)} broken promises")
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
