# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes of pictures as people pass them on: A1111's ``parameters`` text, our own JSON, ComfyUI's graph. No bpy.

A1111 writes the prompt, ``Negative prompt: …``, and one line of settings that begins with ``Steps: ``. Sites and extensions add
values with commas in brackets, and lines behind the settings; copied text may have lost its line breaks. All of that is read.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...generation_server.families.samplers import SAMPLERS
from ...generation_server.protocol import GenerationRequest, Lora, ProtocolError
from ..errors import UserError
from . import tags

CHUNK = "pose_to_anime"
"""Keyword of our own JSON in a PNG."""

_LONGEST = 4_000_000  # characters of a text that is read
_LONGEST_PARAMETERS = 200_000  # and of A1111's
_NEGATIVE = re.compile(r"(?<![^\s,.])negative prompt:\s*", re.IGNORECASE)
_SETTINGS = re.compile(r"(?<![^\s,.])Steps:\s*\d+\s*(?:,|$)", re.MULTILINE)
_PAIR = re.compile(r"\s*(?P<name>\w[\w \-/.+]*?)\s*:\s*")
_GAPS = re.compile(r"\s{20,}")
"""Runs that mean no more than one space or line end, and would keep the patterns below busy for minutes."""
_BEHIND = re.compile(r"^\s*(?:Negative )?Template:", re.MULTILINE)
_LORA = re.compile(r"\s*<(?P<kind>lora|lyco|locon|hypernet):(?P<name>[^<>:]+)(?::(?P<weight>[^<>]*))?>\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?|[-+]?\.\d+")
_SIZE = re.compile(r"\s*(\d{2,5})\s*[x×*]\s*(\d{2,5})\s*", re.IGNORECASE)
_MOST_LORA_WEIGHT = 4.0

_CONTROLS = (
    ("openpose", ("openpose", "dwpose", "dw_openpose", "pose")),
    ("depth", ("depth", "midas", "zoe", "leres")),
    ("normal", ("normal", "bae")),
    ("lineart", ("lineart",)),
    ("canny", ("canny",)),
    ("segmentation", ("seg",)),
)
"""Our control kinds, and the words in names of modules and networks that mean them; the first that fits counts."""

_NOT_HERE = (
    ("hires", "Hires. fix"),
    ("variation seed", "the variation seed"),
    ("seed resize", "the seed's other size"),
    ("refiner", "the refiner"),
    ("vae", "the VAE"),
    ("face restoration", "face restoration"),
    ("adetailer", "ADetailer"),
    ("tiling", "tiling"),
    ("hypernet", "the hypernetwork"),
    ("mask", "the mask"),
    ("ensd", "ENSD"),
    ("eta", "Eta"),
    ("cfg rescale", "CFG rescale"),
    ("freeu", "FreeU"),
    ("dynamic thresholding", "dynamic thresholding"),
    ("sd upscale", "SD upscale"),
    ("rp active", "Regional Prompter"),
)
"""What the names of A1111's settings begin with that change a picture and that nothing here does, in words."""

_ALIASES = {"eulerancestral": "euler_a", "dpm2": "dpm2", "unipc": "unipc", "unipcbh2": "unipc", "dpmppsdegpu": "dpmpp_sde"}
"""ComfyUI's names that differ from A1111's by more than spelling."""


class RecipeError(UserError):
    """There is no recipe in it, or one that cannot be read; the text is one sentence."""


@dataclass(frozen=True)
class ControlUnit:
    """One control of a recipe; ``kind`` is ours."""

    kind: str
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """What a recipe says; None and empty where it says nothing."""

    prompt: str = ""
    negative_prompt: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    sampler: str = ""  # as it was written, with its schedule
    size: tuple[int, int] | None = None
    model: str = ""
    model_hash: str = ""  # the first ten digits of the SHA-256 of its file, as A1111 writes it
    denoising_strength: float | None = None
    clip_skip: int | None = None
    loras: tuple[Lora, ...] = ()
    controls: tuple[ControlUnit, ...] = ()
    unknown: tuple[str, ...] = ()  # what the recipe asks for and nothing here can do, in words
    request: GenerationRequest | None = None  # of one of our own pictures: it says all
    scene: Mapping[str, Any] = field(default_factory=dict)


def read_text(text: str) -> Recipe:
    """The recipe in a text, as from the clipboard. Raises RecipeError."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip().strip("\ufeff")
    if not text:
        raise RecipeError("The clipboard is empty: copy a recipe first.")
    if len(text) > _LONGEST:
        raise RecipeError("The text is too long to be a recipe: copy the recipe alone.")
    return _from_json(text) if text.startswith("{") and text.endswith("}") else read_parameters(text)


def read_png_texts(texts: Mapping[str, str]) -> Recipe:
    """The recipe in the texts of a PNG: ours, else A1111's, else ComfyUI's. Raises RecipeError."""
    if CHUNK in texts:
        return _from_json(texts[CHUNK])
    if texts.get("parameters", "").strip():
        return read_text(texts["parameters"])
    if texts.get("prompt", "").strip().startswith("{"):
        return _from_json(texts["prompt"])
    raise RecipeError("There is no recipe in this picture: it was saved without one, or a site has taken it out.")


def read_parameters(text: str) -> Recipe:
    """The recipe in A1111's text. A text without settings is a prompt. Raises RecipeError."""
    if len(text) > _LONGEST_PARAMETERS:
        raise RecipeError("The text is too long to be a recipe: copy the recipe alone.")
    text = _GAPS.sub(lambda gap: "\n" if "\n" in gap[0] else " ", text)
    matches = list(_SETTINGS.finditer(text))
    settings_at = matches[-1].start() if matches else len(text)
    head, tail = text[:settings_at], text[settings_at:]
    if behind := _BEHIND.search(tail):
        tail = tail[: behind.start()]
    parts = _NEGATIVE.split(head, maxsplit=1)
    negative = parts[1].strip().rstrip(",").strip() if len(parts) == 2 else ("" if matches else None)
    prompt, loras, unknown = without_loras(parts[0].strip())
    settings = read_settings(" ".join(tail.split("\n")))
    low = {name.casefold(): value for name, value in settings.items()}
    sampler = " ".join(filter(None, (low.get("sampler", ""), _schedule(low.get("schedule type", "")))))
    size = _SIZE.fullmatch(low.get("size", ""))
    hires = any(name.startswith("hires") for name in low)
    unknown += [words for start, words in _NOT_HERE if any(name.startswith(start) for name in low)]
    unknown += [f"the embedding {name}" for name in read_settings(low.get("ti hashes", ""))]
    return Recipe(
        prompt=prompt,
        negative_prompt=negative,
        steps=_whole(low.get("steps")),
        guidance_scale=_number(low.get("cfg scale", low.get("cfg"))),
        seed=_whole(low.get("seed")),
        sampler=sampler,
        size=(int(size[1]), int(size[2])) if size else None,
        model=low.get("model", ""),
        model_hash=low.get("model hash", "").lower(),
        # of the second pass where there is one
        denoising_strength=None if hires else _number(low.get("denoising strength")),
        clip_skip=_whole(low.get("clip skip")),
        loras=loras,
        controls=_units(settings),
        unknown=tuple(unknown),
    )


def read_settings(line: str) -> dict[str, str]:
    """``Name: value, Name: value`` as a dict. Values may be in quotes, or hold commas between brackets."""
    found: dict[str, str] = {}
    at = 0
    while at < len(line):
        if match := _PAIR.match(line, at):
            value, at = _value(line, match.end())
            found.setdefault(match["name"], value)
        else:  # the rest of a value with a comma in it
            at = line.find(",", at) + 1 or len(line)
    return found


def without_loras(prompt: str) -> tuple[str, tuple[Lora, ...], list[str]]:
    """A prompt without what stands in it for LoRAs, these, and what cannot be used, in words."""
    loras: dict[str, Lora] = {}
    unknown: list[str] = []

    def take(match: re.Match[str]) -> str:
        name = match["name"].strip()
        number = _NUMBER.match((match["weight"] or "1").strip())
        if match["kind"].casefold() == "hypernet" or number is None:
            unknown.append(f"<{match['kind']}:{name}>")
        else:
            weight = min(max(float(number[0]), -_MOST_LORA_WEIGHT), _MOST_LORA_WEIGHT)
            loras[name] = Lora(name, weight)
        return " "

    text = _LORA.sub(take, prompt)
    if text != prompt:
        text = re.sub(r"(?:[ \t]*,){2,}", ",", re.sub(r"[ \t]{2,}", " ", text)).strip().strip(",").strip()
        text = re.sub(r"[ \t]+,", ",", text)
    return text, tuple(loras.values()), unknown


def sampler_called(written: str) -> tuple[str, bool]:
    """Our name of a sampler, empty for one that is not known; and whether it is that sampler with another schedule."""
    wanted = _letters(written)
    known = {_letters(sampler.title): name for name, sampler in SAMPLERS.items()} | {_letters(name): name for name in SAMPLERS}
    known |= _ALIASES
    if wanted in known:
        return known[wanted], False
    # "Automatic" is Karras for those of the DPM++ kind, and no schedule of its own for the others; so is ComfyUI's "normal"
    for ending, instead in (("automatic", "karras"), ("automatic", ""), ("normal", ""), ("simple", ""), ("uniform", "")):
        if wanted.endswith(ending) and (name := known.get(wanted.removesuffix(ending) + instead)):
            return name, False
    longest = max((text for text in known if wanted.startswith(text)), key=len, default="")
    return (known[longest], True) if longest else ("", False)


def control_kind(*names: str) -> str:
    """Our control kind of a module or network by its names, or an empty text."""
    for name in names:
        for kind, words in _CONTROLS:
            if any(word in name.casefold() for word in words):
                return kind
    return ""


def same_model(one: str, other: str) -> bool:
    """Whether two names of a model mean the same: ``animagine-xl-4.0.safetensors`` and "Animagine XL 4.0"."""
    return bool(letters_of(one)) and letters_of(one) == letters_of(other)


def letters_of(name: str) -> str:
    """A model's name as it is compared: without folders, the ending of its file, and what is neither letter nor digit."""
    return _letters(stem_of(name))


def _from_json(text: str) -> Recipe:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        if text.startswith("{") and tags.pieces(text):  # a prompt of choices
            return read_parameters(text)
        raise RecipeError("The recipe cannot be read: it is damaged.") from None
    if not isinstance(data, dict):
        raise RecipeError("The recipe cannot be read: it is of an unknown kind.")
    inner = data.get("request", data)
    if isinstance(inner, dict) and {"model", "prompt", "width", "height"} <= set(inner):
        try:
            request = GenerationRequest.from_json(inner)
        except ProtocolError as error:
            raise RecipeError(f"The recipe cannot be read: {error}") from error
        scene = data.get("scene")
        return Recipe(prompt=request.prompt, request=request, scene=scene if isinstance(scene, dict) else {})
    from .comfy_graph import read_graph

    try:
        return read_graph(data)
    except (ProtocolError, ValueError, OverflowError) as error:  # a number that is none
        raise RecipeError(f"The recipe cannot be read: {error}.") from error


def _value(line: str, at: int) -> tuple[str, int]:
    """The value that begins at ``at``, and where the next name begins."""
    if line[at : at + 1] == '"':
        try:
            value, end = json.JSONDecoder().raw_decode(line, at)
        except ValueError:
            pass
        else:
            rest = re.compile(r"\s*(?:,|$)").match(line, end)
            if isinstance(value, str) and rest:
                return value, rest.end()
    depth, quoted = 0, False
    for index in range(at, len(line)):
        letter = line[index]
        if letter == '"' and depth:
            quoted = not quoted
        elif not quoted and letter in "[{(":
            depth += 1
        elif not quoted and letter in ")}]":
            depth = max(0, depth - 1)
        elif letter == "," and depth == 0:
            return line[at:index].strip(), index + 1
    if depth:  # a bracket that is never closed: up to the next comma
        end = line.find(",", at)
        return (line[at:].strip(), len(line)) if end < 0 else (line[at:end].strip(), end + 1)
    return line[at:].strip(), len(line)


def _units(settings: Mapping[str, str]) -> tuple[ControlUnit, ...]:
    """ControlNet units: ``ControlNet 0: "Module: …, Weight: 1"``, or in old texts a line each."""
    units: dict[str, dict[str, str]] = {}
    for name, value in settings.items():
        match = re.fullmatch(r"ControlNet(?: (\d+))?(?: (Module|Preprocessor|Model|Weight|Guidance Start|Guidance End))?", name)
        if match is None:
            continue
        unit = units.setdefault(match[1] or "0", {})
        if match[2]:
            unit[match[2].casefold()] = value
        else:
            unit |= {key.casefold(): text for key, text in read_settings(value).items()}
    found: dict[str, ControlUnit] = {}
    for unit in units.values():
        kind = control_kind(unit.get("model", ""), unit.get("module", unit.get("preprocessor", "")))
        if kind and kind not in found:
            start, end = (_number(unit.get(f"guidance {word}")) for word in ("start", "end"))
            found[kind] = unit_of(kind, _number(unit.get("weight")), start, end)
    return tuple(found.values())


def unit_of(kind: str, strength: float | None, start: float | None, end: float | None) -> ControlUnit:
    """A unit with numbers that a control can have."""
    first = min(max(0.0 if start is None else start, 0.0), 1.0)
    last = min(max(1.0 if end is None else end, first), 1.0)
    return ControlUnit(kind, min(max(1.0 if strength is None else strength, 0.0), 2.0), first, last)


def _schedule(text: str) -> str:
    return "" if text.casefold() in ("", "uniform", "normal") else text


def _number(text: Any) -> float | None:
    match = _NUMBER.match(str(text).strip()) if text is not None else None
    number = float(match[0]) if match else math.inf
    return number if math.isfinite(number) else None


def _whole(text: Any) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]", "", plain.replace("++", "pp").replace("+", "p"))


def stem_of(name: str) -> str:
    """A model's name without folders and the ending of its file."""
    return re.sub(r"\.(?:safetensors|ckpt|pt|bin|gguf)$", "", re.split(r"[\\/]", name.strip())[-1], flags=re.IGNORECASE)
