# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of pictures: what it is taught is true, what it says follows from what it sees, and it goes on where it stopped."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pose_to_anime.generation_server.models.builtin.judge import faults, measures, net  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.assess import compare, extra_end  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.augment import Batch, moved, worn  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.check import check  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.losses import bumps, losses  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.pool import FIRST_FIGURE, read_shard, write_shard  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.reading import (  # noqa: E402
    End,
    Judge,
    JudgeError,
    Reading,
    network_size,
)
from pose_to_anime.generation_server.models.builtin.judge.train import Plan, Training  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.figures import PARTS  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.poses import HELD_OUT_SEEDS  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.samples import POSES_PER_FIGURE, render_samples  # noqa: E402

SIZE = (128, 192)
STEPS = 60
SEEDS = [HELD_OUT_SEEDS // POSES_PER_FIGURE * POSES_PER_FIGURE + 24 * 777 + number for number in range(12)]


@pytest.fixture(scope="module")
def rights() -> list:
    torch.set_num_threads(1)
    return render_samples(SEEDS, SIZE)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    write_shard(0, folder)
    return folder


def perfect(sample) -> Reading:
    """What a judge would read that makes no mistakes."""
    width, height = SIZE
    place = torch.from_numpy(np.nan_to_num(sample.points[None, :, :2], nan=-1e4) / net.HEAT)
    heat = bumps(place, width // net.HEAT, height // net.HEAT)[0].numpy()
    heat /= np.maximum(heat.sum(axis=(1, 2), keepdims=True), 1e-9)
    return Reading(sample.points, sample.mask, sample.parts, heat, (), 0.0)


def test_regions_are_numbered_as_the_renderer_does_it_and_points_have_their_counterparts() -> None:
    assert {name: number for number, name in enumerate(net.REGIONS) if number} == PARTS
    assert measures.POINTS[measures.OTHER_SIDE[measures.INDEX["left_knee"]]] == "right_knee"


def test_the_judges_seeds_are_of_its_own() -> None:
    assert 0 < FIRST_FIGURE * POSES_PER_FIGURE < HELD_OUT_SEEDS


def test_the_network_answers_in_every_shape_and_is_small() -> None:
    network = net.JudgeNet().eval()
    assert sum(value.numel() for value in network.state_dict().values()) * 2 < 4 * 2**20
    with torch.inference_mode():
        answer = network(torch.rand(2, 3, 96, 160))
    assert answer.heat.shape == (2, 18, 24, 40) and answer.ends.shape == (2, 4, 24, 40)
    assert answer.regions.shape == (2, 11, 48, 80) and answer.mask.shape == (2, 96, 160)
    assert answer.visible.shape == (2, 18) and answer.face.shape == (2,)


@pytest.mark.parametrize(("size", "expected"), [((256, 384), (192, 288)), ((384, 256), (288, 192)), ((512, 512), (224, 224))])
def test_pictures_are_read_at_one_area(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert network_size(*size) == expected


@pytest.mark.parametrize("seed", range(4))
def test_moved_pictures_keep_their_points_on_what_they_mark(seed: int) -> None:
    """A white spot in a black picture is where its point is, whatever happens to both; sides change with the mirror."""
    pictures = torch.zeros(6, 3, 192, 128)
    points = torch.full((6, 18, 3), math.nan)
    for number in range(6):
        x, y = 50 + 4 * number, 80 + 6 * number
        pictures[number, :, y - 2 : y + 3, x - 2 : x + 3] = 1.0
        points[number, measures.INDEX["left_wrist"]] = torch.tensor([x + 0.5, y + 0.5, 1.0])
    batch = Batch(pictures, pictures[:, 0].clone(), torch.zeros(6, 96, 64, dtype=torch.uint8), points, torch.zeros(6, 2, 3))
    result = moved(batch, np.random.default_rng(seed), (128, 192))
    sides = set()
    for number in range(6):
        (joint,) = torch.nonzero(~result.points[number, :, 0].isnan()).flatten().tolist()
        sides.add(measures.POINTS[joint])
        weight = result.masks[number] / result.masks[number].sum()
        middle_x = float((weight.sum(0) * (torch.arange(128) + 0.5)).sum())
        middle_y = float((weight.sum(1) * (torch.arange(192) + 0.5)).sum())
        assert math.hypot(middle_x - result.points[number, joint, 0], middle_y - result.points[number, joint, 1]) < 0.35
    assert sides <= {"left_wrist", "right_wrist"}


def test_worn_pictures_stay_pictures() -> None:
    pictures = torch.rand(8, 3, 64, 96)
    result = worn(pictures.clone(), np.random.default_rng(0))
    assert result.shape == pictures.shape and float(result.min()) >= 0.0 and float(result.max()) <= 1.0
    assert float((result - pictures).abs().mean()) > 0.01


def test_a_perfect_reading_has_no_fault(rights: list) -> None:
    for right in rights:
        found = compare(perfect(right), right.points, right.mask)
        assert found.iou == 1.0 and found.pck == 1.0 and not found.swaps and not found.extra_limb and not found.lost
        assert found.score == 1.0


def test_exchanged_arms_are_called_swapped(rights: list) -> None:
    planted = faults.plant("swapped arms", SEEDS, SIZE, rights)
    assert len(planted) >= 3
    for each in planted:
        found = compare(perfect(each.right), each.sample.points)
        assert "left_wrist" in found.swaps and "right_wrist" in found.swaps and "swapped sides" in found.faults
        assert found.score <= 0.5


def test_a_limb_somewhere_else_is_lost(rights: list) -> None:
    right = next(each for each in rights if each.points[measures.INDEX["left_wrist"], 2] and measures.torso(each.points) < 120)
    elsewhere = right.points.copy()
    wrist = measures.INDEX["left_wrist"]
    elsewhere[wrist, :2] = (6.0, 6.0) if elsewhere[wrist, 1] > 60 else (6.0, 180.0)
    found = compare(perfect(replace(right, points=elsewhere)), right.points)
    assert "left_wrist" in found.lost or "left_wrist" in found.swaps


def test_an_end_that_nobody_asked_for_is_an_extra_limb(rights: list) -> None:
    right = rights[0]
    wrist = right.points[measures.INDEX["left_wrist"]]
    reading = perfect(right)
    at_home = replace(reading, ends=(End("wrist", float(wrist[0]), float(wrist[1]), 0.9),))
    assert extra_end(at_home, right.points) == 0.0
    away = replace(reading, ends=(End("wrist", -500.0, -500.0, 0.9),))
    assert extra_end(away, right.points) == 0.9
    assert compare(away, right.points).extra_limb


def test_a_face_is_a_fault_only_where_none_is_to_be_seen(rights: list) -> None:
    right = rights[0]
    reading = replace(perfect(right), face=0.99)
    points = right.points.copy()
    points[measures.FACE, 2] = 0.0
    assert compare(reading, points).face_on_back
    points[measures.INDEX["nose"], 2] = 1.0
    assert not compare(reading, points).face_on_back


@pytest.mark.parametrize("fault", ["moved limb", "extra limb"])
def test_planted_limbs_change_the_picture_and_not_what_was_asked_for(rights: list, fault: str) -> None:
    planted = faults.plant(fault, SEEDS, SIZE, rights)
    assert len(planted) >= 3
    for each in planted:
        assert (each.sample.openpose == each.right.openpose).all() and (each.sample.depth == each.right.depth).all()
        assert (each.sample.points == each.right.points).all() or np.isnan(each.right.points).any()
        changed = (each.sample.picture != each.right.picture).any(axis=2)
        assert 0.01 < changed.mean() < 0.6
        assert len(each.ends) == (2 if fault == "extra limb" else 0)
        for x, y, what in each.ends:
            assert not what or changed[max(0, int(y) - 3) : int(y) + 4, max(0, int(x) - 3) : int(x) + 4].any()


def test_planted_faces_show_on_backs() -> None:
    seeds = [SEEDS[0] + number for number in range(24)]
    rights = [each for each in render_samples(seeds, SIZE) if math.cos(each.azimuth) < -0.3]
    planted = faults.plant("face on back", [each.seed for each in rights], SIZE, rights)
    assert planted
    for each in planted:
        drawn = np.isin(each.sample.parts, (PARTS["face"], PARTS["eyes"])).mean()
        assert drawn > 10 * np.isin(each.right.parts, (PARTS["face"], PARTS["eyes"])).mean()


def test_the_right_answer_costs_least(pool: Path) -> None:
    training = Training(pool, pool / "none", Plan(steps=1, batch=4))
    batch = training.pool.batch(np.random.default_rng(0), 4)
    batch = replace(batch, parts=batch.parts.long())
    wanted = bumps(
        torch.nan_to_num(batch.points[..., :2] / net.HEAT, nan=-1e4), batch.masks.shape[2] // 4, batch.masks.shape[1] // 4
    )
    best = net.Answer(
        heat=wanted.clamp(min=1e-9).log(), ends=torch.zeros_like(wanted[:, :4]) - 3.0,
        regions=20.0 * torch.nn.functional.one_hot(batch.parts.long(), 11).permute(0, 3, 1, 2).float() - 10.0,
        mask=20.0 * batch.masks - 10.0, visible=20.0 * torch.nan_to_num(batch.points[..., 2]) - 10.0, face=torch.zeros(4),
    )  # fmt: skip
    worse = net.Answer(
        best.heat.flip(3), best.ends, best.regions.flip(3), best.mask.flip(2), best.visible.flip(1), best.face
    )  # fmt: skip
    cheap, dear = losses(best, batch), losses(worse, batch)
    for name in ("heat", "regions", "mask", "visible"):
        assert float(cheap[name]) < float(dear[name]), name


def test_training_learns_and_goes_on_exactly_where_it_stopped(pool: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    plan = Plan(steps=8, batch=4)
    whole = Training(pool, tmp_path / "whole", plan)
    before = {name: value.clone() for name, value in whole.net.state_dict().items()}
    whole.run()
    Training(pool, tmp_path / "parts", plan).run(until=5)
    again = Training(pool, tmp_path / "parts", plan)
    assert again.step == 5
    again.run()
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name
    assert any(not torch.equal(value, before[name]) for name, value in whole.net.state_dict().items())
    judge = Judge(tmp_path / "whole" / "judge.safetensors")
    (reading,) = judge.read([np.zeros((100, 90, 3), dtype=np.uint8)])
    assert reading.mask.shape == (100, 90) and reading.points.shape == (18, 3) and np.isfinite(reading.points).all()


def test_a_mirrored_picture_is_read_as_its_mirror_image(pool: Path, tmp_path: Path, rights: list) -> None:
    Training(pool, tmp_path, Plan(steps=1, batch=2)).save()
    judge = Judge(tmp_path / "judge.safetensors")
    picture = rights[0].picture
    straight, mirrored = judge.read([picture, np.ascontiguousarray(picture[:, ::-1])])
    assert np.allclose(mirrored.heat, straight.heat[measures.OTHER_SIDE][:, :, ::-1], atol=1e-5)
    assert np.allclose(mirrored.points[:, 2], straight.points[measures.OTHER_SIDE, 2], atol=1e-4)
    assert (mirrored.mask == straight.mask[:, ::-1]).mean() > 0.999 and mirrored.face == pytest.approx(straight.face, abs=1e-4)


def test_weights_that_are_missing_or_damaged_are_one_sentence(tmp_path: Path) -> None:
    for content in (None, b"no weights"):
        if content:
            (tmp_path / "judge.safetensors").write_bytes(content)
        with pytest.raises(JudgeError, match="missing or damaged"):
            Judge(tmp_path / "judge.safetensors")


def test_a_shard_that_is_there_is_not_drawn_again(pool: Path) -> None:
    (path,) = pool.glob("*.npz")
    before = path.stat().st_mtime_ns
    write_shard(0, pool)
    assert path.stat().st_mtime_ns == before
    shard = read_shard(path)
    assert set(shard["fault"]) >= {"", "extra limb"}
    assert (shard["ends"][shard["fault"] == ""] == 0.0).all() and shard["ends"][shard["fault"] == "extra limb"].any()


def test_a_judge_that_learnt_few_pictures_reads_them(pool: Path, tmp_path: Path) -> None:
    """Far from a good one, but everything between a render and a reading must be right for it to get there."""
    torch.set_num_threads(1)
    Training(pool, tmp_path, Plan(steps=STEPS, batch=8, seed=1)).run()
    shard = read_shard(next(iter(pool.glob("*.npz"))))
    rows = np.flatnonzero(shard["fault"] == "")
    readings = Judge(tmp_path / "judge.safetensors").read([shard["picture"][row] for row in rows])
    found = [
        compare(reading, shard["points"][row], shard["mask"][row] > 127) for reading, row in zip(readings, rows, strict=True)
    ]
    iou, pck = np.mean([each.iou for each in found]), np.mean([each.pck for each in found])
    assert iou > 0.5 and pck > 0.15, (iou, pck)


def test_a_check_tells_what_a_judge_lacks(pool: Path, tmp_path: Path) -> None:
    training = Training(pool, tmp_path, Plan(steps=1, batch=2))
    training.save()
    quality = check(Judge(tmp_path / "judge.safetensors"), 12, SIZE)
    assert quality.count == 12 and quality.planted["swapped arms"] and quality.planted["face on back"]
    assert any("mask IoU" in sentence for sentence in quality.shortcomings())
    good = replace(quality, iou=0.98, pck=0.98, sides=0.99, alarms=0.0, found=dict.fromkeys(faults.FAULTS, 1.0),
                   planted=dict.fromkeys(faults.FAULTS, 9))  # fmt: skip
    assert good.shortcomings() == []
