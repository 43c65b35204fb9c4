# SPDX-License-Identifier: GPL-3.0-or-later
"""True renders on disk to train the judge on, some with faults planted into them, at the size that its network reads.

``python -m pose_to_anime.generation_server.models.builtin.judge.pool FOLDER --figures 250``

A shard holds the samples of one figure. They are drawn at twice the network's size, so that edges are as soft as those of
pictures that were made smaller, and masks say what part of a pixel is covered.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ..rendering.figures import PARTS
from ..rendering.samples import POSES_PER_FIGURE, Sample, render_samples
from ..rendering.workers import mapped
from .faults import Planted, is_behind, plant
from .measures import FACE

FIRST_FIGURE = 21_000_000
"""The judge's figures begin here: the trainer of the model counts its own from 0."""
SIZES = ((192, 288), (224, 224), (288, 192))
_SHARES = (0.7, 0.12, 0.18)
_FAULTY = {"extra limb": 8, "face on back": POSES_PER_FIGURE}
"""How many samples of a figure a fault is planted into, where it can be."""
ARRAYS = ("picture", "mask", "parts", "points", "ends", "fault")
_EYES = PARTS["eyes"]


def write_shard(number: int, folder: Path) -> Path:
    """The samples of one figure. ``picture`` (N, H, W, 3) uint8, ``mask`` (N, H, W) uint8 0 to 255, ``parts`` (N, H / 2, W / 2)
    uint8, ``points`` (N, 18, 3) and ``ends`` (N, 2, 3) float32 (zeros without an extra limb), ``fault`` (N,) its name or ""."""
    path = folder / f"{number:06d}.npz"
    if path.exists():
        return path
    random = np.random.default_rng(number)
    width, height = SIZES[int(random.choice(len(SIZES), p=_SHARES))]
    first = (FIRST_FIGURE + number) * POSES_PER_FIGURE
    size = (2 * width, 2 * height)
    rights = render_samples(range(first, first + POSES_PER_FIGURE), size)
    arrays = [_arrays(right, "", np.zeros((0, 3))) for right in rights]
    for fault, count in _FAULTY.items():
        chosen = rights if count >= len(rights) else [rights[i] for i in random.choice(len(rights), count, replace=False)]
        chosen = [right for right in chosen if fault != "face on back" or is_behind(right.azimuth)]
        if chosen:
            planted = plant(fault, [right.seed for right in chosen], size, chosen)
            arrays += [_arrays(_as_drawn(each), fault, each.ends) for each in planted]
    draft = path.with_suffix(f".{os.getpid()}.part")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: np.stack([each[name] for each in arrays]) for name in ARRAYS})
    draft.replace(path)
    return path


def read_shard(path: Path) -> dict[str, np.ndarray]:
    """The ``ARRAYS`` that ``write_shard`` wrote."""
    with np.load(path) as file:
        return {name: file[name] for name in ARRAYS}


def _as_drawn(planted: Planted) -> Sample:
    """The sample, without the points of a face that was turned round: what a network learns of a picture must be true of it."""
    points = planted.sample.points.copy()
    if planted.fault == "face on back":
        points[FACE] = np.nan
    return replace(planted.sample, points=points)


def _arrays(sample: Sample, fault: str, ends: np.ndarray) -> dict[str, np.ndarray]:
    height, width = (length // 2 for length in sample.mask.shape)
    picture = sample.picture.reshape(height, 2, width, 2, 3).astype(np.uint16).sum(axis=(1, 3))
    mask = sample.mask.reshape(height, 2, width, 2).sum(axis=(1, 3))
    blocks = sample.parts.reshape(height // 2, 4, width // 2, 4)
    counts = np.stack([(blocks == part).sum(axis=(1, 3)) for part in range(_EYES + 1)])
    parts = counts.argmax(axis=0)
    parts[counts[_EYES] >= 4] = _EYES
    points = sample.points.copy()
    points[:, :2] /= 2.0
    halved = np.zeros((2, 3))
    if len(ends):
        halved[:] = ends
        halved[:, :2] /= 2.0
    return {
        "picture": ((picture + 2) // 4).astype(np.uint8),
        "mask": (mask * 255 // 4).astype(np.uint8),
        "parts": parts.astype(np.uint8),
        "points": points.astype(np.float32),
        "ends": halved.astype(np.float32),
        "fault": np.array(fault, dtype="U16"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--figures", type=int, default=250)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    written = mapped(partial(write_shard, folder=options.folder), range(options.figures), options.workers)
    for count, _ in enumerate(written, 1):
        if count % 10 == 0:
            print(f"{count} of {options.figures} figures, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
