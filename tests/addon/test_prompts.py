# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes pasted and opened, and saved prompts, in Blender: every field, in one step of undo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from pose_to_anime.addon import png  # noqa: E402
from pose_to_anime.addon.framing.camera import use_pose_camera  # noqa: E402
from pose_to_anime.addon.generate import models, prompt_shelf, recipe_filling, session, style_shelf  # noqa: E402
from pose_to_anime.addon.generate.asked import loras_of  # noqa: E402
from pose_to_anime.addon.generate.scene_info import scene_info  # noqa: E402
from pose_to_anime.addon.prompting.recipes import read_text  # noqa: E402
from pose_to_anime.generation_server.protocol import Control, GenerationRequest, Lora, ModelStatus  # noqa: E402

OPS = bpy.ops.pose_to_anime

PARAMETERS = """1girl, running, <lora:ink:0.7>
Negative prompt: lowres, nsfw
Steps: 31, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 77, Size: 832x1216, Model: animagine-xl-4.0, \
Denoising strength: 0.4, Clip skip: 2, ControlNet 0: "Module: none, Model: openpose_xl, Weight: 0.9, Guidance End: 0.7"
"""


@pytest.fixture(autouse=True)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bpy.types.Scene]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    style_shelf.refresh(), prompt_shelf.refresh()
    bpy.ops.ed.undo_push(message="start")
    yield bpy.context.scene
    pose_to_anime.unregister()


def settings() -> bpy.types.PropertyGroup:
    return bpy.context.scene.pose_to_anime.generation


def fields() -> tuple[object, ...]:
    generation, framing = settings(), bpy.context.scene.pose_to_anime.framing
    numbers = (generation.guidance_scale, generation.denoising_strength, generation.pose_strength, generation.pose_end)
    return (
        *(generation.model, generation.prompt, generation.negative_prompt, generation.steps, generation.seed),
        *(generation.sampler, generation.random_seed, [(lora.name, round(lora.weight, 3)) for lora in generation.loras]),
        *(round(number, 3) for number in numbers),
        framing.ratio,
        bpy.context.scene.pose_to_anime.styles.style,
    )


FILLED = (
    *("animagine_xl_4", "1girl, running", "lowres, nsfw", 31, 77, "dpmpp_2m_karras", False, [("ink", 0.7)], 6.5, 0.4, 0.9, 0.7),
    *("2:3", ""),
)


def paste(text: str) -> list[str]:
    """Without a window there is no clipboard: the same recipe, by the operator's own way."""
    return recipe_filling.fill(bpy.context.scene, read_text(text))


def with_recipe(folder: Path, **texts: str) -> Path:
    path = folder / "picture.png"
    path.write_bytes(png.encode(np.zeros((8, 8, 3), np.uint8), texts))
    return path


def test_a_picture_fills_every_field_in_one_step_of_undo(tmp_path: Path) -> None:
    OPS.choose_style(style="noir")
    bpy.ops.ed.undo_push(message="Style")
    before = fields()
    assert OPS.open_recipe(filepath=str(with_recipe(tmp_path, parameters=PARAMETERS))) == {"FINISHED"}
    assert fields() == FILLED != before
    assert session.session.notice == "Not used of the recipe: the picture that it was painted over, which no recipe holds."
    bpy.ops.ed.undo_push(message="Recipe")
    bpy.ops.ed.undo()
    assert fields() == before
    bpy.ops.ed.redo()
    assert fields() == FILLED


def test_what_cannot_be_used_is_said_in_one_sentence_and_all_else_is_taken() -> None:
    settings().model = "meinamix_v11"
    text = PARAMETERS.replace("animagine-xl-4.0", "someMix_v3").replace("DPM++ 2M, Schedule type: Karras", "Restart")
    text = text.replace("Clip skip: 2", "Clip skip: 1").replace("Seed: 77", "Seed: 4000000000").strip() + ", Hires upscale: 2"
    (sentence,) = paste(text)
    assert sentence == (
        "Not used of the recipe: the model “someMix_v3”, which is not here; the sampler “Restart”, which Stable Diffusion 1.5 "
        "does not know; the seed 4000000000, which is above 2147483647; the size 832 × 1216: Stable Diffusion 1.5 paints this "
        "ratio as 512 × 768; Clip skip 1; Hires. fix."
    )
    assert (settings().model, settings().prompt, settings().steps) == ("meinamix_v11", "1girl, running", 31)
    assert paste("a\nSteps: 9, Sampler: Euler a, Schedule type: Exponential, Seed: 5, Size: 800x100") == [
        "Not used of the recipe: the schedule of “Euler a Exponential”; the size 800 × 100, which is too long for this model."
    ]
    assert settings().sampler == "euler_a" and len(settings().loras) == 0


def test_a_lora_is_known_by_what_its_file_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_models", "_loras", "_lora_files", "_is_told", "_every"):
        monkeypatch.setattr(models, name, getattr(models, name))
    known = [
        ModelStatus("meinamix_v11", "Meina", "sd15", True),
        ModelStatus("detail_tweaker_v2.1", "Detail Tweaker v2.1", "sd15", True, kind="lora"),
        ModelStatus("水彩_v2", "水彩 v2", "sd15", True, kind="lora"),
        ModelStatus("油彩_v2", "油彩 v2", "sd15", True, kind="lora"),
    ]
    models.take_list([status.to_json() for status in known])
    settings().model = "meinamix_v11"
    said = paste("1girl <lora:Detail_Tweaker_V2.1:0.5>, <lora:油彩_V2:1>, <lora:Gone:1>\nSteps: 20, Seed: 1")
    assert said == ["Not used of the recipe: the LoRA “Gone”, which is not here."]
    assert [lora.name for lora in settings().loras] == ["detail_tweaker_v2.1", "油彩_v2", "Gone"]
    settings().loras[0].name = "Detail Tweaker v2.1"  # as a style of the user's may have it
    used, sentences = loras_of(settings(), models.family_of(settings()))
    assert [lora.name for lora in used] == ["Detail Tweaker v2.1", "油彩_v2"]
    assert len(sentences) == 1 and "'Gone'" in sentences[0]


def test_sizes_become_ratios() -> None:
    framing = bpy.context.scene.pose_to_anime.framing
    settings().model = "animagine_xl_4"
    for size, ratio in (("1024x1024", "1:1"), ("1216x832", "3:2"), ("896x1152", "3:4")):
        assert paste(f"a\nSteps: 9, Size: {size}") == [] and framing.ratio == ratio
    (said,) = paste("a\nSteps: 9, Size: 1000x2000")
    assert "the size 1000 × 2000: Stable Diffusion XL paints this ratio as 704 × 1408" in said and framing.ratio == "1:2"
    paste("a\nSteps: 9, Size: 960x1024")
    assert framing.ratio == "CUSTOM" and (framing.custom_width, framing.custom_height) == (960.0, 1024.0)


def test_models_and_loras_are_known_by_other_names_and_by_hash() -> None:
    hash_ = "6327eca98b" + "0" * 54
    here = (
        ModelStatus("my_mix", "My Mix", "sdxl", True, sha256=hash_),
        ModelStatus("animagine_xl_4", "Animagine XL 4.0", "sdxl", True),
        ModelStatus("ink_lines_v2", "Ink", "sdxl", True, kind="lora"),
        ModelStatus("wind", "Wind", "sd15", True, kind="lora"),
    )
    models.take_list([status.to_json() for status in here])
    assert paste("a <lora:Ink-Lines V2:0.5>\nSteps: 9, Model: somebodysMix, Model hash: 6327eca98b") == []
    assert settings().model == "my_mix" and [(lora.name, lora.weight) for lora in settings().loras] == [("ink_lines_v2", 0.5)]
    assert paste("a\nSteps: 9, Model: animagine-xl-4.0-opt, Model hash: 00000000") == []
    assert settings().model == "animagine_xl_4", "as its makers' file is called"
    assert paste("a\nSteps: 9, Model: animagine_xl_4, Model hash: 6327eca98b") == []
    assert settings().model == "my_mix", "a file is surer than a name"
    assert paste("a <lora:wind>\nSteps: 9, Model hash: 0123456789, Denoising strength: 0.5") == [
        "Not used of the recipe: the model with the hash 0123456789, which is not here; the LoRA “wind”, which is not here; "
        "the picture that it was painted over, which no recipe holds."
    ]


def test_a_prompt_alone_changes_nothing_else() -> None:
    settings().steps, settings().seed = 33, 4
    negative = settings().negative_prompt
    assert paste("1boy, sitting") == []
    assert (settings().prompt, settings().negative_prompt, settings().steps, settings().seed) == (
        "1boy, sitting",
        negative,
        33,
        4,
    )
    with pytest.raises(RuntimeError, match="clipboard is empty"):
        OPS.paste_recipe()


def test_a_recipe_of_our_own_brings_style_and_written_prompt_back() -> None:
    request = GenerationRequest(
        "builtin", "1girl, black background, simple background", 256, 384, "nsfw", 12, 3.0, 9, "ddim", style="noir",
        loras=(Lora("ink", 0.5),), controls=(Control("openpose", "0" * 64, 0.8, 0.0, 0.9),),
    )  # fmt: skip
    written = {"name": "noir", "prompt": "1girl", "negative_prompt": "blurry"}
    assert paste(json.dumps({"request": request.to_json(), "scene": {"style": written}})) == []
    assert fields()[:5] == ("builtin", "1girl", "blurry", 12, 9) and fields()[-2:] == ("2:3", "noir")
    assert (settings().use_pose, settings().use_depth) == (True, False) and len(settings().loras) == 1


def test_a_picture_of_our_own_brings_pose_and_camera_back_too(tmp_path: Path) -> None:
    scene = bpy.context.scene
    camera = use_pose_camera(scene)
    camera.location = (0.0, -4.0, 1.0)
    bpy.context.view_layer.update()
    request = GenerationRequest("builtin", "1girl, running", 256, 384)
    written = {"request": request.to_json(), "scene": scene_info(scene, bpy.context.view_layer)}
    path = with_recipe(tmp_path, pose_to_anime=json.dumps(written))
    camera.location.x, settings().prompt = 3.0, "nobody"
    assert OPS.open_recipe(filepath=str(path), parts={"CAMERA"}) == {"FINISHED"}
    assert camera.location.x == 0.0 and settings().prompt == "nobody"
    assert OPS.open_recipe(filepath=str(path)) == {"FINISHED"} and settings().prompt == "1girl, running"
    with pytest.raises(RuntimeError, match="does not say from which pose"):
        OPS.open_recipe(filepath=str(with_recipe(tmp_path, parameters=PARAMETERS)), parts={"FIELDS", "POSE"})
    assert settings().prompt == "1girl, running"


def test_pictures_without_a_recipe_and_other_files_are_said(tmp_path: Path) -> None:
    before = fields()
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xda")
    (tmp_path / "text.png").write_text("no picture")
    for path, sentence in (
        (with_recipe(tmp_path), "no recipe in this picture"),
        (tmp_path / "text.png", "text.png cannot be opened for its recipe: This is not a PNG"),
        (tmp_path / "a.jpg", "a.jpg cannot be opened for its recipe: This JPEG is broken"),
        (tmp_path / "missing.png", "missing.png cannot be read"),
    ):
        with pytest.raises(RuntimeError, match=sentence):
            OPS.open_recipe(filepath=str(path))
    assert fields() == before


def test_a_model_that_is_known_and_not_here_is_chosen_and_said() -> None:
    listed = [item for item in models.models() if item.name == "animagine_xl_4"]
    assert listed

    models.take_list([ModelStatus(item.name, item.title, item.family, False).to_json() for item in models.models()])
    (sentence,) = paste("a\nSteps: 9, Model: Animagine XL 4.0")
    assert settings().model == "animagine_xl_4" and "Animagine XL 4.0, which is not on the server yet" in sentence


def test_saved_prompts_replace_and_append_and_undo() -> None:
    settings().prompt, settings().negative_prompt = "1girl, park", "blurry"
    assert OPS.save_prompt(name="Park") == {"FINISHED"} and OPS.save_prompt(name="Bare", negative=False) == {"FINISHED"}
    assert [entry.title for entry in prompt_shelf.shown().entries] == ["Bare", "Park"]
    with pytest.raises(RuntimeError, match="already a prompt 'Park'"):
        OPS.save_prompt(name="park")
    settings().prompt, settings().negative_prompt = "sitting, (park:1.2)", "lowres"
    bpy.ops.ed.undo_push(message="written")
    assert OPS.apply_prompt(saved="park", how="APPEND") == {"FINISHED"}
    assert (settings().prompt, settings().negative_prompt) == ("sitting, (park:1.2), 1girl", "lowres, blurry")
    bpy.ops.ed.undo_push(message="Append")
    bpy.ops.ed.undo()
    assert (settings().prompt, settings().negative_prompt) == ("sitting, (park:1.2)", "lowres")
    assert OPS.apply_prompt(saved="bare") == {"FINISHED"}
    assert (settings().prompt, settings().negative_prompt) == ("1girl, park", "lowres")
    assert OPS.rename_prompt(saved="bare", name="Plain") == {"FINISHED"} and OPS.delete_prompt(saved="park") == {"FINISHED"}
    assert [entry.title for entry in prompt_shelf.shown().entries] == ["Plain"]
    for call in (lambda: OPS.apply_prompt(saved="park"), lambda: OPS.delete_prompt(saved="park")):
        with pytest.raises(RuntimeError, match="no saved prompt 'park' any more"):
            call()
