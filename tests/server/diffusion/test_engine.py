# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures from the engine: the same as the bare pipeline's, determined by the request alone, and cancelled at once."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import diffusers  # noqa: E402
from drawn_controls import DEPTH, OTHER_POSE, POSE, control_images  # noqa: E402
from PIL import Image  # noqa: E402
from pose_to_anime.generation_server.diffusion import unet_model  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine, check_picture  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import (  # noqa: E402
    GenerationCancelled,
    GenerationError,
    Progress,
)
from pose_to_anime.generation_server.diffusion.memory import Device  # noqa: E402
from pose_to_anime.generation_server.families.catalogue import families  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, Lora  # noqa: E402
from transformers import CLIPTextModel  # noqa: E402

IMAGES = control_images(256, 256)
BOTH = (Control("openpose", POSE), Control("depth", DEPTH, strength=0.5))
REQUEST = GenerationRequest(
    model="tiny",
    prompt="1girl, running",
    negative_prompt="low quality",
    width=256,
    height=256,
    steps=4,
    guidance_scale=4.0,
    seed=7,
    sampler="ddim",
    controls=BOTH,
)


@pytest.fixture(scope="module")
def engine(tiny: Path) -> Engine:
    return Engine("cpu", ModelCatalogue(tiny))


def changed(**values: Any) -> GenerationRequest:
    return dataclasses.replace(REQUEST, **values)


def make(engine: Engine, request: GenerationRequest, report: Any = lambda progress: None, cancelled: Any = lambda: False) -> Any:
    """The request's one picture as an array."""
    (picture,) = engine.generate(request, IMAGES, report, cancelled)
    assert picture.size == (request.width, request.height) and picture.mode == "RGB"
    return np.asarray(picture).astype(int)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often the networks ran."""
    count: Counter[str] = Counter()

    def counting(kind: Any) -> None:
        inner = kind.forward

        def forward(self: Any, *arguments: Any, **named: Any) -> Any:
            count[kind.__name__] += 1
            return inner(self, *arguments, **named)

        monkeypatch.setattr(kind, "forward", forward)

    for kind in (diffusers.ControlNetModel, diffusers.UNet2DConditionModel, CLIPTextModel):
        counting(kind)
    return count


def test_a_starting_picture_saves_the_steps_that_would_only_destroy_it(engine: Engine, runs: Counter[str]) -> None:
    told: list[Progress] = []
    make(engine, changed(controls=(), init_image=DEPTH, denoising_strength=0.5), told.append)
    assert runs["UNet2DConditionModel"] == 2
    assert {(progress.step, progress.steps) for progress in told if progress.phase == "denoising"} == {(0, 2), (1, 2), (2, 2)}


def test_same_request_same_bytes(engine: Engine, tiny: Path) -> None:
    first = make(engine, REQUEST)
    assert (make(engine, REQUEST) == first).all()
    assert (make(Engine("cpu", ModelCatalogue(tiny)), REQUEST) == first).all()


@pytest.mark.parametrize(
    "other",
    [
        changed(seed=8),
        changed(prompt="1girl, sitting"),
        changed(prompt="1girl, (running:1.4)"),
        changed(negative_prompt="dark"),
        changed(guidance_scale=6.0),
        changed(steps=5),
        changed(sampler="euler_a"),
        changed(controls=()),
        changed(controls=BOTH[:1]),
        changed(controls=BOTH[1:]),
        changed(controls=(Control("openpose", OTHER_POSE), BOTH[1])),
        changed(controls=(dataclasses.replace(BOTH[0], strength=0.5), BOTH[1])),
        changed(controls=(dataclasses.replace(BOTH[0], end=0.5), BOTH[1])),
        changed(controls=(dataclasses.replace(BOTH[0], start=0.5), BOTH[1])),
        changed(init_image=OTHER_POSE),
        changed(init_image=OTHER_POSE, denoising_strength=0.5),
    ],
    ids=lambda request: next(
        f"{f.name}={getattr(request, f.name)}"[:60]
        for f in dataclasses.fields(request)
        if getattr(request, f.name) != getattr(REQUEST, f.name)
    ),
)
def test_everything_in_a_request_matters(engine: Engine, other: GenerationRequest) -> None:
    difference = np.abs(make(engine, other) - make(engine, REQUEST))
    assert (difference > 0).mean() > 0.01  # the same request gives the same bytes: see above


@pytest.mark.parametrize("name", sorted(families()["sd15"].samplers))
def test_every_sampler_of_the_family(engine: Engine, name: str) -> None:
    told: list[Progress] = []
    assert make(engine, changed(sampler=name, steps=2, controls=()), told.append).std() > 1
    assert [progress.step for progress in told if progress.phase == "denoising"][-1] == 2


def test_empty_sampler_is_the_familys_default(engine: Engine) -> None:
    assert (make(engine, changed(sampler="")) == make(engine, changed(sampler=families()["sd15"].default_sampler))).all()


@pytest.mark.parametrize("size", [(256, 384), (448, 256), (264, 312)])
def test_sizes_that_are_not_square(engine: Engine, size: tuple[int, int]) -> None:
    """Also multiples of 8 that are none of 64: the levels of the UNet must still fit together."""
    request = changed(width=size[0], height=size[1], steps=2)
    (picture,) = engine.generate(request, control_images(*size), lambda progress: None, lambda: False)
    assert picture.size == size


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ((), 0),
        ((dataclasses.replace(BOTH[0], strength=0.0),), 0),
        ((dataclasses.replace(BOTH[0], start=0.5, end=0.5),), 0),
        ((dataclasses.replace(BOTH[0], end=0.2),), 0),
        ((dataclasses.replace(BOTH[0], end=0.25),), 1),
        ((dataclasses.replace(BOTH[0], end=0.5),), 2),
        ((dataclasses.replace(BOTH[0], start=0.25, end=0.5),), 1),
        ((dataclasses.replace(BOTH[0], end=0.25), dataclasses.replace(BOTH[1], start=0.75)), 2),
        (BOTH, 8),
        ((*BOTH, Control("openpose", OTHER_POSE)), 12),
    ],
)
def test_controlnets_run_only_in_their_windows(
    engine: Engine, runs: Counter[str], controls: tuple[Control, ...], expected: int
) -> None:
    make(engine, changed(steps=4, controls=controls))
    assert runs["UNet2DConditionModel"] == 4
    assert runs["ControlNetModel"] == expected


def test_a_control_that_never_acts_changes_nothing(engine: Engine) -> None:
    idle = dataclasses.replace(BOTH[0], strength=0.0)
    assert (make(engine, changed(controls=(idle,))) == make(engine, changed(controls=()))).all()


def test_models_and_prompts_are_kept(engine: Engine, runs: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make(engine, REQUEST)
    monkeypatch.setattr(diffusers.UNet2DConditionModel, "from_pretrained", None)
    monkeypatch.setattr(diffusers.ControlNetModel, "from_pretrained", None)
    runs.clear()
    make(engine, changed(seed=99))
    assert runs["CLIPTextModel"] == 0


def test_free_memory_lets_go_and_the_next_picture_loads_again(engine: Engine) -> None:
    first = make(engine, REQUEST)
    engine.free_memory()
    assert engine._model is None
    phases: list[str] = []
    assert (make(engine, REQUEST, lambda progress: phases.append(progress.phase)) == first).all()
    assert phases[0] == "loading model"


def test_progress_is_told_with_previews(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose_to_anime.generation_server.diffusion.watching.PREVIEW_SECONDS", 0.0)
    told: list[Progress] = []
    result = make(engine, changed(steps=6), told.append)
    assert [progress.step for progress in told if progress.phase == "denoising"] == list(range(7))
    assert {progress.steps for progress in told if progress.phase == "denoising"} == {6}
    assert told[-1].phase == "decoding"
    previews = [progress.preview for progress in told if progress.preview is not None]
    assert len(previews) == 6
    assert all(max(preview.size) <= 512 and preview.width == preview.height for preview in previews)
    # The last preview is the picture but for its fineness: nearer to it than the first.
    small = [np.asarray(preview.resize((32, 32))).astype(int) for preview in (previews[0], previews[-1])]
    truth = np.asarray(Image.fromarray(result.astype(np.uint8)).resize((32, 32), Image.Resampling.BOX)).astype(int)
    first, last = (np.abs(picture - truth).mean() for picture in small)
    assert last < first


def test_previews_do_not_change_the_picture(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "pose_to_anime.generation_server.diffusion.watching.PREVIEW_SECONDS"
    pictures = []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(module, seconds)
        pictures.append(make(engine, changed(sampler="euler_a")))
    assert (pictures[0] == pictures[1]).all()


def test_cancel_ends_within_a_step(engine: Engine, runs: Counter[str]) -> None:
    """Cancelled in the middle of the third step's UNet: it does not even finish that."""
    seen: list[int] = []

    def cancelled() -> bool:
        if runs["UNet2DConditionModel"] == 3:
            seen.append(1)
        return len(seen) > 2

    with pytest.raises(GenerationCancelled):
        make(engine, changed(steps=50), cancelled=cancelled)
    assert runs["UNet2DConditionModel"] == 3
    assert runs["ControlNetModel"] == 6
    make(engine, REQUEST)  # and the engine goes on working


def test_cancelled_before_it_began(engine: Engine, runs: Counter[str]) -> None:
    with pytest.raises(GenerationCancelled):
        make(engine, REQUEST, cancelled=lambda: True)
    assert not runs


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (changed(model="nothing"), "There is no model 'nothing': use one of"),
        (changed(model="tiny-depth"), "'tiny-depth' is a controlnet, which works with a model and makes no picture by itself"),
        (changed(model="meinamix_v11"), "MeinaMix V11 is not on this computer .*models download meinamix_v11"),
        (changed(width=128), "256 to 1024 pixels a side, not 128 × 256"),
        (changed(width=2048), "256 to 1024 pixels a side, not 2048 × 256"),
        (changed(steps=151), "number of steps must be between 1 and 150, not 151"),
        (changed(guidance_scale=31.0), "guidance scale must be between 1 and 30, not 31"),
        (changed(sampler="magic"), "no sampler 'magic': use one of euler_a"),
        (changed(loras=(Lora("hero"),)), "no LoRA 'hero'"),
        (changed(model="builtin", controls=(Control("canny", POSE),)), "cannot be controlled by canny: use openpose, depth"),
        (
            changed(controls=(Control("canny", POSE),)),
            "models download control_v11p_sd15_canny.*, or switch the canny control off",
        ),
        (changed(controls=(Control("depth", "d" * 64),)), "depth control.s image did not arrive"),
        (changed(init_image="d" * 64), "starting picture did not arrive"),
        (changed(width=320), "openpose control's image is 256 × 256 pixels, but the picture is to be 320 × 256"),
    ],
)
def test_bad_requests_get_one_sentence(engine: Engine, request_: GenerationRequest, sentence: str) -> None:
    with pytest.raises(GenerationError, match=sentence) as caught:
        make(engine, request_)
    assert "\n" not in str(caught.value)


def test_a_missing_controlnet_matters_only_when_it_is_used(tiny: Path, tmp_path: Path) -> None:
    from tiny_models import describe

    describe(tmp_path / "models", "tiny", title="Tiny", family="sd15", kind="checkpoint", path=tiny / "weights" / "tiny")
    engine = Engine("cpu", ModelCatalogue(tmp_path))
    with pytest.raises(GenerationError, match=r"OpenPose .* is not on this computer .* or switch the openpose control off"):
        make(engine, REQUEST)
    idle = tuple(dataclasses.replace(control, strength=0.0) for control in BOTH)
    make(engine, changed(controls=idle, steps=1))


def test_a_controlnet_that_comes_later_is_used_without_a_restart(tiny: Path, tmp_path: Path) -> None:
    from tiny_models import describe

    describe(tmp_path / "models", "tiny", title="Tiny", family="sd15", kind="checkpoint", path=tiny / "weights" / "tiny")
    engine = Engine("cpu", ModelCatalogue(tmp_path))
    without = make(engine, changed(controls=()))
    values = {"title": "Pose", "family": "sd15", "kind": "controlnet", "control": "openpose"}
    describe(tmp_path / "models", "pose", **values, path=tiny / "weights" / "tiny-openpose")
    assert (make(engine, changed(controls=BOTH[:1])) != without).any()


def test_out_of_memory_is_said_with_advice_and_everything_let_go(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make(engine, REQUEST)
    inner = diffusers.UNet2DConditionModel.forward

    def forward(self: Any, sample: torch.Tensor, *arguments: Any, **named: Any) -> Any:
        if sample.is_meta:  # what it would cost is being measured, and remembered for other tests
            return inner(self, sample, *arguments, **named)
        return torch.empty(2**50)  # torch's real allocator says no

    with monkeypatch.context() as context:
        context.setattr(diffusers.UNet2DConditionModel, "forward", forward)
        with pytest.raises(GenerationError, match=r"too little free memory for 256 × 256 pixels .*choose a smaller size"):
            make(engine, REQUEST)
    assert engine._model is None
    assert (make(engine, REQUEST) == expected).all()


def test_not_a_number_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = diffusers.UNet2DConditionModel.forward

    def forward(self: Any, *arguments: Any, **named: Any) -> Any:
        return (inner(self, *arguments, **named)[0] * float("nan"),)

    monkeypatch.setattr(diffusers.UNet2DConditionModel, "forward", forward)
    with pytest.raises(GenerationError, match="NaN"):
        make(engine, REQUEST)


def test_half_precision_as_on_a_gpu(tiny: Path) -> None:
    """The same picture but for rounding, with weights and computation in 16 bits (bfloat16 is what a CPU can do)."""
    engine = Engine("cpu", ModelCatalogue(tiny))
    whole = make(engine, REQUEST)
    engine = Engine("cpu", ModelCatalogue(tiny))
    engine._device = dataclasses.replace(engine._device, dtype=torch.bfloat16)
    half = make(engine, REQUEST)
    assert {parameter.dtype for parameter in engine._model[1]._parts["unet"].parameters()} == {torch.bfloat16}
    assert 0 < np.abs(half - whole).mean() < 0.25 * whole.std()


def test_a_decoder_that_half_precision_overflows_decodes_in_full(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine("cpu", ModelCatalogue(tiny))
    engine._device = dataclasses.replace(engine._device, dtype=torch.bfloat16)
    expected = make(engine, REQUEST)
    inner = diffusers.AutoencoderKL.decode

    def decode(self: Any, latents: Any, **named: Any) -> Any:
        (pixels,) = inner(self, latents, **named)
        return (pixels * float("nan"),) if latents.dtype != torch.float32 else (pixels,)

    monkeypatch.setattr(diffusers.AutoencoderKL, "decode", decode)
    assert np.abs(make(engine, REQUEST) - expected).mean() < 0.1 * expected.std()
    assert engine._model[1]._parts["vae"].dtype == torch.bfloat16  # and goes back for the next picture


def test_a_starting_picture_is_encoded_as_a_fresh_model_would(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tiles where it is large, and whole where it is not, however large the picture before it was."""
    monkeypatch.setattr(Device, "works_in_tiles", True)
    monkeypatch.setattr(unet_model, "TILED_FROM", 256 * 256)
    inner = diffusers.AutoencoderKL.encode
    tiled: list[bool] = []

    def encode(self: Any, *arguments: Any, **named: Any) -> Any:
        tiled.append(self.use_tiling)
        return inner(self, *arguments, **named)

    monkeypatch.setattr(diffusers.AutoencoderKL, "encode", encode)
    small = changed(controls=(), init_image=DEPTH, steps=2)
    large = dataclasses.replace(small, height=320)
    for order in ((large, small, large), (small,)):
        engine = Engine("cpu", ModelCatalogue(tiny))
        tiled.clear()
        for request in order:
            engine.generate(request, control_images(256, request.height), lambda progress: None, lambda: False)
        assert tiled == [request is large for request in order]


@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_flat_picture_is_said(value: int) -> None:
    with pytest.raises(GenerationError, match="one flat colour"):
        check_picture(Image.new("RGB", (64, 64), (value,) * 3))
    check_picture(Image.linear_gradient("L").convert("RGB"))


def test_devices_that_are_not_there() -> None:
    catalogue = ModelCatalogue(Path("nowhere"))
    with pytest.raises(GenerationError, match="no device 'tpu': use one of auto, cuda, mps, cpu"):
        Engine("tpu", catalogue)
    if not torch.cuda.is_available():
        with pytest.raises(GenerationError, match="no GPU number 0"):
            Engine("cuda", catalogue)
        assert Engine("auto", catalogue).device_name in ("CPU", "Apple GPU")
    with pytest.raises(GenerationError, match="no GPU number 97"):
        Engine("cuda:97", catalogue)
    total, free = Engine("cpu", catalogue).memory()
    assert 0 < free <= total
