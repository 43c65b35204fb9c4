# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of the open file: which results belong to it, and putting back what undo and loading took away.

A timer's additions to Blender's data vanish at the next Ctrl-Z, so every result is on disk first; the handlers below load it
again, and show it again in the editors that showed it.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...generation_server.protocol import JobState
from .. import handlers
from ..errors import UserError
from ..settings import window as settings
from . import gallery, held_images, pictures, thumbnails, timer, viewing
from . import session as _session
from .link import LinkError
from .records import THUMBNAILS, Record, RecordError, bring_back, discard, is_file_id, read_records, record_paths, record_stamp

RESUME_WITHIN = 7 * 24 * 3600.0
"""Seconds after which a job that never came to an end is no longer asked for."""

_SCANNED = 60
"""Newest records that are looked at for results: failed ones lie between."""

_PIECE = 0.004  # seconds of one call of the timer

_shown: dict[int, str] = {}
_file_id = ""  # of the open file: an undo can take it out of the scene
_of_file: tuple[Record, ...] = ()
_of_all: tuple[Record, ...] = ()
_discarded: list[str] = []
_read: dict[Path, Record] = {}
_recalled: dict[str, Record | None] = {}  # older ones that are looked at
_unfinished: list[Path] = []  # records that may be of unfinished jobs, and have not been looked at
_held = 0  # of those that are being deleted, the images that the open file keeps


def file_ids() -> set[str]:
    """The history folders that belong to the open file: more than one where scenes were appended from others."""
    ids = {scene.pose_to_anime.file_id for scene in bpy.data.scenes if is_file_id(scene.pose_to_anime.file_id)}
    return ids | ({_file_id} if _file_id else set())


def ensure_file_id(scene: bpy.types.Scene) -> str:
    """The history folder for a generation of ``scene``; a file that has none yet gets one, saved or not."""
    global _file_id
    if not is_file_id(scene.pose_to_anime.file_id):
        scene.pose_to_anime.file_id = _file_id or next(iter(sorted(file_ids())), "") or uuid.uuid4().hex
    _file_id = scene.pose_to_anime.file_id
    return _file_id


def entries() -> tuple[Record, ...]:
    """The last results that the panels show, newest first."""
    return _of_file if bpy.context.window_manager.pose_to_anime.history == "FILE" else _of_all


def known() -> tuple[Record, ...]:
    """All results in memory."""
    return (*_of_file, *_of_all)


def entry(job_id: str) -> Record | None:
    """A result by its job: of the last ones, else from disk."""
    if found := in_memory(job_id):
        return found
    known = gallery.item(job_id)
    paths = (path for path in record_paths() if path.stem.endswith(job_id[:8]))
    records = read_records([known.path] if known else paths, 1)
    record = records[0] if records and records[0].job_id == job_id else None
    _recalled[job_id] = record
    return record


def in_memory(job_id: str) -> Record | None:
    """A result by its job, for panels: None too where it has not been read yet, which this asks for."""
    for record in (*_of_file, *_of_all):
        if record.job_id == job_id:
            return record
    if job_id and job_id not in _recalled:
        timer.later(f"recall {job_id}", lambda: _recall(job_id))
    return _recalled.get(job_id)


def is_gone(job_id: str) -> bool:
    """Whether a result was looked for and is not there, for panels."""
    return in_memory(job_id) is None and job_id in _recalled


def _recall(job_id: str) -> None:
    if job_id not in _recalled:
        entry(job_id)


def latest() -> Record | None:
    return _of_file[0] if _of_file else None


def belongs_here(record: Record) -> bool:
    return record.file_id in file_ids()


def refresh() -> None:
    """Read the last results from disk."""
    global _of_file, _of_all, _read
    paths = {True: record_paths(file_ids())[:_SCANNED], False: record_paths()[:_SCANNED]}
    _of_file = _last_results(paths[True])
    _of_all = _last_results(paths[False])
    _read = {path: _read[path] for path in {*paths[True], *paths[False]} if path in _read}
    thumbnails.offer("last", {record.job_id: record.result_path for record in known()})
    _recalled.clear()
    gallery.refresh(file_ids())


def _last_results(paths: list[Path]) -> tuple[Record, ...]:
    found: list[Record] = []
    for path in paths:
        if len(found) == THUMBNAILS:
            break
        if path not in _read:
            read = read_records([path], 1)
            if not read or not read[0].state.is_final:
                continue
            _read[path] = read[0]  # one that is final does not change any more
        if _has_result(_read[path]):
            found.append(_read[path])
    return tuple(found)


def put_back() -> None:
    """Have an image for each of the file's last results."""
    for record in _of_file:
        try:
            pictures.open_image(record)
        except UserError:
            continue  # its file was deleted by hand; the thumbnail says so when it is clicked


def throw_away(record: Record) -> bool:
    """Take a result out of the history, and out of Blender unless the open file needs it; then True. Raises UserError."""
    stays = held_images.hold(record)
    try:
        discard(record)
    except OSError as error:
        raise UserError(f"The picture cannot be discarded: {error.strerror or error}.") from error
    if said := _remove_images([record.job_id]):
        _session.session.notice = said
    _discarded.append(record.job_id)
    refresh()
    return stays


def can_bring_back() -> bool:
    return bool(_discarded)


def bring_last_back() -> Record | None:
    """Put the result that was discarded last back; None where that cannot be."""
    while _discarded:
        job_id = _discarded.pop()
        if bring_back(job_id):
            refresh()
            return entry(job_id)
    return None


def resume_unfinished() -> None:
    """Follow the jobs of this file that an earlier Blender began and did not see the end of, a few at each call of the timer."""
    global _unfinished
    began = record_stamp(time.time() - RESUME_WITHIN)
    _unfinished = [path for path in record_paths(file_ids()) if path.name >= began and path not in _read]
    _resume_on()


def _resume_on() -> None:
    end = time.perf_counter() + _PIECE
    while _unfinished:
        for record in read_records([_unfinished.pop()], 1, lambda record: not record.state.is_final):  # the oldest one first
            try:
                _session.resume(record)
            except (UserError, LinkError, RecordError) as error:
                _unfinished.clear()
                _session.fail(str(error))
        if time.perf_counter() > end:
            break
    if _unfinished:
        timer.later("resume", _resume_on)


def _has_result(record: Record) -> bool:
    return record.has_result and record.result_path.exists()


def _arrived(record: Record) -> None:
    """A job has ended. Each step is a call of the timer of its own, for each takes some milliseconds."""
    timer.later("thumbnails", refresh)
    timer.later("preview", _end_preview)
    if record.state is not JobState.DONE:
        return
    gallery.picture_came()
    if not belongs_here(record):
        where = Path(record.blend).name if record.blend else "another file"
        _session.session.notice = f"A picture of {where} is ready; it is in that file's history."
        return
    timer.later(f"load {record.job_id}", lambda: _load(record))


def _load(record: Record) -> None:
    pictures.open_image(record)
    timer.later("show", lambda: _show(record.job_id))


def _show(job_id: str) -> None:
    image = pictures.image_of(job_id)
    found = entry(job_id)
    if image is None or found is None or not viewing.show(image, pictures.size_of(found)):
        _session.session.notice = "The picture is ready: click its thumbnail to see it."
        return
    gallery.seen(found)


def _previewed(job: _session.Job) -> None:
    timer.later("preview", lambda: _preview(job))


def _preview(job: _session.Job) -> None:
    if job.id not in _session.session.jobs or not belongs_here(job.record):
        return
    pictures.read_preview(job.preview)
    timer.later("preview as large as the picture", lambda: _show_preview(job))


def _show_preview(job: _session.Job) -> None:
    image = pictures.preview_image()
    if image is None or job.id not in _session.session.jobs:
        return
    pictures.enlarge_preview(image, pictures.size_of(job.record))
    if not viewing.is_chosen():
        viewing.show(image, pictures.size_of(job.record))


def _end_preview() -> None:
    if any(job.preview for job in _session.session.jobs.values()):
        return
    thumbnails.set_running(None)
    last = latest()
    for _, area in viewing.image_editors():
        if viewing.shows(area, "PREVIEW"):
            area.spaces.active.image = pictures.image_of(last.job_id) if last else None
    pictures.remove_preview()


@persistent
def _before_undo(*_: Any) -> None:
    _shown.clear()
    _shown.update(viewing.remember())


@persistent
def _after_undo(*_: Any) -> None:
    for scene in bpy.data.scenes:
        if _file_id and not scene.pose_to_anime.file_id and scene == bpy.context.scene:
            scene.pose_to_anime.file_id = _file_id
    put_back()
    held_images.put_back()
    for _, area in viewing.image_editors():
        job_id = _shown.get(area.as_pointer(), "")
        image = _image_again(job_id) if job_id else None
        if image is not None and area.spaces.active.image is None:
            area.spaces.active.image = image
    _shown.clear()


def _image_again(job_id: str) -> bpy.types.Image | None:
    """The image of a result that an editor showed before an undo took it away."""
    if (image := pictures.image_of(job_id)) is not None:
        return image
    record = entry(job_id)
    try:
        return pictures.open_image(record) if record else None
    except UserError:
        return None


def _leaves(record: Record) -> None:
    """A result is about to be deleted from disk."""
    global _held
    _held += held_images.hold(record)


def _removed(job_ids: list[str]) -> None:
    """Results have been deleted from disk: their images go too, unless the user has kept them or something uses them."""
    global _held
    packed = f"Deleted from the history, but packed into this file, which uses them: {_held}." if _held else ""
    _held = 0
    if said := " ".join(filter(None, (packed, _remove_images(job_ids)))):
        _session.session.notice = said
    refresh()


def _remove_images(job_ids: list[str]) -> str:
    """Take the images of results that are gone out of the file, but for those that it needs; which of these are empty now, in a
    sentence."""
    images = [image for image in pictures.result_images() if image.pose_to_anime.job_id in job_ids]
    needed = held_images.needed(images)
    for image in images:
        if image not in needed:
            bpy.data.images.remove(image)
    return _missing_sentence([image.name for image in held_images.empty(needed)])


@persistent
def _before_save(*_: Any) -> None:
    held_images.hold_all()


def _tell_missing() -> None:
    if said := _missing_sentence(held_images.missing()):
        _session.session.notice = said


def _missing_sentence(names: list[str]) -> str:
    return f"Gone from the history, though this file uses them: {', '.join(names)}." if names else ""


@persistent
def _after_load(*_: Any) -> None:
    _session.session.error = _session.session.notice = ""
    _look_at_file()


def _look_at_file() -> None:
    """What belongs to the file that is open now, and what there is still to be done for it."""
    global _file_id
    held_images.forget()
    _discarded.clear()
    _unfinished.clear()
    _file_id = ""
    _file_id = next(iter(sorted(file_ids())), "")
    refresh()
    put_back()
    pictures.remove_preview()  # one that was saved while a job ran
    if not bpy.app.background:
        timer.later("resume", resume_unfinished)
        timer.later("missing images", _tell_missing)


_HANDLERS = (
    ("undo_pre", _before_undo),
    ("redo_pre", _before_undo),
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
    ("save_pre", _before_save),
    ("load_post", _after_load),
)

CLASSES: tuple[type, ...] = ()


def register() -> None:
    handlers.put_on(_HANDLERS)
    _session.finished.append(_arrived)
    _session.previewed.append(_previewed)
    settings.history_listeners.append(gallery.look)
    gallery.leaves.append(_leaves)
    gallery.removed.append(_removed)
    # Blender's data cannot be read while an extension is being enabled.
    timer.later("first look", _look_at_file)  # what other modules have said since then stays


def unregister() -> None:
    gallery.removed.remove(_removed)
    gallery.leaves.remove(_leaves)
    settings.history_listeners.remove(gallery.look)
    _session.previewed.remove(_previewed)
    _session.finished.remove(_arrived)
    handlers.take_off(_HANDLERS)
