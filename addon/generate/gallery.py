# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole history as the panels show it: what is searched for, the page, its thumbnails, favourites, how much there is.

All of it is in memory; what takes longer than a moment is done in small pieces by the timer.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..pieces import Pieces, for_a_moment
from ..preferences import preferences
from ..settings import history as settings
from . import thumbnails, timer
from .history_items import Excess, HistoryIndex, Item, Limits, chosen, excess, places
from .records import STAR, Record, RecordError, mark, note_gone, read_record

PAGE = 12
"""Pictures on one page: whole rows of two, three or four."""

_PIECE = 0.004  # seconds of one call of the timer
_ICONS = "history"  # whose thumbnails these are


@dataclass
class _State:
    index: HistoryIndex = field(default_factory=HistoryIndex)
    files: set[str] = field(default_factory=set)  # the histories of the open file
    found: tuple[Item, ...] = ()
    page: tuple[Item, ...] = ()
    number: int = 0  # of the page, from 0
    places: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    by_job: Mapping[str, Item] = field(default_factory=dict)
    excess: Excess = field(default_factory=Excess)
    bytes: int = 0
    is_read: bool = False
    told: Excess = field(default_factory=Excess)  # what the panel has shown to be too much
    due: frozenset[str] = frozenset()  # jobs of which it had said so when the last picture came
    leaving: deque[Item] = field(default_factory=deque)  # to be deleted
    gone: list[str] = field(default_factory=list)  # jobs whose results have been deleted since that was last told
    reading: Pieces[None] | None = None
    again: bool = False  # something changed while it was read


_state = _State()

leaves: list[Callable[[Record], None]] = []
"""Called with each result that is about to be deleted."""

removed: list[Callable[[list[str]], None]] = []
"""Called with the jobs whose results have been removed."""


# For panels


def page() -> tuple[Item, ...]:
    """The results of the page that is shown."""
    return _state.page


def page_number() -> tuple[int, int]:
    """The page, from 0, and how many there are."""
    return _state.number, max(1, -(-len(_state.found) // PAGE))


def is_read() -> bool:
    """Whether the whole history has been read."""
    return _state.is_read


def count() -> int:
    """How many results there are in all."""
    return len(_state.index.items)


def found() -> int:
    """How many of them are looked for."""
    return len(_state.found)


def size() -> int:
    """Bytes of the whole history."""
    return _state.bytes


def item(job_id: str) -> Item | None:
    return _state.by_job.get(job_id)


def siblings(job_id: str) -> tuple[int, tuple[str, ...]]:
    """Which of several pictures of one job it is, from 1, and the ids of all; (0, ()) of one that was made alone."""
    return _state.places.get(job_id, (0, ()))


def too_much() -> Excess:
    """What is beyond the user's limits."""
    return _state.excess


def warned() -> None:
    """The panel shows that what is beyond the limits is deleted when the next picture comes."""
    _state.told = _state.excess


def others(this_file: bool) -> tuple[Item, ...]:
    """The results that are no favourites, of the open file or of all."""
    return tuple(item for item in _state.index.items if not item.favourite and (not this_file or item.file_id in _state.files))


def shown(all_pages: bool) -> tuple[Item, ...]:
    """The results that are looked for, of all pages or of the one that is shown, but no favourites."""
    return tuple(item for item in (_state.found if all_pages else _state.page) if not item.favourite)


def last_picture_with(model: str) -> Path | None:
    """The newest picture that a model has made."""
    return next((item.path.with_suffix(".png") for item in _state.index.items if item.model == model), None)


# What changes


def refresh(files: set[str] | None = None) -> None:
    """Read the history anew, in pieces; ``files`` are the histories of the open file."""
    if files is not None:
        _state.files = files
        look()
    if _state.reading is not None:
        _state.again = True
        return
    _state.reading = _state.index.read()
    timer.later("read history", _read_on)


def look() -> None:
    """Find what is to be shown, after the search, the page, or what there is has changed."""
    window = bpy.context.window_manager.pose_to_anime
    view = window.browser
    _state.found = chosen(
        _state.index.items, view.search, _state.files if window.history == "FILE" else None, view.favourites, view.sort
    )
    _state.number = min(view.page, page_number()[1] - 1)
    _state.page = _state.found[_state.number * PAGE : (_state.number + 1) * PAGE]
    thumbnails.offer(_ICONS, {item.job_id: item.path.with_suffix(".png") for item in _state.page})
    timer.redraw()


def star(job_id: str, favourite: bool) -> None:
    """Mark a result as a favourite, or take the mark away. Raises RecordError."""
    known = item(job_id)
    if known is None:
        return
    mark(known.path.with_suffix(STAR), favourite)
    _state.again = _state.reading is not None
    _state.index.change(job_id, favourite=favourite)
    _count()
    look()


def seen(record: Record) -> None:
    """Somebody has looked at a result."""
    if not record.new_path.exists():
        return
    try:
        mark(record.new_path, False)
    except RecordError:
        return  # it stays new, which loses nothing
    _state.again = _state.reading is not None
    _state.index.change(record.job_id, new=False)
    _count()
    look()


def remove(items: tuple[Item, ...]) -> None:
    """Delete results for ever, after those that are being deleted, a few at each call of the timer. Favourites stay."""
    _state.leaving.extend(items)
    timer.later("remove results", _remove_on)


def picture_came() -> None:
    """A new picture is in the history: what the panel has said to leave then may leave, once the history is read."""
    _state.due |= {item.job_id for item in _state.told.leaving}
    _state.told = Excess()


def limits() -> Limits:
    """What the user has set."""
    prefs = preferences()
    return Limits(prefs.history_gib, prefs.history_count) if prefs is not None else Limits()


def _read_on() -> None:
    if _state.reading is None:
        return
    is_whole, _ = for_a_moment(_state.reading, _PIECE)
    unfinished = not is_whole
    if unfinished and not _state.is_read and len(_state.index.items) != len(_state.by_job):
        _state.by_job = {item.job_id: item for item in _state.index.items}
        look()
    if unfinished:
        timer.later("read history", _read_on)
        return
    timer.later("count history", _finish_reading)


def _finish_reading() -> None:
    _state.reading, _state.is_read = None, True
    _count()
    timer.later("look at history", look)
    if _state.again:
        _state.again = False
        refresh()
    else:
        _keep_limits()


def _count() -> None:
    items = _state.index.items
    _state.by_job = {item.job_id: item for item in items}
    _state.places = places(items)
    _state.bytes = _state.index.bytes
    _state.excess = excess(items, limits(), _state.index.other_bytes)


def _keep_limits() -> None:
    """Where the user lets the oldest leave by themselves: those of which the panel had said so when a picture came."""
    prefs = preferences()
    due, _state.due = _state.due, frozenset()
    if prefs is not None and prefs.history_full == "OLDEST":
        remove(tuple(item for item in _state.excess.leaving if item.job_id in due))


def _remove_on() -> None:
    end = time.perf_counter() + _PIECE
    while _state.leaving and time.perf_counter() < end:
        item = _state.leaving.popleft()
        if _is_deleted(item):
            _state.gone.append(item.job_id)
    if _state.leaving:
        timer.later("remove results", _remove_on)
    elif _state.gone:
        gone, _state.gone = _state.gone, []
        _state.index.remove(gone)
        _count()
        look()
        for call in tuple(removed):
            call(gone)


def _is_deleted(item: Item) -> bool:
    """Delete one, unless it has become a favourite, in another Blender perhaps; False where it is still there."""
    try:
        record = read_record(item.path)
        if record.star_path.exists():
            return False
        with contextlib.suppress(OSError):  # then the server offers it again
            note_gone([item.job_id])
        for call in tuple(leaves):
            call(record)
        for path in reversed(record.files):  # the record goes last: what is cut short can be done again
            path.unlink(missing_ok=True)
    except (RecordError, OSError):
        return False  # it is counted again by the next reading
    return True


CLASSES: tuple[type, ...] = ()


def register() -> None:
    settings.view_listeners.append(look)
    settings.limit_listeners.append(_count)


def unregister() -> None:
    global _state
    settings.limit_listeners.remove(_count)
    settings.view_listeners.remove(look)
    _state = _State()
