# SPDX-License-Identifier: GPL-3.0-or-later
"""What is trained and how, read from ``recipe.toml``. Imports no torch."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

FILE = Path(__file__).with_suffix(".toml")


class TrainingError(Exception):
    """Training cannot begin or go on. The text is one sentence that says what to do."""


@dataclass(frozen=True)
class PoolRecipe:
    """The rendered samples: how many, how many of them are kept for looking at, and their sizes (width, height) with shares."""

    samples: int
    held_out: int
    sizes: list[list[int]]
    shares: list[float]


@dataclass(frozen=True)
class VaeRecipe:
    """The autoencoder, of which the decoder alone is trained: see ``patches.py``."""

    latent_channels: int
    layers: list[int]
    crop: int  # pixels: it is trained on squares of this side
    batch: int
    learning_rate: float
    steps: int
    ema: float


@dataclass(frozen=True)
class TextRecipe:
    width: int
    layers: int
    heads: int
    steps: int


@dataclass(frozen=True)
class NetRecipe:
    """UNet and ControlNet, trained together from nothing. See ``recipe.toml`` for the meaning of each line."""

    widths: list[int]
    attention: list[bool]
    hint_widths: list[int]
    steps: int
    learning_rate: float
    warm_up: int
    decay_from: float
    batches: list[int]
    words_until: float
    half_shares: list[float]
    ema: float
    no_text: float
    controls: Mapping[str, float]  # none, openpose, depth, both → share of the samples that see these control images


@dataclass(frozen=True)
class SharpRecipe:
    """The last stage, see ``sharpening.py``."""

    steps: int
    batch: int
    crop: int  # pixels: the decoder and the critic see squares of this side
    learning_rate: float
    critic_rate: float
    adversarial: float  # the critic's part of the gradient, over that of the comparison with the true picture
    guidance: float  # the scale that users have
    ema: float


@dataclass(frozen=True)
class Recipe:
    seed: int
    pool: PoolRecipe
    vae: VaeRecipe
    text: TextRecipe
    net: NetRecipe
    sharp: SharpRecipe


_Table = TypeVar("_Table", PoolRecipe, VaeRecipe, TextRecipe, NetRecipe, SharpRecipe)


def read_recipe(size: str, path: Path = FILE) -> Recipe:
    """The recipe of a size. Raises TrainingError with what to mend."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"The recipe {path} cannot be read: {error}.") from error
    if size not in data:
        raise TrainingError(f"The recipe {path} has no size '{size}': use one of {', '.join(data)}.")
    table = data[size]
    try:
        return Recipe(
            seed=table["seed"],
            pool=_table(PoolRecipe, table["pool"]),
            vae=_table(VaeRecipe, table["vae"]),
            text=_table(TextRecipe, table["text"]),
            net=_table(NetRecipe, table["net"]),
            sharp=_table(SharpRecipe, table["sharp"]),
        )
    except (KeyError, TypeError) as error:
        raise TrainingError(f"The recipe {path} lacks or misspells {error} in [{size}].") from error


def _table(kind: type[_Table], data: Mapping[str, Any]) -> _Table:
    names = {field.name for field in dataclasses.fields(kind)}
    if wrong := names ^ set(data):
        raise KeyError(min(wrong))
    return kind(**data)
