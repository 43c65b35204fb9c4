# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry of the registry of models, read from TOML: what it is, where it comes from, under which licence."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..families.catalogue import families
from ..protocol import CONTROL_KINDS

KINDS = ("checkpoint", "controlnet", "vae", "tiny_vae", "lora", "detector", "upscaler")
_OF_NO_FAMILY = ("detector", "upscaler")  # they work on finished pictures
AUTOENCODERS = ("kl", "dc")
"""Kinds of autoencoder that are loaded; diffusion/components.py has their classes. Stable Diffusion's is "kl"."""
ADAPTERS = ("controlnet", "union")
"""Kinds of ControlNet that are loaded; diffusion/adapters.py has them: one for a single control, one for several together."""
UNION_CONTROLS = ("openpose", "depth", "normal", "lineart", "canny", "segmentation")
"""What a union for SDXL is controlled by, as far as it is a control kind here."""
PREDICTIONS = ("epsilon", "v_prediction")
NETWORK = "diffusion_pytorch_model.safetensors"
"""diffusers' name for a network's weights. A file may also be there in half precision (``.fp16.``) or in shards."""

LORA = "pytorch_lora_weights.safetensors"
"""diffusers' name for the weights of a LoRA."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class ModelError(ValueError):
    """A model cannot be used; the text is one sentence that says what to do."""


class DownloadCancelled(Exception):
    """Whoever wanted a download does not any more. What has come stays for the next time."""


@dataclass(frozen=True)
class Entry:
    """A checkpoint, ControlNet, VAE, tiny VAE (for previews), LoRA, detector or upscaler.

    ``repository``, ``path`` or ``made_here`` says where it is from.
    """

    name: str
    title: str
    family: str  # empty for a detector and an upscaler
    kind: str
    control: str = ""  # what a ControlNet is controlled by
    controls: tuple[str, ...] = ()  # or the kinds that one may be controlled by together
    adapter: str = "controlnet"  # one of ADAPTERS
    repository: str = ""  # on the model hub, "owner/name"
    revision: str = "main"
    files: tuple[str, ...] = ()  # weights in the repository; empty for diffusers layout. One name without a folder: a single file
    called: tuple[str, ...] = ()  # what its single file is called where other programs have it
    path: Path | None = None  # a folder in diffusers layout, or a single .safetensors file
    autoencoder: str = "kl"  # one of AUTOENCODERS
    skeleton_profile: str = ""  # how its pose ControlNet, or it as one, was shown people; where it is silent, as its family says
    hands: bool | None = None
    face: bool | None = None
    config: Path | None = None  # a folder with the configuration of a single file that is not shaped like its family
    prediction: str = ""  # one of PREDICTIONS, where neither the model's scheduler nor its file says what its UNet predicts
    zero_snr: bool | None = None  # whether its noise ends without any of the picture, likewise
    guidance_rescale: float | None = None  # 0 to 1; None: what suits its prediction
    made_here: bool = False
    advised: bool = True  # False: never chosen for a user, only by the user
    recommended: bool = False  # of several that a user could begin with, this one
    trigger_words: tuple[str, ...] = ()  # of a LoRA: what has to stand in the prompt for it to act
    companions: tuple[str, ...] = ()  # entries that are downloaded with it
    prefers: tuple[str, ...] = ()  # ControlNets that come before its companions where they are here
    advised_memory: float | None = None  # GiB of a GPU from which on it is advised; None: as its family says
    quality_prompt: str = ""  # what its prompts begin with, and its usual negative prompt, where not its family's
    negative_prompt: str = ""
    licence: str = ""
    pictures: str = ""  # what may be done with its pictures
    note: str = ""
    warning: str = ""  # said with every picture

    @property
    def weights(self) -> tuple[str, ...]:
        if self.files or self.kind != "checkpoint":
            return self.files or (LORA if self.kind == "lora" else NETWORK,)
        encoders = (f"{folder}/model.safetensors" for folder in families()[self.family].text_encoders)
        return (f"unet/{NETWORK}", f"vae/{NETWORK}", *encoders)

    @property
    def steers(self) -> tuple[str, ...]:
        """The control kinds of a ControlNet."""
        return (self.control,) if self.control else self.controls

    @property
    def is_single_file(self) -> bool:
        """Whether the repository holds it as one file in the original layout instead of diffusers'. A LoRA and an upscaler always
        are."""
        single = len(self.files) == 1 and "/" not in self.files[0] and self.files != (NETWORK,)
        return self.kind in ("lora", "upscaler") or (single and self.kind != "detector")


def folded(text: str) -> str:
    """A name without what writes the same letters in another way: their case, and how systems compose their accents."""
    return unicodedata.normalize("NFKC", text).casefold()


def entry_name(text: str) -> str:
    """A file's name, without its suffix, as the name of an entry: "Counterfeit V3.0" is "counterfeit_v3.0".

    Letters of every script stay, so that names in one do not become the same; empty where there is no letter or digit.
    """
    return re.sub(r"[^\w.-]+", "_", folded(text)).lstrip("_.-")


def read_entry(path: Path) -> Entry:
    """The entry in one TOML file, named by the file. Raises ModelError with the file's name and what to mend."""
    try:
        stat = path.stat()
        data = _toml(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"The model file {path} cannot be read: {error}.") from error
    try:
        return parse_entry(path.stem, data, path.parent)
    except ModelError as error:
        raise ModelError(f"The model file {path} {error}") from None


@functools.lru_cache(512)
def _toml(path: Path, _changed: int, _size: int) -> Mapping[str, Any]:
    """What a file says, which every job asks of all of them several times; one that is changed is read anew."""
    return tomllib.loads(path.read_text("utf-8"))


def parse_entry(name: str, data: Mapping[str, Any], folder: Path) -> Entry:
    """The entry in ``data``; its paths are relative to ``folder``. ModelError's text continues "The model file … "."""
    if not _NAME.fullmatch(name):
        raise ModelError("must have a name of small letters, digits, '-', '_' and '.'.")
    known = {f.name: f for f in fields(Entry)}
    values: dict[str, Any] = {"name": name, "family": ""}
    for key, value in data.items():
        if key not in known or key == "name":
            raise ModelError(f"has an unknown line '{key}': known are {', '.join(k for k in known if k != 'name')}.")
        values[key] = _checked(key, value, str(known[key].type), folder)
    is_detector, has_family = values.get("kind") == "detector", values.get("kind") not in _OF_NO_FAMILY
    if lacking := [key for key in ("title", "family" if has_family else "files", "kind") if not values.get(key)]:
        raise ModelError(f"lacks '{lacking[0]}'.")
    entry = Entry(**values)
    if entry.kind not in KINDS:
        raise ModelError(f"has the kind '{entry.kind}': use {' or '.join(KINDS)}.")
    if entry.autoencoder not in AUTOENCODERS:
        raise ModelError(f"has the autoencoder '{entry.autoencoder}': use {' or '.join(AUTOENCODERS)}.")
    if not has_family and entry.family:
        raise ModelError(f"has a family, and a {entry.kind} is of none: leave the line out.")
    if has_family and entry.family not in families():
        raise ModelError(f"has the family '{entry.family}': use one of {', '.join(families())}.")
    if entry.adapter not in ADAPTERS:
        raise ModelError(f"has the adapter '{entry.adapter}': use {' or '.join(ADAPTERS)}.")
    if entry.prediction and entry.prediction not in PREDICTIONS:
        raise ModelError(f"has the prediction '{entry.prediction}': use {' or '.join(PREDICTIONS)}.")
    if entry.advised_memory is not None and not 0 <= entry.advised_memory <= 1024:
        raise ModelError(f"has the advised_memory {entry.advised_memory:g}: use a number of GiB.")
    if entry.guidance_rescale is not None and not 0 <= entry.guidance_rescale <= 1:
        raise ModelError(f"has the guidance_rescale {entry.guidance_rescale:g}: use a number from 0 to 1.")
    _check_controls(entry)
    if entry.kind in ("lora", "upscaler") and len(entry.files) > 1:
        raise ModelError(f"names more than one file: a {'LoRA' if entry.kind == 'lora' else entry.kind} is a single one.")
    if sum((bool(entry.repository), entry.path is not None, entry.made_here)) != 1:
        raise ModelError("needs either 'repository' or 'path', and only one of them.")
    if entry.repository and not _REPOSITORY.fullmatch(entry.repository):
        raise ModelError(f"has the repository '{entry.repository}': write it as owner/name.")
    # The detectors of controlnet_aux exist as .pth alone; they are opened so that nothing in them can run (poses/detector.py).
    ending = ".pth" if is_detector else ".safetensors"
    if bad := [name for name in entry.files if not name.endswith(ending) or ".." in name or name.startswith("/")]:
        raise ModelError(f"names the file '{bad[0]}': only {ending} files inside the repository are loaded.")
    return entry


def _check_controls(entry: Entry) -> None:
    known = ", ".join(CONTROL_KINDS)
    if set(entry.steers) - set(CONTROL_KINDS):
        raise ModelError(f"has an unknown control: use {known}.")
    if entry.kind != "controlnet" and (entry.control or entry.controls):
        raise ModelError(f"has controls, which only a controlnet has, and it is a {entry.kind}.")
    if entry.kind == "controlnet" and entry.adapter == "controlnet" and not (entry.control and not entry.controls):
        raise ModelError(f"needs 'control', one of {known}.")
    if entry.adapter == "union" and (entry.control or not entry.controls or set(entry.controls) - set(UNION_CONTROLS)):
        raise ModelError(f"needs 'controls', a list of {', '.join(UNION_CONTROLS)}.")


def _checked(key: str, value: Any, hint: str, folder: Path) -> Any:
    """``value`` as the dataclass wants it."""
    if hint.startswith("tuple"):
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        raise ModelError(f"must have a list of texts in '{key}'.")
    if hint.startswith("bool"):
        if isinstance(value, bool):
            return value
        raise ModelError(f"must have true or false in '{key}'.")
    if hint.startswith("float"):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise ModelError(f"must have a number in '{key}'.")
    if not isinstance(value, str):
        raise ModelError(f"must have a text in '{key}'.")
    return folder / Path(value).expanduser() if hint.startswith("Path") else value
