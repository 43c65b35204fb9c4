# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool: rendered samples on disk, in shards of one figure and one size, which are mapped into memory when they are used."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..rendering.poses import HELD_OUT_SEEDS
from ..rendering.samples import POSES_PER_FIGURE, Sample, render_samples
from ..rendering.workers import mapped
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


def write_pool(folder: Path, recipe: PoolRecipe, limits: Limits, device: str, workers: int = 0) -> bool:
    """Renders what is not there yet; whether all is there. ``workers``: processes that draw, for the processor (0: this one).

    One command at a time may write a folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / HELD_OUT).is_dir():  # each of another figure
        seeds = [HELD_OUT_SEEDS + number * POSES_PER_FIGURE for number in range(recipe.held_out)]
        width, height = recipe.sizes[0]
        _write(folder / HELD_OUT, render_samples(seeds, (width, height), device))
    shards = -(-recipe.samples // POSES_PER_FIGURE)
    missing = (number for number in range(shards) if not (folder / f"{number:05}").is_dir())
    wanted = itertools.takewhile(lambda _: not limits.reached, missing)
    for number in mapped(partial(_write_shard, folder=folder, recipe=recipe, device=device), wanted, workers):
        if number % 10 == 9:
            print(f"pool {number + 1}/{shards} shards", flush=True)
    return all((folder / f"{number:05}").is_dir() for number in range(shards))


def _write_shard(number: int, folder: Path, recipe: PoolRecipe, device: str) -> int:
    """One figure in one size."""
    random = np.random.default_rng(number)
    shares = np.array(recipe.shares) / sum(recipe.shares)
    width, height = recipe.sizes[int(random.choice(len(shares), p=shares))]
    first = number * POSES_PER_FIGURE
    _write(folder / f"{number:05}", render_samples(range(first, first + POSES_PER_FIGURE), (width, height), device))
    return number


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
