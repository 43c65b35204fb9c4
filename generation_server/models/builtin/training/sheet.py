# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet of what exported weights make of samples that they were never trained on, by the engine that users have."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from ....protocol import Control, GenerationRequest
from .pool import HELD_OUT, read_shard

_COLUMNS = 4
_CASES = (("openpose",), ("depth",), ("openpose", "depth"))


def write_sheet(weights: Path, pool: Path, file: Path, count: int = 12) -> None:
    """For each sample: the true picture, its pose and its depth; below, the results with the pose, with depth, with both."""
    from ....diffusion.engine import Engine
    from ....families.catalogue import families
    from ...catalogue import ModelCatalogue

    family = families()["builtin"]
    shard = read_shard(pool / HELD_OUT)
    count = min(count, len(shard.captions))
    height, width = shard.picture.shape[1:3]
    page = Image.new("RGB", (_COLUMNS * (3 * width + 8), -(-count // _COLUMNS) * (2 * height + 8)), "white")
    with tempfile.TemporaryDirectory() as home:
        models = Path(home) / "models"
        models.mkdir()
        lines = [
            'title = "Trained"',
            'family = "builtin"',
            'kind = "checkpoint"',
            'autoencoder = "dc"',
            f"path = '{weights.absolute()}'",
        ]
        (models / "trained.toml").write_text("\n".join(lines), "utf-8")
        engine = Engine("cpu", ModelCatalogue(Path(home)))
        for number in range(count):
            pictures = [shard.picture[number], shard.openpose[number], np.repeat(shard.depth[number][..., None], 3, -1)]
            images = {
                kind: Image.fromarray(np.ascontiguousarray(p))
                for kind, p in zip(("picture", "openpose", "depth"), pictures, strict=True)
            }
            results = []
            for kinds in _CASES:
                request = GenerationRequest(
                    model="trained",
                    prompt=shard.captions[number],
                    negative_prompt=family.negative_prompt,
                    width=width,
                    height=height,
                    steps=int(family.steps.default),
                    guidance_scale=family.guidance_scale.default,
                    seed=number,
                    controls=tuple(Control(kind, _name(kind)) for kind in kinds),
                )
                named = {_name(kind): images[kind] for kind in kinds}
                results.append(engine.generate(request, named, lambda progress: None, lambda: False)[0])
            x, y = number % _COLUMNS * (3 * width + 8), number // _COLUMNS * (2 * height + 8)
            for place, image in enumerate([*images.values(), *results]):
                page.paste(image, (x + place % 3 * width, y + place // 3 * height))
    page.save(file)


def _name(kind: str) -> str:
    """Stands for the image's SHA-256."""
    return ("a" if kind == "openpose" else "b") * 64
