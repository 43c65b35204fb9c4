# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles: a look each, as JSON files beside this one and in the user's own folder. No bpy.

    {"version": 1, "title": "Noir", "description": "One sentence.", "models": ["animagine_xl_4", …],
     "looks": {"any": {"prompt": "{prompt}, monochrome, …", "negative": "…", "without": ["…"], "sampler": "euler_a", "steps": 28,
                       "guidance_scale": 5.0, "loras": [{"name": "ink", "weight": 0.8}]},
               "builtin": {…}}}

The name is that of the file. ``models``: names of the registry, the best first. ``looks``: what is asked of all models ("any"),
of those of a family, and of those of a dialect (``dialects``); the later ones take the place of the former, line by line, and
every line may be left out. ``without``: tags that are taken out of what the user wrote, for they would say the opposite.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...generation_server.protocol import Lora, ProtocolError, user_data_dir
from ..errors import UserError
from . import tags
from .dialects import PROMPT, Dialect

VERSION = 1
FOLDER = Path(__file__).parent / "styles"
OWN_FOLDER = "styles"
"""In the user's folder."""
ANY = "any"

_LARGEST = 1_000_000  # bytes of a file
_LONGEST = {"title": 60, "description": 300, "prompt": 4000, "negative": 4000, "sampler": 60}
_FIELDS = ("version", "title", "description", "models", "looks")
_LOOK_FIELDS = ("prompt", "negative", "without", "sampler", "steps", "guidance_scale", "loras")


class StyleError(UserError):
    """A style cannot be read or written; the text is one sentence that names the file and says what to mend."""


@dataclass(frozen=True)
class Look:
    """What a style asks for of one dialect. Numbers of 0 and an empty sampler ask for nothing."""

    prompt: str = PROMPT
    negative: str = ""
    without: tuple[str, ...] = ()
    sampler: str = ""
    steps: int = 0
    guidance_scale: float = 0.0
    loras: tuple[Lora, ...] = ()

    def prompts(self, dialect: Dialect, prompt: str, negative: str) -> tuple[str, str]:
        """Prompt and negative prompt as they are painted, from what the user wrote. What the style asks for is taken out of the
        negative prompt; "nsfw" never is."""
        unwanted = {tags.plain(tag) for tag in self.without} - {"nsfw"}
        prompt = tags.without(prompt.strip(), unwanted)
        for before, after in (self.prompt.split(PROMPT), tags.without(dialect.frame, unwanted).split(PROMPT)):
            there = tags.said(prompt)  # what the user wrote is not said again
            head = [tag for tag in tags.pieces(before) if tags.plain(tag) not in there]
            prompt = tags.joined(", ".join(filter(None, (*head, prompt))), after)
        wanted = tags.said(self.prompt.replace(PROMPT, "")) | unwanted
        return prompt, tags.without(tags.joined(negative, self.negative, dialect.negative), wanted - {"nsfw"})


@dataclass(frozen=True)
class Style:
    name: str
    title: str
    description: str = ""
    models: tuple[str, ...] = ()
    looks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    own: bool = False

    def look(self, dialect: Dialect) -> Look:
        """What it asks for of the models of a dialect."""
        merged: dict[str, Any] = {}
        for name in (ANY, dialect.family):
            merged |= self.looks.get(name, {})
        merged |= {"sampler": dialect.sampler} if dialect.sampler else {}
        merged |= self.looks.get(dialect.name, {})
        merged["without"] = tuple(merged.get("without", ()))
        merged["loras"] = tuple(Lora(item["name"], item.get("weight", 1.0)) for item in merged.get("loras", ()))
        return Look(**merged)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "title": self.title,
            "description": self.description,
            "models": list(self.models),
            "looks": {name: dict(look) for name, look in self.looks.items()},
        }


@dataclass(frozen=True)
class Styles:
    """All styles, by name: the program's, then the user's own, each by title; and what is wrong with those that were left out."""

    entries: Mapping[str, Style]
    problems: tuple[str, ...] = ()

    def called(self, name: str) -> Style:
        """The style of this name or title. Raises StyleError."""
        found = self.entries.get(name) or next(
            (style for style in self.entries.values() if style.title.casefold() == name.strip().casefold()), None
        )
        if found is None:
            raise StyleError(f"There is no style '{name:.80}' here: choose one of {', '.join(self.entries)}, or none.")
        return found


def own_folder() -> Path:
    return user_data_dir() / OWN_FOLDER


def style_folders() -> tuple[Path, ...]:
    return FOLDER, own_folder()


def read_styles() -> Styles:
    """Every style that can be read. An own one never takes the name of one of the program's."""
    entries: dict[str, Style] = {}
    problems: list[str] = []
    for folder in style_folders():
        found = []
        for path in _files(folder):
            try:
                style = read_style(path)
            except StyleError as error:
                problems.append(str(error))
                continue
            if style.name in entries:
                problems.append(f"There is a style '{style.name}' of the program: call {path.name} otherwise.")
            else:
                found.append(style)
        entries |= {style.name: style for style in sorted(found, key=lambda style: style.title.casefold())}
    return Styles(entries, tuple(problems))


def read_style(path: Path) -> Style:
    """The style in one file. Raises StyleError."""
    try:
        if path.stat().st_size > _LARGEST:
            raise StyleError(f"The style file {path.name} is too large to be one.")
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StyleError(f"The style file {path.name} cannot be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise StyleError(f"The style file {path.name} is not valid JSON: {str(error).rstrip('.')}.") from error
    try:
        return parsed(path.stem, data, own=path.parent != FOLDER)
    except StyleError as error:
        raise StyleError(f"In the style file {path.name}, {error}") from error


def parsed(name: str, data: Any, own: bool = False) -> Style:
    """A style from its JSON. Raises StyleError with the end of a sentence that begins with where it is."""
    _check_object("the file", data, _FIELDS, ("version", "title", "looks"))
    if type(data["version"]) is not int or data["version"] < 1:
        raise StyleError("'version' must be a whole number from 1 on.")
    if data["version"] > VERSION:
        raise StyleError("'version' is of a newer Pose to Anime: update it.")
    models = data.get("models", [])
    if not isinstance(models, list) or not all(isinstance(item, str) for item in models):
        raise StyleError("'models' must be a list of names of models.")
    if not isinstance(data["looks"], dict) or not data["looks"]:
        raise StyleError("'looks' must say what the style asks for, at least under \"any\".")
    for where, look in data["looks"].items():
        _check_look(f"looks.{where}", look)
    title = _text("", data, "title")
    if not title.strip():
        raise StyleError("'title' is empty: give the style one.")
    return Style(name, title.strip(), _text("", data, "description"), tuple(models), data["looks"], own)


def _check_look(where: str, look: Any) -> None:
    _check_object(f"'{where}'", look, _LOOK_FIELDS)
    for name in ("prompt", "negative", "sampler"):
        _text(where, look, name)
    if "prompt" in look and look["prompt"].count(PROMPT) != 1:
        raise StyleError(f"'{where}.prompt' must have {PROMPT} in it once, where the user's own prompt goes.")
    unwanted = look.get("without", [])
    if not isinstance(unwanted, list) or not all(isinstance(item, str) for item in unwanted):
        raise StyleError(f"'{where}.without' must be a list of tags.")
    _check_number(where, look, "steps", 1, 1000, whole=True)
    _check_number(where, look, "guidance_scale", 0.0, 100.0)
    loras = look.get("loras", [])
    if not isinstance(loras, list):
        raise StyleError(f"'{where}.loras' must be a list.")
    for item in loras:
        _check_object(f"'{where}.loras'", item, ("name", "weight"), ("name",))
        if not isinstance(item["name"], str) or not item["name"].strip():
            raise StyleError(f"'{where}.loras' has one without a name.")
        _check_number(f"{where}.loras", item, "weight", -4.0, 4.0)
        try:
            Lora(item["name"], item.get("weight", 1.0))
        except ProtocolError as error:
            raise StyleError(f"'{where}.loras' cannot be used: {error}") from error


def _check_object(what: str, data: Any, known: Iterable[str], needed: Iterable[str] = ()) -> None:
    if not isinstance(data, dict):
        raise StyleError(f"{what} must be an object with {', '.join(known)}.")
    for name in data:
        if name not in known:
            raise StyleError(f"{what} has an unknown key '{name:.40}': use {', '.join(known)}.")
    for name in needed:
        if name not in data:
            raise StyleError(f"{what} lacks '{name}'.")


def _text(where: str, data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    label = f"{where}.{name}" if where else name
    if not isinstance(value, str):
        raise StyleError(f"'{label}' must be a text.")
    if len(value) > _LONGEST[name]:
        raise StyleError(f"'{label}' has more than {_LONGEST[name]} characters.")
    return value


def _check_number(where: str, data: Mapping[str, Any], name: str, low: float, high: float, whole: bool = False) -> None:
    value = data.get(name, low)
    is_number = type(value) is int or (not whole and type(value) is float and math.isfinite(value))
    if not is_number or not low <= value <= high:
        kind = "whole number" if whole else "number"
        raise StyleError(f"'{where}.{name}' must be a {kind} from {low:g} to {high:g}.")


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.glob("*.json") if path.is_file())
    except OSError:
        return []
