# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the judge on the true renders of a pool.

``python -m pose_to_anime.generation_server.models.builtin.judge.train --pool FOLDER --out FOLDER --minutes 40 [--device cuda]``

Goes on where it was stopped. What is learnt depends on the pool, on ``--steps`` and the seed alone; ``--minutes`` instead of
steps goes by the clock. It begins with small pictures, which teach left and right four times as fast as those that edges need,
and goes on with small and large ones by turns. ``--from-weights`` begins with those of another judge, past the small ones.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from .augment import Batch, moved, worn
from .losses import losses
from .net import COUNTS, STRIDE, Answer, JudgeNet
from .pool import read_shard

STATE, WEIGHTS = "state.pt", "judge.safetensors"
_SAVE_EVERY, _REPORT_EVERY = 120.0, 25
_PEAK_RATE, _WARM_UP, _DECAY = 2.5e-3, 0.04, 0.03
_AGAIN = 0.6
"""Of the peak rate for weights that have learnt before: enough to move them, too little to forget."""
_SMALL_UNTIL = 0.45
"""Part of the training that is done at two thirds of the size and below."""
_SIZES = ((1.0 / 2.0, 2.0), (2.0 / 3.0, 1.0), (1.0, 0.5))
"""Part of the pool's size, and pictures at it, in batches."""


@dataclass(frozen=True)
class Plan:
    """How long (``steps``, or ``minutes`` if there are no steps), how many pictures a step, on what, from whose ``weights``."""

    steps: int = 0
    minutes: float = 40.0
    batch: int = 24
    device: str = "cpu"
    seed: int = 0
    weights: Path | None = None
    bfloat16: bool = False
    """Compute convolutions in it: on a processor that can, a third faster."""


@dataclass
class Pool:
    """All samples of a folder, by size."""

    sizes: dict[tuple[int, ...], list[dict[str, np.ndarray]]]

    @classmethod
    def read(cls, folder: Path) -> Pool:
        """Raises ValueError for a folder without shards."""
        sizes: dict[tuple[int, ...], list[dict[str, np.ndarray]]] = {}
        for path in sorted(folder.glob("*.npz")):
            shard = read_shard(path)
            sizes.setdefault(shard["picture"].shape[1:3], []).append(shard)
        if not sizes:
            raise ValueError(f"There are no renders in {folder}: draw some with the pool command first.")
        return cls(dict(sorted(sizes.items())))

    def batch(self, random: np.random.Generator, count: int) -> Batch:
        """Samples of one size."""
        counts = np.array([len(shards) for shards in self.sizes.values()])
        shards = list(self.sizes.values())[int(random.choice(len(counts), p=counts / counts.sum()))]
        arrays: dict[str, list[np.ndarray]] = {name: [] for name in ("picture", "mask", "parts", "points", "ends")}
        for _ in range(count):
            shard = shards[int(random.integers(len(shards)))]
            row = int(random.integers(len(shard["picture"])))
            for name, found in arrays.items():
                found.append(shard[name][row])
        stacked = {name: torch.from_numpy(np.stack(found)) for name, found in arrays.items()}
        return Batch(
            stacked["picture"].permute(0, 3, 1, 2).float() / 255.0, stacked["mask"].float() / 255.0, stacked["parts"],
            stacked["points"], stacked["ends"],
        )  # fmt: skip


class Training:
    """Network, optimiser and how far they have come."""

    def __init__(self, pool: Path, out: Path, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.out = plan, out
        self.pool = Pool.read(pool)
        self.net = JudgeNet().to(plan.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        still = [p for p in self.net.parameters() if p.ndim < 2]
        others = [p for p in self.net.parameters() if p.ndim >= 2]
        groups = [{"params": others, "weight_decay": _DECAY}, {"params": still, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=_PEAK_RATE, betas=(0.9, 0.98))
        self.step, self.seconds = 0, 0.0
        if plan.weights is not None:
            known = self.net.state_dict()
            known.update({name: value.to(plan.device, torch.float32) for name, value in load_file(plan.weights).items()})
            self.net.load_state_dict(known)
        out.mkdir(parents=True, exist_ok=True)
        if (out / STATE).exists():
            state: dict[str, Any] = torch.load(out / STATE, map_location=plan.device, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = state["step"], state["seconds"]

    @property
    def progress(self) -> float:
        """0 at the beginning, 1 when all is done."""
        return self.step / self.plan.steps if self.plan.steps else self.seconds / (60.0 * self.plan.minutes)

    def take_step(self) -> dict[str, float]:
        """One batch; its losses by name."""
        random = np.random.default_rng((self.plan.seed, self.step))
        progress = self.progress
        warm = min(1.0, (progress + 1e-3) / _WARM_UP)
        peak = _PEAK_RATE * (1.0 if self.plan.weights is None else _AGAIN)
        for group in self.optimiser.param_groups:
            group["lr"] = peak * warm * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))) + 1e-6
        early = progress < _SMALL_UNTIL and self.plan.weights is None
        part, batches = _SIZES[int(random.integers(2)) + (0 if early else 1)]
        raw = self.pool.batch(random, max(2, round(self.plan.batch * batches)))
        height, width = (max(STRIDE, round(part * side / STRIDE) * STRIDE) for side in raw.masks.shape[1:])
        size = (width, height)
        batch = moved(raw, random, size)
        batch = Batch(worn(batch.pictures, random), batch.masks, batch.parts, batch.points, batch.ends)
        batch = Batch(*(tensor.to(self.plan.device) for tensor in vars(batch).values()))
        self.net.train()
        with torch.autocast(self.plan.device.split(":")[0], torch.bfloat16, enabled=self.plan.bfloat16):
            answer = self.net(batch.pictures.to(memory_format=torch.channels_last))
        found = losses(Answer(*(tensor.float() for tensor in vars(answer).values())), batch)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(found.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        return {name: float(value.detach()) for name, value in found.items()}

    def save(self) -> None:
        """State and weights, each whole or not at all."""
        state = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
                 "seconds": self.seconds}  # fmt: skip
        _write(lambda draft: torch.save(state, draft), self.out / STATE)
        learnt = {name: value.half().contiguous() for name, value in self.net.state_dict().items() if not name.endswith(COUNTS)}
        _write(lambda draft: save_file(learnt, draft), self.out / WEIGHTS)

    def run(self, until: int | None = None) -> None:
        """Trains until the plan, or step ``until``, is reached."""
        saved = began = time.monotonic()
        sums: dict[str, float] = {}
        while self.progress < 1.0 and (until is None or self.step < until):
            found = self.take_step()
            now = time.monotonic()
            self.seconds += now - began
            began = now
            sums = {name: sums.get(name, 0.0) + value for name, value in found.items()}
            if self.step % _REPORT_EVERY == 0:
                told = "  ".join(f"{name} {value / _REPORT_EVERY:.4f}" for name, value in sums.items())
                print(f"{self.step} {100 * self.progress:.1f} % {self.seconds:.0f} s  {told}", flush=True)
                sums = {}
            if now - saved > _SAVE_EVERY:
                self.save()
                saved = now
        self.save()


def _write(save: Callable[[Path], None], path: Path) -> None:
    draft = path.with_suffix(".part")
    save(draft)
    os.replace(draft, path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pool", type=Path, required=True, help="folder that the pool command wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the state and the weights")
    parser.add_argument("--minutes", type=float, default=Plan.minutes)
    parser.add_argument("--steps", type=int, default=0, help="instead of minutes")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from-weights", type=Path, help="begin with a judge that has learnt already")
    parser.add_argument("--bfloat16", action="store_true", help="faster on GPUs and on processors with AVX-512 BF16")
    options = parser.parse_args(arguments)
    plan = Plan(
        options.steps, options.minutes, options.batch, options.device, options.seed, options.from_weights, options.bfloat16
    )
    try:
        training = Training(options.pool, options.out, plan)
    except ValueError as error:
        parser.error(str(error))
    training.run()


if __name__ == "__main__":
    main()
