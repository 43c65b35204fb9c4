# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples drawn by several processes: rendering has nothing to wait for, so each may have a core of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.pool import AsyncResult
from typing import TypeVar

import torch

from .samples import POSES_PER_FIGURE, Sample, render_samples

_AHEAD = 2
"""Pieces of work that wait for each process, so that none is idle and none runs far ahead."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the libraries under numpy are told their number of threads by."""

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def samples(first: int, size: tuple[int, int], count: int | None = None, workers: int = 0) -> Iterator[Sample]:
    """The samples of the seeds from ``first`` on, in their order: ``count`` of them, or without end. ``size``: width and height
    in pixels. With ``workers`` as many processes draw ahead; without, this one draws."""
    end = None if count is None else first + count
    for batch in mapped(partial(_drawn, size=size), _figures(first, end), workers):
        yield from batch


def mapped(work: Callable[[_Item], _Made], items: Iterable[_Item], workers: int) -> Iterator[_Made]:
    """``work`` on every item, in order, by ``workers`` processes that are never far ahead of who takes the results; by this one
    without any. What is drawn does not depend on how many there are."""
    if workers < 1:
        yield from map(work, items)
        return
    # Spawned, not forked: torch's threads, and a GPU that the trainer holds, do not survive a fork.
    with _numpy_with_one_thread():
        pool = multiprocessing.get_context("spawn").Pool(workers, initializer=torch.set_num_threads, initargs=(1,))
    with pool as processes:
        waiting: deque[AsyncResult[_Made]] = deque()
        for item in items:
            waiting.append(processes.apply_async(work, (item,)))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().get()
        while waiting:
            yield waiting.popleft().get()


@contextlib.contextmanager
def _numpy_with_one_thread() -> Iterator[None]:
    """For processes that begin in here: numpy's threads wait for small products in loops that take as much time as the work."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _figures(first: int, end: int | None) -> Iterator[range]:
    """The seeds, divided where another figure begins, so that each is dressed once."""
    while end is None or first < end:
        after = (first // POSES_PER_FIGURE + 1) * POSES_PER_FIGURE
        after = after if end is None else min(after, end)
        yield range(first, after)
        first = after


def _drawn(seeds: range, size: tuple[int, int]) -> list[Sample]:
    return render_samples(seeds, size)
