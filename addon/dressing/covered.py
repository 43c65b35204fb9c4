# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that clothes hide in every pose: known by an attribute, and drawn in a little, so that it never comes through cloth.

It is drawn in by geometry nodes after the bones have moved it. The mesh keeps its vertices, and where they are without that: who
asks for the body (keypoints, contacts, depth) gets the bare one (``seen_skin.bare_places``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy
import numpy as np
from numpy.typing import NDArray

from ..armature.mannequin import landmarks, own_skins_of
from ..armature.seen_skin import BARE
from ..armature.worn import pieces_of
from ..wardrobe.piece import Piece
from .node_groups import add_node_modifier, named_attribute, remove_if_unused, set_input

COVERED = "pose_to_anime_covered"
"""Attribute of a skin's mesh: the vertices that clothes hide in every pose."""
DRAWN_IN = "Skin under clothes"
"""Name of the modifier, and of its nodes."""
_COVERED_BY = "pose_to_anime_covered_by"
"""Custom property of a piece's mesh: the rows of the skin's vertices that it hides."""
_SHARE = 1.0 / 140.0
"""How far skin is drawn in, as a part of the figure's height: 12 mm on an adult, so that fingers and toes do not turn over."""
_SOCKETS = {"Geometry": "NodeSocketGeometry", "Depth": "NodeSocketFloat"}


def note_covered(figure: bpy.types.Object, slots: Iterable[str], made: Mapping[str, Piece]) -> None:
    """Keep on the skin which of its vertices the pieces in these slots hide. Those not made just now are asked what they hid."""
    pieces = pieces_of(figure)
    for slot, piece in made.items():
        if slot in pieces:
            pieces[slot].data[_COVERED_BY] = np.flatnonzero(piece.covered).tolist() if piece.covered is not None else []
    rows = [covered_rows(pieces[slot]) for slot in slots if slot in pieces]
    hidden = np.unique(np.concatenate(rows)) if rows else np.empty(0, dtype=np.int64)
    for skin in own_skins_of(figure):
        mesh = skin.data
        _write_covered(mesh, hidden[hidden < len(mesh.vertices)])
        _draw_in(skin, landmarks(figure)["head_top"].z * _SHARE if COVERED in mesh.attributes else 0.0)
    remove_if_unused(DRAWN_IN, "node_groups")


def covered_rows(piece: bpy.types.Object) -> NDArray[np.int64]:
    """Which vertices of the skin a piece hides in every pose."""
    return np.array(piece.data.get(_COVERED_BY, ()), dtype=np.int64)


def _write_covered(mesh: bpy.types.Mesh, rows: NDArray[np.int64]) -> None:
    attribute = mesh.attributes.get(COVERED)
    if not len(rows):
        if attribute is not None:
            mesh.attributes.remove(attribute)
        return
    if attribute is None:
        attribute = mesh.attributes.new(COVERED, "BOOLEAN", "POINT")
    values = np.zeros(len(mesh.vertices), dtype=bool)
    values[rows] = True
    attribute.data.foreach_set("value", values)


def _draw_in(skin: bpy.types.Object, depth: float) -> None:
    modifier = skin.modifiers.get(DRAWN_IN)
    if depth == 0.0:
        if modifier is not None:
            skin.modifiers.remove(modifier)
        return
    if modifier is None:
        modifier = add_node_modifier(skin, DRAWN_IN, _SOCKETS, _build)
    set_input(modifier, "Depth", depth)


def _build(tree: bpy.types.NodeTree, given: bpy.types.Node, result: bpy.types.Node) -> None:
    new, link = tree.nodes.new, tree.links.new
    place, kept, moved = new("GeometryNodeInputPosition"), new("GeometryNodeStoreNamedAttribute"), new("GeometryNodeSetPosition")
    kept.data_type = "FLOAT_VECTOR"
    kept.inputs["Name"].default_value = BARE
    value = next(socket for socket in kept.inputs if socket.enabled and socket.name == "Value")
    normal, inward, offset = new("GeometryNodeInputNormal"), new("ShaderNodeMath"), new("ShaderNodeVectorMath")
    inward.operation, inward.inputs[1].default_value = "MULTIPLY", -1.0
    offset.operation = "SCALE"
    link(given.outputs["Geometry"], kept.inputs["Geometry"])
    link(place.outputs[0], value)
    link(kept.outputs["Geometry"], moved.inputs["Geometry"])
    link(named_attribute(tree, COVERED, "BOOLEAN"), moved.inputs["Selection"])
    link(given.outputs["Depth"], inward.inputs[0])
    link(normal.outputs["Normal"], offset.inputs[0])
    link(inward.outputs[0], offset.inputs["Scale"])
    link(offset.outputs["Vector"], moved.inputs["Offset"])
    link(moved.outputs[0], result.inputs[0])
