# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles in a scene: chosen, undone, in the request, restored from it; the user's own ones saved, duplicated, deleted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import pose_to_anime  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate import models, restore, style_shelf, styling  # noqa: E402
from pose_to_anime.addon.generate.request import ensure_camera, prepare  # noqa: E402
from pose_to_anime.addon.prompting.own_styles import delete_style  # noqa: E402
from pose_to_anime.addon.prompting.styles import own_folder, read_style, read_styles  # noqa: E402
from pose_to_anime.generation_server.protocol import ModelStatus  # noqa: E402

OPS = bpy.ops.pose_to_anime


@pytest.fixture(autouse=True)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bpy.types.Scene]:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    bpy.ops.wm.read_factory_settings(use_empty=False)
    pose_to_anime.register()
    style_shelf.refresh()
    bpy.context.scene.pose_to_anime.generation.model = "builtin"
    bpy.ops.ed.undo_push(message="start")
    yield bpy.context.scene
    pose_to_anime.unregister()


def settings() -> bpy.types.PropertyGroup:
    return bpy.context.scene.pose_to_anime.generation


def chosen() -> str:
    return bpy.context.scene.pose_to_anime.styles.style


def told(*names: str) -> None:
    """A server says that these models are here, and no others but the built-in one."""
    found = {item.name: item for item in models.models()}
    models.take_list(
        [ModelStatus(item.name, item.title, item.family, item.name in (*names, "builtin")).to_json() for item in found.values()]
    )


def choose(name: str) -> None:
    assert OPS.choose_style(style=name) == {"FINISHED"}
    bpy.ops.ed.undo_push(message="Choose Style")


def test_the_last_ones_that_were_chosen_come_first_in_every_file() -> None:
    assert style_shelf.recent() == ()
    for name in ("noir", "pixel_art", "noir", "", "storybook", "watercolour", "ink_manga"):
        choose(name)
    expected = ["ink_manga", "watercolour", "storybook", "noir"]
    assert [style.name for style in style_shelf.recent()] == expected
    bpy.ops.wm.read_factory_settings(use_empty=True)
    style_shelf.refresh()
    assert [style.name for style in style_shelf.recent()] == expected
    (own_folder().parent / "recent_styles.json").write_text('["noir", 3, "gone"')
    style_shelf.refresh()
    assert style_shelf.recent() == () and OPS.choose_style(style="noir") == {"FINISHED"}
    assert [style.name for style in style_shelf.recent()] == ["noir"]


def test_a_style_leaves_the_prompt_and_brings_its_numbers_which_go_with_it() -> None:
    settings().steps, settings().guidance_scale = 33, 4.0
    written = settings().prompt, settings().negative_prompt
    look = read_styles().called("ink_manga").look(styling.dialect(settings()))
    choose("ink_manga")
    assert (settings().prompt, settings().negative_prompt) == written
    assert (settings().steps, settings().guidance_scale) == (look.steps, look.guidance_scale) != (33, 4.0)
    choose("flat_colour")
    choose("")
    assert (settings().steps, settings().guidance_scale) == (33, 4.0)
    assert settings().sampler == ""
    choose("ink_manga")
    settings().steps = 12
    choose("")
    assert (settings().steps, settings().guidance_scale) == (12, 4.0), "what the user changed meanwhile stays"


def test_choosing_is_one_step_of_undo() -> None:
    before = settings().steps, settings().guidance_scale, settings().model
    bpy.ops.ed.undo_push(message="before")
    told("animagine_xl_4")
    choose("noir")
    assert chosen() == "noir" and settings().model == "animagine_xl_4"
    bpy.ops.ed.undo()
    assert (settings().steps, settings().guidance_scale, settings().model, chosen()) == (*before, "")
    bpy.ops.ed.redo()
    assert chosen() == "noir" and settings().model == "animagine_xl_4"


def test_the_first_of_its_models_that_is_here_is_taken() -> None:
    told("meinamix_v11", "noobai_xl_1_1")
    assert styling.choose(bpy.context.scene, "noir") == ["Noir is painted with NoobAI XL 1.1 (epsilon)."]
    assert (settings().model, settings().family) == ("noobai_xl_1_1", "sdxl")
    settings().model = "meinamix_v11"
    assert settings().guidance_scale == read_styles().called("noir").look(styling.dialect(settings())).guidance_scale
    assert styling.choose(bpy.context.scene, "watercolour") == [] and settings().model == "meinamix_v11", "it is one of them"
    settings().model = ""
    assert styling.choose(bpy.context.scene, "flat_colour") == ["Flat Colour is painted with NoobAI XL 1.1 (epsilon)."]
    told("noobai_xl_1_1")
    own = ModelStatus("my_mix", "My Mix", "sd15", True)
    models.take_list([own.to_json(), *(ModelStatus(m.name, m.title, m.family, True).to_json() for m in models.models())])
    settings().model = "my_mix"
    assert styling.choose(bpy.context.scene, "noir") == [] and settings().model == "my_mix", "the user's own stays"
    told()
    settings().model = "builtin"
    (sentence,) = styling.choose(bpy.context.scene, "noir")
    assert settings().model == "builtin" and "None of the models that Noir is made for is here" in sentence


def test_the_request_has_what_the_style_asks_for_and_restore_brings_back_what_was_written(scene: bpy.types.Scene) -> None:
    add_mannequin(scene)
    ensure_camera(scene, bpy.context.view_layer)
    settings().prompt, settings().negative_prompt = "1girl, white background", "blurry"
    style = json.dumps({
        "version": 1, "title": "Mine",
        "looks": {"any": {
            "prompt": "{prompt}, night", "negative": "day", "without": ["white background"], "steps": 11, "guidance_scale": 3.0,
            "sampler": "euler", "loras": [{"name": "ink", "weight": 0.5}],
        }},
    })  # fmt: skip
    own_folder().mkdir(parents=True)
    (own_folder() / "mine.json").write_text(style)
    style_shelf.refresh()
    choose("mine")
    made = prepare(scene, bpy.context.view_layer)
    request = made.request
    assert (request.style, request.prompt, request.negative_prompt) == (
        "mine",
        "1girl, full body, standing, night",
        "nsfw, blurry, day",
    )
    assert (request.steps, request.guidance_scale, request.sampler) == (11, 3.0, "euler")
    assert [(lora.name, lora.weight) for lora in request.loras] == [("ink", 0.5)]

    choose("")
    assert len(settings().loras) == 0
    choose("mine")
    settings().loras["ink"].weight = 0.8
    choose("")
    assert len(settings().loras) == 1, "it is the user's now"
    settings().loras.clear()

    def brought_back() -> list[str]:
        settings().prompt = "something else"
        choose("")
        said = restore.restore_settings(scene, request, made.scene) + styling.restore(scene, request, made.scene)
        return [sentence for sentence in said if "style" in sentence.casefold() or "Mine" in sentence]

    assert brought_back() == []
    assert (settings().prompt, settings().negative_prompt, chosen()) == ("1girl, white background", "blurry", "mine")
    assert settings().steps == 11 and prepare(scene, bpy.context.view_layer).request.prompt == request.prompt
    (own_folder() / "mine.json").write_text(style.replace("night", "day"))
    style_shelf.refresh()
    assert (
        "not as it was" in brought_back()[0]
        and chosen() == ""
        and settings().prompt.startswith("1girl, full body, standing, night")
    )
    (own_folder() / "mine.json").unlink()
    style_shelf.refresh()
    assert (
        "is not here" in brought_back()[0]
        and chosen() == ""
        and settings().prompt.startswith("1girl, full body, standing, night")
    )


def test_a_style_that_is_written_out_paints_the_same(scene: bpy.types.Scene) -> None:
    add_mannequin(scene)
    ensure_camera(scene, bpy.context.view_layer)
    scene.pose_to_anime.pose_tags.use = False  # they stand behind what is written, and so elsewhere once the style is
    settings().prompt, settings().random_seed = "1girl, white background", False
    assert not OPS.write_style.poll()
    choose("noir")
    before = prepare(scene, bpy.context.view_layer).request
    bpy.ops.ed.undo_push(message="before")
    assert OPS.write_style() == {"FINISHED"} and chosen() == ""
    scene = bpy.context.scene
    assert settings().prompt == before.prompt != "1girl, white background"
    assert prepare(scene, bpy.context.view_layer).request == dataclasses.replace(before, style="")
    bpy.ops.ed.undo_push(message="written")
    bpy.ops.ed.undo()
    assert (settings().prompt, chosen()) == ("1girl, white background", "noir")


def test_a_style_that_is_not_here_is_said_and_paints_nothing(scene: bpy.types.Scene) -> None:
    add_mannequin(scene)
    ensure_camera(scene, bpy.context.view_layer)
    scene.pose_to_anime.styles.style = "lost"
    with pytest.raises(UserError, match="no style 'lost' here: choose one of"):
        prepare(scene, bpy.context.view_layer)
    with pytest.raises(RuntimeError, match="no style 'nothing' here"):
        OPS.choose_style(style="nothing")
    assert chosen() == "lost"


def test_an_own_style_keeps_what_is_set_and_what_its_base_asks_of_other_models() -> None:
    choose("noir")
    settings().steps, settings().guidance_scale = 17, 4.0
    assert OPS.save_style(name="My Noir", prompt="{prompt}, night", negative="nsfw, day") == {"FINISHED"}
    assert chosen() == "my_noir" and (settings().steps, settings().guidance_scale) == (17, 4.0)
    saved, base = read_style(own_folder() / "my_noir.json"), read_styles().called("noir")
    spoken = styling.dialect(settings())
    look = saved.look(spoken)
    assert (look.prompt, look.negative, look.steps, look.guidance_scale) == ("{prompt}, night", "nsfw, day", 17, 4.0)
    assert saved.models == ("builtin", *base.models) and saved.looks["any"] == base.looks["any"]
    with pytest.raises(RuntimeError, match="already a style 'My Noir': choose another name, or say that it should be replaced"):
        OPS.save_style(name="my noir")
    with pytest.raises(RuntimeError, match=r"already a style 'Noir': choose another name\."):
        OPS.save_style(name="noir", replace=True)
    with pytest.raises(RuntimeError, match=r"must have \{prompt\} in it once"):
        OPS.save_style(name="Broken", prompt="night")
    assert OPS.save_style(name="My Noir", prompt="{prompt}, sky", replace=True) == {"FINISHED"}
    assert read_style(own_folder() / "my_noir.json").look(spoken).prompt == "{prompt}, sky"
    assert [path.name for path in own_folder().iterdir()] == ["my_noir.json"]


def test_own_styles_are_duplicated_and_deleted_and_the_programs_stay() -> None:
    assert not OPS.duplicate_style.poll() and not OPS.delete_style.poll()
    choose("noir")
    assert not OPS.delete_style.poll()
    with pytest.raises(UserError, match="Noir came with Pose to Anime"):
        delete_style("noir")
    assert OPS.duplicate_style() == {"FINISHED"}
    assert chosen() == "noir_2" and read_style(own_folder() / "noir_2.json").title == "Noir 2"
    assert OPS.duplicate_style() == {"FINISHED"} and chosen() == "noir_2_2"
    assert OPS.delete_style() == {"FINISHED"} and chosen() == ""
    assert [name for name, style in style_shelf.styles().entries.items() if style.own] == ["noir_2"]
    assert OPS.open_styles() == {"FINISHED"}
