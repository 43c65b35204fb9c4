# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles as files: those that ship, how they wrap a prompt for each kind of model, and what broken ones get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pose_to_anime.addon.prompting import tags
from pose_to_anime.addon.prompting.dialects import dialect_of, dialects
from pose_to_anime.addon.prompting.styles import FOLDER, Look, StyleError, own_folder, parsed, read_style, read_styles
from pose_to_anime.generation_server.families.catalogue import families

MODELS = FOLDER.parents[2] / "generation_server" / "models"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.json"))
PONY, ANIMAGINE, SDXL, SD15, BUILTIN = (
    dialect_of(model, family)
    for model, family in (
        ("ponyDiffusionV6XL", "sdxl"),
        ("animagine_xl_4", "sdxl"),
        ("illustrious_xl_v0", "sdxl"),
        ("meinamix_v11", "sd15"),
        ("builtin", "builtin"),
    )
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    own_folder().mkdir(parents=True)
    return own_folder()


def test_there_are_many_and_all_can_be_read() -> None:
    found = read_styles()
    assert not found.problems and sorted(found.entries) == SHIPPED and len(SHIPPED) >= 12
    titles = [style.title for style in found.entries.values()]
    assert titles == sorted(titles, key=str.casefold) and len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_says_what_every_kind_of_model_needs(name) -> None:
    style = read_styles().called(name)
    assert style.description and not style.own
    for model in style.models:
        assert (MODELS / f"{model}.toml").is_file(), f"no model {model} in the registry"
    for dialect in dialects():
        look, family = style.look(dialect), families()[dialect.family]
        assert look.sampler in family.samplers and look.steps and look.guidance_scale
        assert family.guidance_scale.advised[0] <= look.guidance_scale <= family.guidance_scale.advised[1]
        prompt, negative = look.prompts(dialect, "1girl, waving", "")
        assert "1girl, waving" in prompt and "nsfw" in tags.said(negative)
        assert not tags.said(prompt) & tags.said(negative), "it asks for and against the same"


def test_the_looks_differ() -> None:
    for dialect in dialects():
        prompts = {style.look(dialect).prompts(dialect, "1girl", "")[0] for style in read_styles().entries.values()}
        assert len(prompts) == len(SHIPPED), dialect.name


def test_the_builtin_model_is_told_words_that_it_knows() -> None:
    source = (MODELS / "builtin" / "vocabulary.py").read_text("utf-8")
    known = set(source.split('_WORDS = """')[1].split('"""')[0].split())
    for style in read_styles().entries.values():
        words = style.look(BUILTIN).prompt.replace("{prompt}", "").replace(",", " ").split()
        assert set(words) <= known, style.name


def test_models_speak_their_own_dialect() -> None:
    assert [item.name for item in (PONY, ANIMAGINE, SDXL, SD15, BUILTIN)] == ["pony", "animagine", "sdxl", "sd15", "builtin"]
    assert PONY.frame.startswith("score_9, ") and dialect_of("mine", "sdxl") == SDXL
    assert dialect_of("anything", "a_family_of_mine").frame == "{prompt}"


def test_a_look_takes_the_lines_of_the_family_and_then_of_the_dialect() -> None:
    looks = {
        "any": {"prompt": "{prompt}, ink", "negative": "colour", "steps": 20},
        "sdxl": {"steps": 28, "guidance_scale": 5.0},
        "pony": {"prompt": "ink, {prompt}", "loras": [{"name": "pen"}]},
    }
    style = parsed("mine", {"version": 1, "title": "Mine", "looks": looks})
    pony, plain = style.look(PONY), style.look(SD15)
    assert (pony.prompt, pony.negative, pony.steps, pony.guidance_scale) == ("ink, {prompt}", "colour", 28, 5.0)
    assert [(lora.name, lora.weight) for lora in pony.loras] == [("pen", 1.0)]
    assert (plain.prompt, plain.steps, plain.guidance_scale, plain.loras) == ("{prompt}, ink", 20, 0.0, ())


def test_a_model_whose_noise_is_pure_gets_a_sampler_that_suits_it() -> None:
    vpred = dialect_of("noobai_xl_vpred_1_0", "sdxl")
    assert (vpred.frame, vpred.negative) == (SDXL.frame, SDXL.negative)
    for style in read_styles().entries.values():
        assert style.look(vpred).sampler == "euler_a" and style.look(vpred).steps == style.look(SDXL).steps
    looks = {"any": {"sampler": "dpmpp_2m_karras"}, vpred.name: {"sampler": "euler"}}
    own = parsed("mine", {"version": 1, "title": "Mine", "looks": looks})
    assert own.look(SDXL).sampler == "dpmpp_2m_karras" and own.look(vpred).sampler == "euler"


@pytest.mark.parametrize(
    ("written", "painted"),
    [
        ("1girl", "masterpiece, best quality, 1girl, ink, sharp"),
        ("1girl, (ink:1.3)", "masterpiece, best quality, 1girl, (ink:1.3), sharp"),
        ("masterpiece, 1girl", "best quality, masterpiece, 1girl, ink, sharp"),
        ("1girl,, (masterpiece, Best_Quality:1.1), ", "1girl,, (masterpiece, Best_Quality:1.1), ink, sharp"),
        ("1girl # a note", "masterpiece, best quality, 1girl # a note\nink, sharp"),
        ("1girl, {ink, red|blue}", "masterpiece, best quality, 1girl, {ink, red|blue}, ink, sharp"),
        ("1girl, new, old", "masterpiece, best quality, 1girl, ink, sharp"),
        (r"rei \(girl\), 1girl", r"masterpiece, best quality, rei \(girl\), 1girl, ink, sharp"),
        ("1girl, ((open", "masterpiece, best quality, 1girl, ((open, ink, sharp"),
    ],
)
def test_what_is_painted_is_said_once_and_keeps_what_was_written(written, painted) -> None:
    look = Look("{prompt}, ink, sharp", without=("new", "old"))
    assert look.prompts(SD15, written, "")[0] == painted


def test_the_negative_prompt_loses_what_the_style_asks_for_but_never_nsfw() -> None:
    look = Look("{prompt}, monochrome, (ink, nsfw:1.2)", "colour, nsfw", without=("nsfw", "old"))
    _, negative = look.prompts(BUILTIN, "1girl", "hat, monochrome, old, ink, nsfw")
    assert negative == "hat, nsfw, colour"
    assert look.prompts(SDXL, "1girl", "")[1].startswith("colour, nsfw, worst quality, early")


GOOD = {"version": 1, "title": "Mine", "looks": {"any": {"prompt": "{prompt}, ink"}}}
BROKEN = {
    "not_json": ("{", "is not valid JSON"),
    "binary": (b"\xff\xfe\x00", "is not valid JSON"),
    "deep": ("[" * 100_000, "is not valid JSON"),
    "large": (" " * 1_000_001, "is too large"),
    "list": ([], "must be an object"),
    "newer": ({**GOOD, "version": 2}, "newer Pose to Anime"),
    "no_version": ({**GOOD, "version": True}, "'version' must be a whole number"),
    "no_title": ({**GOOD, "title": "  "}, "'title' is empty"),
    "long_title": ({**GOOD, "title": "x" * 61}, "more than 60"),
    "no_looks": ({**GOOD, "looks": {}}, "'looks' must say"),
    "unknown": ({**GOOD, "artist": "x"}, "unknown key 'artist'"),
    "unknown_in_look": ({**GOOD, "looks": {"any": {"cfg": 5}}}, r"'looks.any' has an unknown key 'cfg'"),
    "no_place": ({**GOOD, "looks": {"any": {"prompt": "ink"}}}, r"must have \{prompt\} in it once"),
    "two_places": ({**GOOD, "looks": {"any": {"prompt": "{prompt}{prompt}"}}}, r"must have \{prompt\} in it once"),
    "steps": ({**GOOD, "looks": {"any": {"steps": 2.5}}}, "'looks.any.steps' must be a whole number from 1 to 1000"),
    "nan": ('{"version": 1, "title": "x", "looks": {"any": {"guidance_scale": NaN}}}', "must be a number from 0 to 100"),
    "models": ({**GOOD, "models": "one"}, "'models' must be a list"),
    "without": ({**GOOD, "looks": {"any": {"without": "new"}}}, "must be a list of tags"),
    "lora": ({**GOOD, "looks": {"any": {"loras": [{"weight": 1}]}}}, "lacks 'name'"),
    "weight": ({**GOOD, "looks": {"any": {"loras": [{"name": "x", "weight": 9}]}}}, "from -4 to 4"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_left_out_with_one_sentence(name, home) -> None:
    content, sentence = BROKEN[name]
    data = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content)).encode()
    (home / f"{name}.json").write_bytes(data)
    (home / "good.json").write_text(json.dumps(GOOD))
    found = read_styles()
    assert sorted(found.entries) == sorted([*SHIPPED, "good"]) and found.entries["good"].own
    (problem,) = found.problems
    assert f"{name}.json" in problem and "\n" not in problem
    with pytest.raises(StyleError, match=sentence):
        read_style(home / f"{name}.json")


def test_an_own_style_never_takes_the_place_of_one_of_the_program(home) -> None:
    (home / "noir.json").write_text(json.dumps(GOOD))
    found = read_styles()
    assert found.entries["noir"].title == "Noir" and "call noir.json otherwise" in found.problems[0]


def test_a_style_is_found_by_name_and_title() -> None:
    found = read_styles()
    assert found.called("nineties_cel") is found.called(" 90S cel ")
    with pytest.raises(StyleError, match=r"no style 'nothing' here: choose one of .*noir"):
        found.called("nothing")


def test_a_style_is_written_as_it_is_read() -> None:
    for style in read_styles().entries.values():
        assert parsed(style.name, style.to_json()) == style
