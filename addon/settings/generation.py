# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose for a generation, saved in the .blend. The state of a job is never kept here: undo would take it back."""

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ...generation_server.families.catalogue import Family, NumberRange, families
from .framing import size_changed
from .library import P2A_PG_library
from .wrapping import PROMPT_ROWS, rows_of, with_row

SEED_MAX = 2**31 - 1
"""Blender's integers are signed 32-bit; the server takes one bit more."""

FIRST_FAMILY = "sd15"
"""Whose defaults a new scene has."""

FIRST_PROMPT = "1girl, solo, full body, white shirt, blue skirt, sneakers, simple background, white background"
"""So that the first Generate gives a picture; one plainly dressed grown figure, nothing that hides the pose."""

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


def _prompt_fields() -> dict[str, Any]:
    names = ("prompt", "negative_prompt")
    rows = {f"{name}_row_{index}": _prompt_row(name, index) for name in names for index in range(PROMPT_ROWS)}
    boxes = {f"{name}_box_{lines}": _prompt_box(name) for name in names for lines in PROMPT_BOXES}
    return rows | boxes


def _in_range(prop: Any, source: str, numbers: NumberRange, whole: bool, **words: str) -> Any:
    """The property ``source`` again, with the limits of one family: a slider's range cannot change after it was registered."""
    number = int if whole else float

    def get(self: bpy.types.PropertyGroup) -> Any:
        return number(min(max(getattr(self, source), numbers.lowest), numbers.highest))

    def set_(self: bpy.types.PropertyGroup, value: Any) -> None:
        setattr(self, source, value)

    low, high = numbers.advised
    return prop(
        min=number(numbers.lowest),
        max=number(numbers.highest),
        soft_min=number(low),
        soft_max=number(high),
        default=number(numbers.default),
        get=get,
        set=set_,
        options={"SKIP_SAVE"},
        **words,
    )


def _family_numbers(family: Family) -> dict[str, Any]:
    return {
        f"steps_{family.name}": _in_range(
            IntProperty, "steps", family.steps, True, name="Steps", description="Denoising steps: more take longer and gain less"
        ),
        f"guidance_scale_{family.name}": _in_range(
            FloatProperty,
            "guidance_scale",
            family.guidance_scale,
            False,
            name="Guidance",
            description="How literally the prompt is taken; too much burns the colours",
        ),
    }


def use_family_defaults(generation: bpy.types.PropertyGroup, family: Family) -> None:
    """Steps, guidance and control strengths as ``family`` advises, for a model of another family than the last."""
    generation.steps = int(family.steps.default)
    generation.guidance_scale = family.guidance_scale.default
    for kind, control in _CONTROLS.items():
        if defaults := family.controls.get(kind):
            setattr(generation, f"{control}_strength", defaults.strength)
            setattr(generation, f"{control}_start", defaults.start)
            setattr(generation, f"{control}_end", defaults.end)


_CONTROLS = {"openpose": "pose", "depth": "depth"}
"""Control kind of the protocol → the word that its properties begin with."""


def control_settings(generation: bpy.types.PropertyGroup) -> dict[str, tuple[float, float, float]]:
    """Strength, start and end of each control kind, as the user set them."""
    return {
        kind: (
            getattr(generation, f"{word}_strength"),
            getattr(generation, f"{word}_start"),
            getattr(generation, f"{word}_end"),
        )
        for kind, word in _CONTROLS.items()
    }


def _control(word: str, kind: str, description: str) -> dict[str, Any]:
    default = families()[FIRST_FAMILY].controls[kind]
    title = word.capitalize()
    factor = {"min": 0.0, "max": 1.0, "subtype": "FACTOR"}
    return {
        f"{word}_strength": FloatProperty(name=title, description=description, default=default.strength, **factor),
        f"{word}_start": FloatProperty(
            name="Start", description="From which part of the denoising on it acts", default=default.start, **factor
        ),
        f"{word}_end": FloatProperty(
            name="End",
            description="Up to which part of the denoising it acts: an earlier end leaves the details to the model",
            default=default.end,
            **factor,
        ),
    }


_FIRST = families()[FIRST_FAMILY]


model_listeners: list[Callable[[bpy.types.PropertyGroup], None]] = []
"""Called with the generation settings when the model changed. Settings know nothing of what uses them."""


def _model_changed(generation: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(model_listeners):
        listener(generation)


history_listeners: list[Callable[[], None]] = []
"""Called when other pictures of the history are to be shown."""


def _history_changed(_window: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    for listener in tuple(history_listeners):
        listener()


def _family_changed(generation: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    size_changed(generation.id_data)


class P2A_PG_generation(bpy.types.PropertyGroup):
    """``scene.pose_to_anime.generation``."""

    model: StringProperty(
        name="Model",
        description="Which model paints the picture; empty takes the first one that is meant for it",
        default="",
        update=_model_changed,
    )
    family: StringProperty(
        name="Model Family",
        description="Follows the model: decides sizes, ranges and defaults",
        default=FIRST_FAMILY,
        update=_family_changed,
        options={"HIDDEN"},
    )
    prompt: StringProperty(
        name="Prompt",
        description="What the picture shows, in the tags or words that the model knows",
        default=", ".join(filter(None, (_FIRST.quality_prompt, FIRST_PROMPT))),
    )
    negative_prompt: StringProperty(
        name="Negative Prompt", description="What the picture must not show", default=_FIRST.negative_prompt
    )
    steps: IntProperty(name="Steps", min=1, max=1000, default=int(_FIRST.steps.default))
    guidance_scale: FloatProperty(name="Guidance", min=0.0, max=100.0, default=_FIRST.guidance_scale.default)
    seed: IntProperty(
        name="Seed",
        description="Where the noise begins: the same seed and the same settings give the same picture",
        min=0,
        max=SEED_MAX,
        default=0,
    )
    random_seed: BoolProperty(
        name="New Seed Each Time", description="Throw the dice before each picture; the seed that fell is shown", default=True
    )
    pictures: IntProperty(
        name="Pictures",
        description="How many pictures one press makes, each with the next seed",
        min=1,
        max=16,
        default=1,
    )
    start_from: EnumProperty(
        name="Begin With",
        description="What the picture is painted over: the less of it is painted anew, the more of its colours and shapes stays",
        items=(
            ("NONE", "Nothing", "Begin from noise: pose, depth and prompt alone decide"),
            ("VIEWPORT", "The 3D View", "What the camera sees, shaded as the 3D view is"),
            ("TOON", "The Toon Look", "The figures in flat tones with outlines, in the colours of what they wear"),
            ("RENDER", "A Render", "The scene rendered with its own engine, which takes as long as a render does"),
        ),
        default="NONE",
    )
    denoising_strength: FloatProperty(
        name="Painted Anew",
        description="Denoising strength: how much of what it begins with is painted anew; above 0.8 little of it is left",
        default=0.65,
        min=0.05,
        max=1.0,
        subtype="FACTOR",
    )
    keep_results: EnumProperty(
        name="Keep",
        description="Where a picture goes when you keep it",
        items=(
            ("PACK", "In the .blend", "Packed into this file"),
            ("BESIDE", "Beside the .blend", "As a PNG in the folder of this file"),
        ),
        default="PACK",
    )


P2A_PG_generation.__annotations__.update(
    _control("pose", "openpose", "How strictly the picture follows the skeleton")
    | _control("depth", "depth", "How strictly the picture follows the figure's volume")
    | _prompt_fields()
)
for _family in families().values():
    P2A_PG_generation.__annotations__.update(_family_numbers(_family))


class P2A_PG_window(bpy.types.PropertyGroup):
    """``window_manager.pose_to_anime``: how panels are shown; neither saved nor undone."""

    history: EnumProperty(
        name="History",
        description="Whose last pictures are shown",
        items=(("ALL", "All Files", "The last pictures of all files"), ("FILE", "This File", "The last pictures of this file")),
        default="ALL",
        update=_history_changed,
    )
    library: PointerProperty(type=P2A_PG_library)


class P2A_PG_result(bpy.types.PropertyGroup):
    """``image.pose_to_anime``: which result of the history an image shows."""

    job_id: StringProperty(options={"HIDDEN"})
    role: StringProperty(options={"HIDDEN"}, description="RESULT, PREVIEW, SHEET, CONTROL or REFERENCE")


CLASSES: tuple[type, ...] = (P2A_PG_generation, P2A_PG_window, P2A_PG_result)
