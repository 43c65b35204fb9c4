# SPDX-License-Identifier: GPL-3.0-or-later
"""Long texts as rows."""

import pytest
from pose_to_anime.addon.settings.wrapping import PROMPT_ROWS, rows_of, width_of, with_row, wrap

PROMPT = ", ".join(f"tag number {n}" for n in range(45))


def test_600_characters_are_all_in_the_rows() -> None:
    assert len(PROMPT) > 600
    rows = rows_of(PROMPT, 38)
    assert " ".join(rows) == PROMPT
    assert len(rows) < PROMPT_ROWS and max(map(len, rows)) <= 38


def test_a_text_longer_than_all_rows_ends_in_the_last_one() -> None:
    rows = rows_of(PROMPT * 5, 38)
    assert len(rows) == PROMPT_ROWS and " ".join(rows) == PROMPT * 5


@pytest.mark.parametrize("columns", [16, 38, 60])
def test_writing_a_row_back_changes_nothing(columns: int) -> None:
    for index, row in enumerate(rows_of(PROMPT, columns)):
        assert with_row(PROMPT, columns, index, row) == PROMPT


def test_a_row_is_replaced_emptied_and_appended() -> None:
    assert with_row("one two three four", 8, 1, "2") == "one two 2 four"
    assert with_row("one two three four", 8, 1, "") == "one two four"
    assert with_row("one two", 8, 5, "three") == "one two three"
    assert with_row("", 8, 0, "  new   prompt ") == "new prompt"


def test_sentences_break_at_spaces_and_long_words_hard() -> None:
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("https://example.org/a", 10) == ["https://ex", "ample.org/", "a"]
    assert wrap("first\nsecond", 20) == ["first", "second"]
    assert wrap("", 20) == [""]


def test_japanese_and_chinese_break_between_any_two_characters_but_not_before_a_full_stop() -> None:
    assert wrap("画像を生成します。", 10) == ["画像を生成", "します。"]
    assert wrap("画像を生成。", 10) == ["画像を生", "成。"]
    assert wrap("OpenPose の骨格 and depth", 12) == ["OpenPose の", "骨格 and", "depth"]
    text = "モデル「anime」が見つかりません、フォルダーを確認してください。"
    for columns in range(8, 60):
        lines = wrap(text, columns)
        assert "".join(lines) == text
        assert all(width_of(line) <= columns for line in lines[:-1])
