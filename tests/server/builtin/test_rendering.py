# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples to train on: the same for the same seed, of every size, and true in what they say."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pose_to_anime.addon.openpose.layout import BODY_INDEX  # noqa: E402
from pose_to_anime.addon.package import RIGS  # noqa: E402
from pose_to_anime.addon.wardrobe.catalogue import own_folder, read_catalogue  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import EXPRESSIONS, tags  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering import poses, scenes  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.captions import view_tags  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.figures import PARTS, random_figure  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.samples import Sample, render_samples  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.scenes import random_scene  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.workers import samples  # noqa: E402

SIZE = (128, 192)
FIGURES = 4
SEEDS = range(0, 24 * FIGURES, 2)
FACE = ("nose", "right_eye", "left_eye")


@pytest.fixture(scope="module", name="drawn")
def drawn_fixture() -> list[Sample]:
    return render_samples(SEEDS, SIZE)


def words(sample: Sample) -> set[str]:
    return set(sample.caption.split(", "))


def equal(one: Sample, other: Sample) -> bool:
    arrays = ("picture", "openpose", "depth", "mask", "parts")
    return one.caption == other.caption and all((getattr(one, name) == getattr(other, name)).all() for name in arrays)


def test_a_sample_depends_on_its_seed_and_size_alone(drawn: list[Sample]) -> None:
    alone = render_samples([SEEDS[5]], SIZE)[0]
    assert equal(alone, drawn[5]), "its neighbours in the batch change it"
    assert not equal(drawn[5], drawn[6])


@pytest.mark.parametrize("size", [(64, 64), (128, 192), (192, 128), (216, 456), (456, 216), (312, 312)], ids=str)
def test_every_size(size: tuple[int, int]) -> None:
    for sample in render_samples([3, 30], size):
        shape = (size[1], size[0])
        assert sample.picture.shape == sample.openpose.shape == sample.depth.shape == (*shape, 3)
        assert sample.mask.shape == sample.parts.shape == shape
        assert {array.dtype for array in (sample.picture, sample.openpose, sample.depth, sample.parts)} == {np.dtype(np.uint8)}
        assert sample.mask.any() and sample.depth.any()


def test_mask_and_parts_agree(drawn: list[Sample]) -> None:
    for sample in drawn:
        assert ((sample.parts > 0) == sample.mask).all()


def test_the_dressed_figure_covers_the_bare_one(drawn: list[Sample]) -> None:
    """Depth is that of the bare figure, mostly: clothes add to its outline, and hardly take from it."""
    for sample in drawn:
        bare = sample.depth[..., 0] > 0
        assert (bare & sample.mask).sum() > 0.93 * bare.sum(), sample.seed


def test_the_depth_is_of_clothes_at_times(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = range(24)
    monkeypatch.setattr(scenes, "DRESSED_DEPTH", 0.0)
    bare = render_samples(seeds, SIZE)
    monkeypatch.setattr(scenes, "DRESSED_DEPTH", 1.0)
    dressed = render_samples(seeds, SIZE)
    for one, other in zip(bare, dressed, strict=True):
        assert (one.picture == other.picture).all()
        assert ((other.depth[..., 0] > 0) == other.mask).all()
    assert any((one.depth != other.depth).any() for one, other in zip(bare, dressed, strict=True))


def test_no_face_is_seen_from_behind(drawn: list[Sample]) -> None:
    behind = [sample for sample in drawn if "from behind" in words(sample)]
    assert behind, "no camera was behind anybody"
    for sample in drawn:
        hidden = not any(sample.person.body[BODY_INDEX[name], 2] for name in FACE)
        told = {tag for group in EXPRESSIONS.values() for tag in group} | {word for word in words(sample) if "eyes" in word}
        assert not (hidden and told & words(sample)), sample.caption


def test_captions_name_what_is_worn_and_seen(drawn: list[Sample]) -> None:
    catalogue = read_catalogue()
    for sample in drawn:
        figure = random_figure(sample.seed // 24)
        people = figure.people.split(", ")
        assert sample.caption.split(", ")[: len(people)] == people
        for slot, worn in figure.outfit.worn.items():
            named = set(tags(replace(figure.outfit, worn={slot: worn}), catalogue)) & words(sample)
            amount = (sample.parts == PARTS[slot]).mean()
            if slot != "face" and amount == 0.0:
                assert not any(catalogue.style(worn.style).tag in tag for tag in named), sample.caption
            elif slot != "face" and amount > 0.01:
                assert named, f"{slot} is not in: {sample.caption}"


def test_points_are_where_the_skeleton_is(drawn: list[Sample]) -> None:
    for sample in drawn:
        known = sample.person.body[:, 2] > 0
        assert np.allclose(sample.points[known, :2], sample.person.body[known, :2], atol=0.01)
        visible = sample.points[:, 2] > 0
        assert not (visible & ~known).any(), "a point is visible that the skeleton does not have"


def test_view_tags_say_where_the_camera_is() -> None:
    assert view_tags(0.1, 0.0, "full body") == ["full body"]
    assert view_tags(math.radians(90), math.radians(40), "portrait") == ["from side", "from above", "portrait"]
    assert view_tags(math.radians(-170), math.radians(-40), "upper body") == ["from behind", "from below", "upper body"]


def test_poses_for_judging_are_kept_from_training() -> None:
    training, held_out = poses.library(False), poses.library(True)
    assert set(held_out) == poses.HELD_OUT, "a pose of the library was renamed"
    assert not set(training) & set(held_out)
    chance, limits = random.Random(3), random_figure(0).limits
    for held, names in ((False, set(training)), (True, set(held_out))):
        assert {poses.random_pose(chance, limits, held_out=held).name for _ in range(60)} - {""} <= names


def test_nobody_in_a_skirt_is_seen_from_below() -> None:
    figure = next(seed for seed in range(100) if random_figure(seed).in_skirt)
    for seed in range(40):
        assert random_scene(seed, figure, *SIZE).framing.pitch >= math.radians(-6.01)


def test_several_processes_draw_what_one_does() -> None:
    alone = list(samples(20, SIZE, 8))
    together = list(samples(20, SIZE, 8, workers=2))
    assert [sample.seed for sample in together] == list(range(20, 28))
    assert all(equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_stream_does_not_end() -> None:
    stream = samples(0, (64, 64))
    assert [next(stream).seed for _ in range(30)] == list(range(30))


def test_a_wardrobe_of_the_users_own_changes_no_sample(
    drawn: list[Sample], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    own_folder().mkdir(parents=True)
    for style in (RIGS / "wardrobe").glob("*.toml"):
        (own_folder() / style.name).write_text("title = 3", "utf-8")
    assert not read_catalogue().styles
    scenes._figure.cache_clear()
    assert equal(render_samples([SEEDS[0]], SIZE)[0], drawn[0])
