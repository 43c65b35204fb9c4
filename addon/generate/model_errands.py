# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge does with models: downloads followed to their end, files from disk put where the server finds them. No bpy."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ...generation_server.address import is_loopback
from ...generation_server.amounts import in_gb
from ...generation_server.client import Client, RequestRefused, ServerError
from ...generation_server.protocol import ModelFolders, ModelStatus, user_data_dir
from ...generation_server.replacing import SCANNED, put_in_place
from .errand_runner import Errand, ErrandError, ErrandStopped, Progress, Served
from .errand_thread import asked
from .records import disk_sentence

LOOK = 1.0
"""Seconds between two questions how far a download is."""

PIECE = 16 * 1024 * 1024  # bytes that are copied at once
ENDING = ".safetensors"
_LONGEST_HEADER = 100 * 1024**2  # of the safetensors format
_PICTURES = (".preview.png", ".png", ".preview.jpg", ".jpg", ".jpeg", ".preview.webp", ".webp")
"""Endings of a picture beside a model's file, as A1111 names them, the first that is there."""


def list_models(served: Served) -> Errand:
    """What the server has, what it cannot use, and the pictures beside its files: ``models``, ``problems``, ``pictures`` (title →
    path)."""
    client = served()
    yield Progress(text="Asking the server")
    models = [model.to_json() for model in client.models()]
    yield Progress(text="Asking the server")
    problems = list(client.model_problems())
    yield Progress(text="Asking the server")
    pictures: dict[str, str] = {}
    if _is_here(client):
        for number, (title, path) in enumerate(_pictures(client.folders())):
            if path:
                pictures.setdefault(title, path)
            if number % 20 == 0:
                yield Progress(text="Looking for pictures")
    return {"models": models, "problems": problems, "pictures": pictures}


def download_size(served: Served, model: str) -> Errand:
    """What a download would bring, as JSON of Download."""
    size = yield from asked(served(), lambda client: client.download_size(model), "Asking for the size")
    return size.to_json()


def download_model(served: Served, model: str) -> Errand:
    """Have the server download a model, and follow that to its end. Stopped by the user, the download is cancelled, and what has
    come stays; when Blender is closed, it goes on."""
    client = served()
    status = client.download(model)
    try:
        while (download := status.download) is not None:
            if download.error:
                raise ErrandError(download.error)
            text = "Waiting for other downloads" if download.waiting else "Downloading"
            yield Progress(download.done, download.total, text, LOOK)
            client = served()  # it may have been lost and found again
            status = _status(client, model)
    except ErrandStopped:
        client.cancel_download(model)
        raise
    if not status.present:
        raise ErrandError(f"The download of {status.title} was cancelled somewhere else.")
    return {"models": [each.to_json() for each in client.models()]}


def import_model(served: Served, source: str, link: bool = False) -> Errand:
    """Put a ``.safetensors`` file into the server's folder of models: a copy, or with ``link`` another name of the same file.

    Returns ``models`` and the ``new`` ones among them by name; without a server, only where the file is (``path``).
    """
    path = Path(source)
    kind = kind_of(path)
    try:
        client = served()
        before = {model.name for model in client.models()}
        if not _is_here(client):
            host = urlsplit(client.url).hostname
            raise ErrandError(f"The server is on {host}: copy the file there, into {getattr(client.folders(), kind)}.")
        folder = Path(getattr(client.folders(), kind))
    except RequestRefused:
        raise
    except ServerError:  # none runs: it will find the file when it starts
        client, before = None, set()
        folder = user_data_dir() / "models" / {"vaes": "vae", "controlnets": "controlnet"}.get(kind, kind)
    target = folder / path.name
    if target.exists():
        if target.stat().st_size == path.stat().st_size:
            raise ErrandError(f"{target} is there already.")
        raise ErrandError(f"Another file is called {target}: rename one of them.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if link:
            _link(path, target)
        else:
            yield from _copy(path, target)
        for ending in _PICTURES:
            picture, beside = path.with_name(path.stem + ending), target.with_name(path.stem + ending)
            if picture.exists():
                if not beside.exists():  # one that is there is the user's
                    shutil.copyfile(picture, beside)
                break
    except OSError as error:
        raise ErrandError(disk_sentence(error, folder)) from error
    if client is None:
        return {"path": str(target)}
    models = client.models()
    new = [model.name for model in models if model.name not in before]
    return {"path": str(target), "models": [model.to_json() for model in models], "new": new}


def kind_of(path: Path) -> str:
    """In which of ModelFolders' folders a file belongs, by the names of its tensors. Raises ErrandError for one that is no model.

    The server looks closer, and says which family it is of.
    """
    if path.suffix.lower() != ENDING:
        raise ErrandError(f"{path.name} is no {ENDING} file: other kinds can run programs and are not loaded.")
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= min(_LONGEST_HEADER, path.stat().st_size - 8):
                raise ErrandError(f"{path.name} is cut off, or no {ENDING} file: download it again.")
            names = [name for name in json.loads(file.read(length)) if name != "__metadata__"]
    except OSError as error:
        raise ErrandError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError) as error:
        raise ErrandError(f"{path.name} is damaged: download it again.") from error
    if any(name.startswith(("control_model.", "controlnet_cond_embedding.", "input_hint_block.")) for name in names):
        return "controlnets"
    if any(".lora_" in name or name.startswith("lora_") or ".hada_" in name or ".lokr_" in name for name in names):
        return "loras"
    if any(name.startswith("decoder.") for name in names):
        return "vaes"
    return "checkpoints"


def _status(client: Client, model: str) -> ModelStatus:
    for status in client.models():
        if status.name == model:
            return status
    raise ErrandError(f"The server has no model '{model}' any more.")


def _is_here(client: Client) -> bool:
    return is_loopback(urlsplit(client.url).hostname or "")


def _pictures(folders: ModelFolders) -> Iterator[tuple[str, str]]:
    """Title of every model (the name of its file) and path of the picture beside it, empty where there is none."""
    for root in (folders.checkpoints, folders.loras, folders.vaes, folders.controlnets, *folders.others):
        for path in Path(root).rglob(f"*{ENDING}"):
            beside = (path.with_name(path.stem + ending) for ending in _PICTURES)
            yield path.stem, next((str(picture) for picture in beside if picture.exists()), "")


def _link(source: Path, target: Path) -> None:
    """A second name of the file on the same disk, else a link to it."""
    try:
        os.link(source, target)
    except OSError:
        target.symlink_to(source.absolute())


def _copy(source: Path, target: Path) -> Iterator[Progress]:
    """Whole, or not there at all."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    total, done = source.stat().st_size, 0
    if shutil.disk_usage(target.parent).free < total:
        raise ErrandError(f"The disk is full: make room of {in_gb(total)} for {target.parent}, then try again.")
    try:
        with source.open("rb") as reading, part.open("wb") as writing:
            while data := reading.read(PIECE):
                writing.write(data)
                done += len(data)
                yield Progress(done, total, "Copying")
        put_in_place(part, target, SCANNED)
    finally:
        part.unlink(missing_ok=True)
