# SPDX-License-Identifier: GPL-3.0-or-later
"""Long texts as lines: Blender's layouts have no line breaks of their own. No bpy."""

PROMPT_ROWS = 24
"""How many rows a prompt can have in the panel; the last shows all that is left. 600 characters need 15 at the default width."""


def wrap(text: str, columns: int) -> list[str]:
    """``text`` in lines of at most ``columns`` characters, broken at spaces; a longer word is broken hard. Never empty."""
    columns = max(columns, 8)
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split():
            while len(word) > columns:
                if line:
                    lines.append(line)
                    line = ""
                lines.append(word[:columns])
                word = word[columns:]
            if line and len(line) + 1 + len(word) > columns:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


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
