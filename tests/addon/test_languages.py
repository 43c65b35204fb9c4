# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface in other languages: nothing is missing, nothing is left over, and no sentence is put together from parts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("bpy")

import bpy
import said_sentences
import ui_strings
from pose_to_anime.addon import registration, sentences, translations
from pose_to_anime.addon.armature.dots import dot_name, visible_bones


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    registration.register()
    yield
    registration.unregister()


LANGUAGES = ("ja_JP", "zh_HANS")


def test_japanese_and_simplified_chinese_are_there_under_blenders_names() -> None:
    assert tuple(translations.languages()) == LANGUAGES


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_text_of_the_interface_is_translated_and_none_that_is_gone(locale: str) -> None:
    """``python tests/support/ui_strings.py`` lists both."""
    known, said = translations.languages()[locale].keys(), ui_strings.interface_texts().keys()
    assert sorted(said - known) == []
    assert sorted(known - said) == []


@pytest.mark.parametrize("locale", LANGUAGES)
def test_translations_fill_in_what_the_english_does(locale: str) -> None:
    for english, text in translations.languages()[locale].items():
        assert sorted(re.findall(r"\{[^}]*\}", english)) == sorted(re.findall(r"\{[^}]*\}", text)), english
        assert english.endswith("…") == text.endswith("…"), english
        assert text == text.strip(), english


def test_every_dot_under_the_mouse_is_called_something() -> None:
    bpy.ops.pose_to_anime.add_mannequin()
    names = {dot_name(bone.name) for bone in visible_bones(bpy.context.object)}
    for locale in LANGUAGES:
        assert names <= said_sentences.dots(locale).keys() | translations.languages()[locale].keys()
        assert not said_sentences.dots(locale).keys() & translations.languages()[locale].keys()


def test_no_text_with_words_is_put_together_from_parts() -> None:
    assert ui_strings.formatted_texts() == []


def test_a_broken_language_file_says_which_text_is_wrong(tmp_path) -> None:
    path = tmp_path / "ja_JP.toml"
    path.write_text('[pose]\n"Pose" = 3\n', "utf-8")
    with pytest.raises(ValueError, match="Pose"):
        sentences.read_texts(path)
