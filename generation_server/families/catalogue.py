# SPDX-License-Identifier: GPL-3.0-or-later
"""Model families as both sides know them: sizes, skeleton profile, controls, ranges and defaults, read from TOML.

A family is one ``.toml`` in this folder and one loader in ``generation_server/diffusion``. Standard library only.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

FOLDERS = [Path(__file__).parent]
"""Where the families' files are."""


class FamilyError(ValueError):
    """A family file is missing, is not TOML, or lacks something; the text names the file and what to mend."""


@dataclass(frozen=True)
class SizeRule:
    """Which picture sizes a family accepts."""

    pixels: int  # the area aimed at, whatever the ratio
    step: int  # both sides are multiples of this
    smallest: int  # of one side, in pixels
    largest: int

    def accepts(self, width: int, height: int) -> bool:
        return all(self.smallest <= side <= self.largest and side % 8 == 0 for side in (width, height))


@dataclass(frozen=True)
class NumberRange:
    """What a setting may be, what is advised, and its default."""

    lowest: float
    highest: float
    default: float
    advised: tuple[float, float]


STOPS = 5
"""Steps of the slider that says how strictly a control is followed."""


@dataclass(frozen=True)
class ControlDefaults:
    """How a control acts unless the user says otherwise."""

    strength: float
    start: float
    end: float
    stops: tuple[tuple[float, float, float], ...] = ()  # from weak to strict: strength, start and end of each step

    def __post_init__(self) -> None:
        if not self.stops:
            object.__setattr__(self, "stops", tuple((self.strength * part, self.start, self.end) for part in _PARTS))
        if len(self.stops) != STOPS or self.usual not in self.stops or sorted(self.stops) != list(self.stops):
            raise TypeError(f"'stops': {STOPS} rising steps with the defaults among them")

    @property
    def usual(self) -> tuple[float, float, float]:
        """The defaults as one of the stops."""
        return self.strength, self.start, self.end


_PARTS = (0.5, 0.75, 1.0, 1.25, 1.5)  # of the default strength, where a family's file has no stops


@dataclass(frozen=True)
class Draft:
    """Settings for a first look: fast, and good enough to judge pose and framing by."""

    steps: int
    guidance_scale: float
    sampler: str


@dataclass(frozen=True)
class FewSteps:
    """Settings for a picture in few steps, with the LoRA that makes them enough."""

    title: str
    lora: str  # name of its entry in the registry of models
    sampler: str
    steps: int
    guidance_scale: float
    weight: float = 1.0


@dataclass(frozen=True)
class BatchRule:
    """How many pictures one job may ask for."""

    size: int  # made at once
    pictures: int  # in all


@dataclass(frozen=True)
class Skeletons:
    """How a pose ControlNet was shown people: the skeleton profile, and whether hands and faces were drawn."""

    profile: str
    hands: bool = True
    face: bool = True

    def changed(self, profile: str = "", hands: bool | None = None, face: bool | None = None) -> Skeletons:
        """The same but for what is given."""
        return Skeletons(profile or self.profile, self.hands if hands is None else hands, self.face if face is None else face)


@dataclass(frozen=True)
class Family:
    name: str
    title: str
    loader: str
    skeletons: Skeletons  # of its pose ControlNets, where these do not say something else
    quality_prompt: str
    negative_prompt: str
    clip_skip: int
    size: SizeRule
    steps: NumberRange
    guidance_scale: NumberRange
    controls: Mapping[str, ControlDefaults]
    samplers: tuple[str, ...]
    default_sampler: str
    draft: Draft | None = None
    batch: BatchRule = BatchRule(4, 64)
    few_steps: tuple[FewSteps, ...] = ()
    negative_presets: Mapping[str, str] = field(default_factory=dict)  # negative prompts by a name for people
    vocabulary: str = "open"  # "closed": it knows whole words alone, and the user is told of others
    text_encoders: tuple[str, ...] = ("text_encoder",)  # folders of a checkpoint in diffusers layout
    advised_memory: float = 0.0  # GiB of a GPU from which on its models are advised, with two controls at its usual size
    text_width: int = 0  # channels of the text embedding that its UNet takes: tells models of unknown family; 0: none of its own


def read_family(path: Path) -> Family:
    """The family in one TOML file, or FamilyError."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FamilyError(f"The model family file {path.name} cannot be read: {error}.") from error
    try:
        return Family(
            name=path.stem,
            title=data["title"],
            loader=data["loader"],
            skeletons=Skeletons(data["skeleton_profile"], _switch(data, "hands"), _switch(data, "face")),
            quality_prompt=data["quality_prompt"],
            negative_prompt=data["negative_prompt"],
            clip_skip=data["clip_skip"],
            size=SizeRule(**data["size"]),
            steps=_range(data["steps"]),
            guidance_scale=_range(data["guidance_scale"]),
            controls=MappingProxyType({kind: _control(values) for kind, values in data["controls"].items()}),
            samplers=tuple(data["samplers"]["names"]),
            default_sampler=data["samplers"]["default"],
            draft=Draft(**data["draft"]) if "draft" in data else None,
            batch=BatchRule(**data["batch"]) if "batch" in data else Family.batch,
            few_steps=tuple(FewSteps(**values) for values in data.get("few_steps", ())),
            negative_presets=MappingProxyType({str(name): str(text) for name, text in data.get("negative_presets", {}).items()}),
            vocabulary=data.get("vocabulary", "open"),
            text_encoders=tuple(data.get("text_encoders", Family.text_encoders)),
            advised_memory=float(data.get("advised_memory", 0.0)),
            text_width=data.get("text_width", 0),
        )
    except (KeyError, TypeError) as error:
        raise FamilyError(f"The model family file {path.name} lacks or misspells {error}.") from error


@functools.cache
def families() -> Mapping[str, Family]:
    """All families by name, read once."""
    files = (file for folder in FOLDERS for file in sorted(folder.glob("*.toml")))
    return MappingProxyType({file.stem: read_family(file) for file in files})


def family(name: str) -> Family:
    """One family, or FamilyError naming those there are."""
    try:
        return families()[name]
    except KeyError:
        raise FamilyError(f"There is no model family '{name}': use one of {', '.join(families())}.") from None


def _control(values: Mapping[str, Any]) -> ControlDefaults:
    return ControlDefaults(**{**values, "stops": tuple(tuple(stop) for stop in values.get("stops", ()))})


def _switch(data: Mapping[str, Any], name: str) -> bool:
    """True unless the file says false."""
    value = data.get(name, True)
    if not isinstance(value, bool):
        raise TypeError(f"true or false for '{name}'")
    return value


def _range(data: Mapping[str, Any]) -> NumberRange:
    low, high = data["advised"]
    return NumberRange(lowest=data["lowest"], highest=data["highest"], default=data["default"], advised=(low, high))
