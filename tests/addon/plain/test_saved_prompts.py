# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts that a user keeps: saved, renamed, deleted; and what broken files get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pose_to_anime.addon.prompting import own_styles
from pose_to_anime.addon.prompting.saved_prompts import (
    SavedPromptError,
    delete_prompt,
    folder,
    read_prompt,
    read_prompts,
    rename_prompt,
    save_prompt,
)
from pose_to_anime.addon.prompting.styles import Style, StyleError, own_folder, read_styles


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def titles() -> list[str]:
    return [entry.title for entry in read_prompts().entries]


def test_a_prompt_comes_back_as_it_was() -> None:
    assert titles() == []
    key = save_prompt(" Aiko at Night ", '1girl, "größe"\n月', "nsfw")
    assert key == "aiko_at_night"
    entry = read_prompts().called(key)
    assert (entry.title, entry.prompt, entry.negative_prompt) == ("Aiko at Night", '1girl, "größe"\n月', "nsfw")
    save_prompt("Zoe", "", "blurry")
    save_prompt("anna", "1boy", "")
    assert titles() == ["Aiko at Night", "anna", "Zoe"]


def test_a_name_that_is_taken_is_not_overwritten_unasked() -> None:
    save_prompt("Aiko", "first", "")
    with pytest.raises(SavedPromptError, match="already a prompt 'Aiko': choose another name, or say that it should be replaced"):
        save_prompt("aiko!", "second", "")
    assert save_prompt("AIKO", "second", "", replace=True) == "aiko" and read_prompts().called("aiko").prompt == "second"


def test_renaming_keeps_all_but_the_name() -> None:
    save_prompt("Aiko", "1girl", "nsfw")
    save_prompt("Zoe", "1boy", "")
    assert rename_prompt("aiko", "Mika") == "mika" and titles() == ["Mika", "Zoe"]
    assert rename_prompt("mika", "MIKA") == "mika" and read_prompts().called("mika").prompt == "1girl"
    with pytest.raises(SavedPromptError, match="already a prompt 'Zoe'"):
        rename_prompt("mika", "zoe")
    delete_prompt("zoe")
    assert titles() == ["MIKA"]
    for verb in (lambda: delete_prompt("zoe"), lambda: rename_prompt("zoe", "x")):
        with pytest.raises(SavedPromptError, match="no saved prompt 'zoe' any more"):
            verb()


def test_nothing_is_not_saved(home) -> None:
    for title, prompt, sentence in (
        ("", "x", "at least one letter"),
        ("x" * 61, "x", "too long"),
        ("Empty", " \n", "nothing to save"),
    ):
        with pytest.raises(SavedPromptError, match=sentence):
            save_prompt(title, prompt, "")
    assert not home.exists()
    assert save_prompt("CON", "x", "") == "con_prompt"


GOOD = {"version": 1, "title": "Good", "prompt": "x"}
BROKEN = {
    "not_json": (b"{", "is not valid JSON"),
    "binary": (b"\xff\xfe", "is not valid JSON"),
    "large": (b" " * 1_000_001, "too large"),
    "list": (b"[]", "must have version, title and prompt"),
    "more": (json.dumps({**GOOD, "x": 1}).encode(), "nothing but negative_prompt"),
    "newer": (json.dumps({**GOOD, "version": 2}).encode(), "newer Pose to Anime"),
    "number": (json.dumps({**GOOD, "prompt": 1}).encode(), "'prompt' must be a text"),
    "untitled": (json.dumps({**GOOD, "title": " "}).encode(), "has no title"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_left_out_with_one_sentence(name) -> None:
    content, sentence = BROKEN[name]
    folder().mkdir(parents=True)
    (folder() / f"{name}.json").write_bytes(content)
    (folder() / "good.json").write_text(json.dumps(GOOD))
    found = read_prompts()
    assert [entry.key for entry in found.entries] == ["good"] and f"{name}.json" in found.problems[0]
    with pytest.raises(SavedPromptError, match=sentence):
        read_prompt(folder() / f"{name}.json")


def test_a_folder_that_cannot_be_written_says_so(home) -> None:
    home.write_text("no folder")
    with pytest.raises(SavedPromptError, match="cannot be written"):
        save_prompt("Aiko", "x", "")
    with pytest.raises(StyleError, match="cannot be written"):
        own_styles.save_style(Style("", "Mine", looks={"any": {}}))
    assert home.read_text() == "no folder"


def test_styles_of_ones_own_by_their_titles() -> None:
    looks = {"any": {"prompt": "{prompt}, ink"}}
    assert own_styles.save_style(Style("", "Mine", looks=looks)).name == "mine"
    assert own_styles.duplicate_style(read_styles().called("mine")).title == "Mine 2"
    assert own_styles.duplicate_style(read_styles().called("noir")).name == "noir_2"
    for title, sentence in (
        ("", "at least one letter"),
        ("noir", "already a style 'Noir': choose another name\\."),
        ("x" * 61, "too long"),
    ):
        with pytest.raises(StyleError, match=sentence):
            own_styles.save_style(Style("", title, looks=looks), replace_own=True)
    with pytest.raises(StyleError, match=r"cannot be saved: 'looks\.any\.steps' must be"):
        own_styles.save_style(Style("", "Bad", looks={"any": {"steps": 0}}))
    own_styles.delete_style("mine")
    for name, sentence in (("mine", "no style 'mine' any more"), ("noir", "came with Pose to Anime")):
        with pytest.raises(StyleError, match=sentence):
            own_styles.delete_style(name)
    assert sorted(path.name for path in own_folder().iterdir()) == ["mine_2.json", "noir_2.json"]


def test_a_file_that_cannot_be_read_is_not_overwritten() -> None:
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / "aiko.json").write_text("{,}")
    with pytest.raises(SavedPromptError, match=r"aiko\.json"):
        save_prompt("Aiko", "1girl", "", replace=True)
    key = save_prompt("Other", "1girl", "")
    with pytest.raises(SavedPromptError, match=r"aiko\.json"):
        rename_prompt(key, "Aiko")
    assert (folder() / "aiko.json").read_text() == "{,}"
