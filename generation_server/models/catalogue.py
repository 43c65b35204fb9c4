# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of models: what is known, what is on this computer, and what a loader needs to know of one of them.

Entries are TOML files: those beside this module, and the user's own in ``<user folder>/models``. Models in that folder which no
file describes are recognised by what is in them. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from ..amounts import in_gb
from ..families.catalogue import Family, family
from ..protocol import CONTROL_KINDS, MissingFile, ModelStatus
from .builtin import make as untrained
from .builtin import shipped
from .discover import discover
from .entry import Entry, ModelError, read_entry
from .hashes import Hashes
from .lock import Lock
from .places import Place, locate, missing_weights

FOLDER = Path(__file__).parent


class UnknownModel(ModelError):
    """No entry has that name."""


class ModelMissing(ModelError):
    """An entry is known, but some of its files are not on this computer."""


@dataclass(frozen=True)
class ResolvedModel:
    """All that a family's loader needs: where the weights are, and the ControlNets that go with them."""

    entry: Entry
    family: Family
    place: Place
    controlnets: Mapping[str, Place]  # by control kind
    missing_controls: Mapping[str, str]  # by control kind, the sentence for somebody who wants to use it
    vae: Place | None = None  # in the place of its own
    tiny_vae: Place | None = None  # for previews

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def identity(self) -> str:
        """Changes when its files do, ControlNets aside: what was loaded of it is no longer it."""
        return self.place.identity + (f"|{self.vae.identity}" if self.vae else "")


class ModelCatalogue:
    """All entries, asked anew from disk each time: files come and go while a server runs."""

    def __init__(self, user_dir: Path) -> None:
        """``user_dir`` is the user's folder (``protocol.user_data_dir()``); models are in its ``models``."""
        self.user_dir = user_dir
        self.models_dir = user_dir / "models"
        self.lock = Lock(self.models_dir / "lock.json")
        self.hashes = Hashes(self.models_dir / "hashes.json")

    def entries(self) -> dict[str, Entry]:
        """By name. A user's entry replaces ours of the same name. Broken files are left out: see ``problems``."""
        return self._read()[0]

    def problems(self) -> list[str]:
        """A sentence for each file of the user's that cannot be used."""
        return self._read()[1]

    def _read(self) -> tuple[dict[str, Entry], list[str]]:
        entries = {path.stem: _as_shipped(read_entry(path)) for path in sorted(FOLDER.glob("*.toml"))}
        problems: list[str] = []
        for path in sorted(self.models_dir.glob("*.toml")):
            try:
                entry = read_entry(path)
                if entry.made_here:
                    raise ModelError(f"The model file {path} cannot have 'made_here': that is the built-in model's.")
                entries[entry.name] = entry
            except ModelError as error:
                problems.append(str(error))
        found, unknown = discover(self.models_dir, entries)
        return {**entries, **found}, problems + unknown

    def entry(self, name: str) -> Entry:
        entries, problems = self._read()
        try:
            return entries[name]
        except KeyError:
            broken = [text for text in problems if f"{name}.toml" in text]
            known = ", ".join(entry.name for entry in entries.values() if entry.kind == "checkpoint")
            raise UnknownModel(broken[0] if broken else f"There is no model '{name}': use one of {known}.") from None

    def locate(self, entry: Entry) -> tuple[Place | None, tuple[MissingFile, ...]]:
        """Where an entry's files are, or what is missing, with sizes where the lock file knows them."""
        if entry.made_here:
            return Place(entry, folder=shipped.FOLDER if shipped.is_there() else untrained.folder_in(self.models_dir)), ()
        place, missing = locate(entry, self.models_dir, self.lock.revision(entry.repository))
        return place, tuple(replace(file, size=self.lock.size(file.source, file.path)) for file in missing)

    def status(self, name: str) -> ModelStatus:
        """Raises UnknownModel."""
        return self._status(self.entry(name), self.entries())

    def statuses(self) -> list[ModelStatus]:
        """Of all entries: checkpoints first, those that are advised and here before the others."""
        entries = self.entries()
        statuses = [self._status(entry, entries) for entry in entries.values()]
        return sorted(statuses, key=lambda s: (s.kind != "checkpoint", not entries[s.name].advised, not s.present, s.title))

    def _status(self, entry: Entry, entries: Mapping[str, Entry]) -> ModelStatus:
        place, missing = self.locate(entry)
        controls: tuple[str, ...] = ()
        lacking: Mapping[str, str] = {}
        said = ("name", "title", "family", "kind", "licence", "note", "pictures", "advised", "recommended")
        told = {key: getattr(entry, key) for key in (*said, "companions", "quality_prompt", "negative_prompt")}
        if not entry.family:  # a detector or an upscaler
            return ModelStatus(present=place is not None, missing=missing, **told)
        skeletons = family(entry.family).skeletons
        memory = family(entry.family).advised_memory if entry.advised_memory is None else entry.advised_memory
        if entry.kind == "checkpoint" and place:
            here, lacking = self._controlnets(entry, place, entries)
            controls = tuple(kind for kind in CONTROL_KINDS if kind in here)
            if (pose := here.get("openpose")) is not None:
                skeletons = skeletons.changed(pose.entry.skeleton_profile, pose.entry.hands, pose.entry.face)
        skeletons = skeletons.changed(entry.skeleton_profile, entry.hands, entry.face)
        return ModelStatus(
            present=place is not None,
            controls=controls or entry.steers,
            missing_controls=lacking,
            missing=missing,
            advised_memory=memory,
            trigger_words=entry.trigger_words,
            skeleton_profile=skeletons.profile,
            hands=skeletons.hands,
            face=skeletons.face,
            sha256=self._sha256(place) if entry.kind == "checkpoint" and place else "",
            **told,
        )

    def missing_controls(self, name: str) -> Mapping[str, str]:
        """By control kind of its family that cannot be used with a checkpoint now, the sentence for somebody who wants to.

        Raises UnknownModel.
        """
        entries = self.entries()
        entry = self.entry(name)
        place, _ = self.locate(entry)
        return {} if place is None else self._controlnets(entry, place, entries)[1]

    def controlnet_names(self, name: str) -> dict[str, str]:
        """By control kind that a checkpoint can follow now, the entry of the network that does. Raises UnknownModel."""
        entries = self.entries()
        entry = self.entry(name)
        place, _ = self.locate(entry)
        return (
            {} if place is None else {kind: net.entry.name for kind, net in self._controlnets(entry, place, entries)[0].items()}
        )

    def sha256(self, name: str) -> str:
        """Of the one file that an entry is, by which sites know it, where it has been told or reckoned: else empty.

        The hub tells it of what is downloaded; ``check`` reckons it of other files, for gigabytes take too long while a picture
        waits. A folder in diffusers layout has none. Raises UnknownModel."""
        entry = self.entry(name)
        place, _ = self.locate(entry)
        return self._sha256(place) if place else ""

    def _sha256(self, place: Place) -> str:
        if place.file is None:
            return ""
        repository = place.entry.repository
        locked = self.lock.files(repository).get(place.file.name) if repository else None
        return (locked.sha256 if locked else "") or self.hashes.known(place.file)

    def missing_sentence(self, name: str) -> str:
        """What is missing of a model that is not here, and how to get it. Raises UnknownModel."""
        entry = self.entry(name)
        return missing_sentence(entry, self.locate(entry)[1])

    def resolve(self, name: str) -> ResolvedModel:
        """What the loader of the model's family needs. Makes the built-in model if that is asked for and not there yet.

        Raises UnknownModel, ModelMissing, or ModelError when the entry is no checkpoint or the built-in model cannot be written.
        """
        entries = self.entries()
        entry = self.entry(name)
        if entry.kind != "checkpoint":
            raise ModelError(
                f"'{name}' is a {entry.kind}, which works with a model and makes no picture by itself: choose a model."
            )
        if entry.made_here and shipped.is_there():
            if damaged := shipped.problems(shipped.FOLDER):
                raise ModelError(damaged[0])
        elif entry.made_here:
            try:
                untrained.ensure(self.models_dir)
            except OSError as error:
                raise ModelError(
                    f"The built-in model cannot be written to {self.models_dir}: {error.strerror or error}."
                ) from error
        place, missing = self.locate(entry)
        if place is None:
            raise ModelMissing(missing_sentence(entry, missing))
        controlnets, lacking = self._controlnets(entry, place, entries)
        vaes = (entries[name] for name in entry.companions if name in entries and entries[name].kind == "vae")
        vae = next((where for vae in vaes if (where := self.locate(vae)[0])), None)
        known = MappingProxyType(controlnets), MappingProxyType(lacking)
        tiny = (other for other in entries.values() if other.kind == "tiny_vae" and other.family == entry.family)
        tiny_vae = next((where for other in tiny if (where := self.locate(other)[0])), None)
        return ResolvedModel(entry, family(entry.family), place, *known, vae, tiny_vae)

    def detector(self, name: str) -> Place:
        """Where a detector's files are. Raises UnknownModel, ModelMissing."""
        entry = self.entry(name)
        place, missing = self.locate(entry)
        if place is None:
            raise ModelMissing(missing_sentence(entry, missing))
        return place

    def _controlnets(self, entry: Entry, place: Place, entries: Mapping[str, Entry]) -> tuple[dict[str, Place], dict[str, str]]:
        """The ControlNets that can be used with a checkpoint, and a sentence for each kind of its family that cannot.

        A folder ``controlnet_<kind>`` inside the checkpoint's own comes first, then one ``controlnet`` there, which is for all
        kinds, then those that the checkpoint prefers, then its companions, then any other ControlNet of the family.
        """
        found: dict[str, Place] = {}
        lacking: dict[str, str] = {}
        others = [other for other in entries.values() if other.kind == "controlnet" and other.family == entry.family]
        others.sort(key=lambda other: (other.name not in entry.prefers, other.name not in entry.companions))
        places = {other.name: self.locate(other) for other in others}
        for kind in family(entry.family).controls:
            description = replace(entry, name=f"{entry.name}/{kind}", kind="controlnet", control=kind, files=())
            inside = [place.folder / name for name in (f"controlnet_{kind}", "controlnet")] if place.folder else []
            own = [folder for folder in inside if folder.is_dir() and not missing_weights(folder, description.weights)]
            if own or entry.made_here:  # which may have to be made yet
                found[kind] = Place(description, folder=(own or inside)[0])
                continue
            for other in (o for o in others if kind in o.steers):
                where, missing = places[other.name]
                if where:
                    found[kind] = where
                    lacking.pop(kind, None)
                    break
                lacking.setdefault(kind, f"{missing_sentence(other, missing)[:-1]}, or switch the {kind} control off.")
            else:
                lacking.setdefault(kind, f"There is no ControlNet for {kind} with {entry.title}: switch the {kind} control off.")
        return found, lacking


def _as_shipped(entry: Entry) -> Entry:
    """The entry, or that of the untrained model where this copy of the program came without the built-in one's weights."""
    if not entry.made_here or shipped.is_there():
        return entry
    return replace(
        entry,
        title="Built-in (small, untrained)",
        autoencoder="kl",
        note="Not trained yet: it draws test patterns. It is for trying out the way from pose to picture.",
        warning="The built-in model is not trained yet: the picture is a test pattern.",
    )


def missing_sentence(entry: Entry, missing: tuple[MissingFile, ...]) -> str:
    """What is missing of an entry and how to get it."""
    first = missing[0]
    size = f", {in_gb(first.size)}" if first.size else ""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    lacks = f"{entry.title} is not on this computer ({first.path}{more} from {first.source}{size})"
    if entry.repository:
        # A detector's is one that not everybody may use.
        licence = f" (licence: {entry.licence})" if entry.kind == "detector" else ""
        return f"{lacks}: download it under Model ▸ Models, or with 'python3 studio.py models download {entry.name}'{licence}."
    return f"{lacks}: put it there, or correct the path in its model file."
