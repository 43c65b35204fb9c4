# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that can be chosen: what the server has, else what it had last, else what this version knows."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...generation_server.amounts import in_gb
from ...generation_server.families.catalogue import Family, Skeletons, families
from ...generation_server.protocol import ModelStatus, ProtocolError, user_data_dir
from ..errors import UserError
from ..package import ROOT
from ..pieces import Pieces, at_once
from ..preferences import uses_small_model
from ..prompting.recipes import letters_of
from ..settings.controls import FIRST_FAMILY, use_family_defaults
from ..settings.generation import model_listeners
from .telling import MODELS_FILE

SMALL_MODEL = "builtin"
"""The model that comes with the extension."""

PLAIN_SKELETONS = Skeletons("controlnet")

_AT_ONCE = 20  # models of a list that are read in one piece


@dataclass(frozen=True)
class Model:
    """One line of the model menu."""

    name: str
    title: str
    family: str
    advised: bool = True  # may be taken where the user chose none
    recommended: bool = False  # and before others
    present: bool | None = None  # None: not known, for no server has said
    reason: str = ""  # why it cannot be used now
    note: str = ""
    skeletons: Skeletons = PLAIN_SKELETONS  # how its pose ControlNet was shown people
    missing_controls: Mapping[str, str] = field(default_factory=dict)  # by kind: why it cannot be followed now
    called: tuple[str, ...] = ()  # its file's names elsewhere
    sha256: str = ""  # of its file, where that is known


@dataclass(frozen=True)
class KnownLora:
    """One line of the menu of LoRAs."""

    name: str
    title: str
    family: str
    present: bool | None = None  # None: not known, for no server has said
    reason: str = ""  # why it cannot be used now
    note: str = ""
    trigger_words: tuple[str, ...] = ()  # what has to stand in the prompt for it to act, where that is known


_models: tuple[Model, ...] = ()
_known_here: tuple[Model, ...] = ()  # without a server; read once, for parsing TOML takes a while
_loras: tuple[KnownLora, ...] = ()
_loras_here: tuple[KnownLora, ...] = ()
_lora_files: dict[str, KnownLora] = {}  # by the letters of what their files are called
_every: tuple[ModelStatus, ...] = ()
_problems: tuple[str, ...] = ()
_is_told = False  # by a server of this session: what it lacks now is known


list_listeners: list[Callable[[], None]] = []
"""Called when there is another list."""


def every() -> tuple[ModelStatus, ...]:
    """Everything that the server has or lacks, of every kind, as it says so; without one, what this version knows."""
    return _every


def problems() -> tuple[str, ...]:
    """What of the user's files the server cannot use, a sentence each; empty as long as none has said."""
    return _problems


def models() -> tuple[Model, ...]:
    """All models by title, checkpoints only."""
    return _models


def loras(family: str) -> tuple[KnownLora, ...]:
    """The LoRAs for a family, by title."""
    return tuple(item for item in _loras if item.family == family)


def lora(name: str) -> KnownLora | None:
    """A LoRA by its name, or by what its file is called, as recipes of other programs have it."""
    return next((item for item in _loras if item.name == name), None) or _lora_files.get(letters_of(name))


def is_told() -> bool:
    """Whether a server has said in this session what it has: only then is known what it lacks."""
    return _is_told


def is_known(name: str) -> bool:
    """Whether a model is in the registry: not one that the user has found or made."""
    return any(item.name == name for item in _known_here)


def model(name: str) -> Model | None:
    return next((item for item in _models if item.name == name), None)


def chosen_model(name: str, family: str = "") -> Model:
    """The model that a scene paints with: the chosen one, or, where none is, the best of those that are advised: one that is
    present before others, one of ``family`` before others, one that is recommended before others. Where none is present and the
    user has said so, the small one that comes with the extension.

    Raises:
        UserError: the chosen one is not known, or there is none to choose from.
    """
    if name:
        if found := model(name):
            return found
        known = ", ".join(item.name for item in _models)
        raise UserError(f"There is no model '{name}': choose one of {known}.")
    advised = [item for item in _models if item.advised]
    if not advised:
        raise UserError("No model is chosen: choose one in the panel.")
    best = min(advised, key=lambda item: (not item.present, item.family != family, not item.recommended))
    if not best.present and uses_small_model() and (small := model(SMALL_MODEL)):
        return small
    return best


def model_of(generation: Any) -> Model:
    """The model that these settings of a scene mean. Raises UserError as ``chosen_model`` does."""
    return chosen_model(generation.model, generation.family)


def family_of(generation: Any) -> Family:
    """The family of the model that these settings mean; of the first one where it is not known."""
    try:
        found = model_of(generation)
    except UserError:
        return families()[FIRST_FAMILY]
    return families().get(found.family, families()[FIRST_FAMILY])


def settle(generation: Any) -> None:
    """Choose the model that is meant where none is chosen and it is of another family: size, steps and defaults follow it."""
    if not generation.model and family_of(generation).name != generation.family:
        generation.model = model_of(generation).name


def take_list(statuses: list[dict[str, Any]], now: bool = True, problems: list[str] | None = None) -> None:
    """Replace the list by what a server said: ``now``, or in an earlier session, and ``problems`` where it was asked."""
    at_once(taking_list(statuses, now, problems))


def taking_list(statuses: list[dict[str, Any]], now: bool = True, problems: list[str] | None = None) -> Pieces[None]:
    """The same, a few models at a time: somebody may have hundreds."""
    global _models, _loras, _lora_files, _is_told, _every, _problems
    offline = {item.name: item for item in _known_here}
    found = []
    found_loras = []
    every: list[ModelStatus] = []
    for number, data in enumerate(statuses):
        if number % _AT_ONCE == 0:
            yield
        try:
            status = ModelStatus.from_json(data)
        except ProtocolError:
            continue
        every.append(status)
        if status.family not in families():
            continue
        if status.kind == "lora":
            found_loras.append(
                KnownLora(
                    name=status.name,
                    title=status.title,
                    family=status.family,
                    present=status.present,
                    reason="" if status.present else _missing(status),
                    note=status.note,
                    trigger_words=status.trigger_words,
                )
            )
        if status.kind != "checkpoint":
            continue
        known = offline.get(status.name)
        skeletons = known.skeletons if known else families()[status.family].skeletons
        found.append(
            Model(
                name=status.name,
                title=status.title,
                family=status.family,
                advised=known.advised if known else True,
                recommended=known.recommended if known else False,
                present=status.present,
                reason="" if status.present else _missing(status),
                note=status.note,
                skeletons=skeletons.changed(status.skeleton_profile, status.hands, status.face),
                missing_controls={kind: str(sentence) for kind, sentence in status.missing_controls.items()},
                called=known.called if known else (),
                sha256=status.sha256,
            )
        )
    yield
    # A server that has nothing for us is as good as none: with an empty menu nobody could try another.
    _models = tuple(sorted(found, key=lambda item: item.title)) or _known_here
    _loras = tuple(sorted(found_loras, key=lambda item: item.title)) if found else _loras_here
    _lora_files = _by_file(_loras)
    _is_told = now and bool(found)
    _every = tuple(every)
    _problems = _problems if problems is None else tuple(problems)
    for listener in tuple(list_listeners):
        listener()


def load_offline() -> None:
    """The list before any server has been asked: that of the last server, else what this version knows."""
    global _models, _known_here, _loras, _loras_here, _lora_files, _is_told, _every, _problems
    entries = _entries()
    _models = _known_here = _offline_models(entries)
    _loras = _loras_here = _offline_loras(entries)
    _lora_files = _by_file(_loras)
    _is_told, _problems = False, ()
    _every = tuple(_offline_status(name, data) for name, data in entries.items() if data.get("kind"))
    try:
        data = json.loads((user_data_dir() / MODELS_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(data, list) and data:
        take_list(data, now=False)


def _entries() -> dict[str, dict[str, Any]]:
    folders = (ROOT / "generation_server" / "models", user_data_dir() / "models")
    return {path.stem: data for folder in folders for path in sorted(folder.glob("*.toml")) if (data := _read(path))}


def _offline_status(name: str, data: dict[str, Any]) -> ModelStatus:
    """What a model file says of itself, where no server has said anything."""
    memory = data.get("advised_memory", 0.0)
    return ModelStatus(
        name,
        str(data.get("title", name)),
        str(data.get("family", "")),
        present=False,
        kind=str(data["kind"]),
        licence=str(data.get("licence", "")),
        note=str(data.get("note", "")),
        pictures=str(data.get("pictures", "")),
        advised=bool(data.get("advised", True)),
        recommended=bool(data.get("recommended", False)),
        advised_memory=float(memory) if isinstance(memory, int | float) else 0.0,
    )


def _offline_loras(entries: dict[str, dict[str, Any]]) -> tuple[KnownLora, ...]:
    found = [
        KnownLora(name, str(data.get("title", name)), str(data.get("family", "")), note=str(data.get("note", "")))
        for name, data in entries.items()
        if data.get("kind") == "lora"
    ]
    return tuple(sorted(found, key=lambda item: item.title))


def _by_file(loras: tuple[KnownLora, ...]) -> dict[str, KnownLora]:
    """LoRAs by the letters of their titles, which are those of their files, and of their names; the first of several that are
    alike counts."""
    found: dict[str, KnownLora] = {}
    for item in loras:
        for text in (item.title, item.name):
            if letters := letters_of(text):
                found.setdefault(letters, item)
    return found


def _offline_models(entries: dict[str, dict[str, Any]]) -> tuple[Model, ...]:
    found = [item for name, data in entries.items() if (item := _checkpoint(name, data, entries))]
    return tuple(sorted({item.name: item for item in found}.values(), key=lambda item: item.title))


def _read(path: Path) -> dict[str, Any]:
    """The lines of a model file; none of one that cannot be read. The server checks it, and says what is wrong with it."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _checkpoint(name: str, data: dict[str, Any], entries: dict[str, dict[str, Any]]) -> Model | None:
    """A checkpoint's entry as far as the menu and the control images need it."""
    if data.get("kind") != "checkpoint" or data.get("family") not in families():
        return None
    skeletons = families()[data["family"]].skeletons
    for source in (*(entries.get(str(other), {}) for other in data.get("companions", ())), data):
        if source is data or source.get("control") == "openpose":
            profile, hands, face = (source.get(key) for key in ("skeleton_profile", "hands", "face"))
            skeletons = skeletons.changed(
                profile if isinstance(profile, str) else "",
                hands if isinstance(hands, bool) else None,
                face if isinstance(face, bool) else None,
            )
    return Model(
        name=name,
        title=str(data.get("title", name)),
        family=data["family"],
        advised=bool(data.get("advised", True)),
        recommended=bool(data.get("recommended", False)),
        note=str(data.get("note", "")),
        skeletons=skeletons,
        called=tuple(map(str, data.get("called", ()))),
    )


def _missing(status: ModelStatus) -> str:
    if not status.missing:
        return "It is not on the server."
    file = status.missing[0]
    size = f", {in_gb(file.size)}" if file.size else ""
    more = f" and {len(status.missing) - 1} more" if len(status.missing) > 1 else ""
    return f"Missing on the server: {file.path}{more} (from {file.source}{size})"


def _follow_model(generation: Any) -> None:
    """Bring family, and with a new family its defaults, in line with a model that was just chosen."""
    family = family_of(generation)
    if family.name != generation.family:
        generation.family = family.name
        use_family_defaults(generation, family)


CLASSES: tuple[type, ...] = ()


def register() -> None:
    load_offline()
    model_listeners.append(_follow_model)


def unregister() -> None:
    model_listeners.remove(_follow_model)
