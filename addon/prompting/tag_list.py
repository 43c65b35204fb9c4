# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags to choose from: our own list by category, and the lists that users have, such as Danbooru's as a CSV file.

Ours lie in ``rigs/tags/CATEGORY.txt``: headings in square brackets, below each its tags, common ones first, with commas and line
ends between them; after `` = `` what else people call a tag, with `` | `` between several. A user's lie in the folder ``tags`` of
the user's data: ``tag,category,count,aliases`` in each line, as the tag completion of A1111's web interface reads them. Those are
long (2 MB): they are read a slice at a time, and searched as one text.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...generation_server.protocol import user_data_dir
from ..package import RIGS
from .weights import written

CATEGORIES = (
    "people", "pose", "hands", "view", "hair", "face", "body", "clothes", "shoes", "accessories", "props", "place", "style",
)  # fmt: skip
"""The order in which they are shown."""

FOUND = 40
"""How many tags a search gives at most."""
_LARGEST_FILE = 50_000_000
_LONGEST = 100
"""Characters of a tag that is worth offering."""
_SLICE = 600
"""Lines of a file that are read at a time: about 4 ms."""
_COMMON = 8
"""So many tags of each heading are offered before the next so many of any."""


@dataclass(frozen=True)
class Heading:
    """A part of a category and its tags."""

    title: str
    tags: tuple[str, ...]


@dataclass
class _Index:
    """Tags as one text to search in: a line for each name under which a tag is found, in the order in which they are offered.
    ``shown`` has the tag of each line, and, where the line is another name, that name before it."""

    text: str = "\n"
    parts: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def add(self, tag: str, others: list[str]) -> None:
        for name in (tag, *others):
            key = _key(name)
            if key and key not in self.known and len(key) <= _LONGEST and len(tag) <= _LONGEST:
                self.known.add(key)
                self.parts.append(f"{key}\t{tag}\n" if name == tag else f"{key}\t{tag}\t{name}\n")

    def settle(self) -> None:
        self.text += "".join(self.parts)
        self.parts.clear()

    def search(self, query: str, start: str, found: dict[str, str], most: int) -> None:
        """Add to ``found`` (tag → other name by which it was found, or nothing) those whose name has ``start`` + query."""
        place = -1
        needle = start + query
        while len(found) < most and (place := self.text.find(needle, place + 1)) >= 0:
            begin = self.text.rfind("\n", 0, place + 1) + 1
            end = self.text.index("\n", begin)
            name, tag, *other = self.text[begin:end].split("\t")
            if place - begin < len(name):
                found.setdefault(tag, other[0] if other else "")
            place = end - 1


@functools.cache
def our_tags() -> dict[str, tuple[Heading, ...]]:
    """Category → its headings with their tags, as prompts write them."""
    return {category: tuple(heading for heading, _ in _read(category)) for category in CATEGORIES}


def our_headings(category: str) -> tuple[str, ...]:
    """The titles of a category's headings, without reading their tags."""
    return tuple(re.findall(r"^\[(.+)\]$", _file(category).read_text("utf-8"), re.MULTILINE))


def _file(category: str) -> Path:
    return RIGS / "tags" / f"{category}.txt"


def _read(category: str) -> Iterator[tuple[Heading, dict[str, list[str]]]]:
    """The headings of one of our files, each with the other names of its tags."""
    title, tags, others = "", list[str](), dict[str, list[str]]()
    for line in _file(category).read_text("utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("# "):
            continue
        if heading := re.fullmatch(r"\[(.+)\]", line):
            if tags:
                yield Heading(title, tuple(tags)), others
            title, tags, others = heading[1], [], {}
            continue
        for entry in filter(None, (entry.strip() for entry in line.rstrip(",").split(", "))):
            tag, _, names = entry.partition(" = ")
            tags.append(written(tag.strip()))
            if names:
                others[tags[-1]] = [name.strip() for name in names.split(" | ")]
    if tags:
        yield Heading(title, tuple(tags)), others


class TagList:
    """All tags that can be found: ours, of which ``step`` reads a category at a time and ``find`` all that is left; then, slice
    by slice in further steps, those of the user's files."""

    def __init__(self, folder: Path | None = None) -> None:
        self._ours, self._theirs = _Index(), _Index()
        self._waiting = list(CATEGORIES)
        self._ranked: list[tuple[int, str, list[str]]] = []
        self._folder = folder
        self._lines: Iterator[tuple[str, list[str]]] | None = None
        self.problems: list[str] = []

    def step(self) -> bool:
        """Read a little more of our own list; False when that is done."""
        if self._waiting:
            category = self._waiting.pop(0)
            for heading, others in _read(category):
                self._ranked += [(place // _COMMON, tag, others.get(tag, [])) for place, tag in enumerate(heading.tags)]
            if not self._waiting:
                for _, tag, names in sorted(self._ranked, key=lambda entry: entry[0]):
                    self._ours.add(tag, names)
                self._ours.settle()
        return bool(self._waiting)

    def step_users(self) -> bool:
        """Read a little more of the user's files; False when all is read."""
        if self._lines is None:
            folder = self._folder or user_data_dir() / "tags"
            self._lines = _lines(sorted(folder.glob("*.csv")) if folder.is_dir() else [], self.problems)
        for _ in range(_SLICE):
            row = next(self._lines, None)
            if row is None:
                self._theirs.settle()
                return False
            self._theirs.add(written(row[0]), row[1])
        return True

    def find(self, query: str, most: int = FOUND) -> list[tuple[str, str]]:
        """Tags whose name begins with a text, then those of which a word does, then those that have it anywhere; the user's
        lists, which are sorted by how common tags are, after ours. Each with the other name by which it was found. Without a
        text, the common ones of ours."""
        while self.step():
            pass
        query = _key(query.strip())
        found: dict[str, str] = {}
        for start in ("\n", " ", "") if query else ("\n",):
            for index in (self._ours, self._theirs):
                index.search(query, start, found, most)
        return list(found.items())


the_list = functools.cache(TagList)
"""The list that all of the add-on searches."""


def _key(name: str) -> str:
    """As tags are compared here: quicker than ``weights.plain``, for names that nothing weighs."""
    return name.replace("_", " ").replace("\\", "").casefold()


def _lines(files: list[Path], problems: list[str]) -> Iterator[tuple[str, list[str]]]:
    for path in files:
        try:
            if path.stat().st_size > _LARGEST_FILE:
                problems.append(
                    f"{path.name} is too large for a list of tags: it should have lines of tag,category,count,aliases."
                )
                continue
            with path.open(encoding="utf-8", errors="replace", newline="") as stream:
                for row in csv.reader(stream):
                    if row and row[0].strip() and row[0] != "tag":
                        others = row[3].split(",") if len(row) > 3 else []
                        yield row[0].strip(), [name.strip() for name in others if name.strip()]
        except (OSError, csv.Error) as error:
            problems.append(f"{path.name} cannot be read as a list of tags ({error}).")
