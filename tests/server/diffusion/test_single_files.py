# SPDX-License-Identifier: GPL-3.0-or-later
"""Models as single files in the original layout, half precision and shards, and files that are broken: without any hub."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from diffusers import AutoencoderKL, ControlNetModel, ControlNetUnionModel, UNet2DConditionModel  # noqa: E402
from drawn_controls import DEPTH, POSE, control_images  # noqa: E402
from pose_to_anime.generation_server.diffusion.components import CONFIGS  # noqa: E402
from pose_to_anime.generation_server.diffusion.engine import Engine  # noqa: E402
from pose_to_anime.generation_server.diffusion.interface import GenerationError  # noqa: E402
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from single_files import write_config, write_single_checkpoint, write_single_controlnet  # noqa: E402
from tiny_models import describe  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection  # noqa: E402


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever asks for an address fails the test, even where it would fall back to something."""
    asked: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        asked.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    assert not asked


def picture(home: Path, model: str, controls: bool = True) -> Any:
    acting = (Control("openpose", POSE), Control("depth", DEPTH, strength=0.5)) if controls else ()
    request = GenerationRequest(model=model, prompt="1girl", width=256, height=256, steps=2, seed=5, controls=acting)
    images = control_images(256, 256)
    return np.asarray(Engine("cpu", ModelCatalogue(home)).generate(request, images, lambda p: None, lambda: False)[0]).astype(int)


@pytest.fixture
def home(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny set that may be changed."""
    shutil.copytree(tiny / "weights", tmp_path / "weights")
    weights = tmp_path / "weights"
    describe(tmp_path / "models", "tiny", title="Tiny", family="sd15", kind="checkpoint", path=weights / "tiny")
    for kind in ("openpose", "depth"):
        values = {"title": f"Tiny {kind}", "family": "sd15", "kind": "controlnet", "control": kind}
        describe(tmp_path / "models", f"tiny-{kind}", **values, path=weights / f"tiny-{kind}")
    return tmp_path


def test_single_files_give_the_folders_picture(home: Path, tiny: Path) -> None:
    weights = home / "weights"
    config = write_config(weights / "tiny", home / "config")
    write_single_checkpoint(weights / "tiny", home / "single.safetensors")
    values = {"title": "Single", "family": "sd15", "path": home / "single.safetensors", "config": config}
    describe(home / "models", "single", kind="checkpoint", **values)
    for kind in ("openpose", "depth"):
        file = write_single_controlnet(weights / f"tiny-{kind}", home / f"{kind}.safetensors")
        values = {"title": kind, "family": "sd15", "path": file, "config": config, "control": kind}
        describe(home / "models", f"tiny-{kind}", kind="controlnet", **values)
    assert ModelCatalogue(home).status("single").controls == ("openpose", "depth")
    assert (picture(home, "single") == picture(tiny, "tiny")).all()


def test_half_precision_and_shards(home: Path, tiny: Path) -> None:
    """Files as large repositories have them: fp16 by name, one network in shards with an index."""
    weights = home / "weights"
    vae = weights / "tiny" / "vae" / "diffusion_pytorch_model.safetensors"
    save_file(
        {name: tensor.half() for name, tensor in load_file(vae).items()},
        vae.with_name("diffusion_pytorch_model.fp16.safetensors"),
    )
    vae.unlink()
    UNet2DConditionModel.from_pretrained(weights / "tiny" / "unet").save_pretrained(weights / "sharded", max_shard_size="300KB")
    assert len(list((weights / "sharded").glob("*.safetensors"))) > 1
    shutil.rmtree(weights / "tiny" / "unet")
    (weights / "sharded").rename(weights / "tiny" / "unet")
    difference = np.abs(picture(home, "tiny") - picture(tiny, "tiny"))
    assert 0 < difference.max() <= 8  # the decoder's weights are rounded to half precision


def test_a_folder_that_brings_no_tokenizer_gets_clips(home: Path) -> None:
    """SD 1.5's merges often come without one. The tiny encoder knows fewer tokens than CLIP: that is told, not guessed."""
    from pose_to_anime.generation_server.diffusion.clip_tokenizer import clip_tokenizer
    from pose_to_anime.generation_server.diffusion.components import load_checkpoint
    from pose_to_anime.generation_server.diffusion.memory import choose_device
    from pose_to_anime.generation_server.diffusion.stable_diffusion import ARCHITECTURE

    shutil.rmtree(home / "weights" / "tiny" / "tokenizer")
    shutil.rmtree(home / "weights" / "tiny" / "scheduler")
    parts = load_checkpoint(ModelCatalogue(home).resolve("tiny").place, ARCHITECTURE, choose_device("cpu"))
    assert parts["tokenizer"] is clip_tokenizer()
    assert parts["scheduler"].config.beta_end == 0.012


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def scribble(path: Path) -> None:
    path.write_bytes(b"<html>404 not found</html>" * 100)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def drop_a_tensor(path: Path) -> None:
    tensors = load_file(path)
    tensors.pop(next(name for name in sorted(tensors) if name.endswith("weight")))
    save_file(tensors, path)


def misshape_a_tensor(path: Path) -> None:
    tensors = load_file(path)
    name = next(name for name in sorted(tensors) if name.endswith("bias"))
    tensors[name] = torch.zeros(len(tensors[name]) + 1)
    save_file(tensors, path)


@pytest.mark.parametrize("fault", [truncate, scribble, empty, drop_a_tensor, misshape_a_tensor])
@pytest.mark.parametrize(
    "file",
    [
        "tiny/unet/diffusion_pytorch_model.safetensors",
        "tiny/text_encoder/model.safetensors",
        "tiny-depth/diffusion_pytorch_model.safetensors",
    ],
)
def test_broken_weights_are_named_in_one_sentence(home: Path, file: str, fault: Any) -> None:
    path = home / "weights" / file
    fault(path)
    with pytest.raises(GenerationError, match="is damaged or does not fit its family") as caught:
        picture(home, "tiny")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", [truncate, scribble, empty, drop_a_tensor, misshape_a_tensor])
def test_broken_single_files(home: Path, fault: Any) -> None:
    config = write_config(home / "weights" / "tiny", home / "config")
    file = write_single_checkpoint(home / "weights" / "tiny", home / "single.safetensors")
    describe(home / "models", "single", kind="checkpoint", title="Single", family="sd15", path=file, config=config)
    fault(file)
    with pytest.raises(GenerationError, match="is damaged or does not fit its family") as caught:
        picture(home, "single", controls=False)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "model.diffusion_model.output_blocks.5.1.transformer_blocks.0.attn2.to_k.weight",
        "model.diffusion_model.time_embed.0.bias",
        "first_stage_model.decoder.mid.attn_1.q.weight",
        "cond_stage_model.transformer.text_model.final_layer_norm.bias",
    ],
)
def test_a_single_file_without_one_of_its_tensors(home: Path, name: str) -> None:
    """Nothing is left at random where the file has a gap."""
    config = write_config(home / "weights" / "tiny", home / "config")
    file = write_single_checkpoint(home / "weights" / "tiny", home / "single.safetensors")
    describe(home / "models", "single", kind="checkpoint", title="Single", family="sd15", path=file, config=config)
    tensors = load_file(file)
    del tensors[name]
    save_file(tensors, file)
    with pytest.raises(GenerationError, match=r"is damaged or does not fit its family \(it lacks "):
        picture(home, "single", controls=False)


def test_a_single_file_of_another_architecture(home: Path) -> None:
    """Weights of another width than the family's: no picture, one sentence."""
    file = write_single_checkpoint(home / "weights" / "tiny", home / "single.safetensors")
    describe(home / "models", "single", kind="checkpoint", title="Single", family="sd15", path=file)
    with pytest.raises(GenerationError, match="does not fit its family"):
        picture(home, "single", controls=False)


def test_pickles_are_never_loaded(home: Path) -> None:
    """A .bin beside the place of the weights is no replacement: unpickling could run code."""
    path = home / "weights" / "tiny" / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    with pytest.raises(GenerationError, match=r"Tiny is not on this computer .*unet.diffusion_pytorch_model.safetensors"):
        picture(home, "tiny")


def test_a_changed_file_is_loaded_anew(home: Path) -> None:
    engine = Engine("cpu", ModelCatalogue(home))
    request = GenerationRequest(model="tiny", prompt="1girl", width=256, height=256, steps=1)

    def make() -> Any:
        return np.asarray(engine.generate(request, {}, lambda p: None, lambda: False)[0]).astype(int)

    first = make()
    path = home / "weights" / "tiny" / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    tensors["decoder.conv_out.bias"] = tensors["decoder.conv_out.bias"] + 0.5
    save_file(tensors, path)
    assert (make() != first).any()


def test_the_families_configuration_is_the_true_architecture() -> None:
    """Numbers of parameters as the published models have them."""
    from accelerate import init_empty_weights

    def count(model: Any) -> int:
        return sum(parameter.numel() for parameter in model.parameters())

    folder = CONFIGS / "sd15"
    with init_empty_weights():
        assert count(UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet"))) == 859_520_964
        assert count(AutoencoderKL.from_config(AutoencoderKL.load_config(folder / "vae"))) == 83_653_863
        assert count(ControlNetModel.from_config(ControlNetModel.load_config(folder / "controlnet"))) == 361_279_120
        config = CLIPTextConfig(**json.loads((folder / "text_encoder" / "config.json").read_text()))
        assert count(CLIPTextModel(config)) == 123_060_480


def test_the_true_architecture_of_sdxl() -> None:
    from accelerate import init_empty_weights

    def count(model: Any) -> int:
        return sum(parameter.numel() for parameter in model.parameters())

    folder = CONFIGS / "sdxl"
    with init_empty_weights():
        assert count(UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet"))) == 2_567_463_684
        assert count(ControlNetModel.from_config(ControlNetModel.load_config(folder / "controlnet"))) == 1_251_014_160
        # With two bytes each and a header, the 2 513 342 408 bytes of xinsir's promax file.
        assert count(ControlNetUnionModel.from_config(ControlNetUnionModel.load_config(folder / "union"))) == 1_256_614_800
        for name, kind, parameters in (
            ("text_encoder", CLIPTextModel, 123_060_480),
            ("text_encoder_2", CLIPTextModelWithProjection, 694_659_840),
        ):
            config = CLIPTextConfig(**json.loads((folder / name / "config.json").read_text()))
            assert count(kind(config)) == parameters
