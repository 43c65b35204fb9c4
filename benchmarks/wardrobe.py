# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a change of clothes takes in Blender: a whole outfit, one slot, a colour, each piece; against adding the figure.

usage: OMP_NUM_THREADS=1 python benchmarks/wardrobe.py [--repeat 12] [--body adult_woman --body chibi], with a Python that has bpy
and this package. A whole outfit is promised within 300 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable

import bpy
import pose_to_anime
from pose_to_anime.addon.armature.mannequin import add_mannequin, remove_mannequin
from pose_to_anime.addon.armature.posing import apply_pose
from pose_to_anime.addon.armature.reshape import skin_at_rest
from pose_to_anime.addon.dressing import wearing
from pose_to_anime.addon.pose.library import load_pose
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue
from pose_to_anime.addon.wardrobe.chance import random_outfit
from pose_to_anime.addon.wardrobe.outfit import piece_of

_PROMISED = 0.3
"""Seconds for a whole outfit, every piece of it made anew."""
_COLOURS = ("red", "navy")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=12, help="measured changes of each kind; the median counts (default 12)")
    parser.add_argument("--body", action="append", help="which body, may be repeated (default adult_woman and chibi)")
    options = parser.parse_args()
    pose_to_anime.register()  # with the watcher and whatever else listens, as an artist has it
    bpy.ops.wm.read_factory_settings(use_empty=True)
    print(f"Blender {bpy.app.version_string}, {options.repeat} changes of each kind, medians")
    kept = [measure(body, options.repeat) for body in options.body or ("adult_woman", "chibi")]
    print(f"a whole outfit within {_PROMISED * 1e3:.0f} ms: {'yes' if all(kept) else 'NO'}")
    sys.stdout.flush()
    os._exit(0 if all(kept) else 1)  # some Blenders crash at a regular exit while gizmos are registered


def measure(body: str, repeat: int) -> bool:
    """Print what one body's changes take; whether a whole outfit keeps the promise."""
    catalogue = read_catalogue()
    adding = []
    for _ in range(max(5, repeat // 3)):
        adding.append(timed(lambda: add_mannequin(bpy.context, body)))
        remove_mannequin(bpy.context.view_layer.objects.active)
    figure = add_mannequin(bpy.context, body)
    apply_pose(figure, load_pose("running"))
    outfits = [random_outfit(seed, catalogue) for seed in range(repeat + 1)]
    wearing.put_on(figure, outfits[-1])  # what only the first change of a session waits for is not measured
    whole = []
    for outfit in outfits[:-1]:
        wearing.take_off(figure)  # so that each piece is another
        whole.append(timed(lambda outfit=outfit: wearing.put_on(figure, outfit)))
    hair = [style.key for style in catalogue.in_slot("hair")]
    slot = [timed(lambda k=k: wearing.wear(figure, "hair", hair[k % len(hair)])) for k in range(repeat)]
    shoes = [style.key for style in catalogue.in_slot("shoes")]
    wearing.wear(figure, "shoes", shoes[0])
    colour = [timed(lambda k=k: wearing.recolour(figure, "shoes", "main", _COLOURS[k % 2])) for k in range(repeat)]
    print(f"{body}")
    base = statistics.median(adding)
    print(f"  adding the figure   {report(adding)}")
    for name, seconds in (("a whole outfit", whole), ("other hair", slot), ("a colour", colour)):
        print(f"  {name:<20}{report(seconds)}   {statistics.median(seconds) / base:6.2f} of adding")
    print_pieces(figure, repeat)
    remove_mannequin(figure)
    return statistics.median(whole) <= _PROMISED


def print_pieces(figure: bpy.types.Object, repeat: int) -> None:
    """The time that the mesh of each style takes, without Blender's share; the slowest first."""
    catalogue, skin = read_catalogue(), skin_at_rest(figure)
    taken: dict[str, list[float]] = defaultdict(list)
    for seed in range(repeat):
        outfit = random_outfit(seed, catalogue)
        for slot, worn in outfit.worn.items():
            taken[worn.style].append(timed(lambda outfit=outfit, slot=slot: piece_of(outfit, slot, skin, catalogue)))
    for style, seconds in sorted(taken.items(), key=lambda item: -statistics.median(item[1])):
        print(f"    {style:<18}{report(seconds)}")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def report(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:8.1f} ms   (the slowest {max(seconds) * 1e3:.1f})"


if __name__ == "__main__":
    sys.exit(main())
