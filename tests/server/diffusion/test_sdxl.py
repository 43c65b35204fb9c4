# SPDX-License-Identifier: GPL-3.0-or-later
"""Stable Diffusion XL: pictures of the engine beside those of diffusers' own pipelines, in every combination that it declares."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import diffusers  # noqa: E402
from drawn_controls import DEPTH, OTHER_POSE, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion import adapters  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.families import catalogue  # noqa: E402
from pose_to_anime.generation_server.models import entry  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from single_files import write_config, write_single_checkpoint  # noqa: E402
from tiny_models import describe  # noqa: E402
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer  # noqa: E402

SIDE = 256
"""Pixels: half of the smallest picture that the family allows, since it takes a quarter of the time."""
IMAGES = control_images(SIDE, SIDE)
BOTH = (Control("openpose", POSE, end=0.7), Control("depth", DEPTH, strength=0.5))
REQUEST = GenerationRequest(
    "xl", "1girl, running", SIDE, SIDE, "low quality", steps=3, guidance_scale=4.0, seed=7, sampler="ddim", controls=BOTH
)


@pytest.fixture(scope="module", autouse=True)
def smaller_pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    text = (catalogue.FOLDERS[0] / "sdxl.toml").read_text("utf-8")
    assert "smallest = 512" in text
    folder = tmp_path_factory.mktemp("families")
    (folder / "sdxl.toml").write_text(text.replace("smallest = 512", f"smallest = {SIDE}"), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "FOLDERS", [*catalogue.FOLDERS, folder])
        catalogue.families.cache_clear()
        yield
    catalogue.families.cache_clear()


def home_with(tiny_xl: Path, folder: Path, *controlnets: str, **checkpoint: Any) -> Path:
    """A user's folder with the tiny checkpoint and some of the networks beside it."""
    weights = tiny_xl / "weights"
    values = {"title": "XL", "family": "sdxl", "kind": "checkpoint", "path": weights / "xl", **checkpoint}
    describe(folder / "models", "xl", **values)
    for name in controlnets:
        values = {"title": name, "family": "sdxl", "kind": "controlnet", "path": weights / f"xl-{name}"}
        union = {"adapter": "union", "controls": ["openpose", "depth", "canny"]}
        describe(folder / "models", f"xl-{name}", **values, **(union if name == "union" else {"control": name}))
    return folder


@pytest.fixture(scope="module")
def singles(tiny_xl: Path) -> Engine:
    return Engine("cpu", ModelCatalogue(tiny_xl))


@pytest.fixture(scope="module")
def union(tiny_xl: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine("cpu", ModelCatalogue(home_with(tiny_xl, tmp_path_factory.mktemp("union"), "union")))


def make(engine: Engine, **changes: Any) -> Any:
    request = dataclasses.replace(REQUEST, **changes)
    (picture,) = engine.generate(request, IMAGES, lambda progress: None, lambda: False)
    return np.asarray(picture).astype(int)


def bare(tiny_xl: Path, kind: Any, net: Any = None, scheduler: dict[str, Any] | None = None, **settings: Any) -> Any:
    """What diffusers' own pipeline makes as a user would write it, as an array."""
    folder = tiny_xl / "weights" / "xl"
    pipeline = kind(
        vae=diffusers.AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2"),
        unet=diffusers.UNet2DConditionModel.from_pretrained(folder / "unet"),
        scheduler=diffusers.DDIMScheduler.from_pretrained(
            folder / "scheduler",
            **{"clip_sample": False, "timestep_spacing": "trailing", "set_alpha_to_one": False, **(scheduler or {})},
        ),
        **({"controlnet": net} if net else {}),
    )
    pipeline.set_progress_bar_config(disable=True)
    values = {"prompt": REQUEST.prompt, "negative_prompt": REQUEST.negative_prompt, **settings}
    picture = pipeline(
        num_inference_steps=REQUEST.steps,
        guidance_scale=REQUEST.guidance_scale,
        generator=torch.Generator().manual_seed(REQUEST.seed),
        **values,
    ).images[0]
    return np.asarray(picture).astype(int)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two pictures differ by rounding alone, and show something."""
    return np.abs(ours - theirs).max() <= 2 and ours.std() > 5


TEXT_TO_IMAGE = {"width": SIDE, "height": SIDE}
FROM_A_PICTURE = {"init_image": OTHER_POSE, "denoising_strength": 0.7}
WINDOWS = {
    "controlnet_conditioning_scale": [1.0, 0.5],
    "control_guidance_start": [0.0, 0.0],
    "control_guidance_end": [0.7, 1.0],
}


def test_without_controls(singles: Engine, tiny_xl: Path) -> None:
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLPipeline, **TEXT_TO_IMAGE)
    assert same(make(singles, controls=()), theirs)
    start = {"image": IMAGES[OTHER_POSE], "strength": 0.7}
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLImg2ImgPipeline, **start)
    assert same(make(singles, controls=(), **FROM_A_PICTURE), theirs)


def test_an_empty_negative_prompt_is_zeros_where_the_model_says_so(tiny_xl: Path, tmp_path: Path) -> None:
    """As it does by itself; ``model_index.json`` may say otherwise."""
    shutil.copytree(tiny_xl / "weights" / "xl", tmp_path / "weights" / "xl")
    home = home_with(tmp_path, tmp_path)
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLPipeline, negative_prompt=None, **TEXT_TO_IMAGE)
    zeros = make(Engine("cpu", ModelCatalogue(home)), controls=(), negative_prompt="")
    assert same(zeros, theirs)
    index = tmp_path / "weights" / "xl" / "model_index.json"
    index.write_text('{"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": false}')
    text = make(Engine("cpu", ModelCatalogue(home)), controls=(), negative_prompt="")
    assert same(text, bare(tiny_xl, diffusers.StableDiffusionXLPipeline, negative_prompt="", **TEXT_TO_IMAGE))
    assert np.abs(text - zeros).max() > 2


def test_single_controlnets(singles: Engine, tiny_xl: Path) -> None:
    nets = [diffusers.ControlNetModel.from_pretrained(tiny_xl / "weights" / f"xl-{control.kind}") for control in BOTH]
    images = [IMAGES[POSE], IMAGES[DEPTH]]
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLControlNetPipeline, nets, image=images, **WINDOWS)
    assert same(make(singles), theirs)
    one = bare(tiny_xl, diffusers.StableDiffusionXLControlNetPipeline, nets[:1], image=images[:1], control_guidance_end=[0.7])
    assert same(make(singles, controls=BOTH[:1]), one)
    start = {"image": IMAGES[OTHER_POSE], "strength": 0.7, "control_image": images}
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLControlNetImg2ImgPipeline, nets, **start, **WINDOWS)
    assert same(make(singles, **FROM_A_PICTURE), theirs)


def test_a_union_with_one_and_two_kinds(union: Engine, tiny_xl: Path) -> None:
    net = diffusers.ControlNetUnionModel.from_pretrained(tiny_xl / "weights" / "xl-union")
    images, modes = [IMAGES[POSE], IMAGES[DEPTH]], [0, 1]
    kind = diffusers.StableDiffusionXLControlNetUnionPipeline
    theirs = bare(tiny_xl, kind, net, control_image=images, control_mode=modes, **WINDOWS)
    assert same(make(union), theirs)
    one = {name: values[:1] for name, values in WINDOWS.items()}
    theirs = bare(tiny_xl, kind, net, control_image=images[:1], control_mode=[3], **one)
    assert same(make(union, controls=(dataclasses.replace(BOTH[0], kind="canny"),)), theirs)
    start = {"image": IMAGES[OTHER_POSE], "strength": 0.7, "control_image": images, "control_mode": modes}
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLControlNetUnionImg2ImgPipeline, net, **start, **WINDOWS)
    assert same(make(union, **FROM_A_PICTURE), theirs)


def test_a_union_runs_once_for_all_and_only_in_their_windows(union: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it reads each image once, for all pictures that are made with it."""
    runs: list[int] = []
    hints: list[Any] = []
    forward = diffusers.ControlNetUnionModel.forward

    def counted(net: Any, *arguments: Any, **named: Any) -> Any:
        runs.append(len(arguments[3]))
        return forward(net, *arguments, **named)

    monkeypatch.setattr(diffusers.ControlNetUnionModel, "forward", counted)
    make(union, controls=tuple(dataclasses.replace(control, end=0.4) for control in BOTH))
    assert runs == [2]
    net = next(net for net in union._cache._loaded.values() if isinstance(net, diffusers.ControlNetUnionModel))
    net.controlnet_cond_embedding.conv_in.register_forward_hook(lambda *_: hints.append(1))
    make(union)
    assert runs == [2, 2, 2, 2] and not hints
    make(union, controls=(Control("openpose", OTHER_POSE), BOTH[1]))
    assert len(hints) == 1


def test_a_union_and_a_single_controlnet_in_one_picture(singles: Engine, tiny_xl: Path, tmp_path: Path) -> None:
    mixed = Engine("cpu", ModelCatalogue(home_with(tiny_xl, tmp_path, "depth", "union", companions=["xl-depth"])))
    assert {kind: place.entry.name for kind, place in mixed._catalogue.resolve("xl").controlnets.items()} == {
        "openpose": "xl-union", "depth": "xl-depth", "canny": "xl-union"
    }  # fmt: skip
    together, alone = make(mixed), make(mixed, controls=BOTH[:1])
    assert np.abs(together - alone).max() > 2
    assert same(make(mixed, controls=BOTH[1:]), make(singles, controls=BOTH[1:]))


V_PREDICTION = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}


def test_v_prediction_without_signal_in_the_last_noise(tiny_xl: Path, tmp_path: Path) -> None:
    home = home_with(tiny_xl, tmp_path, "openpose", prediction="v_prediction", zero_snr=True)
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLPipeline, scheduler=V_PREDICTION, guidance_rescale=0.7, **TEXT_TO_IMAGE)
    ours = make(Engine("cpu", ModelCatalogue(home)), controls=())
    assert same(ours, theirs)
    home_with(tiny_xl, tmp_path, "openpose", prediction="v_prediction", zero_snr=True, guidance_rescale=0.0)
    engine = Engine("cpu", ModelCatalogue(home))
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLPipeline, scheduler=V_PREDICTION, **TEXT_TO_IMAGE)
    plain = make(engine, controls=())
    assert same(plain, theirs) and np.abs(plain - ours).max() > 2
    nets = [diffusers.ControlNetModel.from_pretrained(tiny_xl / "weights" / "xl-openpose")]
    settings = {"image": [IMAGES[POSE]], "control_guidance_end": [0.7]}
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLControlNetPipeline, nets, V_PREDICTION, **settings)
    assert same(make(engine, controls=BOTH[:1]), theirs)


@pytest.mark.parametrize("sampler", ["euler_a", "euler", "dpmpp_2m_karras", "unipc"])
def test_every_sampler_takes_v_prediction(tiny_xl: Path, tmp_path: Path, sampler: str) -> None:
    home = home_with(tiny_xl, tmp_path, prediction="v_prediction", zero_snr=True)
    assert make(Engine("cpu", ModelCatalogue(home)), controls=(), sampler=sampler).std() > 5


def test_a_vae_that_the_model_is_used_with(tiny_xl: Path, tmp_path: Path) -> None:
    home = home_with(tiny_xl, tmp_path, companions=["better-vae"])
    engine = Engine("cpu", ModelCatalogue(home))
    own = make(engine, controls=())
    describe(home / "models", "better-vae", title="VAE", family="sdxl", kind="vae", path=tiny_xl / "weights" / "xl-vae")
    other = make(engine, controls=())
    assert np.abs(other - own).max() > 2
    loaded = diffusers.AutoencoderKL.from_pretrained(tiny_xl / "weights" / "xl-vae")
    assert torch.equal(engine._model[1]._parts["vae"].decoder.conv_in.weight, loaded.decoder.conv_in.weight)


def test_single_files_give_the_folders_picture(union: Engine, tiny_xl: Path, tmp_path: Path) -> None:
    """A checkpoint in the original layout; a union, whose files have diffusers' names, under a name of its own."""
    weights = tiny_xl / "weights"
    config = write_config(weights / "xl", tmp_path / "config")
    checkpoint = write_single_checkpoint(weights / "xl", tmp_path / "xl.safetensors")
    home = home_with(tiny_xl, tmp_path, "union", path=checkpoint, config=config)
    promax = tmp_path / "promax.safetensors"
    shutil.copy(weights / "xl-union" / "diffusion_pytorch_model.safetensors", promax)
    values = {"title": "Promax", "family": "sdxl", "kind": "controlnet", "adapter": "union", "path": promax, "config": config}
    describe(home / "models", "xl-union", **values, controls=["openpose", "depth", "canny"])
    engine = Engine("cpu", ModelCatalogue(home))
    assert same(make(engine), make(union))
    parts = engine._model[1]._parts
    assert (parts["tokenizer"].pad_token, parts["tokenizer_2"].pad_token) == ("<|endoftext|>", "!")


def test_a_single_file_says_that_it_predicts_velocities(tiny_xl: Path, tmp_path: Path) -> None:
    """By empty tensors among its weights; the model's own file comes first."""
    config = write_config(tiny_xl / "weights" / "xl", tmp_path / "config")
    file = write_single_checkpoint(tiny_xl / "weights" / "xl", tmp_path / "xl.safetensors")
    save_file({**load_file(file), "v_pred": torch.tensor([]), "ztsnr": torch.tensor([])}, file)
    home = home_with(tiny_xl, tmp_path, path=file, config=config)
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLPipeline, scheduler=V_PREDICTION, guidance_rescale=0.7, **TEXT_TO_IMAGE)
    assert same(make(Engine("cpu", ModelCatalogue(home)), controls=()), theirs)
    home_with(tiny_xl, tmp_path, path=file, config=config, prediction="epsilon", zero_snr=False)
    theirs = bare(tiny_xl, diffusers.StableDiffusionXLPipeline, **TEXT_TO_IMAGE)
    assert same(make(Engine("cpu", ModelCatalogue(home)), controls=()), theirs)


def test_long_and_weighted_prompts_reach_both_encoders(singles: Engine) -> None:
    """In chunks of 75 tokens, as many for each; the pooled vector is the first chunk's, whatever the weights."""
    make(singles, controls=(), steps=1)
    model = singles._model[1]

    def conditions(prompt: str) -> dict[str, Any]:
        return model._conditions(dataclasses.replace(REQUEST, prompt=prompt))

    plain, weighted = conditions("1girl, running"), conditions("1girl, (running:1.4)")
    assert plain["prompt_embeds"].shape == plain["negative_prompt_embeds"].shape == (1, 77, 80)
    for part in (slice(0, 32), slice(32, 80)):  # of the first encoder and of the second
        assert not torch.equal(plain["prompt_embeds"][..., part], weighted["prompt_embeds"][..., part])
    assert torch.equal(plain["pooled_prompt_embeds"], weighted["pooled_prompt_embeds"])
    broken = conditions("1girl, running BREAK night sky")
    assert broken["prompt_embeds"].shape == broken["negative_prompt_embeds"].shape == (1, 154, 80)
    assert torch.equal(broken["prompt_embeds"][:, :77], plain["prompt_embeds"])
    assert torch.equal(broken["pooled_prompt_embeds"], plain["pooled_prompt_embeds"])
    assert conditions(", ".join(["night sky"] * 60))["prompt_embeds"].shape[1] > 77


@pytest.mark.parametrize("vae", ["own", "companion"])
def test_half_precision_decodes_in_full_where_the_vae_asks_for_it(
    tiny_xl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vae: str
) -> None:
    """SDXL's own VAE exceeds what half precision can hold, in previews too; its repaired one does not."""
    decode, formats = diffusers.AutoencoderKL.decode, set()

    def told(self: Any, latents: Any, **named: Any) -> Any:
        formats.add(latents.dtype)
        return decode(self, latents, **named)

    home = home_with(tiny_xl, tmp_path, "union", companions=["repaired"])
    if vae == "companion":
        describe(home / "models", "repaired", title="VAE", family="sdxl", kind="vae", path=tiny_xl / "weights" / "xl-vae")
    whole = make(Engine("cpu", ModelCatalogue(home)), **FROM_A_PICTURE)
    engine = Engine("cpu", ModelCatalogue(home))
    engine._device = dataclasses.replace(engine._device, dtype=torch.float16)
    monkeypatch.setattr(diffusers.AutoencoderKL, "decode", told)
    half = make(engine, **FROM_A_PICTURE)
    assert formats == {torch.float32 if vae == "own" else torch.float16}
    assert {part.dtype for name, part in engine._model[1]._parts.items() if name in ("unet", "vae", "text_encoder_2")} == {
        torch.float16
    }
    assert 0 < np.abs(half - whole).mean() < 0.25 * whole.std()


def test_every_adapter_that_a_model_file_may_name_is_there() -> None:
    assert set(adapters.ADAPTERS) == set(entry.ADAPTERS)
    assert set(adapters.ADAPTERS["union"].modes) == set(entry.UNION_CONTROLS)  # type: ignore[attr-defined]
    assert set(catalogue.families()["sdxl"].controls) == set(entry.UNION_CONTROLS)
