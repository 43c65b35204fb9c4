# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool: rendered samples on disk, in shards of one figure and one size, which are mapped into memory when they are used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..rendering.poses import HELD_OUT_SEEDS
from ..rendering.samples import POSES_PER_FIGURE, Sample, render_samples
from .loop import Limits
from .recipe import PoolRecipe

HELD_OUT = "held_out"
"""Name of the shard that is never trained on."""
_ARRAYS = ("picture", "openpose", "depth")


@dataclass(frozen=True, eq=False)
class Shard:
    """Samples of one size: ``picture`` and ``openpose`` (N, H, W, 3) uint8, ``depth`` (N, H, W) uint8, ``captions`` of each."""

    name: str
    picture: np.ndarray
    openpose: np.ndarray
    depth: np.ndarray
    captions: list[str]


def write_pool(folder: Path, recipe: PoolRecipe, limits: Limits, device: str) -> bool:
    """Renders what is not there yet; whether all is there. One process at a time may write a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = recipe.sizes[0]
    if not (folder / HELD_OUT).is_dir():  # each of another figure
        seeds = [HELD_OUT_SEEDS + number * POSES_PER_FIGURE for number in range(recipe.held_out)]
        _write(folder / HELD_OUT, render_samples(seeds, (width, height), device))
    shards = -(-recipe.samples // POSES_PER_FIGURE)
    for number in range(shards):
        place = folder / f"{number:05}"
        if place.is_dir():
            continue
        if limits.reached:
            return False
        random = np.random.default_rng(number)
        shares = np.array(recipe.shares) / sum(recipe.shares)
        width, height = recipe.sizes[int(random.choice(len(shares), p=shares))]
        first = number * POSES_PER_FIGURE
        _write(place, render_samples(range(first, first + POSES_PER_FIGURE), (width, height), device))
        if number % 10 == 9:
            print(f"pool {number + 1}/{shards} shards", flush=True)
    return True


def _write(place: Path, samples: Sequence[Sample]) -> None:
    """A shard, whole or not at all."""
    beside = place.with_suffix(".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    np.save(beside / "picture.npy", np.stack([sample.picture for sample in samples]))
    np.save(beside / "openpose.npy", np.stack([sample.openpose for sample in samples]))
    np.save(beside / "depth.npy", np.stack([sample.depth[..., 0] for sample in samples]))
    (beside / "captions.json").write_text(json.dumps([sample.caption for sample in samples], indent=0), "utf-8")
    os.replace(beside, place)


def read_shard(place: Path) -> Shard:
    picture, openpose, depth = (np.load(place / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    return Shard(place.name, picture, openpose, depth, json.loads((place / "captions.json").read_text("utf-8")))


def shard_folders(folder: Path) -> list[Path]:
    """Of all shards that are trained on."""
    return sorted(place for place in folder.glob("*") if place.name.isdecimal() and place.is_dir())


class FigureSquares:
    """Squares out of the pool's pictures, rather where much is going on: of two places the one with more contrast."""

    def __init__(self, folder: Path) -> None:
        self._shards = [read_shard(place) for place in shard_folders(folder)]

    def __call__(self, random: np.random.Generator, count: int, side: int) -> np.ndarray:
        return np.stack([self._square(random, side) for _ in range(count)])

    def _square(self, random: np.random.Generator, side: int) -> np.ndarray:
        shard = self._shards[int(random.integers(len(self._shards)))]
        picture = shard.picture[int(random.integers(len(shard.picture)))]
        best, most = None, -1.0
        for _ in range(2):
            y, x = (int(random.integers(length - side + 1)) for length in picture.shape[:2])
            square = picture[y : y + side, x : x + side]
            contrast = float(np.abs(np.diff(square.astype(np.int16), axis=1)).mean())
            if contrast > most:
                best, most = square, contrast
        assert best is not None
        return best[:, ::-1] if random.random() < 0.5 else best
