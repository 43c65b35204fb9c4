# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRAs in the user's folders: found where A1111 and ComfyUI keep them, and told apart by family from their headers. No torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
from pose_to_anime.generation_server.models.entry import ModelError
from pose_to_anime.generation_server.models.loras import find_lora, lora_hash
from pose_to_anime.generation_server.protocol import ModelStatus
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


def test_the_words_with_which_a_lora_acts_are_told_where_its_file_says_them(models: Path) -> None:
    said = {"modelspec.trigger_phrase": " ink wash,  thick\n lines, ,ink wash," + "x" * 90}
    weights(models / "Lora" / "ink.safetensors", {FORMS["kohya"]: [4, 768]}, said)
    weights(models / "Lora" / "mute.safetensors", {FORMS["kohya"]: [4, 768]})
    statuses = {status.name: status.trigger_words for status in ModelCatalogue(models.parent).statuses()}
    assert statuses["ink"] == ("ink wash", "thick lines") and statuses["mute"] == statuses["lcm_lora_sdv1_5"] == ()


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
        ("lcm_lora_sdv1_5", "or with 'python3 studio.py models download lcm_lora_sdv1_5'"),
    ):
        with pytest.raises(ModelError) as caught:
            find_lora(catalogue, name, checkpoint)
        assert sentence in str(caught.value)


def test_names_in_other_scripts_stay_apart(models: Path) -> None:
    names = ("制服", "水着", "★", "ガ 1")
    files = {name: weights(models / "Lora" / f"{name}.safetensors", {FORMS["kohya"]: [4, 768]}) for name in names}
    weights(models / "Lora" / "model.safetensors", {FORMS["kohya"]: [4, 2048]})
    catalogue = ModelCatalogue(models.parent)
    checkpoint = catalogue.entry("meinamix_v11")
    for name in ("制服", "水着", "ガ_1"):
        assert find_lora(catalogue, name, checkpoint).file == files[name.replace("_", " ")]
        assert ModelStatus.from_json(json.loads(json.dumps(catalogue.status(name).to_json()))).name == name
    assert find_lora(catalogue, "カ\u3099 1", checkpoint).file == files["ガ 1"]  # as macOS writes it
    for name in ("☆", " ", "浴衣"):
        with pytest.raises(ModelError, match=f"There is no LoRA '{name}'"):
            find_lora(catalogue, name, checkpoint)


def test_the_title_letter_by_letter_comes_first(models: Path) -> None:
    """Of two that are alike without their signs, the one that is called so."""
    file = weights(models / "Lora" / "ink.safetensors", {FORMS["kohya"]: [4, 768]})
    for name, title, path in (("first", "Ink!", "none.safetensors"), ("second", "ink?", str(file))):
        described = {"title": title, "family": "sd15", "kind": "lora", "path": path}
        (models / f"{name}.toml").write_text(
            "\n".join(f"{key} = {json.dumps(value)}" for key, value in described.items()), "utf-8"
        )
    catalogue = ModelCatalogue(models.parent)
    assert find_lora(catalogue, "INK?", catalogue.entry("meinamix_v11")).entry.name == "second"


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
