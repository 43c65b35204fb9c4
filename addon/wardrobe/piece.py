# SPDX-License-Identifier: GPL-3.0-or-later
"""A piece of the wardrobe: a style as its file says it, and the mesh that it is on one body.

Pieces are made from a body's ``Skin`` at rest and move by its deform bones, as the skin does, so that what is made here is what a
figure in a scene wears and what a renderer without Blender draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..armature.skin.body_file import Gender

SLOTS = ("hair", "face", "top", "outer", "bottom", "dress", "socks", "shoes")
"""Where a piece is worn; a figure wears at most one in each. A dress takes the place of top and bottom."""

SHAPES: dict[str, tuple[str, ...]] = {
    "hair": ("hair",),
    "face": ("face",),
    "clothes": ("top", "outer", "bottom", "dress", "socks"),
    "shoes": ("shoes",),
    "sandals": ("shoes",),
}
"""What makes the mesh of a style, the module of this package with that name → the slots in which it can be worn."""


class WardrobeError(ValueError):
    """A style, colour or outfit that cannot be used. Its text is one sentence that a person can act on."""


@dataclass(frozen=True)
class Style:
    """One file of the wardrobe, checked as far as all styles are alike.

    ``key`` is its name, ``tag`` what it is called in prompts ("ponytail", "skirt"), ``colours`` the parts of the piece that have
    a colour of their own → the name or ``#rrggbb`` they have unless an outfit says otherwise; the first part is the one that
    names the piece in a prompt ("red skirt"). ``options`` are the tables that only its shape understands. What chance goes by:
    ``without`` are slots that stay empty beside it (no jacket over a kimono), two styles that both name ``occasions`` go
    together where they share one, and ``gender`` says on which bodies it puts it; a person may put anything on any.
    """

    key: str
    title: str
    slot: str
    shape: str
    tag: str
    colours: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False  # in the user's folder
    without: tuple[str, ...] = ()
    occasions: tuple[str, ...] = ()
    gender: Gender = "any"


@dataclass(frozen=True, eq=False)
class Bumper:
    """A ball of the body that hair slides off: ``centre`` (3,) and ``radius`` in metres, at rest, armature axes, carried by a
    deform bone."""

    name: str
    bone: str
    centre: np.ndarray
    radius: float


@dataclass(frozen=True, eq=False)
class Clearance:
    """What a hanging bone stays out of.

    ``point`` (3,) is what is kept out, at rest: where the hair is at the bone's end. ``distances``: metres from the centre of
    each of ``bumpers``. ``floor``: metres above the ground, armature z = 0, for either end of the bone. What would lie below that
    slides along ``spread`` (3,), a unit vector at rest that the body's ``spread_bone`` carries.
    """

    point: np.ndarray
    bumpers: tuple[Bumper, ...]
    distances: tuple[float, ...]
    floor: float
    spread: np.ndarray
    spread_bone: str


@dataclass(frozen=True, eq=False)
class HangingBone:
    """A bone of a lock of hair or of a panel of cloth, which follows its parent and gravity. Metres, at rest, armature axes.

    ``parent`` is a deform bone of the body or an earlier hanging bone. ``outward`` (3,) is a unit vector square to the bone that
    points away from the body. ``gravity`` 0 to 1 is how far the bone turns from where its parent carries it to straight down.
    Seen from its parent it turns by at most ``outward_limit`` radians outward, ``inward_limit`` inward and ``side_limit`` to
    either side, so that it does not fall through the body. ``clearance`` is what it is then pushed out of, if anything.
    """

    name: str
    head: np.ndarray
    tail: np.ndarray
    parent: str
    outward: np.ndarray
    gravity: float = 0.7
    outward_limit: float = 2.6
    inward_limit: float = 0.05
    side_limit: float = 1.2
    clearance: Clearance | None = None


@dataclass(frozen=True, eq=False)
class Piece:
    """A style on one body.

    ``vertices`` (N, 3) float32 metres at rest in armature axes; ``faces`` (M, 4) int32 counter-clockwise from outside, a triangle
    repeats its last corner; ``parts`` (M,) int16 says by which of ``part_names`` a face is coloured. ``weights``: bone → vertex
    indices int32 and shares float32, at most four a vertex, adding up to one; bones are the body's deform bones and ``bones``.
    ``outlined``: whether it gets an outline in toon looks (a drawn face does not). ``covered`` (skin vertices,) bool: those of
    the skin that it hides in every pose.
    """

    style: Style
    vertices: np.ndarray
    faces: np.ndarray
    parts: np.ndarray
    part_names: tuple[str, ...]
    weights: Mapping[str, tuple[np.ndarray, np.ndarray]]
    bones: tuple[HangingBone, ...] = ()
    outlined: bool = True
    covered: np.ndarray | None = None

    @property
    def triangles(self) -> np.ndarray:
        """(T, 3) int32; a quad is split along its first diagonal."""
        second = self.faces[self.faces[:, 3] != self.faces[:, 2]]
        return np.concatenate((self.faces[:, :3], second[:, [0, 2, 3]]))
