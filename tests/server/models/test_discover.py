# SPDX-License-Identifier: GPL-3.0-or-later
"""What other programs have on disk is used from there: layouts of A1111 and ComfyUI, the hub's cache, single files. No torch."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import pytest
from pose_to_anime.generation_server.models import commands
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
from weight_files import weights

CROSS_ATTENTION = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
CONTROL_ATTENTION = "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
XL_CROSS_ATTENTION = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
XL_UNION_ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"
HINTS = "controlnet_cond_embedding.conv_in.weight"
SD15 = {CROSS_ATTENTION: [320, 768]}
XL = {XL_CROSS_ATTENTION: [640, 2048]}
UNION = {XL_UNION_ATTENTION: [640, 2048], "task_embedding": [8, 320], HINTS: [16, 3, 3, 3]}
LORA = {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": [4, 768]}
UPSCALER = {"conv_first.weight": [64, 3, 3, 3], "body.0.rdb1.conv1.weight": [32, 64, 3, 3], "conv_last.weight": [3, 64, 3, 3]}
OLD_UPSCALER = {"model.0.weight": [64, 3, 3, 3], "model.1.sub.0.RDB1.conv1.0.weight": [32, 64, 3, 3]}
VAE = {"encoder.conv_in.weight": [4, 3, 3, 3], "decoder.conv_in.weight": [4, 4, 3, 3]}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelCatalogue:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return ModelCatalogue(tmp_path / "user")


def found(catalogue: ModelCatalogue) -> dict[str, tuple[str, str]]:
    return {name: (entry.kind, entry.family) for name, entry in catalogue.entries().items() if entry.path}


def folders(catalogue: ModelCatalogue, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands.add_parser(parser.add_subparsers(dest="command"))
    return commands.run(parser.parse_args(["models", "folders", *arguments, "--user-dir", str(catalogue.user_dir)]))


def test_the_folders_of_a1111(catalogue: ModelCatalogue, tmp_path: Path) -> None:
    root = tmp_path / "stable-diffusion-webui"
    weights(root / "models" / "Stable-diffusion" / "anime" / "My Mix.safetensors", SD15)
    weights(root / "models" / "Stable-diffusion" / "My Mix.vae.safetensors", VAE)
    weights(root / "models" / "VAE" / "sdxl_vae.safetensors", VAE)
    weights(root / "models" / "VAE" / "flux.safetensors", {**VAE, "decoder.conv_in.weight": [4, 16, 3, 3]})
    weights(root / "models" / "Lora" / "style.safetensors", LORA)
    weights(root / "models" / "ESRGAN" / "4x.safetensors", UPSCALER)
    weights(root / "models" / "RealESRGAN" / "old.safetensors", OLD_UPSCALER)
    weights(root / "embeddings" / "bad.safetensors")
    weights(
        root / "extensions" / "sd-webui-controlnet" / "models" / "control_v11p_sd15_openpose.safetensors",
        {CONTROL_ATTENTION: [8, 768]},
    )
    assert folders(catalogue, "--add", str(root)) == 0
    assert found(catalogue) == {
        "my_mix": ("checkpoint", "sd15"),
        "my_mix.vae": ("vae", "sd15"),
        "sdxl_vae": ("vae", "sdxl"),
        "4x": ("upscaler", ""),
        "old": ("upscaler", ""),
        "style": ("lora", "sd15"),
        "control_v11p_sd15_openpose": ("controlnet", "sd15"),
    }
    assert catalogue.problems() == [f"{root} has 1 files of kinds of models that are not known here: they are left out."]
    status = catalogue.status("my_mix")
    assert status.present and status.controls == ("openpose",) and str(root) in status.note
    resolved = catalogue.resolve("my_mix")
    assert resolved.vae is not None and resolved.vae.entry.name == "my_mix.vae"
    # What one of our entries would download is that entry, with its licence.
    assert catalogue.status("control_v11p_sd15_openpose").licence == "CreativeML OpenRAIL-M"
    assert catalogue.status("control_v11p_sd15_openpose").present


def test_the_folders_of_comfyui(catalogue: ModelCatalogue, tmp_path: Path) -> None:
    models = tmp_path / "ComfyUI" / "models"
    weights(models / "checkpoints" / "sdxl" / "illustrious.safetensors", XL)
    weights(models / "checkpoints" / "Counterfeit-V3.0_fix_fp16.safetensors", SD15)
    weights(models / "controlnet" / "xinsir-union-promax" / "diffusion_pytorch_model.safetensors", UNION)
    weights(models / "text_encoders" / "clip_l.safetensors")
    (models / "checkpoints" / "again").symlink_to(models / "checkpoints", target_is_directory=True)  # a link in a circle
    for named in (models, models.parent):  # its own folder of models will do as well
        assert folders(catalogue, "--add", str(named)) == 0
        known = found(catalogue)
        assert known == {
            "illustrious": ("checkpoint", "sdxl"),
            "counterfeit_v3": ("checkpoint", "sd15"),
            "xinsir-union-promax": ("controlnet", "sdxl"),
        }
        assert "depth" in catalogue.status("illustrious").controls
        assert catalogue.problems() == []
    assert folders(catalogue, "--remove", str(models)) == 0
    assert folders(catalogue, "--remove", str(models.parent)) == 0
    assert found(catalogue) == {}


def test_a_folder_that_is_of_models_alone(catalogue: ModelCatalogue, tmp_path: Path) -> None:
    """As A1111's ``--ckpt-dir`` and ``--lora-dir`` name them; their users sort into folders of their own."""
    weights(tmp_path / "big disk" / "anime" / "sd15" / "mix.safetensors", SD15)
    weights(tmp_path / "big disk" / "style.safetensors", LORA)
    deep = tmp_path / "big disk" / "/".join("abcdefgh")
    weights(deep / "too_deep.safetensors", SD15)
    assert folders(catalogue, "--add", str(tmp_path / "big disk")) == 0
    assert found(catalogue) == {"mix": ("checkpoint", "sd15"), "style": ("lora", "sd15")}
    model = tmp_path / "My Model"
    for name in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"):
        weights(model / f"{name}.safetensors")
    (model / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (model / "unet" / "config.json").write_text('{"cross_attention_dim": 768}')
    assert folders(catalogue, "--add", str(model)) == 0
    assert found(catalogue)["my_model"] == ("checkpoint", "sd15")
    assert folders(catalogue, "--remove", str(model)) == 0
    # A program's own folder is full of other things, and is not searched through.
    program = tmp_path / "program"
    weights(program / "outputs" / "old.safetensors", SD15)
    weights(program / "models" / "checkpoints" / "new.safetensors", XL)
    assert folders(catalogue, "--remove", str(tmp_path / "big disk")) == 0
    assert folders(catalogue, "--add", str(program)) == 0
    assert found(catalogue) == {"new": ("checkpoint", "sdxl")}


EXTRA_PATHS = """
#Rename this to extra_model_paths.yaml and ComfyUI will load it
a111:
    base_path: {base}
    checkpoints: models/Stable-diffusion
    vae: models/VAE
    loras: |
         models/Lora
         models/LyCORIS
    upscale_models: models/ESRGAN
    embeddings: embeddings
    controlnet: models/ControlNet
    is_default: true
nearby:
    checkpoints: ../shared/checkpoints/
    custom_nodes: 5
empty:
"""


def test_what_comfyui_has_elsewhere(
    catalogue: ModelCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As its own ``extra_model_paths.yaml`` says; the folder of another interface as the example in it does."""
    monkeypatch.setenv("BIG_DISK", str(tmp_path / "disk"))
    other = tmp_path / "disk" / "webui" / "models"
    weights(other / "Stable-diffusion" / "anime" / "mix.safetensors", SD15)
    weights(other / "LyCORIS" / "style.safetensors", LORA)
    weights(other / "ESRGAN" / "4x.safetensors", UPSCALER)
    weights(other / "text_encoders" / "clip.safetensors", SD15)
    weights(tmp_path / "shared" / "checkpoints" / "illu.safetensors", XL)
    comfyui = tmp_path / "ComfyUI"
    weights(comfyui / "models" / "checkpoints" / "own.safetensors", XL)
    listed = comfyui / "extra_model_paths.yaml"
    listed.write_text(EXTRA_PATHS.format(base="${BIG_DISK}/webui/"))
    expected = {
        "own": ("checkpoint", "sdxl"),
        "mix": ("checkpoint", "sd15"),
        "style": ("lora", "sd15"),
        "4x": ("upscaler", ""),
        "illu": ("checkpoint", "sdxl"),
    }
    for named in (comfyui / "models", comfyui):
        assert folders(catalogue, "--add", str(named)) == 0
        assert found(catalogue) == expected and catalogue.problems() == []
        assert f"{other / 'Stable-diffusion'}: 1 models" in capsys.readouterr().out
        assert folders(catalogue, "--remove", str(named)) == 0
    assert folders(catalogue, "--add", str(comfyui)) == 0
    assert str(comfyui) in catalogue.status("mix").note
    for nonsense in ("a: [", "a: !!python/object/apply:os.system ['true']", "\0", "a: \t- b\n\tc"):
        listed.write_text(nonsense)
        assert set(found(catalogue)) == {"own"}
        (problem,) = catalogue.problems()
        assert problem.startswith(f"{listed} cannot be read (") and "\n" not in problem
    for harmless in ("", "- a\n- b\n", "5", "a:\n  checkpoints:\n    - list\n  base_path: 3\n"):
        listed.write_text(harmless)
        assert set(found(catalogue)) == {"own"} and catalogue.problems() == []


def test_files_of_other_programs_that_are_ours_under_another_name(catalogue: ModelCatalogue, tmp_path: Path) -> None:
    """They come with what their entry says: the licence, what the model predicts, the VAE that it is used with."""
    weights(tmp_path / "disk" / "NoobAI-XL-Vpred-v1.0.safetensors", XL)
    weights(tmp_path / "disk" / "sdxl_vae_fp16_fix.safetensors", VAE)
    weights(catalogue.models_dir / "control_v11p_sd15_openpose_fp16.safetensors", {CONTROL_ATTENTION: [8, 768]})
    weights(tmp_path / "disk" / "animagine-xl-4.0.safetensors", SD15)  # which it cannot be
    assert folders(catalogue, "--add", str(tmp_path / "disk")) == 0
    assert found(catalogue) == {
        "noobai_xl_vpred_1_0": ("checkpoint", "sdxl"),
        "sdxl_vae_fp16_fix": ("vae", "sdxl"),
        "control_v11p_sd15_openpose": ("controlnet", "sd15"),
        "animagine-xl-4.0": ("checkpoint", "sd15"),
    }
    resolved = catalogue.resolve("noobai_xl_vpred_1_0")
    assert resolved.entry.prediction == "v_prediction" and resolved.entry.zero_snr
    assert resolved.place.file == tmp_path / "disk" / "NoobAI-XL-Vpred-v1.0.safetensors"
    assert resolved.vae is not None and "no commercial use" in catalogue.status("noobai_xl_vpred_1_0").licence


def test_the_users_own_folder_may_be_laid_out_so(catalogue: ModelCatalogue) -> None:
    weights(catalogue.models_dir / "checkpoints" / "mine.safetensors", SD15)
    weights(catalogue.models_dir / "ControlNet" / "control_v11f1p_sd15_depth_fp16.safetensors", {CONTROL_ATTENTION: [8, 768]})
    weights(catalogue.models_dir / "ControlNet" / "control_v11p_sd15_openpose.safetensors", {CONTROL_ATTENTION: [8, 768]})
    assert set(catalogue.status("mine").controls) == {"depth", "openpose"}
    old = catalogue.models_dir / "checkpoints" / "Old.CKPT"
    old.write_bytes(b"pickle")
    (old.parent / "notes.txt").write_text("mine")
    assert catalogue.problems() == [f"{old} can run code when it is opened, and is not: get it as .safetensors, or convert it."]
    # What was downloaded for an entry comes first.
    weights(catalogue.models_dir / "control_v11p_sd15_openpose" / "diffusion_pytorch_model.safetensors")
    place = catalogue.locate(catalogue.entry("control_v11p_sd15_openpose"))[0]
    assert place is not None and place.folder == catalogue.models_dir / "control_v11p_sd15_openpose"


def test_the_hubs_cache_holds_what_no_entry_names(catalogue: ModelCatalogue, tmp_path: Path) -> None:
    def revision(repository: str) -> Path:
        cache = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
        (cache / "refs").mkdir(parents=True)
        (cache / "refs" / "main").write_text("abc123")
        return cache / "snapshots" / "abc123"

    blob = weights(tmp_path / "hub" / "models--o--illu" / "blobs" / "ffff", XL)
    single = revision("o/illu")
    single.mkdir(parents=True)
    (single / "Illu-v2.safetensors").symlink_to(blob)
    folder = revision("o/Some-Mix")
    for name in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"):
        weights(folder / f"{name}.safetensors")
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (folder / "unet" / "config.json").write_text('{"cross_attention_dim": 768}')
    weights(folder / "Some-Mix-pruned.safetensors", SD15)
    weights(revision("google/vit") / "model.safetensors")
    assert found(catalogue) == {"illu-v2": ("checkpoint", "sdxl"), "some-mix": ("checkpoint", "sd15")}
    assert catalogue.problems() == []
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert "some-mix" not in found(catalogue)


def test_many_files_cost_little_and_folders_that_are_wrong_are_said(
    catalogue: ModelCatalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert folders(catalogue, "--add", str(tmp_path / "nowhere")) == 2
    assert "There is no folder" in capsys.readouterr().err
    assert folders(catalogue, "--remove", str(tmp_path)) == 2
    assert "is not among the folders" in capsys.readouterr().err
    one = weights(tmp_path / "big" / "loras" / "l0.safetensors", LORA)
    for number in range(1, 300):
        (one.parent / f"l{number}.safetensors").write_bytes(one.read_bytes())
    assert folders(catalogue, "--add", str(tmp_path / "big")) == 0
    assert f"{tmp_path / 'big'}: 300 models" in capsys.readouterr().out
    begun = time.process_time()
    assert len(found(catalogue)) == 300
    print(f"300 files: {time.process_time() - begun:.3f} s")
    os.rename(tmp_path / "big", tmp_path / "gone")
    assert found(catalogue) == {} and catalogue.problems() == []


def test_the_list_of_folders_as_editors_write_it(catalogue: ModelCatalogue, tmp_path: Path) -> None:
    """With the mark that Windows' editors begin with; a ``#`` inside a line is part of a name."""
    for name in ("one", "C# models"):
        weights(tmp_path / name / f"{name}.safetensors", SD15)
    listed = catalogue.models_dir / "folders.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text(f"{tmp_path / 'one'}\n# {tmp_path / 'none'}\n{tmp_path / 'C# models'}\n", "utf-8-sig")
    assert set(found(catalogue)) == {"one", "c_models"}
    assert folders(catalogue, "--remove", str(tmp_path / "one")) == 0
    assert set(found(catalogue)) == {"c_models"} and catalogue.problems() == []


def test_a_list_of_folders_that_cannot_be_read_is_left_as_it_is(
    catalogue: ModelCatalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = catalogue.models_dir / "folders.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text(f"{tmp_path / 'one'}\n", "utf-16")
    sentence = f"{listed} is not written in UTF-8: save it so in a text editor, or delete it."
    assert catalogue.problems() == [sentence]
    assert folders(catalogue, "--add", str(tmp_path)) == 2
    assert sentence in capsys.readouterr().err
    assert listed.read_text("utf-16") == f"{tmp_path / 'one'}\n"


def test_a_file_system_that_numbers_no_files(catalogue: ModelCatalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some of Windows': each file is told from the others by its path, and a link is what it leads to."""
    real = Path.stat

    def unnumbered(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        status = real(self, follow_symlinks=follow_symlinks)
        return os.stat_result((status[0], 0, *status[2:]), {"st_mtime_ns": status.st_mtime_ns})

    one = weights(catalogue.models_dir / "checkpoints" / "one.safetensors", SD15)
    weights(catalogue.models_dir / "checkpoints" / "two.safetensors", SD15)
    (one.parent / "zero.safetensors").symlink_to(one)
    expected = found(catalogue)
    monkeypatch.setattr(Path, "stat", unnumbered)
    assert found(catalogue) == expected and set(expected) == {"one", "two"}
