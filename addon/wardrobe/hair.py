# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair: a cap over the skull, locks that lie on it and hang from it, tails, buns and braids. No bpy.

Options of a style; lengths are in heads, the distance from chin to crown, widths of locks factors on the usual ones, angles
degrees as ``scalp`` counts them:

    [cap]     volume (how far it stands off the skull)
    [fringe]  count, width, low (how far above the eyes it ends), part (where the parting is), span (how far it goes to either
              side), curl (how far ends lean away from the parting)
    [sides]   count (on each side), length, width, curl (of ends, round the head), from and to (where they leave the head)
    [back]    count, length, width, flare (of ends, outward), curl, wave, ragged (by what part of it lengths differ)
    [spikes]  count, length, lift (how steeply they stand up)
    [tail]    azimuth and polar (where it is tied), length, width, lift (how far it stands off there), locks, wave, pair
    [bun]     azimuth, polar, size, pair
    [braid]   azimuth, polar, length, width, lumps, pair

``pair`` 1 makes two, one on either side. The first colour is the hair's, the second that of what ties it.
"""

from __future__ import annotations

import numpy as np

from ..armature.skin.build import Skin
from .hair_maker import HairMaker
from .options import Range, numbers_of, refuse_other_tables
from .piece import Piece, Style
from .scalp import Scalp
from .tied_hair import braid, bun, combed, tail

_TABLES: dict[str, dict[str, Range]] = {
    "cap": {"volume": (0.07, 0.02, 0.3)},
    "fringe": {
        "count": (7, 1, 40), "low": (0.1, -0.6, 1.0), "width": (1.25, 0.1, 5.0), "part": (0.0, -90.0, 90.0),
        "span": (52.0, 5.0, 120.0), "curl": (0.0, -2.0, 2.0),
    },
    "sides": {
        "count": (2, 1, 5), "length": (0.45, 0.05, 6.0), "width": (1.0, 0.1, 5.0), "curl": (-0.1, -2.0, 2.0),
        "from": (56.0, 0.0, 180.0), "to": (80.0, 0.0, 180.0),
    },
    "back": {
        "count": (13, 4, 40), "length": (0.4, 0.05, 6.0), "width": (1.3, 0.1, 5.0), "flare": (0.0, -1.0, 1.0),
        "curl": (0.0, -2.0, 2.0), "wave": (0.0, -2.0, 2.0), "ragged": (0.12, 0.0, 0.9),
    },
    "spikes": {"count": (16, 1, 80), "length": (0.3, 0.02, 2.0), "lift": (55.0, -30.0, 90.0)},
    "tail": {
        "azimuth": (180.0, 0.0, 360.0), "polar": (58.0, 1.0, 150.0), "length": (1.6, 0.1, 6.0), "width": (0.2, 0.02, 1.0),
        "lift": (0.16, 0.0, 1.0), "locks": (9, 1, 40), "pair": (0, 0, 1), "wave": (0.0, -2.0, 2.0),
    },
    "bun": {"azimuth": (180.0, 0.0, 360.0), "polar": (50.0, 1.0, 150.0), "size": (0.2, 0.02, 1.0), "pair": (0, 0, 1)},
    "braid": {
        "azimuth": (180.0, 0.0, 360.0), "polar": (118.0, 1.0, 150.0), "length": (1.3, 0.1, 6.0), "width": (0.1, 0.02, 1.0),
        "lumps": (9, 2, 40), "pair": (0, 0, 1),
    },
}  # fmt: skip
"""Tables of a style file → their numbers. A part without a table is not there, but the cap, which always is."""


def build(style: Style, skin: Skin) -> Piece:
    """A style of hair on a body. Raises WardrobeError where its file has what hair has not."""
    refuse_other_tables(style, _TABLES)
    options = {name: numbers_of(style, name, known) for name, known in _TABLES.items() if name == "cap" or name in style.options}
    maker = HairMaker(style, Scalp(skin), options["cap"]["volume"])
    maker.cap()
    knot = options.get("tail") or options.get("bun") or options.get("braid")
    if knot is not None:
        combed(maker, knot)
    for name, lay in (("back", maker.back), ("sides", maker.sides), ("fringe", maker.fringe), ("spikes", maker.spikes)):
        if (table := options.get(name)) is not None:
            lay(table)
    for name, tie in (("tail", tail), ("bun", bun), ("braid", braid)):
        if (table := options.get(name)) is not None:
            for sign in (1.0, -1.0) if table["pair"] else (1.0,):
                tie(maker, table, sign)
    strands = maker.strands
    return Piece(
        style=style,
        vertices=np.concatenate(strands.points).astype(np.float32),
        faces=np.concatenate(strands.faces).astype(np.int32),
        parts=np.concatenate(strands.parts).astype(np.int16),
        part_names=tuple(style.colours),
        weights=strands.weights(),
        bones=tuple(maker.bones),
        covered=maker.covered,
    )
