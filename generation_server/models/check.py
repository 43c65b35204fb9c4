# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the files of an entry are whole: by the hashes that the hub told, or, where none are known, by their own header."""

from __future__ import annotations

from pathlib import Path

from .builtin import make as untrained
from .builtin import shipped
from .catalogue import ModelCatalogue
from .entry import Entry
from .header import HeaderError, tensor_shapes
from .places import Place


def check_entry(catalogue: ModelCatalogue, entry: Entry, place: Place) -> list[str]:
    """A sentence for every damaged file. Reads all of them, which takes seconds per gigabyte."""
    if entry.made_here and shipped.is_there():
        return shipped.problems(shipped.FOLDER)
    if entry.made_here:
        folder = place.folder
        if folder is None or not folder.exists() or untrained.is_whole(folder):
            return []
        return [f"{folder} is damaged: it is made anew when it is next used."]
    root = place.folder or (place.file.parent if place.file else Path())
    locked = catalogue.lock.files(entry.repository)
    problems = []
    for path in [place.file] if place.file else sorted(root.rglob("*")):
        if not path.is_file():
            continue
        known = locked.get(path.relative_to(root).as_posix())
        if known is not None:
            if not known.matches(path):
                problems.append(f"{path} is not what {entry.repository} has.")
        elif path.suffix == ".safetensors":
            try:
                tensor_shapes(path)
                if place.file:
                    catalogue.hashes.of(path)  # now that it is read anyway; pictures made with it name it from now on
            except HeaderError as error:
                problems.append(f"{path} is damaged: {error}.")
            except OSError as error:
                problems.append(f"{path} cannot be read: {error.strerror}.")
    return problems
