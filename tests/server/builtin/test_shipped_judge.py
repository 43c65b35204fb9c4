# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge that ships: small, and as good on true renders that nobody trained on as its card says."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pose_to_anime.generation_server.models.builtin.judge.assess import compare  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.check import FIRST, SIZE, pck_of  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.faults import plant  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.reading import WEIGHTS, Judge  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.samples import (  # noqa: E402
    POSES_PER_FIGURE,
    Sample,
    render_samples,
)

CASES = 32
LEAST_IOU, LEAST_PCK, LEAST_PREFERRED = 0.965, 0.78, 0.85
"""A little below what was measured: 0.977, 0.855, and 50 of 52."""
SEEDS = [FIRST + (100 + number) * POSES_PER_FIGURE + number % POSES_PER_FIGURE for number in range(CASES)]


@pytest.fixture(scope="module")
def judge() -> Judge:
    torch.set_num_threads(1)
    return Judge()


@pytest.fixture(scope="module")
def rights() -> list[Sample]:
    return render_samples(SEEDS, SIZE)


def test_it_is_small() -> None:
    assert WEIGHTS.stat().st_size < 4 * 2**20


def test_it_finds_figures_and_joints(judge: Judge, rights: list[Sample]) -> None:
    found = [compare(judge.read([right.picture])[0], right.points, right.mask) for right in rights]
    assert np.mean([each.iou for each in found]) > LEAST_IOU
    assert pck_of(rights, found) > LEAST_PCK


def test_it_prefers_the_right_picture_to_one_with_a_fault(judge: Judge, rights: list[Sample]) -> None:
    """What it is for: of two pictures of one case, the one that follows it has the higher score."""
    better, pairs = 0, 0
    for fault in ("moved limb", "extra limb"):
        for planted in plant(fault, SEEDS, SIZE, rights):
            good, bad = (
                compare(judge.read([each.picture])[0], planted.right.points, planted.right.mask)
                for each in (planted.right, planted.sample)
            )
            better, pairs = better + (good.score > bad.score), pairs + 1
    assert pairs > 20 and better / pairs > LEAST_PREFERRED, (better, pairs)
