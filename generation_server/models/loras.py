# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRAs: small weights that are added to those of a checkpoint. Found, told apart by family, and named to artists.

Reads headers only.
"""

from __future__ import annotations

import functools
import hashlib
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..families.catalogue import families
from .entry import Entry, ModelError, entry_name, folded
from .header import metadata
from .places import Place

if TYPE_CHECKING:
    from .catalogue import ModelCatalogue

FOLDERS = ("lora", "loras", "lycoris")
"""Folders of LoRAs in the user's folder of models: A1111 has them in ``models/Lora``, ComfyUI in ``models/loras``."""

_NAMED = 20  # LoRAs that a sentence names at most
_CHUNK = 1 << 20
_LONGEST_WORD, _MOST_WORDS = 80, 20  # characters of a trigger word, and how many are told
# The input of a cross attention's keys is the text embedding: kohya's names end so with "_", diffusers' and peft's with ".".
_FROM_TEXT = re.compile(
    r"attn2[._](?:processor[._])?to_k(?:_lora)?\.(?:lora_down|lora_A|lora\.down|down)(?:\.default)?\.weight$|"
    r"attn2[._]to_k\.(?:hada_w1_b|lokr_w2_b|lokr_w2)$"
)
_OF_ENCODER = re.compile(
    r"(?:lora_te1?_|text_encoder\.).*q_proj.*(?:lora_down|lora_A|lora\.down|lora_linear_layer\.down).*\.weight$"
)
_OF_SECOND_ENCODER = re.compile(r"(?:lora_te2_|text_encoder_2\.)")
_ANY = re.compile(r"lora|hada_w|lokr_w")
_UNREADABLE = re.compile(r"hada_w|lokr_w")
"""Products after Hadamard and Kronecker ("LoHa", "LoKr"), which diffusers does not read in the form that trainers write."""


def text_width(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Channels of the text embedding of the models that a LoRA with these tensors is for; 0 for what is no LoRA or of no such.

    One that changes the text encoders alone tells by their number: SDXL's embedding is as wide as both of its encoders'.
    """
    if not any(_ANY.search(name) for name in shapes):
        return 0
    if width := next((shape[-1] for name, shape in shapes.items() if shape and _FROM_TEXT.search(name)), 0):
        return width
    if any(_OF_SECOND_ENCODER.match(name) for name in shapes):
        return max((family.text_width for family in families().values() if len(family.text_encoders) == 2), default=0)
    return next((shape[-1] for name, shape in shapes.items() if shape and _OF_ENCODER.match(name)), 0)


def is_unreadable(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether it is a relative of LoRAs that cannot be loaded."""
    return any(_UNREADABLE.search(name) for name in shapes)


def find_lora(catalogue: ModelCatalogue, name: str, checkpoint: Entry) -> Place:
    """Where the LoRA of that name is, which is for the checkpoint's family.

    It goes by its entry's name, its title, or its file's name as A1111 has it. Raises ModelError with a sentence.
    """
    entries = catalogue.entries()
    loras = [entry for entry in entries.values() if entry.kind == "lora"]
    found = _named(loras, name)
    if found is None:
        here = sorted(entry.name for entry in loras if entry.family == checkpoint.family and catalogue.locate(entry)[0])
        advice = f"use one of {_some(here)}" if here else "put it into models/Lora in your user folder, or take it out"
        raise ModelError(f"There is no LoRA '{name:.80}' on this server: {advice}.")
    if found.family != checkpoint.family:
        ours, theirs = families()[checkpoint.family].title, families()[found.family].title
        raise ModelError(
            f"The LoRA {found.title} is for {theirs}, and {checkpoint.title} is of the family {ours}: "
            "choose another LoRA or model."
        )
    place, _ = catalogue.locate(found)
    if place is None:
        raise ModelError(catalogue.missing_sentence(found.name))
    return place


def _named(loras: list[Entry], name: str) -> Entry | None:
    """Letter by letter before what differs in signs between them: several files may be alike without those."""
    if (exact := folded(name.strip())) and (found := [e for e in loras if exact in (folded(e.name), folded(e.title))]):
        return found[0]
    near = entry_name(name)
    return next((entry for entry in loras if near and near in (entry.name, entry_name(entry.title))), None)


def trigger_words(path: Path) -> tuple[str, ...]:
    """The words with which a LoRA acts, where its file says them: ``modelspec.trigger_phrase`` of the ModelSpec standard, which
    trainers and Civitai write. What is too long for a tag is none."""
    status = path.stat()
    return _words(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=8192)  # LoRAs are listed with every picture
def _words(path: Path, size: int, modified: int) -> tuple[str, ...]:
    phrase = metadata(path).get("modelspec.trigger_phrase", "")
    words = dict.fromkeys(" ".join(word.split()) for word in phrase.split(","))
    return tuple(word for word in words if 0 < len(word) <= _LONGEST_WORD)[:_MOST_WORDS]


def lora_hash(path: Path) -> str:
    """The first 12 digits of the SHA-256 of a file's weights without its header, by which A1111 and Civitai know a LoRA."""
    status = path.stat()
    return _hash(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _hash(path: Path, size: int, modified: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(8 + struct.unpack("<Q", file.read(8))[0])
        while data := file.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()[:12]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} others" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
