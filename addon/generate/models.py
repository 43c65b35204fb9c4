# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that can be chosen: what the server has, else what it had last, else what this version knows."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...generation_server.families.catalogue import Family, families
from ...generation_server.protocol import ModelStatus, ProtocolError, user_data_dir
from ..errors import UserError
from ..package import ROOT
from ..settings import generation as settings

MODELS_FILE = "models.json"
"""In the user's folder: the list of the last server (see relay.py)."""


@dataclass(frozen=True)
class Model:
    """One line of the model menu."""

    name: str
    title: str
    family: str
    advised: bool = True  # may be taken where the user chose none
    present: bool | None = None  # None: not known, for no server has said
    reason: str = ""  # why it cannot be used now
    note: str = ""


_models: tuple[Model, ...] = ()
_known_here: tuple[Model, ...] = ()  # without a server; read once, for parsing TOML takes a while


def models() -> tuple[Model, ...]:
    """All models by title, checkpoints only."""
    return _models


def model(name: str) -> Model | None:
    return next((item for item in _models if item.name == name), None)


def chosen_model(name: str) -> Model:
    """The model that a scene paints with: the chosen one, or, where none is, the first that is advised and present.

    Raises:
        UserError: the chosen one is not known, or there is none to choose from.
    """
    if name:
        if found := model(name):
            return found
        known = ", ".join(item.name for item in _models)
        raise UserError(f"There is no model '{name}': choose one of {known}.")
    advised = [item for item in _models if item.advised]
    for item in advised:
        if item.present:
            return item
    if advised:
        return advised[0]
    raise UserError("No model is chosen: choose one in the panel.")


def family_of(name: str) -> Family:
    """The family of the model that a scene paints with; of the first one where it is not known."""
    try:
        found = chosen_model(name)
    except UserError:
        return families()[settings.FIRST_FAMILY]
    return families().get(found.family, families()[settings.FIRST_FAMILY])


def take_list(statuses: list[dict[str, Any]]) -> None:
    """Replace the list by what a server said."""
    global _models
    offline = {item.name: item for item in _known_here}
    found = []
    for data in statuses:
        try:
            status = ModelStatus.from_json(data)
        except ProtocolError:
            continue
        if status.kind != "checkpoint" or status.family not in families():
            continue
        known = offline.get(status.name)
        found.append(
            Model(
                name=status.name,
                title=status.title,
                family=status.family,
                advised=known.advised if known else True,
                present=status.present,
                reason="" if status.present else _missing(status),
                note=status.note,
            )
        )
    # A server that has nothing for us is as good as none: with an empty menu nobody could try another.
    _models = tuple(sorted(found, key=lambda item: item.title)) or _known_here


def load_offline() -> None:
    """The list before any server has been asked: that of the last server, else what this version knows."""
    global _models, _known_here
    _models = _known_here = _offline_models()
    try:
        data = json.loads((user_data_dir() / MODELS_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(data, list) and data:
        take_list(data)


def _offline_models() -> tuple[Model, ...]:
    folders = (ROOT / "generation_server" / "models", user_data_dir() / "models")
    found = [item for folder in folders for path in sorted(folder.glob("*.toml")) if (item := _read(path))]
    return tuple(sorted({item.name: item for item in found}.values(), key=lambda item: item.title))


def _read(path: Path) -> Model | None:
    """A checkpoint's entry as far as the menu needs it; the server checks it, and says what is wrong with it."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if data.get("kind") != "checkpoint" or data.get("family") not in families():
        return None
    return Model(
        name=path.stem,
        title=str(data.get("title", path.stem)),
        family=data["family"],
        advised=bool(data.get("advised", True)),
        note=str(data.get("note", "")),
    )


def _missing(status: ModelStatus) -> str:
    if not status.missing:
        return "It is not on the server."
    file = status.missing[0]
    size = f", {file.size / 1e9:.1f} GB" if file.size else ""
    more = f" and {len(status.missing) - 1} more" if len(status.missing) > 1 else ""
    return f"Missing on the server: {file.path}{more} (from {file.source}{size})"


def _follow_model(generation: Any) -> None:
    """Bring family, and with a new family its defaults, in line with a model that was just chosen."""
    family = family_of(generation.model)
    if family.name != generation.family:
        generation.family = family.name
        settings.use_family_defaults(generation, family)


CLASSES: tuple[type, ...] = ()


def register() -> None:
    load_offline()
    settings.model_listeners.append(_follow_model)


def unregister() -> None:
    settings.model_listeners.remove(_follow_model)
