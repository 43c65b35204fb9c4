# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in the user's language: how they are recognised, and that none that a user can meet is missing."""

from __future__ import annotations

import ast
import errno
import os
import re

import pytest
import said_sentences
from pose_to_anime.addon.sentences import PLACEHOLDER, Speaker

SENTENCES = {
    "The prompt is empty.": "プロンプトが空です。",
    "'{0}' is hidden: show it first.": "「{0}」は非表示です: 先に表示してください。",
    "'{0}' lacks {1}: choose bones.": "「{0}」には{1}がありません: ボーンを選んでください。",
    "{0} cannot be read ({1}).": "{0}を読み込めません ({1})。",
    "The picture cannot be used ({0}): press Generate again.": "画像を使えません ({0}): もう一度生成してください。",
    "{0} Your jobs are safe.": "{0}ジョブは無事です。",
    "The folder {0} is full. Make room in it.": "フォルダー{0}がいっぱいです。空きを作ってください。",
    "from {0} to {1}": "{1}まで、{0}から",
}
LABELS = {"Left elbow": "左肘", "Head": "頭"}


@pytest.fixture
def speaker() -> Speaker:
    return Speaker(SENTENCES, LABELS)


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("The prompt is empty.", "プロンプトが空です。"),
        ("'Anna' is hidden: show it first.", "「Anna」は非表示です: 先に表示してください。"),
        ("from 2 to 5", "5まで、2から"),
        ("Nobody has written this down.", "Nobody has written this down."),
        ("", ""),
        ("...", "..."),
    ],
)
def test_a_sentence_is_said_whole_or_by_its_template(speaker: Speaker, english: str, japanese: str) -> None:
    assert speaker.said(english) == japanese


def test_names_of_things_are_translated_and_names_that_somebody_gave_are_not(speaker: Speaker) -> None:
    assert (
        speaker.said("'Head' lacks left elbow and head: choose bones.")
        == "「Head」には左肘、頭がありません: ボーンを選んでください。"
    )
    assert (
        speaker.said("'Rig' lacks tail and head: choose bones.")
        == "「Rig」にはtail and headがありません: ボーンを選んでください。"
    )
    assert "には頭、5まで、2からが" in speaker.said("'Rig' lacks head and from 2 to 5: choose bones.")


def test_sentences_in_one_text_are_translated_one_by_one(speaker: Speaker) -> None:
    both = "The prompt is empty. 'A. B' is hidden: show it first."
    assert speaker.said(both) == "プロンプトが空です。「A. B」は非表示です: 先に表示してください。"
    assert speaker.said("It rains. The prompt is empty. It pours.") == "It rains. プロンプトが空です。It pours."
    assert speaker.said("'A' is hidden: show it first. 'B' is hidden: show it first.").count("非表示") == 2
    assert speaker.said("The prompt is empty.\nThe prompt is empty.") == "プロンプトが空です。\nプロンプトが空です。"
    assert speaker.said("The folder a.b is full. Make room in it.") == "フォルダーa.bがいっぱいです。空きを作ってください。"


def test_a_sentence_inside_another_is_translated_too(speaker: Speaker) -> None:
    assert speaker.said("The prompt is empty. Your jobs are safe.") == "プロンプトが空です。ジョブは無事です。"
    cut = "The picture cannot be used (a.png cannot be read (no such file)): press Generate again."
    assert speaker.said(cut) == "画像を使えません (a.pngを読み込めません (no such file)): もう一度生成してください。"


def test_a_value_with_braces_stays_as_it_is(speaker: Speaker) -> None:
    assert speaker.said("'{1}' is hidden: show it first.") == "「{1}」は非表示です: 先に表示してください。"


def test_templates_are_found_in_the_source() -> None:
    source = '''
"""A docstring is no sentence that is said."""
def tell(n, why):
    if n:
        raise UserError(f"{n} figures are {'too many' if n > 3 else 'enough'}: hide some.")
    self.report({"INFO"}, f"Saved {n:.1f}")
    layout.label(text=iface_("A label that is translated where it stands."))
    return "'{}' went out, which {why!r} says.".format(n, why=why) + f" {why}."
'''
    assert said_sentences.of_source(source) == {
        "{0} figures are too many: hide some.",
        "{0} figures are enough: hide some.",
        "Saved {0}",
        "'{0}' went out, which {why} says. {1}.",
    }


@pytest.mark.parametrize("locale", said_sentences.LOCALES)
def test_every_sentence_that_a_user_can_meet_is_translated_and_none_that_is_gone(locale: str) -> None:
    """``python tests/support/said_sentences.py`` lists both."""
    known, said = said_sentences.translated(locale).keys(), said_sentences.sentences().keys()
    assert sorted(said - known) == []
    assert sorted(known - said) == []


@pytest.mark.parametrize("locale", said_sentences.LOCALES)
def test_what_sentences_are_filled_in_with_is_said_somewhere(locale: str) -> None:
    words = said_sentences.filled_in(locale)
    system = {os.strerror(number) for number in errno.errorcode}
    dots = said_sentences.dots(locale).keys()  # test_languages holds these against a figure
    assert sorted(words.keys() - said_sentences.fragments() - system - dots) == []
    assert words.keys() == said_sentences.filled_in(said_sentences.LOCALES[0]).keys()


@pytest.mark.parametrize("locale", said_sentences.LOCALES)
def test_translations_are_filled_in_with_what_the_english_is(locale: str) -> None:
    for english, text in said_sentences.translated(locale).items():
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(text)), english
        assert text == text.strip() and text != english, english
        assert not re.search(r"[.!?]$", text), f"{english}: an English full stop"


@pytest.mark.parametrize("locale", said_sentences.LOCALES)
def test_every_template_recognises_what_it_makes(locale: str) -> None:
    """With values that are long, have full stops, or are nearly nothing."""
    known = said_sentences.translated(locale)
    speaker = Speaker(known, {})
    for english, text in known.items():
        names = PLACEHOLDER.findall(english)
        values = {name: f"; x{name}" if f"}}{{{name}}}" in english else f"x{name}.y" for name in names}
        told = PLACEHOLDER.sub(lambda match, values=values: values[match[1]], english)
        assert speaker.said(told) == PLACEHOLDER.sub(lambda match, values=values: values[match[1]], text), told


def test_whatever_operators_report_goes_through_what_translates_it() -> None:
    """An operator's own ``report`` and ``poll_message_set`` show a text as it stands."""
    wrong = []
    for path in sorted((said_sentences.ROOT / "addon").glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or path.name == "reporting.py":
                continue
            of_operator = node.func.attr == "report" and ast.unparse(node.func.value) in ("self", "operator")
            of_poll = node.func.attr == "poll_message_set" and not ast.unparse(node.args[0]).startswith("translated(")
            if of_operator or of_poll:
                wrong.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []
