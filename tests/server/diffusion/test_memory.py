# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory: which mode is chosen on which card, the same picture in each of them, and what happens where memory runs out."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from diffusers import AutoencoderKL, ControlNetModel, ControlNetUnionModel, UNet2DConditionModel  # noqa: E402
from drawn_controls import DEPTH, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.amounts import GIB  # noqa: E402
from pose_to_anime.generation_server.diffusion.components import CONFIGS  # noqa: E402
from pose_to_anime.generation_server.diffusion.costs import costs_of, weight_bytes  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError, Progress  # noqa: E402
from pose_to_anime.generation_server.diffusion.memory import choose_device  # noqa: E402
from pose_to_anime.generation_server.diffusion.modes import Costs, Mode, choose, largest_size, lower  # noqa: E402
from pose_to_anime.generation_server.diffusion.residence import (  # noqa: E402
    Residence,
    in_8_bits,
    lent_by_layers,
    lent_in_8_bits,
)
from pose_to_anime.generation_server.diffusion.unet_model import TILED_FROM  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, Lora  # noqa: E402
from tiny_loras import write_lora  # noqa: E402
from tiny_models import describe  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection  # noqa: E402

IMAGES = control_images(256, 256)
BOTH = (Control("openpose", POSE), Control("depth", DEPTH, strength=0.5))
REQUEST = GenerationRequest(
    "tiny", "1girl, running", 256, 256, "bad", steps=2, guidance_scale=4.0, seed=7, sampler="ddim", controls=BOTH
)
HALF = torch.float16
IN_USE = 0.75 * GIB
"""What a desktop and torch's own code take of a card, in these tests."""


@functools.cache
def costs(family: str, *controls: str, full_vae: bool = False) -> Costs:
    """Those of the true architecture, at its true size, without its weights."""
    folder = CONFIGS / family

    def network(kind: Any, part: str) -> Any:
        return kind.from_config(kind.load_config(str(folder / part))).to(HALF)

    with torch.device("meta"):
        parts = {"unet": network(UNet2DConditionModel, "unet"), "vae": network(AutoencoderKL, "vae")}
        for name, kind in (("text_encoder", CLIPTextModel), ("text_encoder_2", CLIPTextModelWithProjection)):
            if (folder / name).is_dir():
                parts[name] = kind(CLIPTextConfig.from_pretrained(str(folder / name))).to(HALF)
        kinds = {"union": ControlNetUnionModel, "controlnet": ControlNetModel}
        nets = [network(kinds[control], control) for control in controls]
    return costs_of(parts, nets, HALF, torch.float32 if full_vae else HALF, TILED_FROM)


def test_what_the_families_weigh() -> None:
    """By the numbers of parameters that their makers and Hugging Face's model pages give, two bytes each."""
    small, large = costs("sd15"), costs("sdxl")
    assert small.denoisers == pytest.approx(2 * 860e6, rel=0.01)
    assert small.encoders == pytest.approx(2 * 123e6, rel=0.01)
    assert large.denoisers == pytest.approx(2 * 2.567e9, rel=0.01)
    assert large.encoders == pytest.approx(2 * (123e6 + 695e6), rel=0.01)
    assert small.decoder == large.decoder == pytest.approx(2 * 83.7e6, rel=0.01)
    assert costs("sd15", "controlnet").denoisers - small.denoisers == pytest.approx(2 * 361e6, rel=0.01)
    # In 8 bits all but a little has half the room.
    assert 0.5 < large.denoisers_in_8_bits / large.denoisers < 0.53
    assert costs("sdxl", full_vae=True).decoder == 2 * large.decoder


SIZES = {"sd15": 512 * 768, "sdxl": 1024 * 1024}


@pytest.mark.parametrize(
    ("family", "controls", "full_vae", "expected"),
    [
        ("sd15", (), False, "gpu gpu gpu gpu"),
        ("sd15", ("controlnet", "controlnet"), False, "gpu gpu gpu gpu"),
        ("sdxl", (), False, "offload gpu gpu gpu"),
        ("sdxl", ("union",), False, "fp8 gpu gpu gpu"),
        ("sdxl", ("union",), True, "fp8 offload gpu gpu"),
        ("sdxl", ("controlnet", "controlnet"), False, "fp8 offload gpu gpu"),
        ("sdxl", ("controlnet", "controlnet"), True, "fp8 offload gpu gpu"),
    ],
)
def test_the_mode_of_each_card(family: str, controls: tuple[str, ...], full_vae: bool, expected: str) -> None:
    """Cards of 8, 12, 16 and 24 GiB."""
    needed = costs(family, *controls, full_vae=full_vae)
    modes = [choose(tuple(Mode), needed, int(card * GIB - IN_USE), SIZES[family]).value for card in (8, 12, 16, 24)]
    assert modes == expected.split()


def test_modes_are_in_the_order_of_what_they_need() -> None:
    for needed in (costs("sd15", "controlnet"), costs("sdxl", "union"), costs("sdxl", "controlnet", "controlnet")):
        for start in (False, True):
            peaks = [needed.peak(mode, 1024 * 1024, start=start) for mode in Mode]
            assert peaks == sorted(peaks, reverse=True)
        assert needed.peak(Mode.SEQUENTIAL, 2**20, pictures=4) > needed.peak(Mode.SEQUENTIAL, 2**20)
        assert choose(tuple(Mode), needed, 0, 2**20) is Mode.SEQUENTIAL  # nothing fits: the one that needs the least
        assert choose((Mode.OFFLOAD,), needed, 0, 2**20) is Mode.OFFLOAD  # fixed by the user
    assert lower(tuple(Mode), Mode.OFFLOAD) == [Mode.FP8, Mode.SEQUENTIAL]


def test_the_largest_size_that_fits() -> None:
    assert largest_size(lambda pixels: pixels <= 640 * 960, 1024, 1536, 64, 512) == (640, 960)
    assert largest_size(lambda pixels: pixels <= 640 * 960, 1536, 1024, 64, 512) == (960, 640)
    assert largest_size(lambda pixels: True, 1024, 1024, 64, 512) == (960, 960)
    assert largest_size(lambda pixels: False, 1024, 1024, 64, 512) is None


def test_wishes() -> None:
    with pytest.raises(GenerationError, match="no way 'disk' to use memory: use one of auto, gpu, offload, fp8, sequential"):
        choose_device("cpu", "disk")
    with pytest.raises(GenerationError, match="'fp8' is for a graphics card with memory of its own"):
        choose_device("cpu", "fp8")
    assert choose_device("cpu", "gpu").modes == (Mode.GPU,)


@pytest.fixture(scope="module")
def networks(tiny_xl: Path) -> list[Any]:
    """A UNet, a ControlNet and a union, in the computer's memory."""
    weights = tiny_xl / "weights"
    return [
        UNet2DConditionModel.from_pretrained(weights / "xl" / "unet"),
        ControlNetModel.from_pretrained(weights / "xl-depth"),
        ControlNetUnionModel.from_pretrained(weights / "xl-union"),
    ]


def run(networks: list[Any], device: str) -> list[Any]:
    unet, net, union = networks
    config = unet.config
    generator = torch.Generator().manual_seed(3)

    def random(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator).to(device)

    pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    sample, text, hint = random(2, 4, 16, 16), random(2, 77, config.cross_attention_dim), random(2, 3, 128, 128)
    added = {"text_embeds": random(2, pooled), "time_ids": random(2, 6)}
    types = torch.zeros(2, union.config.num_control_type, device=device)
    types[:, 1] = 1
    step = torch.tensor(500, device=device)
    with torch.inference_mode():
        down, mid = net(sample, step, text, hint, 1.0, added_cond_kwargs=added, return_dict=False)
        more, middle = union(sample, step, text, [hint], types, [1], [1.0], added_cond_kwargs=added, return_dict=False)
        down = [a + b for a, b in zip(down, more, strict=True)]
        return [
            unet(
                sample,
                step,
                text,
                added_cond_kwargs=added,
                down_block_additional_residuals=down,
                mid_block_additional_residual=mid + middle,
            ).sample
        ]


@pytest.mark.parametrize("mode", [Mode.OFFLOAD, Mode.FP8, Mode.SEQUENTIAL])
def test_all_that_computes_is_on_the_device(networks: list[Any], mode: Mode, tiny_xl: Path) -> None:
    """torch's device "meta" refuses tensors of another, so that one weight left behind would be an error; no GPU is needed."""
    vae = AutoencoderKL.from_pretrained(tiny_xl / "weights" / "xl" / "vae")
    before = [parameter.clone() for network in networks for parameter in network.parameters()]
    with pytest.raises(RuntimeError, match=r"expected device meta|same device"):
        run(networks, "meta")
    residence = Residence(torch.device("meta"), mode)
    with residence.denoising(networks, vae):
        (result,) = run(networks, "meta")
        assert vae.device.type == "meta"
    assert result.device.type == "meta"
    after = [parameter for network in networks for parameter in network.parameters()]
    assert all(torch.equal(a, b) and b.device.type == "cpu" for a, b in zip(before, after, strict=True))
    assert vae.device.type == "cpu"


def test_layer_by_layer_nothing_changes_and_in_8_bits_little(networks: list[Any]) -> None:
    (expected,) = run(networks, "cpu")
    with lent_by_layers(networks[0], torch.device("cpu")), lent_by_layers(networks[2], torch.device("cpu")):
        assert torch.equal(run(networks, "cpu")[0], expected)
    whole = weight_bytes(networks[:1])
    with lent_in_8_bits(networks[0], torch.device("cpu")), lent_in_8_bits(networks[2], torch.device("cpu")):
        (rounded,) = run(networks, "cpu")
        assert weight_bytes(networks[:1]) < 0.5 * whole  # the large weights are out between the layers
    error = (rounded - expected).std() / expected.std()
    assert 0 < error < 0.1
    assert torch.equal(run(networks, "cpu")[0], expected)  # and nothing of it stays


def test_what_is_remembered_of_a_control_image_is_the_same_in_8_bits(networks: list[Any]) -> None:
    """A picture in full precision may follow, with the same image: it must not be painted from rounded weights."""
    picture = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(4))
    for net in networks[1:]:
        with torch.inference_mode():
            expected = net.controlnet_cond_embedding(picture)
            with lent_in_8_bits(net, torch.device("cpu")):
                assert torch.equal(net.controlnet_cond_embedding(picture), expected)
        assert expected.std() > 0


def test_8_bits_keep_each_channels_scale() -> None:
    weight = torch.randn(8, 16, 3, 3, generator=torch.Generator().manual_seed(1)) * torch.logspace(-4, 2, 8).view(8, 1, 1, 1)
    weight[3] = 0
    packed, scale = in_8_bits(weight)
    assert packed.element_size() == 1
    error = (packed.float() * scale - weight).flatten(1).std(1) / weight.flatten(1).std(1).clamp(min=1e-9)
    assert error.max() < 0.04  # three bits of mantissa: half a step is 1/16 of a number at most
    assert not (packed.float() * scale)[3].any()


def same(one: Any, other: Any) -> bool:
    """Equal but for the last bit of a colour here and there: a CPU adds in another order where weights lie elsewhere."""
    difference = np.abs(one.astype(int) - other)
    return bool(difference.max() <= 1 and (difference > 0).mean() < 0.001)


def engine_with(home: Path, *modes: Mode) -> Engine:
    """On the CPU, as if it were a GPU that has these modes."""
    engine = Engine("cpu", ModelCatalogue(home))
    engine._device = dataclasses.replace(engine._device, modes=modes)
    return engine


def make(engine: Engine, request: GenerationRequest = REQUEST, report: Any = lambda progress: None) -> Any:
    (picture,) = engine.generate(request, IMAGES, report, lambda: False)
    return np.asarray(picture).astype(int)


@pytest.fixture(scope="module")
def expected(tiny: Path) -> Any:
    return make(engine_with(tiny, Mode.GPU))


@pytest.mark.parametrize("mode", [Mode.OFFLOAD, Mode.SEQUENTIAL])
def test_the_picture_is_the_same(tiny: Path, expected: Any, mode: Mode) -> None:
    engine = engine_with(tiny, mode)
    assert same(make(engine), expected)
    assert same(make(engine), expected)  # with the prompt known and the control images too
    other = dataclasses.replace(REQUEST, init_image=DEPTH, prompt="1girl, (sitting:1.2)")
    assert same(make(engine, other), make(engine_with(tiny, Mode.GPU), other))


def test_in_8_bits_it_is_nearly_the_same_and_said(tiny: Path, expected: Any) -> None:
    told: list[Progress] = []
    difference = np.abs(make(engine_with(tiny, Mode.FP8), report=told.append) - expected)
    assert 0 < difference.mean() < 0.1 * expected.std()
    assert [warning for progress in told for warning in progress.warnings] == [
        "There is little free memory on the CPU, so the picture was made with weights in 8 bits, which can change details."
    ]


def out_of_memory_at(monkeypatch: pytest.MonkeyPatch, *calls: int) -> None:
    """From now on, these calls of the UNet find no memory: its first one is 1."""
    inner = UNet2DConditionModel.forward
    count = 0

    def forward(self: Any, sample: torch.Tensor, *arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += not sample.is_meta  # there, only what it would cost is measured
        if count in calls and not sample.is_meta:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return inner(self, sample, *arguments, **named)

    monkeypatch.setattr(UNet2DConditionModel, "forward", forward)


def test_out_of_memory_leads_to_one_more_try(tiny: Path, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(tiny, Mode.GPU, Mode.SEQUENTIAL)
    out_of_memory_at(monkeypatch, 2)
    told: list[Progress] = []
    assert same(make(engine, report=told.append), expected)
    assert [warning for progress in told for warning in progress.warnings] == [
        "Memory ran out on the CPU, so the picture was made once more with the model's layers in the GPU's memory one by one, "
        "which takes many times as long."
    ]
    assert same(make(engine), expected)


def test_out_of_memory_twice_says_what_would_fit(tiny: Path, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(tiny, *Mode)
    request = dataclasses.replace(REQUEST, width=512, height=768, controls=())
    out_of_memory_at(monkeypatch, 2, 3)
    sentence = r"too little free memory for 512 × 768 .*choose a smaller size, such as 4\d\d × \d+, or close other programs"
    with pytest.raises(GenerationError, match=sentence):
        make(engine, request)
    assert engine._model is None
    assert same(make(engine), expected)


def test_a_fixed_mode_is_not_left(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_with(tiny, Mode.OFFLOAD)
    out_of_memory_at(monkeypatch, 1)
    with pytest.raises(GenerationError, match=r"use fewer controls, or close other programs"):
        make(engine)


def test_xl_by_turns_and_layer_by_layer(tiny_xl: Path) -> None:
    request = dataclasses.replace(REQUEST, model="xl", width=512, height=512, steps=1)
    images = control_images(512, 512)

    def picture(mode: Mode) -> Any:
        return np.asarray(engine_with(tiny_xl, mode).generate(request, images, lambda progress: None, lambda: False)[0])

    whole = picture(Mode.GPU)
    assert same(picture(Mode.OFFLOAD), whole)
    assert same(picture(Mode.SEQUENTIAL), whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_loras_go_where_the_networks_go(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: Any) -> None:
    """One is put on a model that lies in the computer's memory, and acts in each mode as in the others."""
    checkpoint = tiny / "weights" / "tiny"
    file = write_lora(checkpoint, tmp_path / "hero.safetensors", "kohya", 1, ("unet", "text_encoder"))
    describe(tmp_path / "models", "tiny", title="Tiny", family="sd15", kind="checkpoint", path=checkpoint)
    describe(tmp_path / "models", "hero", title="Hero", family="sd15", kind="lora", path=file)
    without = dataclasses.replace(REQUEST, controls=())
    request = dataclasses.replace(without, loras=(Lora("hero", 0.8),))

    def engine(*modes: Mode) -> Engine:
        engine = engine_with(tmp_path, *modes)
        engine._device = dataclasses.replace(engine._device, dtype=dtype)
        return engine

    on_the_device = engine(Mode.GPU)
    whole = make(on_the_device, request)
    effect = np.abs(whole - make(on_the_device, without))
    assert effect.max() > 8
    for mode in (Mode.OFFLOAD, Mode.SEQUENTIAL):
        assert same(make(engine(mode), request), whole)
    in_8_bits = engine(Mode.FP8)
    assert 0 < np.abs(make(in_8_bits, request) - whole).mean() < 0.25 * effect.mean()
    assert np.abs(make(in_8_bits, without) - make(on_the_device, without)).mean() < 0.25 * effect.mean()  # and is taken off
    out_of_memory_at(monkeypatch, 2)  # on the device, and put there again layer by layer
    assert same(make(engine(Mode.GPU, Mode.SEQUENTIAL), request), whole)
