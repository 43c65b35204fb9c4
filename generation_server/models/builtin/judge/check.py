# SPDX-License-Identifier: GPL-3.0-or-later
"""How good the judge is: on true renders of poses and seeds that nobody trained on, and on faults planted into such renders.

``python -m pose_to_anime.generation_server.models.builtin.judge.check [--count 120] [--weights FILE] [--json FILE]``

Ends with exit code 1 where a judge is not good enough to rank pictures by.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..rendering.poses import HELD_OUT_SEEDS
from ..rendering.samples import POSES_PER_FIGURE, Sample, render_samples
from .assess import Assessment, compare
from .faults import FAULTS, plant, seen_from_behind
from .measures import OTHER_SIDE, torso
from .reading import WEIGHTS, Judge, JudgeError

FIRST = (HELD_OUT_SEEDS // POSES_PER_FIGURE + 4_000_000) * POSES_PER_FIGURE
"""Seed of the first sample to check with: far from those that others judge by."""
SIZE = (256, 384)
_EVERY = 4
"""Every fourth sample: six of each figure."""

LEAST_IOU, LEAST_PCK, LEAST_SIDES = 0.97, 0.97, 0.97
LEAST_FOUND, MOST_ALARMS = 0.95, 0.05
"""What a judge must reach to be believed."""

_NAMES = {
    "swapped arms": "swapped sides",
    "moved limb": "limb elsewhere",
    "extra limb": "extra limb",
    "face on back": "face on back",
}
"""Planted fault → the fault of ``Assessment`` that names it. Any fault that is found counts as found."""


@dataclass(frozen=True)
class Quality:
    """Means over true renders: ``iou``, ``pck`` of the joints that are seen, ``sides``: of those pairs that are apart, how many
    joints are nearer to their own place than to their counterpart's. ``alarms``: share of true renders in which a fault is
    found. ``found`` and ``planted``: by fault, the share that is found, and how many there were."""

    count: int
    iou: float
    pck: float
    sides: float
    alarms: float
    alarms_by_fault: dict[str, float]
    found: dict[str, float]
    named: dict[str, float]
    planted: dict[str, int]

    def shortcomings(self) -> list[str]:
        """What is below the targets, a sentence each."""
        told = [
            ("mask IoU", self.iou, LEAST_IOU),
            ("PCK@0.1", self.pck, LEAST_PCK),
            ("sides told apart", self.sides, LEAST_SIDES),
        ]
        told += [(f"found of '{fault}'", share, LEAST_FOUND) for fault, share in self.found.items() if self.planted[fault]]
        short = [f"{what} is {value:.3f}, not {least:.2f} or more" for what, value, least in told if not value >= least]
        short += [f"no '{fault}' could be planted: check more renders" for fault, count in self.planted.items() if not count]
        if not self.alarms <= MOST_ALARMS:
            short.append(f"faults are found in {self.alarms:.3f} of the true renders, not {MOST_ALARMS:.2f} or less")
        return short


def check(judge: Judge, count: int, size: tuple[int, int] = SIZE, first: int = FIRST) -> Quality:
    """Reads ``count`` true renders, and what faults can be planted into them."""
    seeds = [first + number * _EVERY for number in range(count)]
    rights = render_samples(seeds, size)
    readings = judge.read([right.picture for right in rights])
    assessments = [compare(reading, right.points, right.mask) for reading, right in zip(readings, rights, strict=True)]
    found, named, planted = {}, {}, {}
    for fault in FAULTS:
        if fault == "face on back":  # of all poses of these figures: few are seen from behind
            last = seeds[-1] // POSES_PER_FIGURE * POSES_PER_FIGURE + POSES_PER_FIGURE
            wrongs = plant(fault, seen_from_behind(range(first, last), size)[:count], size)
        else:
            wrongs = plant(fault, seeds, size, rights)
        judged = [compare(judge.read([wrong.sample.picture])[0], wrong.sample.points) for wrong in wrongs]
        planted[fault] = len(wrongs)
        found[fault] = _share([bool(each.faults) for each in judged])
        named[fault] = _share([_NAMES[fault] in each.faults for each in judged])
    return Quality(
        count=count,
        iou=float(np.mean([each.iou for each in assessments])),
        pck=pck_of(rights, assessments),
        sides=_sides([right.points for right in rights], [reading.points for reading in readings]),
        alarms=_share([bool(each.faults) for each in assessments]),
        alarms_by_fault={name: _share([name in each.faults for each in assessments]) for name in _NAMES.values()},
        found=found, named=named, planted=planted,
    )  # fmt: skip


def pck_of(rights: Sequence[Sample], assessments: Sequence[Assessment]) -> float:
    """Over all joints that are seen, not over pictures: a portrait with three joints counts for three."""
    counts = [int((right.points[:, 2] > 0.5).sum()) for right in rights]
    return float(np.average([each.pck for each in assessments], weights=np.maximum(counts, 1e-9)))


def _sides(right: Sequence[np.ndarray], read: Sequence[np.ndarray]) -> float:
    sure = []
    for true, seen in zip(right, read, strict=True):
        other = true[OTHER_SIDE]
        apart = np.hypot(*(true[:, :2] - other[:, :2]).T) > 0.2 * torso(true)
        asked = apart & (true[:, 2] > 0.5) & np.isfinite(other).all(axis=1)
        own = np.hypot(*(seen[:, :2] - true[:, :2]).T)
        cross = np.hypot(*(seen[:, :2] - other[:, :2]).T)
        sure += list((own < cross)[asked])
    return _share(sure)


def _share(values: Sequence[bool]) -> float:
    """0 of none: JSON has no word for what cannot be said."""
    return float(np.mean(values)) if len(values) else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    options = parser.parse_args()
    try:
        judge = Judge(options.weights, options.device)
    except JudgeError as error:
        parser.error(str(error))
    quality = check(judge, options.count)
    text = json.dumps(asdict(quality), indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
    short = quality.shortcomings()
    print("\n".join(short) or "Good enough to rank pictures by.")
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
