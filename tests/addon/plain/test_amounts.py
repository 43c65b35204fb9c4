# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts as a person reads them."""

from __future__ import annotations

import pytest
from pose_to_anime.addon.generate.amounts import pictures
from pose_to_anime.generation_server.amounts import in_gb, in_gib


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0.0 MB"),
        (1_540_000, "1.5 MB"),
        (95_400_000, "95 MB"),
        (999_400_000, "999 MB"),
        (999_900_000, "1.0 GB"),
        (6_938_000_000, "6.9 GB"),
    ],
)
def test_bytes_are_counted_as_disks_count_them(size: int, words: str) -> None:
    assert in_gb(size) == words


def test_memory_is_counted_as_gpus_count_it() -> None:
    assert in_gib(50 * 2**30) == "50.0 GiB" and in_gib(3 * 2**20) == "3.0 MiB"


def test_one_picture_is_one() -> None:
    assert [pictures(count) for count in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
