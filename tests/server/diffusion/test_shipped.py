# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights that ship: small enough, whole, led by their controls, and right about what they do not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from drawn_controls import DEPTH, OTHER_POSE, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import Progress  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.models.builtin import shipped  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.measures import overlap  # noqa: E402
from pose_to_anime.generation_server.models.builtin.judge.net import REGIONS  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.poses import HELD_OUT_SEEDS  # noqa: E402
from pose_to_anime.generation_server.models.builtin.rendering.samples import (  # noqa: E402
    POSES_PER_FIGURE,
    Sample,
    render_samples,
)
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest  # noqa: E402
from seen_figures import figure_in  # noqa: E402

MIB = 1024 * 1024
SIZE = (256, 384)
CASES = 8
pytestmark = pytest.mark.skipif(not shipped.is_there(), reason="this copy came without weights")


def generate(
    home: Path,
    told: list[Progress] | None = None,
    prompt: str = "1girl",
    steps: int = 6,
    images: dict[str, Image.Image] | None = None,
    **values: object,
) -> np.ndarray:
    width, height = values.pop("size", (256, 384))  # type: ignore[misc]
    images = images or control_images(width, height)
    request = GenerationRequest("builtin", prompt, width, height, steps=steps, guidance_scale=2.0, **values)  # type: ignore[arg-type]
    report = told.append if told is not None else lambda progress: None
    return np.asarray(Engine("cpu", ModelCatalogue(home)).generate(request, images, report, lambda: False)[0]).astype(int)


def test_sizes_and_layout() -> None:
    files = [path for path in shipped.FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 32 * MIB
    assert max(path.stat().st_size for path in files) < 16 * MIB
    assert not shipped.problems(shipped.FOLDER)
    assert not list(shipped.FOLDER.rglob("*.bin")) and not list(shipped.FOLDER.rglob("*.pt"))


@pytest.fixture(scope="module", name="cases")
def cases_fixture() -> list[Sample]:
    """Poses and cameras that training never saw."""
    first = (HELD_OUT_SEEDS // POSES_PER_FIGURE + 5_000) * POSES_PER_FIGURE
    samples = render_samples(range(first, first + CASES * POSES_PER_FIGURE, POSES_PER_FIGURE), SIZE)
    return [sample for sample in samples if 0.08 < sample.mask.mean() < 0.6]


def test_it_is_there_and_led_by_both_controls(tmp_path: Path, cases: list[Sample]) -> None:
    status = ModelCatalogue(tmp_path).status("builtin")
    assert status.present and not status.advised and status.controls == ("openpose", "depth")
    images = {POSE: cases[0].openpose, OTHER_POSE: cases[1].openpose, DEPTH: cases[0].depth}
    drawn = {name: Image.fromarray(image) for name, image in images.items()}
    first = generate(tmp_path, images=drawn, controls=(Control("openpose", POSE),))
    other = generate(tmp_path, images=drawn, controls=(Control("openpose", OTHER_POSE),))
    both = generate(tmp_path, images=drawn, controls=(Control("openpose", POSE), Control("depth", DEPTH)))
    assert np.abs(first - other).mean() > 3 and np.abs(first - both).mean() > 3


def paint(engine: Engine, case: Sample, seed: int, followed: bool = True, wears: str = "") -> np.ndarray:
    """The case's pose and depth before a white background."""
    who = case.caption.split(", ")[0]
    prompt = ", ".join(filter(None, (who, wears, "white background", "simple background")))
    images = {POSE: Image.fromarray(case.openpose), DEPTH: Image.fromarray(case.depth)}
    controls = (Control("openpose", POSE), Control("depth", DEPTH)) if followed else ()
    draft = families()["builtin"].draft
    assert draft is not None
    request = GenerationRequest(
        "builtin", prompt, *SIZE, steps=draft.steps, guidance_scale=draft.guidance_scale, seed=seed, sampler=draft.sampler,
        controls=controls,
    )  # fmt: skip
    return np.asarray(engine.generate(request, images, lambda progress: None, lambda: False)[0])


def test_pictures_follow_poses_that_it_never_saw(tmp_path: Path, cases: list[Sample]) -> None:
    engine = Engine("cpu", ModelCatalogue(tmp_path))
    figures = [figure_in(paint(engine, case, seed)) for seed, case in enumerate(cases)]
    free = [figure_in(paint(engine, case, seed, followed=False)) for seed, case in enumerate(cases)]
    asked = [case.depth[..., 0] > 0 for case in cases]
    own = np.mean([overlap(figure, mask) for figure, mask in zip(figures, asked, strict=True)])
    others = np.mean([overlap(figures[i], asked[j]) for i in range(len(cases)) for j in range(len(cases)) if i != j])
    loose = np.mean([overlap(figure, mask) for figure, mask in zip(free, asked, strict=True)])
    assert len(cases) >= 4 and own > 0.84, own
    assert own > others + 0.45 and own > loose + 0.4, (own, others, loose)


def test_clothes_have_the_colour_that_the_prompt_says(tmp_path: Path, cases: list[Sample]) -> None:
    engine = Engine("cpu", ModelCatalogue(tmp_path))
    tops = [(case, case.parts == REGIONS.index("top")) for case in cases if (case.parts == REGIONS.index("top")).mean() > 0.03]
    right = []
    for seed, (case, top) in enumerate(tops):
        for channel, colour in enumerate(("red", "green", "blue")):
            picture = paint(engine, case, seed, wears=f"{colour} shirt, black pants")
            right.append(np.median(picture[top], axis=0).argmax() == channel)
    assert len(tops) >= 4 and np.mean(right) > 0.9, right


def test_it_paints_over_a_picture_as_much_as_it_is_told(tmp_path: Path) -> None:
    """The less is painted anew, the more stays of the start: a red half and a blue one."""
    start = np.zeros((384, 256, 3), dtype=np.uint8)
    start[:192], start[192:] = (200, 60, 60), (60, 60, 200)
    away = []
    for strength in (0.2, 0.6, 1.0):
        request = GenerationRequest(
            "builtin", "1girl", 256, 384, steps=10, guidance_scale=2.0, init_image=DEPTH, denoising_strength=strength
        )
        engine = Engine("cpu", ModelCatalogue(tmp_path))
        picture = engine.generate(request, {DEPTH: Image.fromarray(start)}, lambda progress: None, lambda: False)[0]
        away.append(np.abs(np.asarray(picture).astype(int) - start).mean())
    assert away[0] < 30 and away[0] < away[1] < away[2], away


def test_it_says_what_it_does_not_know(tmp_path: Path) -> None:
    told: list[Progress] = []
    generate(tmp_path, told, "1girl, solo, (blue hair:1.2), red skirt, rasengan", steps=1)
    left_out = "Built-in (small) does not know these words and leaves them out: rasengan."
    assert [warning for progress in told for warning in progress.warnings] == [left_out]


@pytest.mark.filterwarnings("error::FutureWarning:diffusers")
@pytest.mark.parametrize("sampler", families()["builtin"].samplers)
def test_every_sampler(tmp_path: Path, sampler: str) -> None:
    assert 10 < generate(tmp_path, sampler=sampler, size=(128, 192)).std() < 110


@pytest.mark.parametrize("size", [(64, 64), (512, 64), (64, 512), (328, 248), (512, 512)])
def test_all_sizes_of_the_family(tmp_path: Path, size: tuple[int, int]) -> None:
    controls = (Control("openpose", POSE), Control("depth", DEPTH))
    assert generate(tmp_path, steps=1, size=size, controls=controls).shape == (size[1], size[0], 3)
