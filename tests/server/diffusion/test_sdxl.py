# SPDX-License-Identifier: GPL-3.0-or-later
"""Stable Diffusion XL: pictures of the engine beside those of diffusers' own pipelines, in every combination that it declares."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import diffusers  # noqa: E402
from bare_pipelines import BarePipeline  # noqa: E402
from drawn_controls import DEPTH, OTHER_POSE, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion import adapters  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.families import catalogue  # noqa: E402
from pose_to_anime.generation_server.models import entry  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, Lora  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from single_files import write_config, write_single_checkpoint  # noqa: E402
from tiny_loras import write_lora  # noqa: E402
from tiny_models import describe  # noqa: E402

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


def bare(
    tiny_xl: Path, nets: Sequence[str] | str = (), *, scheduler: Any = None, loras: Any = None, others: Any = (), **changes: Any
) -> Any:
    """diffusers' own picture of the request with ``changes``, as an array. ``nets``: "union", or a ControlNet for each control;
    ``others`` are passed to the pipeline."""
    request = dataclasses.replace(REQUEST, **changes)
    folders = tiny_xl / "weights" / "xl-union" if nets == "union" else [tiny_xl / "weights" / f"xl-{kind}" for kind in nets]
    pipeline = BarePipeline(
        tiny_xl / "weights" / "xl", folders, from_picture=bool(request.init_image), scheduler=scheduler, loras=loras
    )
    return np.asarray(pipeline.picture(request, IMAGES, **dict(others))).astype(int)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two pictures differ by rounding alone, and show something."""
    return np.abs(ours - theirs).max() <= 2 and ours.std() > 5


FROM_A_PICTURE = {"init_image": OTHER_POSE, "denoising_strength": 0.7}
KINDS = ("openpose", "depth")


def test_without_controls(singles: Engine, tiny_xl: Path) -> None:
    for start in ({}, FROM_A_PICTURE):
        assert same(make(singles, controls=(), **start), bare(tiny_xl, controls=(), **start))


def test_an_empty_negative_prompt_is_zeros_where_the_model_says_so(tiny_xl: Path, tmp_path: Path) -> None:
    """As it does by itself; ``model_index.json`` may say otherwise."""
    shutil.copytree(tiny_xl / "weights" / "xl", tmp_path / "weights" / "xl")
    home = home_with(tmp_path, tmp_path)
    theirs = bare(tiny_xl, controls=(), others={"negative_prompt": None})
    zeros = make(Engine("cpu", ModelCatalogue(home)), controls=(), negative_prompt="")
    assert same(zeros, theirs)
    index = tmp_path / "weights" / "xl" / "model_index.json"
    index.write_text('{"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": false}')
    text = make(Engine("cpu", ModelCatalogue(home)), controls=(), negative_prompt="")
    assert same(text, bare(tiny_xl, controls=(), negative_prompt=""))
    assert np.abs(text - zeros).max() > 2


def test_single_controlnets(singles: Engine, tiny_xl: Path) -> None:
    assert same(make(singles), bare(tiny_xl, KINDS))
    assert same(make(singles, controls=BOTH[:1]), bare(tiny_xl, KINDS[:1], controls=BOTH[:1]))
    assert same(make(singles, **FROM_A_PICTURE), bare(tiny_xl, KINDS, **FROM_A_PICTURE))


def test_a_union_with_one_and_two_kinds(union: Engine, tiny_xl: Path) -> None:
    assert same(make(union), bare(tiny_xl, "union"))
    one = (dataclasses.replace(BOTH[0], kind="canny"),)
    assert same(make(union, controls=one), bare(tiny_xl, "union", controls=one))
    assert same(make(union, **FROM_A_PICTURE), bare(tiny_xl, "union", **FROM_A_PICTURE))


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


RESCALED = {"guidance_rescale": 0.7}


def test_v_prediction_without_signal_in_the_last_noise(tiny_xl: Path, tmp_path: Path) -> None:
    home = home_with(tiny_xl, tmp_path, "openpose", prediction="v_prediction", zero_snr=True)
    ours = make(Engine("cpu", ModelCatalogue(home)), controls=())
    assert same(ours, bare(tiny_xl, controls=(), scheduler=V_PREDICTION, others=RESCALED))
    home_with(tiny_xl, tmp_path, "openpose", prediction="v_prediction", zero_snr=True, guidance_rescale=0.0)
    engine = Engine("cpu", ModelCatalogue(home))
    plain = make(engine, controls=())
    assert same(plain, bare(tiny_xl, controls=(), scheduler=V_PREDICTION)) and np.abs(plain - ours).max() > 2
    theirs = bare(tiny_xl, KINDS[:1], controls=BOTH[:1], scheduler=V_PREDICTION)
    assert same(make(engine, controls=BOTH[:1]), theirs)


def test_v_prediction_with_a_union_a_lora_and_a_starting_picture(tiny_xl: Path, tmp_path: Path) -> None:
    """All at once, as users of NoobAI have them."""
    home = home_with(tiny_xl, tmp_path, "union", prediction="v_prediction", zero_snr=True, guidance_rescale=0.0)
    parts = ("unet", "text_encoder", "text_encoder_2")
    lora = write_lora(tiny_xl / "weights" / "xl", tmp_path / "hero.safetensors", "kohya", 3, parts)
    describe(home / "models", "hero", title="Hero", family="sdxl", kind="lora", path=lora)
    engine = Engine("cpu", ModelCatalogue(home))
    for start in ({}, FROM_A_PICTURE):
        ours = make(engine, loras=(Lora("hero", 0.5),), **start)
        assert same(ours, bare(tiny_xl, "union", scheduler=V_PREDICTION, loras={lora: 0.5}, **start))
        assert np.abs(ours - make(engine, **start)).max() > 8


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
    theirs = bare(tiny_xl, controls=(), scheduler=V_PREDICTION, others=RESCALED)
    assert same(make(Engine("cpu", ModelCatalogue(home)), controls=()), theirs)
    home_with(tiny_xl, tmp_path, path=file, config=config, prediction="epsilon", zero_snr=False)
    assert same(make(Engine("cpu", ModelCatalogue(home)), controls=()), bare(tiny_xl, controls=()))


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
