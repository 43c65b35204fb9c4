# SPDX-License-Identifier: GPL-3.0-or-later
"""All models as the panels show them: what is here and what is missing, their pictures, downloads and imports under way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ...generation_server.families.advice import advised
from ...generation_server.protocol import Download, ModelStatus, ProtocolError
from ..pieces import Pieces
from ..settings import models as settings
from . import errands, gallery, models, thumbnails, timer
from . import session as _session

KINDS = {
    "checkpoint": "Model",
    "lora": "LoRA",
    "controlnet": "ControlNet",
    "vae": "VAE",
    "tiny_vae": "Preview",
    "detector": "Detector",
    "upscaler": "Upscaler",
}
"""Kinds in the order in which they are listed, and what a person calls them."""

DOWNLOAD = "download of "
IMPORT = "import of "
"""How the errands that bring models are called, before the model's or the file's name."""

_OURS = "builtin"  # it is there from the first day, and is for trying out


class _State:
    by_name: Mapping[str, ModelStatus]
    plans: dict[str, Download]  # what downloads would bring, as far as it was asked
    pictures: Mapping[str, str]  # title → picture beside the file


_state = _State()
_state.by_name, _state.plans, _state.pictures = {}, {}, {}


def status(name: str) -> ModelStatus | None:
    return _state.by_name.get(name)


def shown() -> ModelStatus | None:
    """The one that is looked at."""
    view = _view()
    return status(view.rows[view.active].model) if 0 <= view.active < len(view.rows) else None


def icon() -> int:
    """The picture of the one that is looked at: beside its file, else the last that was made with it; 0 for none."""
    found = shown()
    return thumbnails.icon_of(_icon_name(found.name)) if found else 0


def plan(name: str) -> Download | None:
    """What a download of this model would bring, once it was asked."""
    return _state.plans.get(name)


def size(found: ModelStatus) -> int:
    """Bytes that are missing, as far as they are known; 0 where they are not."""
    if known := plan(found.name):
        return known.total - known.done
    sizes = [file.size for file in found.missing]
    return sum(filter(None, sizes)) if all(sizes) else 0


def first_download() -> ModelStatus | None:
    """What to download first on this GPU; None where a model is here that paints for good."""
    every = models.every()
    if any(item.present and item.kind == "checkpoint" and item.name != _OURS for item in every):
        return None
    best = advised(every, gpu_memory())
    return next((item for item in best if not item.present), None)


def gpu_memory() -> int:
    """Bytes of the GPU that the server paints with; 0 where it paints on the processor, whose memory says nothing."""
    health = _session.session.server.health
    return health.memory_total if health is not None and health.device != "CPU" else 0


def under_way() -> tuple[errands.Errand, ...]:
    """Downloads and imports that go on."""
    return (*errands.running(DOWNLOAD), *errands.running(IMPORT))


def ask_size(name: str) -> None:
    """Have the hub asked how large a download is. Raises UserError, LinkError."""

    def told(result: Any) -> None:
        try:
            _state.plans[name] = Download.from_json(result)
        except ProtocolError:
            return
        timer.redraw()

    errands.begin("download_size", told, f"size of {name}", model=name)


def download(name: str) -> None:
    """Raises UserError, LinkError."""
    _state.plans.pop(name, None)
    errands.begin("download_model", _changed, DOWNLOAD + name, model=name)


def forget_plan(name: str) -> None:
    _state.plans.pop(name, None)
    errands.forget(f"size of {name}")


def bring(path: Path, link: bool) -> None:
    """Import a file from disk. Raises UserError, LinkError."""
    errands.begin("import_model", _imported, IMPORT + path.name, source=str(path), link=link)


def refresh() -> None:
    """Ask the server anew, and look for pictures beside its files. Raises UserError, LinkError."""
    errands.begin("list_models", _listed)


def _listed(result: Any) -> Pieces[None]:
    _state.pictures = {str(title): str(path) for title, path in result["pictures"].items()}
    return models.taking_list(result["models"], problems=result["problems"])


def _changed(result: Any) -> Pieces[None]:
    return models.taking_list(result["models"])


def _imported(result: Any) -> Pieces[None]:
    if "models" not in result:
        _session.session.notice = f"{result['path']} is there; the server finds it when it starts."
        return
    yield from models.taking_list(result["models"])
    _fill()
    new = [found.title for name in result["new"] if (found := status(name))]
    if new:
        _session.session.notice = f"{', '.join(new)} can be used now."
        _look_at(result["new"][0])
        return
    _session.fail(f"{result['path']} is there, but it is of a kind of model that the server does not know.")


def _look_at(name: str) -> None:
    view = _view()
    view.active = next((number for number, row in enumerate(view.rows) if row.model == name), view.active)


def _fill() -> None:
    """Bring the list in line with what is known, with the same line looked at."""
    view = _view()
    before = shown()
    _state.by_name = {item.name: item for item in models.every()}
    order = list(KINDS)
    lines = sorted(
        (item for item in models.every() if item.kind in KINDS), key=lambda item: (order.index(item.kind), item.title.casefold())
    )
    view.rows.clear()
    for item in lines:
        row = view.rows.add()
        row.name, row.model, row.kind, row.present = item.title, item.name, item.kind, item.present
    if before is not None:
        _look_at(before.name)
    _offer_icon()
    timer.redraw()


def _list_changed() -> None:
    timer.later("list of models", _fill)


def _offer_icon() -> None:
    found = shown()
    path = _picture_of(found) if found else None
    thumbnails.offer("models", {_icon_name(found.name): path} if found and path else {})


def _picture_of(found: ModelStatus) -> Path | None:
    if beside := _state.pictures.get(found.title):
        return Path(beside)
    return gallery.last_picture_with(found.name)


def _icon_name(name: str) -> str:
    return f"model {name}"


def _view() -> bpy.types.PropertyGroup:
    return bpy.context.window_manager.pose_to_anime.models


CLASSES: tuple[type, ...] = ()


def register() -> None:
    models.list_listeners.append(_list_changed)
    settings.chosen_listeners.append(_offer_icon)
    _list_changed()


def unregister() -> None:
    settings.chosen_listeners.remove(_offer_icon)
    models.list_listeners.remove(_list_changed)
    _state.by_name, _state.plans, _state.pictures = {}, {}, {}
