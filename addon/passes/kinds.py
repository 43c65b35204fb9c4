# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of image that is made of a scene: one row each. Who makes, writes or offers images asks here.

A new kind is a module with a function, and a row. No bpy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..openpose.drawing import draw_people
from ..openpose.person import Person
from ..openpose.profiles import Profile
from .buffers import Buffers
from .depth import depth_image, depth_image_16
from .doll import doll_image
from .edges import Lines, lines_of
from .lineart import canny_image, lineart_image
from .mask import mask_image
from .normal import normal_image
from .options import PassOptions
from .segmentation import segmentation_image
from .view import View

Image = NDArray[Any]
"""(height, width, 3) uint8, row 0 at the top; depth for export (height, width) uint16."""

PEOPLE, GEOMETRY, DETAILS = "people", "geometry", "details"
"""What an image is made from: keypoints; depth and figures; normals and parts as well, which take longer to draw."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What images of one moment are made from; ``buffers`` as far as the wanted kinds need them."""

    view: View
    people: Sequence[Person]
    profile: str | Profile
    options: PassOptions
    figures: int
    buffers: Buffers | None

    @property
    def drawn(self) -> Buffers:
        assert self.buffers is not None, "the kind does not say that it needs buffers"
        return self.buffers

    @functools.cached_property
    def lines(self) -> Lines:
        return lines_of(self.drawn, self.view)


@dataclass(frozen=True)
class Kind:
    """``name`` is the key of its image, ``title`` and ``use`` what a user reads, ``file`` its name on disk without ending.

    ``control`` is the kind of ControlNet that takes it, or empty. All are made as the networks expect them: where a program asks
    for a preprocessor, the answer is "none". With ``each_figure`` there is an image for each, and ``make_each`` makes it.
    """

    name: str
    title: str
    use: str
    needs: str
    make: Callable[[Inputs], Image] | None = None
    make_each: Callable[[Inputs, int], Image] | None = None
    control: str = ""
    file: str = ""

    def images(self, inputs: Inputs) -> dict[str, Image]:
        """By key: the kind's name, followed by the number of the figure where each has its own."""
        if self.make is not None:
            return {self.name: self.make(inputs)}
        assert self.make_each is not None
        return {f"{self.name}_{number}": self.make_each(inputs, number) for number in range(1, inputs.figures + 1)}


def _depth(inputs: Inputs) -> Image:
    chosen = inputs.options
    return depth_image(inputs.drawn, floor=chosen.depth_floor, gamma=chosen.depth_gamma, fixed=chosen.depth_range)


def _depth_16(inputs: Inputs) -> Image:
    chosen = inputs.options
    return depth_image_16(inputs.drawn, floor=chosen.depth_floor, gamma=chosen.depth_gamma, fixed=chosen.depth_range)


_ROWS = (
    Kind(
        "openpose",
        "Pose",
        "The OpenPose skeleton with hands and face",
        PEOPLE,
        lambda given: draw_people(given.people, given.view.width, given.view.height, given.profile),
        control="openpose",
        file="pose",
    ),
    Kind("depth", "Depth", "Near is white: holds the volume of bodies", GEOMETRY, _depth, control="depth"),
    Kind("depth_16", "Depth, 16 Bit", "The same depth in 65,536 greys, for compositing", GEOMETRY, _depth_16),
    Kind(
        "normal",
        "Normal",
        "Which way surfaces face: holds forms and folds",
        DETAILS,
        lambda given: normal_image(given.drawn),
        control="normal",
    ),
    Kind(
        "lineart",
        "Line Art",
        "White lines on black: holds outlines, clothes and faces",
        DETAILS,
        lambda given: lineart_image(given.lines),
        control="lineart",
    ),
    Kind(
        "canny",
        "Canny",
        "Edges one pixel thin: holds every outline exactly",
        DETAILS,
        lambda given: canny_image(given.lines),
        control="canny",
    ),
    Kind(
        "segmentation",
        "Segmentation",
        "Person, floor and wall in the colours of ADE20K",
        GEOMETRY,
        lambda given: segmentation_image(given.drawn, given.view),
        control="segmentation",
    ),
    Kind(
        "doll",
        "Shaded Body",
        "The body in grey light on black",
        DETAILS,
        lambda given: doll_image(given.drawn),
        control="doll",
    ),
    Kind("mask", "Mask", "All figures white, for inpainting and compositing", GEOMETRY, lambda given: mask_image(given.drawn)),
    Kind(
        "figure_mask",
        "Mask of Each Figure",
        "One figure white, for a prompt of its own",
        GEOMETRY,
        make_each=lambda given, number: mask_image(given.drawn, number),
    ),
)

KINDS: dict[str, Kind] = {row.name: row for row in _ROWS}
"""All kinds, in the order in which they are offered."""


def needs(names: Iterable[str], what: str) -> bool:
    """Whether any of these kinds needs this: who needs details needs geometry."""
    wanted = {KINDS[name].needs for name in names}
    return what in wanted or (what == GEOMETRY and DETAILS in wanted)


def kind_of(key: str) -> tuple[Kind, int]:
    """Which kind the image with this key of ``PassSet.images`` is, and the number of its figure: 0 where it is of all."""
    if key in KINDS:
        return KINDS[key], 0
    name, _, number = key.rpartition("_")
    return KINDS[name], int(number)


def file_of(key: str) -> str:
    """What the image with this key of ``PassSet.images`` is called on disk."""
    kind, number = kind_of(key)
    return f"{kind.file or kind.name}{f'_{number}' if number else ''}.png"
