# SPDX-License-Identifier: GPL-3.0-or-later
"""Dressed figures as arrays: a body by chance, what it wears, and all of its triangles with their bones, parts and colours."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .....addon.armature.joint_map import JointMap, joint_map
from .....addon.armature.skin.body_file import Body, read_body
from .....addon.armature.skin.build import Skin, build_skin
from .....addon.armature.skin.sliders import SLIDERS, apply_sliders
from .....addon.package import RIGS
from .....addon.pose.limits import JointLimits, joint_limits
from .....addon.pose.rest import HumanoidRest, humanoid_rest
from .....addon.wardrobe.catalogue import Catalogue, shipped_catalogue
from .....addon.wardrobe.chance import random_outfit
from .....addon.wardrobe.colours import RGB
from .....addon.wardrobe.outfit import Outfit, dress, piece_colours
from .....addon.wardrobe.piece import SLOTS, HangingBone, Piece
from .....addon.wardrobe.posed import Weights

SKIN_PART = 1
PARTS: dict[str, int] = {
    "skin": SKIN_PART,
    **{slot: number for number, slot in enumerate(SLOTS, SKIN_PART + 1)},
    "eyes": len(SLOTS) + 2,
}
"""What a pixel of a part map means; 0 is the background. ``eyes`` are irises, which name the colour of eyes in captions."""

PEOPLE: dict[str, tuple[str, float]] = {
    "adult_woman": ("1girl", 5.0),
    "slim_woman": ("1girl", 5.0),
    "athletic": ("1girl", 2.0),
    "adult_man": ("1boy", 2.0),
    "slim_man": ("1boy", 2.0),
    "heroic": ("1boy", 0.7),
    "stocky": ("1boy", 0.7),
    "elder": ("1boy", 0.4),
    "child": ("1girl, child", 0.8),
    "chibi": ("1girl, chibi", 1.2),
    "mascot": ("1girl, chibi", 0.5),
}
"""Body → its tags, and how often chance picks it."""

_FILLED = ("hair", "face", "socks", "shoes")
"""Slots whose pieces are full to the rim, so that nobody sees them from inside: half of their triangles need not be drawn."""
_SLIDERS_USED = 0.6
"""How far towards their ends chance moves sliders."""


@dataclass(frozen=True, eq=False)
class Figure:
    """One dressed figure at rest, ready to be posed and drawn.

    Vertices (N, 3) and ``shares`` (N, bones) float32: the skin's come first. Triangles (T, 3) int32: ``bare`` are those of the
    whole skin, ``dressed`` those of the skin that is not covered and of all pieces. For each of ``dressed``: ``parts`` (T,)
    the values of ``PARTS``, ``layers`` (T,) the piece it belongs to, between which outlines are drawn, ``colours`` (T, 3)
    float32 sRGB 0 to 1, ``flat`` (T,) whether it is drawn without light and shadow, ``two_sided`` (T,) whether one can see its
    inside: not that of the skin, nor where something fills a piece.
    """

    people: str
    body: str
    sliders: Mapping[str, float]
    skin: Skin
    rest: HumanoidRest
    bones: JointMap
    outfit: Outfit
    vertices: np.ndarray
    bone_names: tuple[str, ...]
    shares: np.ndarray
    hanging: tuple[HangingBone, ...]
    bare: np.ndarray
    dressed: np.ndarray
    parts: np.ndarray
    layers: np.ndarray
    colours: np.ndarray
    flat: np.ndarray
    two_sided: np.ndarray

    @property
    def in_skirt(self) -> bool:
        """Whether it wears a skirt or dress: cloth that hangs, over shorts."""
        return any(bone.name.startswith(("bottom_skirt", "dress_skirt")) for bone in self.hanging)

    @functools.cached_property
    def limits(self) -> JointLimits:
        """How far its joints turn."""
        return joint_limits(self.rest)

    @property
    def height(self) -> float:
        """Metres."""
        return float(self.skin.landmarks["head_top"][2])


@functools.cache
def _body(name: str) -> Body:
    return read_body(RIGS / "mannequins" / f"{name}.toml")


def random_figure(seed: int, body: str | None = None) -> Figure:
    """A figure by chance, the same for the same seed; ``body`` if that is given."""
    chance = random.Random(f"figure {seed}")
    name = body or chance.choices(list(PEOPLE), [weight for _, weight in PEOPLE.values()])[0]
    sliders = {}
    for slider, what in SLIDERS.items():
        if chance.random() < 0.4:
            end = what.high if chance.random() < 0.5 else what.low
            sliders[slider] = what.neutral + (end - what.neutral) * _SLIDERS_USED * chance.random()
    outfit = random_outfit(chance.randrange(2**31), shipped_catalogue(), gender=_body(name).gender)
    return dressed_figure(name, sliders, outfit, PEOPLE[name][0])


def dressed_figure(body: str, sliders: Mapping[str, float], outfit: Outfit, people: str) -> Figure:
    """A body with its sliders, in an outfit."""
    catalogue = shipped_catalogue()
    skin = build_skin(apply_sliders(_body(body), sliders))
    bones = joint_map("mannequin")
    pieces = dress(outfit, skin, catalogue)
    mesh = _Mesh()
    bare = _add_skin(mesh, skin, pieces, catalogue.palette.skin_rgb(outfit.skin), "face" in outfit.worn)
    for number, piece in enumerate(pieces, 1):
        _add_piece(mesh, number, piece, outfit, catalogue)
    names, shares = mesh.shares()
    return Figure(
        people=people, body=body, sliders=dict(sliders), skin=skin, rest=humanoid_rest(skin.joints, bones), bones=bones,
        outfit=outfit, vertices=np.concatenate(mesh.vertices).astype(np.float32), bone_names=names, shares=shares,
        hanging=tuple(bone for piece in pieces for bone in piece.bones), bare=bare,
        dressed=np.concatenate(mesh.triangles).astype(np.int32), parts=np.concatenate(mesh.parts).astype(np.int16),
        layers=np.concatenate(mesh.layers).astype(np.int16), colours=np.concatenate(mesh.colours).astype(np.float32),
        flat=np.concatenate(mesh.flat), two_sided=np.concatenate(mesh.two_sided),
    )  # fmt: skip


class _Mesh:
    """A figure's arrays while they grow: see ``Figure``."""

    def __init__(self) -> None:
        self.count = 0
        self.vertices: list[np.ndarray] = []
        self.triangles: list[np.ndarray] = []
        self.parts: list[np.ndarray] = []
        self.layers: list[np.ndarray] = []
        self.colours: list[np.ndarray] = []
        self.flat: list[np.ndarray] = []
        self.two_sided: list[np.ndarray] = []
        self._weights: list[tuple[Weights, np.ndarray]] = []

    def add_vertices(self, vertices: np.ndarray, weights: Weights, places: np.ndarray) -> None:
        """``places``: which vertex each row of the weights is now, −1 for none."""
        self.vertices.append(vertices)
        self._weights.append((weights, places))
        self.count += len(vertices)

    def add_triangles(
        self, triangles: np.ndarray, parts: np.ndarray, colours: np.ndarray, layer: int, *, flat: bool, two_sided: bool
    ) -> None:
        """Triangles, and for each its part and colour; the rest is true of them all."""
        self.triangles.append(triangles)
        self.parts.append(parts)
        self.colours.append(colours)
        self.layers.append(np.full(len(triangles), layer))
        self.flat.append(np.full(len(triangles), flat))
        self.two_sided.append(np.full(len(triangles), two_sided))

    def shares(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The bones, and (vertices, bones) how much of each vertex follows each."""
        names = tuple(dict.fromkeys(name for table, _ in self._weights for name in table))
        result = np.zeros((self.count, len(names)), dtype=np.float32)
        for table, places in self._weights:
            for bone, (rows, values) in table.items():
                target = places[rows]
                result[target[target >= 0], names.index(bone)] = values[target >= 0]
        return names, result


def _add_skin(mesh: _Mesh, skin: Skin, pieces: tuple[Piece, ...], tone: RGB, has_face: bool) -> np.ndarray:
    """The skin without what pieces cover; a drawn face lies over eyes that have its colour. Returns the bare triangles."""
    quads, dark = coarse_quads(skin)
    covered = np.zeros(len(skin.vertices), dtype=bool)
    for piece in pieces:
        if piece.covered is not None:
            covered |= piece.covered
    shown = ~covered[quads].all(axis=1)
    used = np.unique(quads)
    place = np.full(len(skin.vertices), -1, dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    triangles = _triangles(place[quads[shown]])
    colours = np.where(dark[shown, None] & ~has_face, np.float32(0.2), np.asarray(tone, dtype=np.float32))
    mesh.add_vertices(skin.vertices[used], skin.weights, place)
    parts = np.full(len(triangles), SKIN_PART)
    mesh.add_triangles(triangles, parts, np.tile(colours, (2, 1)), 0, flat=False, two_sided=False)
    return _triangles(place[quads])


def _add_piece(mesh: _Mesh, number: int, piece: Piece, outfit: Outfit, catalogue: Catalogue) -> None:
    """One piece; what has no outline is a drawn face, which is flat."""
    slot, offset = piece.style.slot, mesh.count
    is_triangle = piece.faces[:, 3] == piece.faces[:, 2]
    kept = np.concatenate((np.ones(len(piece.faces), dtype=bool), ~is_triangle))
    part = np.tile(piece.parts, 2)[kept]
    colours = piece_colours(outfit, slot, catalogue)
    palette = [colours[each] for each in piece.part_names]
    value = np.full(len(part), PARTS[slot])
    if slot == "face":
        value[part == piece.part_names.index("eyes")] = PARTS["eyes"]
    mesh.add_vertices(piece.vertices, piece.weights, np.arange(offset, offset + len(piece.vertices), dtype=np.int32))
    mesh.add_triangles(
        _triangles(piece.faces)[kept] + offset, value, np.asarray(palette, dtype=np.float32)[part],
        number if piece.outlined else 0, flat=not piece.outlined, two_sided=slot not in _FILLED,
    )  # fmt: skip


def coarse_quads(skin: Skin) -> tuple[np.ndarray, np.ndarray]:
    """The skin's control quads (M / 4, 4) in terms of its own vertices, and which of them are dark.

    A subdivided quad's four follow each other; each begins at its corner in the left half, and ends there in the mirrored right.
    Small pictures do not show what the finer ones add, and cost four times as much with them.
    """
    fine = skin.quads.reshape(-1, 4, 4)
    half = len(fine) // 2
    corners = np.concatenate((fine[:half, :, 0], fine[half:, ::-1, 3]))
    return corners, skin.dark.reshape(-1, 4)[:, 0]


def _triangles(faces: np.ndarray) -> np.ndarray:
    """(2 M, 3): first halves of all faces, then their second halves."""
    return np.concatenate((faces[:, :3], faces[:, [0, 2, 3]]))
