# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of every result in the history, for searching, sorting and counting: a few words each. No bpy.

Reading thousands of records takes seconds, so that it is done piece by piece: ``HistoryIndex.read`` is a generator that stops
after each record or folder.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...generation_server.amounts import GIB
from ..pieces import Pieces
from .records import NEW, STAR, Record, RecordError, history_dir, read_record, subfolders

SORTS = ("NEWEST", "OLDEST", "FAVOURITES", "MODEL", "SEED", "LARGEST")
_AT_ONCE = 100  # files of a folder that are looked at in one piece
_FIRST = (12, 60)  # so many are shown before all have been read


@dataclass(frozen=True, slots=True)
class Item:
    """One result. ``words`` is what is searched, in lower case."""

    path: Path  # of its record
    job_id: str
    file_id: str
    of_job: str
    created: float  # seconds since the epoch
    model: str
    seed: int
    blend: str
    height: float  # of the picture, in its widths
    bytes: int  # of all its files
    favourite: bool
    new: bool  # nobody has looked at it
    words: str

    @property
    def first_job(self) -> str:
        """The job that made it, together with others or alone."""
        return self.of_job or self.job_id


@dataclass(slots=True)
class _Files:
    """What a folder says of one record."""

    size: int = 0
    endings: set[str] = field(default_factory=set)


def item_of(record: Record, size: int = 0, *, favourite: bool = False, new: bool = False) -> Item:
    request = record.request
    loras = " ".join(lora.name for lora in request.loras)
    file = Path(record.blend).name if record.blend else ""
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created))
    words = (request.prompt, request.model, request.style, loras, str(request.seed), file, made)
    return Item(
        record.path,
        record.job_id,
        record.file_id,
        record.of_job,
        record.created,
        request.model,
        request.seed,
        record.blend,
        request.height / request.width,
        size,
        favourite,
        new,
        "\n".join(words).casefold(),
    )


class HistoryIndex:
    """All results, newest first, as they were when the history was last read or when one was told to have changed."""

    def __init__(self) -> None:
        self.items: tuple[Item, ...] = ()
        self.other_bytes = 0  # of jobs without a result: they failed, were cancelled, or run
        self._known: dict[Path, Item] = {}

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items) + self.other_bytes

    def read(self, folder: Path | None = None) -> Pieces[None]:
        """Read the history anew, a little at each step; ``items`` grows meanwhile, and is whole and true at the end."""
        found: dict[Path, _Files] = {}
        yield from _list(folder or history_dir(), found)
        fresh: dict[Path, Item] = {}
        other = 0
        for path in sorted(found, key=lambda path: path.name, reverse=True):
            files = found[path]
            item = self._known.get(path)
            if item is None and ".png" in files.endings:
                try:
                    record = read_record(path)
                except RecordError:
                    record = None
                if record is not None and record.has_result:
                    item = item_of(record)
                yield
            if item is None or ".png" not in files.endings:
                other += files.size
                continue
            favourite, new = STAR in files.endings, NEW in files.endings
            if (item.bytes, item.favourite, item.new) != (files.size, favourite, new):
                item = replace(item, bytes=files.size, favourite=favourite, new=new)
            fresh[path] = item
            if len(fresh) in _FIRST and not self._known:
                self.items = tuple(fresh.values())  # the first reading: what is there already can be shown
            elif len(fresh) % _AT_ONCE == 0:
                yield
        self._known, self.items, self.other_bytes = fresh, tuple(fresh.values()), other

    def change(self, job_id: str, favourite: bool | None = None, new: bool | None = None) -> None:
        """One result has got or lost a mark."""
        for path, item in self._known.items():
            if item.job_id == job_id:
                favourite = item.favourite if favourite is None else favourite
                self._known[path] = replace(item, favourite=favourite, new=item.new if new is None else new)
                self.items = tuple(self._known.values())
                return

    def remove(self, job_ids: Iterable[str]) -> None:
        """These have gone."""
        gone = set(job_ids)
        self._known = {path: item for path, item in self._known.items() if item.job_id not in gone}
        self.items = tuple(self._known.values())


def _list(folder: Path, found: dict[Path, _Files]) -> Pieces[None]:
    """The files of every record below ``folder``, by the record's path."""
    for sub in sorted(subfolders(folder)):
        yield
        try:
            with os.scandir(sub) as entries:
                for number, entry in enumerate(entries, 1):
                    if number % _AT_ONCE == 0:
                        yield
                    stem, dot, ending = entry.name.partition(".")
                    files = found.setdefault(Path(sub, f"{stem}.json"), _Files())
                    files.endings.add(dot + ending)
                    try:
                        files.size += entry.stat(follow_symlinks=False).st_size
                    except OSError:
                        continue  # it went while we looked
        except OSError:
            continue
    for path in [path for path, files in found.items() if ".json" not in files.endings]:
        del found[path]


def chosen(
    items: Iterable[Item],
    search: str = "",
    files: set[str] | None = None,
    favourites: bool = False,
    sort: str = "NEWEST",
) -> tuple[Item, ...]:
    """Those with all words of ``search``, of these ``files`` where they are given, in the order ``sort`` of SORTS. ``items`` come
    newest first."""
    words = search.casefold().split()
    found = [
        item
        for item in items
        if (files is None or item.file_id in files)
        and (item.favourite or not favourites)
        and all(word in item.words for word in words)
    ]
    if sort == "OLDEST":
        found.reverse()
    elif sort == "FAVOURITES":
        found.sort(key=lambda item: not item.favourite)
    elif sort == "MODEL":
        found.sort(key=lambda item: item.model)
    elif sort == "SEED":
        found.sort(key=lambda item: item.seed)
    elif sort == "LARGEST":
        found.sort(key=lambda item: -item.bytes)
    return tuple(found)


def places(items: Iterable[Item]) -> Mapping[str, tuple[int, tuple[str, ...]]]:
    """For each picture of a job that made several: which one it is, from 1, and the ids of all, in their order."""
    jobs: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        jobs[item.first_job].append(item)
    found = {}
    for together in jobs.values():
        if len(together) > 1:
            ids = tuple(item.job_id for item in sorted(together, key=lambda item: item.created))
            found.update({job_id: (number, ids) for number, job_id in enumerate(ids, 1)})
    return found


@dataclass(frozen=True)
class Limits:
    """How much history there may be; 0: as much as comes."""

    gib: float = 0.0
    count: int = 0


@dataclass(frozen=True)
class Excess:
    """What a history is beyond its limits. ``leaving``: the oldest pictures that would have to go, never a favourite nor one that
    nobody has seen; ``is_enough``: without them it is within its limits; ``is_near``: it will soon be beyond."""

    leaving: tuple[Item, ...] = ()
    bytes: int = 0  # of those
    is_enough: bool = True
    is_near: bool = False


NEAR = 0.95
"""Part of a limit from which on the user is told that it will be reached."""


def excess(items: Iterable[Item], limits: Limits, other_bytes: int = 0) -> Excess:
    """``items`` come newest first; the oldest leave first."""
    items = tuple(items)
    size, count = sum(item.bytes for item in items) + other_bytes, len(items)
    most_bytes = limits.gib * GIB if limits.gib > 0.0 else float("inf")
    most = limits.count if limits.count > 0 else float("inf")
    is_near = size > NEAR * most_bytes or count > NEAR * most
    leaving: list[Item] = []
    for item in reversed(items):
        if size <= most_bytes and count <= most:
            break
        if item.favourite or item.new:
            continue
        leaving.append(item)
        size, count = size - item.bytes, count - 1
    return Excess(tuple(leaving), sum(item.bytes for item in leaving), size <= most_bytes and count <= most, is_near)
