# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that a user put into the folder of models without describing them: recognised by what is in them. Reads headers only."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..families.catalogue import families
from .entry import UNION_CONTROLS, Entry, entry_name
from .header import HeaderError, tensor_shapes
from .loras import is_unreadable, lora_files, text_width

# A tensor whose last axis is the width of the text embedding, and with that the family: (kind, name in the file). SD 1.x has the
# first attention at its first level, SDXL at its second.
_CROSS = "1.transformer_blocks.0.attn2.to_k.weight"
_OWN = "attentions.0.transformer_blocks.0.attn2.to_k.weight"
_TELLTALES = (
    *(("checkpoint", f"model.diffusion_model.input_blocks.{block}.{_CROSS}") for block in (1, 4)),
    *(("controlnet", f"{start}input_blocks.{block}.{_CROSS}") for start in ("control_model.", "") for block in (1, 4)),
    *(("controlnet", f"down_blocks.{block}.{_OWN}") for block in (0, 1)),
)
_ONLY_CONTROLNET = ("input_hint_block.0.weight", "controlnet_cond_embedding.conv_in.weight")
_ONLY_UNION = "task_embedding"
_UNION = "union"  # a kind of its own here: a ControlNet of the adapter of that name
_CHECKPOINTS = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
# What a ControlNet is controlled by is nowhere in its weights; its makers put it into the name.
_CONTROLS_IN_NAMES = {
    "openpose": "openpose",
    "pose": "openpose",
    "depth": "depth",
    "normal": "normal",
    "lineart": "lineart",
    "canny": "canny",
    "seg": "segmentation",
    "doll": "doll",
}


def discover(models_dir: Path, described: Mapping[str, Entry]) -> tuple[dict[str, Entry], list[str]]:
    """Entries by name for files and folders directly in ``models_dir`` that ``described`` does not name, and for the LoRAs in its
    folders of LoRAs; and a sentence for each file that cannot be used."""
    taken = {entry.path.resolve() for entry in described.values() if entry.path}
    found: dict[str, Entry] = {}
    problems: list[str] = []
    if not models_dir.is_dir():
        return found, problems
    for path in (*sorted(models_dir.iterdir()), *lora_files(models_dir)):
        name = entry_name(path.stem if path.is_file() else path.name)
        if name in described or path.resolve() in taken or path.name.startswith("."):
            continue
        if path.is_file() and path.suffix == ".safetensors":
            try:
                status = path.stat()
                kind, width = _of_file(path, status.st_size, status.st_mtime_ns)
            except OSError:
                continue  # it went while we looked
            except HeaderError as error:
                problems.append(f"{path} is damaged ({error}): replace it.")
                continue
        elif path.is_dir():
            kind, width = _of_folder(path)
            if not kind:
                continue  # a folder of something else is nobody's mistake
        else:
            continue
        if name in found:
            problems.append(f"{path} has the name of another model, {found[name].path}: rename one of them.")
            continue
        entry, problem = _entry(name, path, kind, width)
        if entry:
            found[name] = entry
        else:
            problems.append(problem)
    return found, problems


def _entry(name: str, path: Path, kind: str, width: int) -> tuple[Entry | None, str]:
    family = next((family for family in families().values() if kind and width and family.text_width == width), None)
    if family is None:
        return None, f"{path} is of a kind of model that is not known here: it is left out."
    control = ""
    if kind == "controlnet":
        words = (control for word, control in _CONTROLS_IN_NAMES.items() if word in path.name.lower())
        control = next(words, "")
        if not control:
            return None, f"{path} is a ControlNet, but its name does not say of what: put 'openpose', 'depth' or another into it."
    found = Entry(
        name,
        path.stem if path.is_file() else path.name,
        family.name,
        "controlnet" if kind == _UNION else kind,
        control,
        path=path,
        note="Found in your folder of models.",
    )
    return replace(found, adapter="union", controls=UNION_CONTROLS) if kind == _UNION else found, ""


@functools.lru_cache(maxsize=8192)
def _of_file(path: Path, size: int, modified: int) -> tuple[str, int]:
    """Kind and text width of a single file; ("", 0) where they cannot be told.

    Read once as long as ``size`` and ``modified`` stay: models are listed with every picture, and headers can be long.
    """
    shapes = tensor_shapes(path)
    for kind, name in _TELLTALES:
        if name in shapes:
            alone = kind == "checkpoint" or any(name.startswith("control_model.") or key in shapes for key in _ONLY_CONTROLNET)
            kind = _UNION if kind == "controlnet" and _ONLY_UNION in shapes else kind
            return (kind, shapes[name][-1]) if alone else ("", 0)
    if width := text_width(shapes):
        return "" if is_unreadable(shapes) else "lora", width
    return "", 0


def _of_folder(folder: Path) -> tuple[str, int]:
    """Kind and text width of a folder in diffusers layout."""
    if _json(folder / "model_index.json").get("_class_name") in _CHECKPOINTS:
        return "checkpoint", _width(folder / "unet" / "config.json")
    config = _json(folder / "config.json")
    if config.get("_class_name") in ("ControlNetModel", "ControlNetUnionModel"):  # xinsir's own call itself a ControlNetModel
        return _UNION if "num_control_type" in config else "controlnet", _width(folder / "config.json")
    return "", 0


def _width(config: Path) -> int:
    width = _json(config).get("cross_attention_dim")
    return width if isinstance(width, int) else 0


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
