# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples for a trainer: a stream drawn by several processes, and a folder of them on disk, to be read again and again.

``python -m pose_to_anime.generation_server.models.builtin.rendering.pool FOLDER --count 6000 --size 256x384``

A shard is a compressed ``.npz`` of the samples of one figure. What a stream or folder holds depends on seeds and size alone, not
on how many processes drew it; shards that are there already are not drawn again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from .poses import HELD_OUT_SEEDS
from .samples import POSES_PER_FIGURE, Sample, render_samples

Size = tuple[int, int]
"""Width and height in pixels."""

_AHEAD = 2
"""Pieces of work that wait for each process, so that none is idle and none runs far ahead."""

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


@dataclass(frozen=True, eq=False)
class Shard:
    """Samples of one size. ``seeds`` (N,) int64; ``picture`` and ``openpose`` (N, H, W, 3), ``depth`` (N, H, W) grey, ``parts``
    (N, H, W) the values of ``figures.PARTS``, all uint8; ``captions`` N texts."""

    seeds: np.ndarray
    picture: np.ndarray
    openpose: np.ndarray
    depth: np.ndarray
    parts: np.ndarray
    captions: tuple[str, ...]


def samples(first: int, size: Size, count: int | None = None, workers: int = 0) -> Iterator[Sample]:
    """The samples of the seeds from ``first`` on, in their order: ``count`` of them, or without end.

    With ``workers`` as many processes draw ahead; without, this one draws.
    """
    end = None if count is None else first + count
    for batch in _mapped(partial(_drawn, size=size), _figures(first, end), workers):
        yield from batch


def write_pool(folder: Path, first: int, count: int, size: Size, workers: int = 0) -> list[Path]:
    """Writes the samples of ``count`` seeds from ``first`` on as shards into ``folder``; which ones, in order of their seeds.

    Raises ValueError where training seeds would run into those that are held out for judging.
    """
    if first < HELD_OUT_SEEDS < first + count:
        raise ValueError(f"Seeds {first} to {first + count - 1} are partly held out: stay below {HELD_OUT_SEEDS}.")
    folder.mkdir(parents=True, exist_ok=True)
    return list(_mapped(partial(_written, folder=folder, size=size), _figures(first, first + count), workers))


def read_pool(folder: Path, size: Size) -> Iterator[Shard]:
    """The shards of one size in a folder, by their seeds."""
    for path in sorted(folder.glob(f"{_prefix(size)}*.npz")):
        yield read_shard(path)


def read_shard(path: Path) -> Shard:
    with np.load(path) as file:
        arrays = {name: file[name] for name in ("seeds", "picture", "openpose", "depth", "parts")}
        return Shard(**arrays, captions=tuple(str(text) for text in file["captions"]))


def _figures(first: int, end: int | None) -> Iterator[range]:
    """The seeds, divided where another figure begins, so that each is dressed once."""
    while end is None or first < end:
        after = (first // POSES_PER_FIGURE + 1) * POSES_PER_FIGURE
        after = after if end is None else min(after, end)
        yield range(first, after)
        first = after


def _drawn(seeds: range, size: Size) -> list[Sample]:
    return render_samples(seeds, size)


def _written(seeds: range, folder: Path, size: Size) -> Path:
    path = folder / f"{_prefix(size)}{seeds.start:010d}-{len(seeds)}.npz"
    if path.exists():
        return path
    drawn = render_samples(seeds, size)
    # Under another name until it is whole: what stops half-way leaves nothing that looks like a shard.
    draft = path.with_suffix(f".{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **_arrays(drawn))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _prefix(size: Size) -> str:
    return f"{size[0]}x{size[1]}-"


def _arrays(drawn: Sequence[Sample]) -> dict[str, np.ndarray]:
    return {
        "seeds": np.array([sample.seed for sample in drawn], dtype=np.int64),
        "picture": np.stack([sample.picture for sample in drawn]),
        "openpose": np.stack([sample.openpose for sample in drawn]),
        "depth": np.stack([sample.depth[..., 0] for sample in drawn]),
        "parts": np.stack([sample.parts for sample in drawn]),
        "captions": np.array([sample.caption for sample in drawn]),
    }


def _mapped(work: Callable[[_Item], _Made], items: Iterable[_Item], workers: int) -> Iterator[_Made]:
    """``work`` on every item, in order, by ``workers`` processes that are never far ahead of who takes the results."""
    if workers < 1:
        yield from map(work, items)
        return
    # Spawned, not forked: torch's threads, and a GPU that the trainer holds, do not survive a fork.
    with multiprocessing.get_context("spawn").Pool(workers, initializer=torch.set_num_threads, initargs=(1,)) as processes:
        waiting: deque[AsyncResult[_Made]] = deque()
        for item in items:
            waiting.append(processes.apply_async(work, (item,)))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().get()
        while waiting:
            yield waiting.popleft().get()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0, help="seed of the first sample (default 0)")
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--size", default="256x384", help="WIDTHxHEIGHT in pixels (default 256x384)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    paths = write_pool(arguments.folder, arguments.first, arguments.count, (width, height), arguments.workers)
    print(f"{len(paths)} shards, {sum(path.stat().st_size for path in paths) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
