# SPDX-License-Identifier: GPL-3.0-or-later
"""``studio.py styles``: the styles as a list, or one pose painted in each of them."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .background import blender
from .command_parts import named_numbers, scene_of, server_of, tell_outfit, use_generation
from .errors import UserError
from .terminal import Progress, png_path, read_picture, say, write_png

if TYPE_CHECKING:
    from ..generation_server.client import Client
    from .prompting.styles import Style

SHEET_PROMPT = "1girl, solo, black hair, ponytail, red shirt, blue skirt"
"""A plainly dressed grown figure, and nothing of light, place or technique, which is what styles decide."""

_HEIGHT = 360
"""Pixels of a picture in the sheet; smaller ones keep their size."""


def styles(arguments: argparse.Namespace) -> None:
    """The styles: which there are, or one pose painted in each of them."""
    from .prompting.styles import read_styles

    if not arguments.list and not arguments.sheet:
        raise UserError("Say what to do: --list, or --sheet with --out FILE.png.")
    found = read_styles()
    for problem in found.problems:
        print(f"Left out: {problem}", file=sys.stderr)
    chosen = [found.called(name) for name in arguments.style] or list(found.entries.values())
    if arguments.list:
        wide, wider = (max(len(text) for text in texts) for texts in ([s.name for s in chosen], [s.title for s in chosen]))
        for style in chosen:
            own = " (your own)" if style.own else ""
            print(f"{style.name:<{wide}}  {style.title:<{wider}}  {style.description}{own}".rstrip())
    if arguments.sheet:
        target = png_path(arguments.out)
        with blender(), server_of(arguments) as client:
            sheet = _sheet(arguments, client, chosen)
        write_png(target, sheet)


def _sheet(arguments: argparse.Namespace, client: Client, chosen: list[Style]) -> Any:
    """Pictures (H, W, 3) with the titles of their styles under them. Raises UserError."""
    from .generate.headless import generate_blocking
    from .generate.models import take_list
    from .passes.contact_sheet import bordered, cell, rows_of, title

    take_list([model.to_json() for model in client.models()])
    pictures, painters = [], []
    scene = None
    with Progress("painting", len(chosen)) as progress, tempfile.TemporaryDirectory() as folder:
        told: set[str] = set()
        for done, style in enumerate(chosen):
            progress.update(done, style.title)
            asked = argparse.Namespace(**{**vars(arguments), "style": style.name})
            if scene is None:
                scene = scene_of(asked, lambda made, asked=asked: use_generation(made, asked))
            else:
                use_generation(scene, asked)
            if arguments.outfit:
                tell_outfit(scene)
            generated = generate_blocking(scene, client, seed=arguments.seed, numbers=named_numbers(arguments))
            path = Path(folder) / f"{done}.png"
            path.write_bytes(generated.pngs[0])
            pictures.append(_shrunk(read_picture(path)))
            painters.append(generated.prepared.model.title)
            for warning in {*generated.prepared.passes.warnings, *generated.status.warnings} - told:
                told.add(warning)
                say(warning)
    width = max(picture.shape[1] for picture in pictures)
    height = max(picture.shape[0] for picture in pictures)
    cells = [cell([_padded(picture, height, width)], style.title) for picture, style in zip(pictures, chosen, strict=True)]
    rows = list(rows_of(cells, min(len(cells), math.ceil(math.sqrt(2 * len(cells))))))
    return bordered([title(f"Painted with {' and '.join(dict.fromkeys(painters))}", rows[0].shape[1]), *rows])


def _shrunk(picture: Any) -> Any:
    """A picture (H, W, 3) uint8 with at most ``_HEIGHT`` rows, each pixel the mean of those that it takes the place of."""
    import numpy as np

    height, width = picture.shape[:2]
    if height <= _HEIGHT:
        return picture
    rows = np.arange(_HEIGHT) * height // _HEIGHT
    columns = np.arange(max(1, round(width * _HEIGHT / height)))
    columns = columns * width // len(columns)
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.float64), rows, axis=0), columns, axis=1)
    counts = np.diff([*rows, height])[:, None] * np.diff([*columns, width])[None, :]
    return np.rint(sums / counts[:, :, None]).astype(np.uint8)


def _padded(picture: Any, height: int, width: int) -> Any:
    """The picture in the middle of empty ground of this size."""
    from .passes.contact_sheet import plain

    made = plain(height, width)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    made[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return made
