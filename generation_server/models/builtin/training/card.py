# SPDX-License-Identifier: GPL-3.0-or-later
"""The model card, written from the recipe and the curves: what the model is, how it came to be, what it can and cannot do."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from .curves import Curve
from .recipe import Recipe

_STAGES = {"vae": "the decoder", "net": "UNet and ControlNet", "sharp": "all of them together for few steps of sampling"}
_CARD = """\
# Built-in model of Pose to Anime

A small diffusion model: UNet, ControlNet, text encoder and autoencoder in the layout of Stable Diffusion, trained from nothing on
pictures that this program renders itself. It draws simple anime characters in the pose of a skeleton or a depth map, as a draft
and to show the way from pose to picture. Art comes from the large models.

- Data: {samples} rendered samples (rendering/): the program's own bodies, poses, clothes and backgrounds, drawn cel-shaded
  without Blender; no picture by anybody else. All figures are dressed.
- Training: {spent}, on {machine}.
  The command is `python -m pose_to_anime.generation_server.models.builtin.training.train`.
- Sizes: best near 256 × 384 pixels.
- It knows {count} words and no others; a prompt with others is answered with a warning.
- It cannot draw: hands with fingers, more than one figure, anything that its renderer cannot.
- Licence: GPL-3.0-or-later, as the program. Pictures made with it are yours, for any use.

Words: {words}
"""


def model_card(work: Path, recipe: Recipe, samples: int, words: Sequence[str], device: str) -> str:
    cores = os.cpu_count()
    return _CARD.format(
        samples=samples,
        spent=", ".join(filter(None, (_spent(work, stage, what) for stage, what in _STAGES.items()))),
        machine="one GPU" if device == "cuda" else f"{cores} cores of a {platform.machine()} processor, shared with other work",
        count=len(words),
        words=", ".join(words),
    )


def _spent(work: Path, stage: str, what: str) -> str:
    """Nothing of a stage that was not run here."""
    rows = Curve(work / f"{stage}.csv").rows()
    return f"{rows[-1]['step']:.0f} steps of {what} in {rows[-1]['seconds'] / 60:.0f} minutes" if rows else ""
