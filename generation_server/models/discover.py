# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that are on this computer and that no file describes: recognised by what is in them. Reads headers only.

They lie in the user's folder of models, in those of other programs that ``folders.txt`` there names, and in the hub's cache.
"""

from __future__ import annotations

import functools
import json
import re
import stat
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..families.catalogue import families
from .comfyui import extra_folders
from .entry import UNION_CONTROLS, Entry, ModelError, entry_name
from .header import HeaderError, tensor_shapes
from .layouts import candidates, identity, other_folders
from .loras import is_unreadable, text_width, trigger_words
from .places import missing_weights

# A tensor whose last axis is the width of the text embedding, and with that the family: (kind, name in the file). SD 1.x has the
# first attention at its first level, SDXL at its second.
_CROSS = "1.transformer_blocks.0.attn2.to_k.weight"
_OWN = "attentions.0.transformer_blocks.0.attn2.to_k.weight"
_TELLTALES = (
    *(("checkpoint", f"model.diffusion_model.input_blocks.{block}.{_CROSS}") for block in (1, 4)),
    *(("controlnet", f"{start}input_blocks.{block}.{_CROSS}") for start in ("control_model.", "") for block in (1, 4)),
    *(("controlnet", f"down_blocks.{block}.{_OWN}") for block in (0, 1)),
)
_PICKLES = (".ckpt", ".pt", ".pth", ".bin")
_LATENT_CHANNELS = 4  # of Stable Diffusion 1.x and XL
_GENERIC = re.compile(r"(?:diffusion_)?(?:pytorch_)?(?:model|lora_weights)(?:[._-](?:fp16|\d+-of-\d+))?$", re.IGNORECASE)
"""Names of files that say nothing of what they are."""
_ONLY_CONTROLNET = ("input_hint_block.0.weight", "controlnet_cond_embedding.conv_in.weight")
_ONLY_UNION = "task_embedding"
_UPSCALERS = (("conv_first.weight", "conv_last.weight"), ("model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"))
"""Tensors of ESRGAN and Real-ESRGAN, as their makers name them today and as they did at first."""
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
    """Entries by name for what ``layouts.candidates`` finds and ``described`` does not name, and a sentence for each file that
    cannot be used; of other programs' folders one for all, for they hold what is not meant for us.

    A file of another program that is what an entry in ``described`` would download is that entry's: it is among those returned.
    """
    taken = {identity(entry.path, entry.path.stat()) for entry in described.values() if entry.path and entry.path.exists()}
    repositories = {entry.repository for entry in described.values() if entry.repository}
    downloads = _file_names(described)
    found: dict[str, Entry] = {}
    problems: list[str] = []
    unknown: Counter[Path] = Counter()
    others: dict[Path, list[Path]] = {}
    try:
        others = {root: [] for root in other_folders(models_dir)}
    except ModelError as error:
        problems.append(str(error))
    for root in others:
        try:
            others[root] = extra_folders(root)
        except ModelError as error:
            problems.append(str(error))
    for candidate in candidates(models_dir, others):
        path, origin = candidate.path, candidate.root
        is_direct = path.parent == models_dir  # where an entry's files are looked for by its name
        name = entry_name(_label(path)) or "model"
        if identity(path, candidate.status) in taken or candidate.repository in repositories or (is_direct and name in described):
            continue
        if path.suffix == ".safetensors" and not stat.S_ISDIR(candidate.status.st_mode):
            try:
                kind, width = _of_file(path, candidate.status.st_size, candidate.status.st_mtime_ns)
            except OSError:
                continue  # it went while we looked
            except HeaderError as error:
                if not candidate.repository:  # there a download may be under way
                    problems.append(f"{path} is damaged ({error}): replace it.")
                continue
        elif stat.S_ISDIR(candidate.status.st_mode):
            kind, width = _of_folder(path)
            if not kind:
                continue  # a folder of something else is nobody's mistake
        else:
            if path.suffix.lower() in _PICKLES and origin is None:
                problems.append(f"{path} can run code when it is opened, and is not: get it as .safetensors, or convert it.")
            continue
        entry, problem = _entry(name, path, kind, width)
        if entry is None and origin is not None:
            unknown[origin] += not candidate.repository
            continue
        if entry is None:
            problems.append(problem)
            continue
        if ours := described.get(downloads.get(name, name)):
            same = (ours.kind, ours.family) == (entry.kind, entry.family) and ours.repository
            if same and not ours.path and not (models_dir / ours.name).exists():
                found.setdefault(ours.name, replace(ours, path=path))
                continue
            if same:
                continue  # a second copy
        if origin is not None and not missing_of(entry):
            entry = replace(entry, note=f"Found in {origin}.")
        elif origin is not None:
            continue  # not all of it is there: some program may be fetching it
        if name in found or name in described:
            other = found.get(name, described.get(name))
            where = other.path if other and other.path else name
            if not candidate.repository:
                problems.append(f"{path} has the name of another model, {where}: rename one of them.")
            continue
        found[name] = entry
    for root, count in unknown.items():
        if count:
            problems.append(f"{root} has {count} files of kinds of models that are not known here: they are left out.")
    return _with_vaes(found), problems


def missing_of(entry: Entry) -> list[str]:
    """Weights that the folder of a found entry lacks."""
    return missing_weights(entry.path, entry.weights) if entry.path and entry.path.is_dir() else []


def _with_vaes(found: Mapping[str, Entry]) -> dict[str, Entry]:
    """As A1111 does: a VAE that is called as a checkpoint, with ".vae" behind it, is that one's."""

    def own(entry: Entry) -> bool:
        vae = found.get(f"{entry.name}.vae")
        return entry.kind == "checkpoint" and vae is not None and vae.kind == "vae"

    return {
        name: replace(entry, companions=(*entry.companions, f"{name}.vae")) if own(entry) else entry
        for name, entry in ((name, _as(entry, found)) for name, entry in found.items())
    }


def _as(entry: Entry, found: Mapping[str, Entry]) -> Entry:
    """A VAE that is called as a checkpoint is of that one's family: SD 1.5's and SDXL's have the same tensors."""
    owner = found.get(entry.name.removesuffix(".vae")) if entry.kind == "vae" else None
    return replace(entry, family=owner.family) if owner else entry


def _file_names(described: Mapping[str, Entry]) -> dict[str, str]:
    """The entries of ours that have, or may be, one file with a name of its own, by what that is called."""
    ours = [entry for entry in described.values() if entry.repository]
    files = [(entry.files[0], entry.name) for entry in ours if len(entry.files) == 1]
    files += [(name, entry.name) for entry in ours for name in entry.called]
    stems = ((file.removesuffix(".safetensors"), name) for file, name in files)
    return {entry_name(stem): name for stem, name in stems if not _GENERIC.match(stem)}


def _label(path: Path) -> str:
    """What a model is called: by its file or folder, or where that says nothing by the folder above, or the hub's repository."""
    if path.parent.name == "snapshots":
        return path.parent.parent.name.rpartition("--")[2]
    stem = path.stem if path.suffix == ".safetensors" else path.name
    if not _GENERIC.match(stem):
        return stem
    above = path.parent
    return above.parent.parent.name.rpartition("--")[2] if above.parent.name == "snapshots" else above.name


def _entry(name: str, path: Path, kind: str, width: int) -> tuple[Entry | None, str]:
    if kind == "upscaler":
        return Entry(name, _label(path), "", kind, path=path, note="Found in your folder of models."), ""
    family = next((family for family in families().values() if kind and width and family.text_width == width), None)
    if family is None:
        return None, f"{path} is of a kind of model that is not known here: it is left out."
    control = ""
    if kind == "controlnet":
        words = (control for word, control in _CONTROLS_IN_NAMES.items() if word in _label(path).lower())
        control = next(words, "")
        if not control:
            return None, f"{path} is a ControlNet, but its name does not say of what: put 'openpose', 'depth' or another into it."
    found = Entry(
        name,
        _label(path),
        family.name,
        "controlnet" if kind == _UNION else kind,
        control,
        path=path,
        note="Found in your folder of models.",
        trigger_words=trigger_words(path) if kind == "lora" else (),
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
    channels = shapes.get("decoder.conv_in.weight", shapes.get("first_stage_model.decoder.conv_in.weight", ()))
    if channels and any(name.endswith("encoder.conv_in.weight") and "decoder" not in name for name in shapes):
        # Nothing in it tells SD 1.5's from SDXL's; its maker says so in the name. Other families have more channels.
        is_known = len(channels) == 4 and channels[1] == _LATENT_CHANNELS
        return ("vae", families()["sdxl" if "xl" in _label(path).lower() else "sd15"].text_width) if is_known else ("", 0)
    if any(all(name in shapes for name in names) for names in _UPSCALERS):
        return "upscaler", 0
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
