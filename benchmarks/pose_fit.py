# SPDX-License-Identifier: GPL-3.0-or-later
"""How well every pose of the library fits every body: what rests, sinks, goes through the body, bends too far or would fall.

usage: python benchmarks/pose_fit.py [--figure NAME ...] [--pose NAME ...], with a Python that has bpy and this package. Prints
each pair that is at fault; exits with 1 where there is one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import bpy
import pose_to_anime
from fit_checks import Body, faults
from pose_to_anime.addon.armature.mannequin import add_mannequin, mannequin_names
from pose_to_anime.addon.pose.library import load_pose, pose_names


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--figure", action="append", choices=mannequin_names(), help="only this body (may be repeated)")
    parser.add_argument("--pose", action="append", choices=pose_names(), help="only this pose (may be repeated)")
    options = parser.parse_args()
    figures, poses = options.figure or mannequin_names(), options.pose or pose_names()
    pose_to_anime.register()
    wrong = 0
    for figure in figures:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        body = Body(add_mannequin(bpy.context, figure))
        for name in poses:
            if found := faults(body, load_pose(name)):
                wrong += 1
                print(f"{figure:14} {name:28} {'; '.join(found)}", flush=True)
    pose_to_anime.unregister()
    print(f"{len(figures) * len(poses) - wrong} of {len(figures) * len(poses)} pairs without a fault")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
