# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool as the diffusion model sees it: latents at full and at half size, control images, captions. Encoded once and kept."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..architecture import VAE_FACTOR
from . import patches
from .pool import HELD_OUT, Shard, read_shard, shard_folders
from .vae_training import to_unit

_ARRAYS = ("latents", "half_latents", "half_openpose", "half_depth", "quarter_latents", "quarter_openpose", "quarter_depth")


@dataclass(frozen=True, eq=False)
class Batch:
    """``latents`` (N, channels, h, w) float32, ``openpose`` and ``depth`` (N, H, W, 3) uint8, ``pictures`` like these or none."""

    latents: np.ndarray
    openpose: np.ndarray
    depth: np.ndarray
    captions: list[str]
    pictures: np.ndarray | None = None


def encode_pool(pool: Path, folder: Path, vae: Any, device: torch.device) -> None:
    """Encodes the shards that are new."""
    folder.mkdir(parents=True, exist_ok=True)
    vae.to(device).eval()
    for place in [*shard_folders(pool), pool / HELD_OUT]:
        target = folder / place.name
        if (target / f"{_ARRAYS[-1]}.npy").is_file():
            continue
        shard = read_shard(place)
        beside = target.with_suffix(".part")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        arrays = {
            "latents": _encoded(shard.picture, vae, device),
            "half_latents": _encoded(halved(shard.picture), vae, device),
            "half_openpose": halved(shard.openpose),
            "half_depth": halved(shard.depth[..., None])[..., 0],
            "quarter_latents": _encoded(halved(halved(shard.picture)), vae, device),
            "quarter_openpose": halved(halved(shard.openpose)),
            "quarter_depth": halved(halved(shard.depth[..., None]))[..., 0],
        }
        for name in _ARRAYS:
            np.save(beside / f"{name}.npy", arrays[name])
        shutil.rmtree(target, ignore_errors=True)
        os.replace(beside, target)


def halved(images: np.ndarray) -> np.ndarray:
    """(N, H, W, C) uint8 at half the size, each pixel the mean of four, with what no latent pixel would cover cut off."""
    unit = 2 * VAE_FACTOR
    top, left = (length % unit // 2 for length in images.shape[1:3])
    height, width = (length // unit * unit for length in images.shape[1:3])
    cut = np.asarray(images[:, top : top + height, left : left + width], np.float32)
    means = cut.reshape(len(cut), height // 2, 2, width // 2, 2, cut.shape[3]).mean((2, 4))
    return means.round().astype(np.uint8)


@torch.no_grad()
def _encoded(pictures: np.ndarray, vae: Any, device: torch.device) -> np.ndarray:
    latents: np.ndarray = patches.project(vae, to_unit(pictures, device)).cpu().numpy().astype(np.float16)
    return latents


def held_out(pool: Path, folder: Path) -> Batch:
    """The samples that are never trained on, at half size."""
    shard = read_shard(pool / HELD_OUT)
    latents, openpose, depth = (np.load(folder / HELD_OUT / f"{name}.npy") for name in _ARRAYS[1:4])
    return Batch(latents.astype(np.float32), openpose, np.repeat(depth[..., None], 3, -1), shard.captions)


class LatentPool:
    """Every encoded shard, mapped into memory."""

    def __init__(self, pool: Path, folder: Path) -> None:
        self._shards: list[tuple[Shard, list[np.ndarray]]] = []
        for place in sorted(folder.glob("*")):
            if place.name.isdecimal():
                arrays = [np.load(place / f"{name}.npy", mmap_mode="r") for name in _ARRAYS]
                self._shards.append((read_shard(pool / place.name), arrays))
        sizes = sorted({shard.picture.shape[1:3] for shard, _ in self._shards})
        self._by_size = [[pair for pair in self._shards if pair[0].picture.shape[1:3] == size] for size in sizes]

    def __len__(self) -> int:
        return sum(len(shard.captions) for shard, _ in self._shards)

    @property
    def captions(self) -> list[str]:
        return [caption for shard, _ in self._shards for caption in shard.captions]

    def batch(self, random: np.random.Generator, count: int, halvings: int, pictures: bool = False) -> Batch:
        """Samples by chance, all of one size: one of the pool's, ``halvings`` (0 to 2) times halved, as often as it is there.

        ``pictures``: with the pictures themselves.
        """
        shares = np.array([len(group) for group in self._by_size], float)
        group = self._by_size[int(random.choice(len(shares), p=shares / shares.sum()))]
        captions, rows = [], []
        for _ in range(count):
            shard, (latents, *smaller) = group[int(random.integers(len(group)))]
            row = int(random.integers(len(shard.captions)))
            images = smaller[3 * halvings - 3 : 3 * halvings] if halvings else [latents, shard.openpose, shard.depth]
            captions.append(shard.captions[row])
            rows.append([array[row] for array in (*images, *([shard.picture] if pictures else []))])
        latents, openpose, depth, *seen = (np.stack(column) for column in zip(*rows, strict=True))
        for _ in range(halvings):
            seen = [halved(images) for images in seen]
        return Batch(latents.astype(np.float32), openpose, np.repeat(depth[..., None], 3, -1), captions, *seen)
