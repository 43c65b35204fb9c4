# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``draw``: OpenPose JSON as ControlNet images. Imports nothing heavy before it runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UserError
from .terminal import Progress, out_folder, write_png

if TYPE_CHECKING:
    from .openpose.pose_json import PoseDocument

_NO_POSES = ("passes.json", "request.json")
"""What the other commands write beside ``pose.json``."""


def draw(arguments: argparse.Namespace) -> None:
    """OpenPose JSON drawn as ControlNet images, many in one process."""
    from .openpose.drawing import draw_people
    from .openpose.profiles import ProfileError, profile

    try:
        chosen = profile(arguments.profile)
    except ProfileError as error:
        raise UserError(str(error)) from None
    size = _size(arguments.size) if arguments.size else None
    jobs = list(_jobs([Path(p) for p in arguments.poses], Path(arguments.out)))
    with Progress("drawing", len(jobs)) as progress:
        for source, _ in jobs:  # before anything is written
            _read(source, size)
        for done, (source, target) in enumerate(jobs):
            progress.update(done, source.name)
            documents = _read(source, size)
            for number, document in enumerate(documents, 1):
                width, height = size or (document.width, document.height)
                scale = (width / document.width, height / document.height)
                people = [person.scaled(*scale) for person in document.people]
                hands, face = chosen.hands and not arguments.no_hands, chosen.face and not arguments.no_face
                image = draw_people(people, width, height, chosen, hands=hands, face=face)
                several = len(documents) > 1
                write_png(target.with_name(f"{target.stem}_{number:03}.png") if several else target, image)


def _read(source: Path, size: tuple[int, int] | None) -> tuple[PoseDocument, ...]:
    """The pictures in a file: several where it holds ComfyUI's list of them."""
    from .openpose.pose_json import PoseJsonError, decoded, loads_all

    try:
        return loads_all(decoded(source.read_bytes()), size=size)
    except PoseJsonError as error:
        raise UserError(f"{source}: {error}") from None
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}.") from None


def _jobs(sources: Sequence[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """Which JSON becomes which PNG: folders are searched; one file may name its PNG, several go into a folder."""
    files: list[Path] = []
    for source in sources:
        if source.is_dir():
            files += sorted(file for file in source.glob("*.json") if file.name not in _NO_POSES)
        elif source.is_file():
            files.append(source)
        else:
            raise UserError(f"There is no file or folder {source}.")
    if not files:
        raise UserError("There is no .json file in these folders: name files or folders with OpenPose JSON.")
    if out.suffix.lower() == ".png":
        if len(files) > 1:
            raise UserError(f"{len(files)} poses do not fit into one PNG: give --out a folder.")
        out_folder(str(out.parent))
        yield files[0], out
        return
    out_folder(str(out))
    taken: dict[str, Path] = {}
    for file in files:
        if other := taken.setdefault(file.stem, file) is not file and taken[file.stem]:
            raise UserError(f"{other} and {file} would become the same PNG: draw them into two folders.")
        yield file, out / f"{file.stem}.png"


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdigit() and height.isdigit() and 1 <= int(width) <= 16384 and 1 <= int(height) <= 16384):
        raise UserError(f"'{text}' is not a size: write width and height in pixels, as in 832x1216.")
    return int(width), int(height)
