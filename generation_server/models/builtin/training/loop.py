# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one stage of training: step after step, with checkpoints, so that it can be stopped or killed at any time and goes on.

A stage draws all its chance from (seed, number of the step): what was killed and started again takes the same steps as what never
stopped.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from .curves import Curve
from .recipe import TrainingError

LOG_EVERY = 20
"""Steps whose mean losses make one point of a curve."""


class Stage(Protocol):
    """One network or several that are trained together."""

    name: str
    steps: int

    def step(self, index: int) -> Mapping[str, float]:
        """Takes one step of the optimiser; the losses by name."""

    def state(self) -> dict[str, Any]: ...

    def load(self, state: dict[str, Any]) -> None: ...


@dataclasses.dataclass
class Limits:
    """When to stop before the end: at a moment of ``time.monotonic()``, or when told to."""

    deadline: float = float("inf")
    checkpoint_seconds: float = 180.0
    told: bool = False

    @property
    def reached(self) -> bool:
        return self.told or time.monotonic() >= self.deadline

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """While this lasts, Ctrl-C and SIGTERM end training after the step in hand, with a checkpoint."""

        def stop(*_: object) -> None:
            self.told = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_stage(stage: Stage, work: Path, limits: Limits) -> bool:
    """Trains until the stage's last step or the limits; whether it is finished. Goes on from the checkpoint in ``work``."""
    file = checkpoint_file(work, stage.name)
    curve = Curve(work / f"{stage.name}.csv")
    begin, seconds, pending = 0, 0.0, []
    if file.exists():
        saved = load_checkpoint(file)
        stage.load(saved["stage"])
        begin, seconds, pending = saved["step"], saved["seconds"], saved["pending"]
    curve.cut(begin)
    began = last = time.monotonic()
    index = begin

    def save() -> None:
        state = {"stage": stage.state(), "step": index, "seconds": seconds + time.monotonic() - began, "pending": pending}
        save_checkpoint(file, state)

    while index < stage.steps and not limits.reached:
        pending.append(dict(stage.step(index)))
        index += 1
        if index % LOG_EVERY == 0 or index == stage.steps:
            spent = seconds + time.monotonic() - began
            point = {name: sum(losses[name] for losses in pending) / len(pending) for name in pending[0]}
            curve.add(index, spent, point)
            told = "  ".join(f"{name} {value:.4f}" for name, value in point.items())
            print(f"{stage.name} {index}/{stage.steps}  {spent:.0f} s  {told}", flush=True)
            pending.clear()
        if time.monotonic() - last >= limits.checkpoint_seconds:
            save()
            last = time.monotonic()
    if index > begin:
        save()
    curve.draw()
    return index >= stage.steps


def learning_rate_factor(index: int, steps: int, warm_up: int, decay_from: float) -> float:
    """1, but rising from 0 over the first ``warm_up`` steps and falling to 0 over those after the share ``decay_from``."""
    rise = min(1.0, (index + 1) / max(1, warm_up))
    fall = min(1.0, (steps - index) / max(1.0, steps * (1 - decay_from)))
    return rise * fall


def checkpoint_file(work: Path, name: str) -> Path:
    return work / f"{name}.pt"


def save_checkpoint(file: Path, state: Mapping[str, Any]) -> None:
    """Writes a checkpoint whole or not at all."""
    beside = file.with_suffix(".part")
    torch.save(dict(state), beside)
    os.replace(beside, file)


def load_modules(modules: Iterable[nn.Module], states: Iterable[dict[str, Any]]) -> None:
    """Fills a stage's networks from its checkpoint. Raises TrainingError where they are of other sizes."""
    try:
        for module, saved in zip(modules, states, strict=True):
            module.load_state_dict(saved)
    except RuntimeError as error:
        raise TrainingError("The checkpoint is of networks of other sizes: use another --work folder.") from error


def load_checkpoint(file: Path) -> dict[str, Any]:
    """Raises TrainingError where there is none or it cannot be read."""
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load documents none of what a damaged file makes it raise
        raise TrainingError(f"The checkpoint {file} cannot be read: delete it, and its stage begins anew.") from error
    return state
