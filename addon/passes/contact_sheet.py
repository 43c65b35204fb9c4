# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a contact sheet: pictures with names under them, in rows, under titles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .lettering import lettering
from .sheet import BACKGROUND

Image = NDArray[np.uint8]

GAP = 8
NAME_HEIGHT, TITLE_HEIGHT = 15, 26
INK, TITLE_INK = (196, 196, 198), (236, 236, 238)


def plain(height: int, width: int) -> Image:
    """Empty ground (height, width, 3)."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = BACKGROUND
    return image


def write(image: Image, text: str, left: int, top: int, height: int, ink: tuple[int, int, int]) -> None:
    """Put a line of text into a picture; what does not fit is cut off."""
    coverage = lettering(text, height)[:, : image.shape[1] - left, None]
    place = image[top : top + height, left : left + coverage.shape[1]]
    place[:] = np.rint(place * (1.0 - coverage) + np.array(ink) * coverage)


def cell(pictures: Sequence[Image], name: str) -> Image:
    """Pictures of one height beside each other, with ``GAP`` before them, over a name."""
    height, width = pictures[0].shape[0], sum(picture.shape[1] for picture in pictures)
    made = plain(height + NAME_HEIGHT + 2 * GAP, width + GAP)
    made[:height, GAP:] = np.concatenate(pictures, axis=1)
    write(made, name, GAP, height + 3, NAME_HEIGHT, INK)
    return made


def title(text: str, width: int) -> Image:
    """A line of large letters, ``width`` pixels wide."""
    made = plain(TITLE_HEIGHT + 2 * GAP, width)
    write(made, text, GAP, GAP, TITLE_HEIGHT, TITLE_INK)
    return made


def rows_of(cells: Sequence[Image], columns: int) -> Iterator[Image]:
    """The cells, all of one size, ``columns`` in a row; the last row is filled up with empty ground."""
    blank = plain(*cells[0].shape[:2])
    for start in range(0, len(cells), columns):
        row = list(cells[start : start + columns])
        yield np.concatenate(row + [blank] * (columns - len(row)), axis=1)


def bordered(rows: Sequence[Image]) -> Image:
    """Rows of one width under each other, with ``GAP`` at the right and below."""
    content = np.concatenate(rows)
    made = plain(content.shape[0] + GAP, content.shape[1] + GAP)
    made[: content.shape[0], : content.shape[1]] = content
    return made
