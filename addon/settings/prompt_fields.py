# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt as properties that panels can show whole: rows that fill themselves, and text boxes."""

from typing import Any

import bpy
from bpy.props import StringProperty

from .wrapping import PROMPT_ROWS, rows_of, with_row

DEFAULT_COLUMNS = 38
"""Characters of a prompt row where the width of the region is not known."""

_MARGIN = 44  # pixels at 100% that the panel's borders and the row's own margins take
_CHARACTER = 5.8  # pixels at 100% of an average character of Blender's interface font at its default 11 points


def text_columns(context: bpy.types.Context, margin: float = _MARGIN) -> int:
    """How many characters fit in one row of the region that is being drawn or edited."""
    region = context.region
    if region is None or region.type != "UI":
        return DEFAULT_COLUMNS
    scale = context.preferences.system.ui_scale
    return max(16, int((region.width - margin * scale) / (_CHARACTER * scale)))


def _prompt_row(prompt: str, index: int) -> Any:
    """Row ``index`` of a prompt as an editable property: Blender before 5.2 has no text box, so that the panel shows rows."""

    def get(self: bpy.types.PropertyGroup) -> str:
        rows = rows_of(getattr(self, prompt), text_columns(bpy.context))
        return rows[index] if index < len(rows) else ""

    def set_(self: bpy.types.PropertyGroup, value: str) -> None:
        setattr(self, prompt, with_row(getattr(self, prompt), text_columns(bpy.context), index, value))

    what = "Prompt" if prompt == "prompt" else "Negative Prompt"
    return StringProperty(
        name=what,
        description="Part of the prompt: edit it, and the rows are filled anew",
        get=get,
        set=set_,
        options={"SKIP_SAVE"},
    )


def _prompt_box(prompt: str) -> Any:
    """A whole prompt under another name: Blender remembers a text box's height by the property that it shows, so a prompt that
    has outgrown its box moves on to a taller one."""

    def get(self: bpy.types.PropertyGroup) -> str:
        return str(getattr(self, prompt))

    def set_(self: bpy.types.PropertyGroup, value: str) -> None:
        setattr(self, prompt, value)

    return StringProperty(name="Prompt", description="What the model is told", get=get, set=set_, options={"SKIP_SAVE"})


PROMPT_BOXES = (5, 10, 20)
"""Heights of text boxes in lines."""


def prompt_fields() -> dict[str, Any]:
    names = ("prompt", "negative_prompt")
    rows = {f"{name}_row_{index}": _prompt_row(name, index) for name in names for index in range(PROMPT_ROWS)}
    boxes = {f"{name}_box_{lines}": _prompt_box(name) for name in names for lines in PROMPT_BOXES}
    return rows | boxes
