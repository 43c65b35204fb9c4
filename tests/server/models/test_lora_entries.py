# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRAs in the user's folders: found where A1111 and ComfyUI keep them, and told apart by family from their headers. No torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
from pose_to_anime.generation_server.models.entry import ModelError
from pose_to_anime.generation_server.models.loras import find_lora, lora_hash
from weight_files import weights

_ATTENTION = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
_DOTTED = "down_blocks.1.attentions.0.transformer_blocks.0.attn2"
FORMS = {
    "kohya": f"lora_unet_{_ATTENTION}.lora_down.weight",
    "kohya_sgm": "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight",
    "diffusers": f"unet.{_DOTTED}.to_k.lora.down.weight",
    "old_diffusers": f"unet.{_DOTTED}.processor.to_k_lora.down.weight",
    "peft": f"unet.{_DOTTED}.to_k.lora_A.weight",
    "peft_default": f"base_model.model.{_DOTTED}.to_k.lora_A.default.weight",
}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_every_form_tells_its_family(models: Path) -> None:
    for form, name in FORMS.items():
        weights(models / "Lora" / "styles" / f"{form} One.safetensors", {name: [4, 768]})
        weights(models / "loras" / f"{form}_xl.safetensors", {name: [4, 2048]})
    weights(models / "text one.safetensors", {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": [4, 768]})
    weights(models / "Lora" / "text_xl.safetensors", {"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": [4, 1280]})
    weights(models / "Lora" / "other.safetensors", {f"lora_unet_{_ATTENTION}.lora_down.weight": [4, 1024]})
    weights(models / "Lora" / "loha.safetensors", {f"lora_unet_{_ATTENTION}.hada_w1_b": [4, 768]})
    catalogue = ModelCatalogue(models.parent)
    found = {entry.name: entry for entry in catalogue.entries().values() if entry.path}
    assert {entry.kind for entry in found.values()} == {"lora"}
    expected = {f"{form}_one": "sd15" for form in FORMS} | {f"{form}_xl": "sdxl" for form in FORMS}
    assert {name: entry.family for name, entry in found.items()} == {**expected, "text_one": "sd15", "text_xl": "sdxl"}
    problems = " ".join(catalogue.problems())
    assert "other.safetensors is of a kind of model that is not known" in problems and "loha.safetensors" in problems
    status = catalogue.status("kohya_one")
    assert (status.kind, status.family, status.present, status.title) == ("lora", "sd15", True, "kohya One")


def test_found_by_the_names_that_people_use(models: Path) -> None:
    file = weights(models / "Lora" / "Detail Tweaker.safetensors", {FORMS["kohya"]: [4, 768]})
    weights(models / "Lora" / "xl.safetensors", {FORMS["kohya"]: [4, 2048]})
    catalogue = ModelCatalogue(models.parent)
    checkpoint = catalogue.entry("meinamix_v11")
    for name in ("detail_tweaker", "Detail Tweaker", "DETAIL TWEAKER"):
        assert find_lora(catalogue, name, checkpoint).file == file
    for name, sentence in (
        ("hero", "There is no LoRA 'hero' on this server: use one of detail_tweaker."),
        ("xl", "is for Stable Diffusion XL, and MeinaMix V11 is of the family Stable Diffusion 1.5"),
        ("lcm_lora_sdv1_5", "download it with 'python3 studio.py models download lcm_lora_sdv1_5'"),
    ):
        with pytest.raises(ModelError) as caught:
            find_lora(catalogue, name, checkpoint)
        assert sentence in str(caught.value)


def test_a_second_file_of_a_name_is_said(models: Path) -> None:
    for folder in ("Lora/a", "Lora/b"):
        weights(models / folder / "hero.safetensors", {FORMS["kohya"]: [4, 768]})
    catalogue = ModelCatalogue(models.parent)
    assert catalogue.entry("hero").path == models / "Lora" / "a" / "hero.safetensors"
    assert "has the name of another model" in catalogue.problems()[0]


def test_the_hash_is_that_of_the_weights_alone(models: Path) -> None:
    """A1111's second hash: it stays when somebody edits what the header says of the author."""
    file = weights(models / "Lora" / "hero.safetensors", {FORMS["kohya"]: [4, 768]})
    assert lora_hash(file) == hashlib.sha256(bytes(4 * 768)).hexdigest()[:12]
