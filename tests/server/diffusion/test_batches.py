# SPDX-License-Identifier: GPL-3.0-or-later
"""Several pictures at once are those that their seeds make alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drawn_controls import DEPTH, OTHER_POSE, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import SEED_LIMIT, Control, GenerationRequest  # noqa: E402

IMAGES = control_images(256, 256)
REQUEST = GenerationRequest(
    "tiny", "1girl", 256, 256, "low quality", steps=3, guidance_scale=4.0, seed=SEED_LIMIT - 1, sampler="euler_a"
)


@pytest.fixture(scope="module")
def engine(tiny: Path) -> Engine:
    return Engine("cpu", ModelCatalogue(tiny))


def make(engine: Engine, **changes: Any) -> list[Any]:
    pictures = engine.generate(dataclasses.replace(REQUEST, **changes), IMAGES, lambda progress: None, lambda: False)
    return [np.asarray(picture).astype(int) for picture in pictures]


@pytest.mark.parametrize(
    "changes",
    [
        {"controls": (Control("openpose", POSE, end=0.5), Control("depth", DEPTH, strength=0.5))},
        {"init_image": OTHER_POSE, "denoising_strength": 0.7, "sampler": "dpmpp_sde_karras"},
    ],
)
def test_each_is_the_picture_of_its_seed(engine: Engine, changes: dict[str, Any]) -> None:
    """Also where the seeds begin again from 0, and with noise in every step."""
    together = make(engine, batch_size=2, **changes)
    alone = [make(engine, seed=seed, **changes)[0] for seed in (SEED_LIMIT - 1, 0)]
    assert all(np.abs(one - other).max() <= 2 for one, other in zip(together, alone, strict=True))
    assert np.abs(together[0] - together[1]).max() > 20


def test_more_than_the_family_allows_is_refused(engine: Engine) -> None:
    with pytest.raises(GenerationError, match="makes up to 8 pictures at once, not 9"):
        make(engine, batch_size=9)
