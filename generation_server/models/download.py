# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from the model hub into the user's folder of models: resumed where it was cut off, and verified.

Files go to ``<models>/<entry>/…`` as the repository names them, so that a folder can be looked at, moved and copied; what the
hub's own cache holds already is used from there (``places.py``). ``HF_ENDPOINT`` names a mirror, ``HF_TOKEN`` an account, and
with ``HF_HUB_OFFLINE`` nothing is asked.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers, tqdm

from ..amounts import in_gb
from ..replacing import SCANNED, put_in_place
from .catalogue import ModelCatalogue
from .entry import DownloadCancelled, Entry
from .hub_problems import DownloadError, endpoint, hub_problems
from .lock import LockedFile
from .places import HALF

constants.DOWNLOAD_CHUNK_SIZE = 1024**2
"""Bytes that the hub's library reads before it tells of them. With its ten million, a slow line showed nothing for seconds, and
ending a download waited as long and threw them away."""

PATIENCE = 30.0
"""Seconds until a hub that says nothing counts as away; while a file comes, the hub's library has a limit of its own."""

RESERVE = 512 * 1024**2
"""Bytes that stay free on the disk."""

# What a folder in diffusers layout has beside its weights, where the repository has it. Weights are never taken by pattern.
_SETTINGS = (
    "config.json",
    "model_index.json",
    "scheduler_config.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
_SETTINGS_FOLDERS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler", "")


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is."""

    name: str  # of the entry
    file: str
    done: int  # bytes, of all files together
    total: int


@dataclass(frozen=True)
class Plan:
    """What is to be downloaded for one entry."""

    entry: Entry
    folder: Path
    revision: str  # a commit
    files: dict[str, LockedFile]  # all that the entry needs
    wanted: tuple[str, ...]  # those that are not here, or not whole

    @property
    def size(self) -> int:
        return sum(self.files[name].size for name in self.files)

    @property
    def remaining(self) -> int:
        """Bytes that have still to come."""
        return sum(self.files[name].size - _size_of(self.part(name)) for name in self.wanted)

    def part(self, name: str) -> Path:
        """Where a file grows. Named by the commit: what came of another revision is no beginning of this one."""
        target = self.folder / name
        return target.with_name(f"{target.name}.{self.revision[:12]}.part")


def plan(catalogue: ModelCatalogue, name: str, cancelled: Callable[[], bool] = lambda: False) -> Plan:
    """Asks the hub what an entry consists of, and looks what of it is here. Raises DownloadError or UnknownModel."""
    entry = catalogue.entry(name)
    if not entry.repository:
        here = "comes with this program" if entry.made_here else "is a file of your own"
        raise DownloadError(f"{entry.title} {here}: there is nothing to download.")
    with hub_problems(entry):
        hub = HfApi(endpoint=endpoint())
        info = hub.model_info(entry.repository, revision=entry.revision, files_metadata=True, timeout=PATIENCE)
    if not info.sha:
        raise DownloadError(
            f"The model hub ({endpoint()}) does not say which revision {entry.repository} is at: try again later."
        )
    known = {
        sibling.rfilename: LockedFile(sibling.size or 0, sibling.lfs.sha256 if sibling.lfs else "", sibling.blob_id or "")
        for sibling in info.siblings or []
    }
    files = {file: known[file] for file in needed_files(entry, list(known))}
    folder = catalogue.models_dir / entry.name
    check = _raiser(cancelled)
    wanted = tuple(file for file, locked in files.items() if not locked.matches(folder / file, check))
    catalogue.lock.write(entry.repository, info.sha, known)
    return Plan(entry, folder, info.sha, files, wanted)


def needed_files(entry: Entry, names: list[str]) -> list[str]:
    """Which files of a repository an entry needs: its weights, in half precision where there are such, and the settings."""
    needed: list[str] = []
    if entry.kind == "detector":
        if lacking := [name for name in entry.files if name not in names]:
            raise DownloadError(f"The repository {entry.repository} has no {lacking[0]}: correct its model file.")
        return list(entry.files)
    for weights in entry.weights:
        stem = weights.removesuffix(".safetensors")
        for middle in (f".{HALF}", ""):
            index = f"{stem}.safetensors.index{middle}.json"
            # A name decides where a file is written: beside the index, and nowhere else.
            shard = re.compile(re.escape(f"{stem}{middle}") + r"-[\w.-]+\.safetensors")
            shards = [n for n in names if shard.fullmatch(n)]
            if f"{stem}{middle}.safetensors" in names:
                needed.append(f"{stem}{middle}.safetensors")
                break
            if index in names and shards:
                needed += [index, *shards]
                break
        else:
            raise DownloadError(
                f"The repository {entry.repository} has no {weights}: "
                "models that come only as .bin, .pt or .ckpt can run code when they are opened and are not loaded."
            )
    if not entry.is_single_file:
        folders = {f"{folder}/" if folder else "" for folder in _SETTINGS_FOLDERS}
        needed += [name for name in names if name.rpartition("/")[2] in _SETTINGS and name[: name.rfind("/") + 1] in folders]
    return needed


def download(
    catalogue: ModelCatalogue,
    name: str,
    report: Callable[[DownloadProgress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Brings an entry's files, or those of them that are missing or damaged, and returns its folder.

    Raises UnknownModel, DownloadError with a sentence, or DownloadCancelled.
    """
    return execute(plan(catalogue, name, cancelled), report, cancelled)


def execute(
    planned: Plan,
    report: Callable[[DownloadProgress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Downloads what ``plan`` found missing. Raises as ``download`` does."""
    entry, check = planned.entry, _raiser(cancelled)
    require_space([planned])
    done = planned.size - sum(planned.files[name].size for name in planned.wanted)
    report(DownloadProgress(entry.name, "", done, planned.size))
    for name in planned.wanted:
        start = done

        def on_bytes(count: int, name: str = name, start: int = start) -> None:
            check()
            report(DownloadProgress(entry.name, name, start + count, planned.size))

        _fetch(planned, name, on_bytes, check)
        done += planned.files[name].size
    report(DownloadProgress(entry.name, "", planned.size, planned.size))
    return planned.folder


def _fetch(planned: Plan, name: str, on_bytes: Callable[[int], None], check: Callable[[], None]) -> None:
    """One file: the rest of it into its ``.part``, verified, and put in its place."""
    locked, part, target = planned.files[name], planned.part(name), planned.folder / name
    url = hf_hub_url(planned.entry.repository, name, revision=planned.revision, endpoint=endpoint())
    with hub_problems(planned.entry):
        part.parent.mkdir(parents=True, exist_ok=True)
        begun = _size_of(part)
        if begun > locked.size:
            part.unlink()
            begun = 0
        with part.open("ab") as file:
            # The header keeps the hub from packing small files, whose parts could then not be joined.
            headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
            http_get(url, file, resume_size=begun, headers=headers, expected_size=locked.size, tqdm_class=_listening(on_bytes))
        if not locked.matches(part, check):
            part.unlink()
            raise DownloadError(f"The file {name} of {planned.entry.title} arrived damaged: download it again.")
        put_in_place(part, target, SCANNED)


def _listening(on_bytes: Callable[[int], None]) -> type[tqdm]:
    """A progress bar class for huggingface_hub that draws nothing and tells how many bytes of the file have come."""

    class Listener(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.come = options.get("initial") or 0
            super().__init__(*arguments, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.come += int(n or 0)
            on_bytes(self.come)

    return Listener


def free_space(folder: Path) -> int:
    """Bytes that may still be written where a folder is, or would be."""
    return max(0, shutil.disk_usage(_there(folder)).free - RESERVE)


def require_space(plans: Sequence[Plan]) -> None:
    """Raises DownloadError unless all of this fits on the disk, before the first byte of it comes."""
    remaining = sum(planned.remaining for planned in plans)
    folder = _there(plans[0].folder)
    if remaining > free_space(folder):
        what = plans[0].entry.title if len(plans) == 1 else f"{plans[0].entry.title}, with what belongs to it,"
        free = shutil.disk_usage(folder).free
        raise DownloadError(f"{what} needs {in_gb(remaining)} more, but {folder} has {in_gb(free)} free: make room.")


def _there(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _raiser(cancelled: Callable[[], bool]) -> Callable[[], None]:
    def check() -> None:
        if cancelled():
            raise DownloadCancelled

    return check
