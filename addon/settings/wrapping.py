# SPDX-License-Identifier: GPL-3.0-or-later
"""Long texts as lines: Blender's layouts have no line breaks of their own. No bpy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

PROMPT_ROWS = 24
"""How many rows a prompt can have in the panel; the last shows all that is left. 600 characters need 15 at the default width."""


_NEVER_FIRST = "、。，．・：；？！）」』】〉》ー々％"
"""What Japanese and Chinese never begin a line with."""


_IDEOGRAPHS = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_PIECE = re.compile(rf"(?:[{_IDEOGRAPHS}]|[^{_IDEOGRAPHS}]+)[{_NEVER_FIRST}]*")


def width_of(text: str) -> int:
    """Columns that a text takes: ideographs and kana are as wide as two Latin letters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def wrap(text: str, columns: int) -> list[str]:
    """``text`` in lines of at most ``columns`` columns, broken at spaces and between ideographs; a longer word is broken hard.

    Never empty.
    """
    columns = max(columns, 8)
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for piece, gap in _pieces(paragraph):
            while width_of(piece) > columns:
                if line:
                    lines.append(line)
                    line = ""
                lines.append(piece[:columns])
                piece = piece[columns:]
            if line and width_of(line) + len(gap) + width_of(piece) > columns:
                lines.append(line)
                line = piece
            else:
                line = f"{line}{gap}{piece}" if line else piece
        lines.append(line)
    return lines


def _pieces(paragraph: str) -> Iterator[tuple[str, str]]:
    """What may stand at the beginning of a line, each with the gap to what is before it."""
    for word in paragraph.split():
        gap = " "
        for piece in _PIECE.findall(word):
            yield piece, gap
            gap = ""


def rows_of(text: str, columns: int) -> list[str]:
    """A prompt in at most ``PROMPT_ROWS`` rows, the last of which takes the rest. An empty prompt has one empty row.

    Rows break at spaces only, so that ``" ".join`` gives the prompt back (with every run of white space as one space).
    """
    columns = max(columns, 8)
    rows: list[str] = []
    for word in text.split():
        full = not rows or len(rows[-1]) + 1 + len(word) > columns
        if full and len(rows) < PROMPT_ROWS:
            rows.append(word)
        else:
            rows[-1] += f" {word}"
    return rows or [""]


def with_row(text: str, columns: int, index: int, new: str) -> str:
    """The prompt after row ``index`` was edited to ``new``; an index past the end appends."""
    rows = rows_of(text, columns)
    rows += [""] * (index + 1 - len(rows))
    rows[index] = new
    return " ".join(" ".join(rows).split())
