# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes as people paste them: of A1111 and its relatives, of sites, of ComfyUI, of our own."""

from __future__ import annotations

import json

import pytest
from pose_to_anime.addon.prompting.recipes import (
    CHUNK,
    ControlUnit,
    RecipeError,
    read_parameters,
    read_png_texts,
    read_settings,
    read_text,
    same_model,
    sampler_called,
)
from pose_to_anime.generation_server.families.samplers import SAMPLERS
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, Lora

PLAIN = """1girl, running, (wind:1.2), park
Negative prompt: lowres, bad hands, nsfw
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 3312557839, Size: 832x1216, Model hash: 6327eca98b, \
Model: animagineXL40_v4Opt, Clip skip: 2, Version: v1.10.1"""


def test_the_usual_form() -> None:
    recipe = read_text(PLAIN)
    assert (recipe.prompt, recipe.negative_prompt) == ("1girl, running, (wind:1.2), park", "lowres, bad hands, nsfw")
    assert (recipe.steps, recipe.guidance_scale, recipe.seed, recipe.size) == (28, 6.5, 3312557839, (832, 1216))
    assert sampler_called(recipe.sampler) == ("dpmpp_2m_karras", False)
    assert (recipe.model, recipe.clip_skip, recipe.denoising_strength, recipe.unknown) == ("animagineXL40_v4Opt", 2, None, ())


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", " "),
        PLAIN.replace("\n", "\n\n"),
        "\ufeff  " + PLAIN + "\n\n",
        PLAIN + "\n\nTemplate: 1girl, {running|sitting}\n\nNegative Template: lowres",
        PLAIN.replace("Negative prompt", "negative Prompt"),
        PLAIN + ', Lora hashes: "wind: beef01, ink: 77", Hashes: {"model": "6327eca98b", "lora:wind": "beef01"}',
        PLAIN + ', Civitai resources: [{"type":"checkpoint","modelName":"Steps: 5, x"},{"type":"lora","weight":0.8}], X: 1',
    ],
    ids=["windows", "one line", "empty lines", "space round it", "templates", "letters", "hashes", "civitai"],
)
def test_the_same_by_other_ways(text: str) -> None:
    recipe, plain = read_text(text), read_text(PLAIN)
    assert (recipe.prompt, recipe.negative_prompt) == (plain.prompt, plain.negative_prompt)
    assert (recipe.steps, recipe.seed, recipe.size, recipe.model) == (plain.steps, plain.seed, plain.size, plain.model)


def test_line_breaks_in_prompts_and_no_negative_prompt() -> None:
    recipe = read_text("1girl,\nred hair,\n\npark\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768")
    assert (recipe.prompt, recipe.negative_prompt, recipe.steps) == ("1girl,\nred hair,\n\npark", "", 20)
    recipe = read_text("a\nNegative prompt: b,\nc\nSteps: 20, Sampler: Euler, Seed: 1")
    assert (recipe.prompt, recipe.negative_prompt) == ("a", "b,\nc")


def test_a_prompt_alone_changes_the_prompt_alone() -> None:
    recipe = read_text("1girl, steps, stairs: 3, running")
    assert recipe.prompt == "1girl, steps, stairs: 3, running" and recipe.negative_prompt is None
    assert (recipe.steps, recipe.seed, recipe.size, recipe.model) == (None, None, None, "")
    assert read_text("{red|blue} hair, {a|b}").prompt == "{red|blue} hair, {a|b}"
    assert read_text("a Negative prompt: b").negative_prompt == "b"
    assert read_text("stairs, Steps: 3 of them").prompt == "stairs, Steps: 3 of them"


def test_quotes_commas_and_escapes_in_values() -> None:
    line = r'Steps: 20, Prompt: "a, \"b\": c", Empty: "", Broken: "x, Model: my model, v2-fix, Path: C:\a, End: (a, b), Last: 1'
    found = read_settings(line)
    assert found["Prompt"] == 'a, "b": c' and found["Empty"] == "" and found["Broken"] == '"x'
    assert found["Model"] == "my model" and found["End"] == "(a, b)" and found["Last"] == "1"
    assert read_settings("A: (b, C: 2, D: 3") == {"A": "(b", "C": "2", "D": "3"}, "a bracket that is never closed"
    assert read_settings("") == {} == read_settings("no settings, at all")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *((sampler.title, key) for key, sampler in SAMPLERS.items()),
        *((key, key) for key in SAMPLERS),
        ("DPM++ 2M SDE Karras", "dpmpp_2m_sde_karras"),
        ("DPM++ 2M Automatic", "dpmpp_2m_karras"),
        ("Euler a Automatic", "euler_a"),
        ("euler_ancestral", "euler_a"),
        ("dpmpp_2m karras", "dpmpp_2m_karras"),
        ("dpmpp_2m normal", "dpmpp_2m"),
        ("uni_pc", "unipc"),
        ("euler sgm_uniform", "euler_sgm_uniform"),
        ("dpm_2", "dpm2"),
    ],
)
def test_samplers_are_known_by_all_their_names(written: str, name: str) -> None:
    assert sampler_called(written) == (name, False)


def test_a_sampler_with_another_schedule_and_none_at_all() -> None:
    assert sampler_called("Euler a Exponential") == ("euler_a", True)
    assert sampler_called("DPM++ 3M SDE") == ("", False) == sampler_called("Restart") == sampler_called("")


def test_loras_leave_the_prompt_with_their_weights() -> None:
    recipe = read_parameters("1girl <lora:wind:0.8>, <lora:ink_v2:1.25:0.5>,park,<lyco:soft:.5> <lora:plain> <hypernet:old:1>")
    assert recipe.prompt == "1girl,park"
    assert recipe.loras == (Lora("wind", 0.8), Lora("ink_v2", 1.25), Lora("soft", 0.5), Lora("plain", 1.0))
    assert recipe.unknown == ("<hypernet:old>",)
    assert read_parameters("a <lora:huge:99> <lora:bad:x>").loras == (Lora("huge", 4.0),)


def test_hires_keeps_its_own_denoising_strength() -> None:
    text = PLAIN + ", Denoising strength: 0.4"
    assert read_text(text).denoising_strength == 0.4
    recipe = read_text(text + ", Hires upscale: 2, Hires steps: 10, Hires upscaler: 4x-UltraSharp")
    assert recipe.denoising_strength is None and recipe.unknown == ("Hires. fix",)


def test_what_nothing_here_does_is_named() -> None:
    more = ", Variation seed: 3, Variation seed strength: 0.2, VAE hash: 235745af8d, VAE: sdxl_vae.safetensors, ADetailer model: "
    more += (
        'face_yolov8n.pt, ADetailer confidence: 0.3, Face restoration: CodeFormer, ENSD: 31337, TI hashes: "easy: c74b, bad: 1"'
    )
    recipe = read_text(PLAIN + more)
    words = ("the variation seed", "the VAE", "face restoration", "ADetailer", "ENSD", "the embedding easy", "the embedding bad")
    assert recipe.unknown == words and recipe.model_hash == "6327eca98b"


def test_controls_of_both_forms() -> None:
    new = ', ControlNet 0: "Module: dw_openpose_full, Model: control_v11p_sd15_openpose [cab727d4], Weight: 0.9, '
    new += 'Resize Mode: Crop and Resize, Guidance Start: 0.1, Guidance End: 0.8", ControlNet 1: "Module: depth_midas, '
    new += 'Model: xinsir_union, Weight: 5", ControlNet 2: "Module: reference_only, Model: None, Weight: 1"'
    assert read_text(PLAIN + new).controls == (ControlUnit("openpose", 0.9, 0.1, 0.8), ControlUnit("depth", 2.0, 0.0, 1.0))
    old = ", ControlNet Enabled: True, ControlNet Module: canny, ControlNet Model: control_canny [e3fe7712], "
    old += "ControlNet Weight: 0.7, ControlNet Guidance Start: 0, ControlNet Guidance End: 0.5"
    assert read_text(PLAIN + old).controls == (ControlUnit("canny", 0.7, 0.0, 0.5),)


@pytest.mark.parametrize("line", ["Size: 832×1216", "Size: 832 x 1216", "size: 832X1216"])
def test_sizes(line: str) -> None:
    assert read_parameters(f"a\nSteps: 3, {line}").size == (832, 1216)
    assert read_parameters("a\nSteps: 3, Size: big").size is None


def test_numbers_that_are_none_and_other_names() -> None:
    recipe = read_parameters("a\nSteps: 3, CFG Scale: x, seed: -1, cfg: 4.5, CLIP skip: 1")
    assert (recipe.guidance_scale, recipe.seed, recipe.clip_skip) == (None, -1, 1)
    assert read_parameters("a\nSteps: 3, cfg: 4.5").guidance_scale == 4.5
    assert read_parameters(f"a\nSteps: 3, Seed: {'9' * 400}").seed is None


def test_models_by_all_their_names() -> None:
    assert same_model("animagine-xl-4.0.safetensors", "Animagine XL 4.0") and same_model("sdxl/MeinaMix_V11.ckpt", "MeinaMix V11")
    assert not same_model("", "") and not same_model("meinamix_v10", "meinamix_v11")


REQUEST = GenerationRequest(
    "meinamix_v11", "1girl", 512, 768, "nsfw", 25, 7.0, 5, "euler_a", style="noir", loras=(Lora("ink", 0.5),),
    controls=(Control("openpose", "0" * 64, 0.9),),
)  # fmt: skip


def test_our_own_json_says_all() -> None:
    scene = {"style": {"name": "noir", "prompt": "1girl", "negative_prompt": ""}}
    for text in (
        json.dumps({"request": REQUEST.to_json(), "scene": scene, "version": 1, "app": "1"}, indent=1),
        json.dumps({"scene": scene, "request": REQUEST.to_json()}),
    ):
        recipe = read_text(f"  {text}\n")
        assert recipe.request == REQUEST and recipe.scene == scene
    assert read_text(json.dumps(REQUEST.to_json())).request == REQUEST
    assert read_png_texts({CHUNK: text, "parameters": PLAIN}).request == REQUEST


GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 42, "steps": 30, "cfg": 5.5, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1.0,
        "model": ["11", 0], "positive": ["12", 0], "negative": ["12", 1], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "xl\\animagine-xl-4.0.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 1216, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["20", 0], "clip": ["11", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "lowres", "clip": ["11", 1]}},
    "11": {"class_type": "LoraLoader", "inputs": {
        "lora_name": "style/ink.safetensors", "strength_model": 0.7, "model": ["4", 0]}},
    "12": {"class_type": "ControlNetApplyAdvanced", "inputs": {
        "positive": ["6", 0], "negative": ["7", 0], "control_net": ["14", 0], "strength": 0.8, "start_percent": 0.0,
        "end_percent": 0.7}},
    "13": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "union-sdxl-promax.safetensors"}},
    "14": {"class_type": "SetUnionControlNetType", "inputs": {"type": "openpose", "control_net": ["13", 0]}},
    "20": {"class_type": "StringConstant", "inputs": {"string": "1girl, running"}},
    "30": {"class_type": "KSampler", "inputs": {
        "seed": 7, "steps": 10, "cfg": 9, "sampler_name": "euler", "scheduler": "normal", "denoise": 0.4, "model": ["4", 0],
        "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["3", 0]}},
}  # fmt: skip


def test_a_graph_of_comfyui_is_followed_back_from_its_first_pass() -> None:
    recipe = read_png_texts({"prompt": json.dumps(GRAPH), "workflow": "{}"})
    assert (recipe.prompt, recipe.negative_prompt) == ("1girl, running", "lowres")
    assert (recipe.steps, recipe.guidance_scale, recipe.seed, recipe.size) == (30, 5.5, 42, (832, 1216))
    assert sampler_called(recipe.sampler) == ("dpmpp_2m_karras", False)
    assert same_model(recipe.model, "Animagine XL 4.0") and recipe.loras == (Lora("ink", 0.7),)
    assert recipe.controls == (ControlUnit("openpose", 0.8, 0.0, 0.7),) and recipe.denoising_strength is None


def test_a_graph_that_is_a_loop_or_has_holes_ends() -> None:
    broken = {
        "1": {"inputs": {"steps": ["9", 0], "positive": ["2", 0], "negative": ["77", 0], "model": ["1", 0], "seed": ["2", 0]}},
        "2": {"inputs": {"conditioning": ["3", 0]}},
        "3": {"inputs": {"conditioning": ["2", 0]}},
        "4": "text",
    }
    recipe = read_text(json.dumps(broken))
    assert (recipe.prompt, recipe.steps, recipe.seed, recipe.model) == ("", None, None, "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "clipboard is empty"),
        ("   \n", "clipboard is empty"),
        ("x" * 4_000_001, "too long"),
        ('{"a": 1}', "neither of Pose to Anime or A1111"),
        ('{"nodes": [], "links": []}', "workflow of ComfyUI without its recipe"),
        (json.dumps(GRAPH).replace("42", "NaN"), "cannot be read: cannot convert float NaN"),
        (json.dumps({"request": {**REQUEST.to_json(), "width": 7}}), "The width must be a multiple of 8"),
    ],
)
def test_what_is_none_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence) as caught:
        read_text(text)
    assert "\n" not in str(caught.value)


def test_a_picture_without_recipe() -> None:
    with pytest.raises(RecipeError, match="no recipe in this picture"):
        read_png_texts({"Software": "gimp", "prompt": "a girl"})
    assert read_png_texts({"parameters": PLAIN}).steps == 28


def test_a_text_padded_with_spaces_is_read_in_no_time() -> None:
    recipe = read_parameters(f"1girl,{' ' * 90_000}running\nSteps: 20,{' ' * 90_000}Seed: 5")
    assert (recipe.prompt, recipe.steps, recipe.seed) == ("1girl, running", 20, 5)
    with pytest.raises(RecipeError, match="too long"):
        read_parameters("a" * 300_000)
