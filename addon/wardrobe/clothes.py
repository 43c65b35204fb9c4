# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes: shells cut from the skin and cloth that hangs, as a style's tables say."""

from __future__ import annotations

import numpy as np

from ..armature.skin.build import Skin
from . import garments, trimmings
from .options import Options, refuse_other_tables
from .pattern import vertex_normals
from .per_skin import once_per_skin
from .piece import HangingBone, Piece, Style, WardrobeError
from .shell import Layer
from .work import Work

TABLES = {
    "top": garments.top,
    "bottom": garments.bottom,
    "skirt": garments.hanging,
    "socks": garments.socks,
    "wide_sleeves": trimmings.wide_sleeves,
    "obi": trimmings.obi,
    "sailor_collar": trimmings.sailor_collar,
    "ribbon": trimmings.ribbon,
}
"""A table of a style file → what makes that part of the clothes."""


def build(style: Style, skin: Skin) -> Piece:
    """The clothes on a body. Raises WardrobeError."""
    refuse_other_tables(style, TABLES)
    if not style.options:
        raise WardrobeError(f"{style.key}.toml: clothes need at least one table of {', '.join(TABLES)}.")
    names = tuple(style.colours)
    work = Work(style, skin, _normals(skin), names)
    layers: list[Layer] = []
    bones: list[HangingBone] = []
    covered = np.zeros(len(skin.vertices), dtype=bool)
    for table, make in TABLES.items():
        if table in style.options:
            options = Options(style.key, table, style.options[table])
            made = make(work, options)
            options.refuse_others()
            layers += made.layers
            bones += made.bones
            covered |= made.covered
    return joined(style, names, layers, tuple(bones), covered)


@once_per_skin
def _normals(skin: Skin) -> np.ndarray:
    return vertex_normals(skin.vertices.astype(float), skin.quads)


def joined(
    style: Style, names: tuple[str, ...], layers: list[Layer], bones: tuple[HangingBone, ...], covered: np.ndarray
) -> Piece:
    """One piece of all layers, with at most four bones a vertex."""
    order = sorted({bone for layer in layers for bone in layer.bones})
    place = {bone: column for column, bone in enumerate(order)}
    table = np.zeros((sum(len(layer.vertices) for layer in layers), len(order)), dtype=np.float32)
    faces, start = [], 0
    for layer in layers:
        end = start + len(layer.vertices)
        table[start:end, [place[bone] for bone in layer.bones]] = layer.table
        faces.append(layer.faces + start)
        start = end
    used = [column for column in range(len(order)) if table[:, column].any()]
    order, table = [order[column] for column in used], table[:, used]
    crowded = np.flatnonzero((table > 0.0).sum(axis=1) > 4)
    least = np.argsort(-table[crowded], axis=1, kind="stable")[:, 4:]
    table[crowded[:, None], least] = 0.0
    table[table < 0.004] = 0.0
    table /= table.sum(axis=1, keepdims=True)
    weights = {}
    for column, bone in enumerate(order):
        rows = np.flatnonzero(table[:, column]).astype(np.int32)
        if len(rows):
            weights[bone] = (rows, table[rows, column])
    return Piece(
        style=style,
        vertices=np.concatenate([layer.vertices for layer in layers]).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        parts=np.concatenate([layer.parts for layer in layers]).astype(np.int16),
        part_names=names,
        weights=weights,
        bones=bones,
        covered=covered,
    )
