# SPDX-License-Identifier: GPL-3.0-or-later
"""The outline of the toon look: a shell around a mesh as it is seen, turned inside out, so that only its far side is drawn."""

from __future__ import annotations

import bpy

from ..compat import use_nodes
from .covered import COVERED
from .node_groups import add_node_modifier, named_attribute, remove_if_unused, set_input

OUTLINE_NAME = "Toon outline"
_DARK = (0.012, 0.009, 0.014, 1.0)
_SOCKETS = {"Object": "NodeSocketObject", "Thickness": "NodeSocketFloat", "Material": "NodeSocketMaterial"}


def add_outline(shell: bpy.types.Object, source: bpy.types.Object) -> None:
    """Make an object the shell around what another is seen as."""
    modifier = add_node_modifier(shell, OUTLINE_NAME, _SOCKETS, _build)
    set_input(modifier, "Object", source)
    set_input(modifier, "Material", _material())


def set_thickness(shell: bpy.types.Object, metres: float) -> None:
    """How far a shell stands out."""
    set_input(shell.modifiers[OUTLINE_NAME], "Thickness", metres)


def remove_unused_outline() -> None:
    """Remove nodes and material of outlines once no shell has them."""
    remove_if_unused(OUTLINE_NAME, "node_groups", "materials")


def _build(tree: bpy.types.NodeTree, given: bpy.types.Node, result: bpy.types.Node) -> None:
    new, link = tree.nodes.new, tree.links.new
    seen = new("GeometryNodeObjectInfo")
    seen.transform_space = "RELATIVE"
    bare = new("GeometryNodeDeleteGeometry")
    normal, out, moved = new("GeometryNodeInputNormal"), new("ShaderNodeVectorMath"), new("GeometryNodeSetPosition")
    out.operation = "SCALE"
    flipped, painted = new("GeometryNodeFlipFaces"), new("GeometryNodeSetMaterial")
    link(given.outputs["Object"], seen.inputs["Object"])
    link(seen.outputs["Geometry"], bare.inputs["Geometry"])
    link(named_attribute(tree, COVERED, "BOOLEAN"), bare.inputs["Selection"])
    link(normal.outputs["Normal"], out.inputs[0])
    link(given.outputs["Thickness"], out.inputs["Scale"])
    link(bare.outputs[0], moved.inputs["Geometry"])
    link(out.outputs["Vector"], moved.inputs["Offset"])
    link(moved.outputs[0], flipped.inputs["Mesh"])
    link(flipped.outputs[0], painted.inputs["Geometry"])
    link(given.outputs["Material"], painted.inputs["Material"])
    link(painted.outputs[0], result.inputs[0])


def _material() -> bpy.types.Material:
    material = bpy.data.materials.get(OUTLINE_NAME)
    if material is not None and material.library is None:
        return material
    material = bpy.data.materials.new(OUTLINE_NAME)
    material.diffuse_color = _DARK
    material.use_backface_culling = True
    use_nodes(material)
    tree = material.node_tree
    tree.nodes.clear()
    new, link = tree.nodes.new, tree.links.new
    side, dark, clear = new("ShaderNodeNewGeometry"), new("ShaderNodeEmission"), new("ShaderNodeBsdfTransparent")
    mixed, result = new("ShaderNodeMixShader"), new("ShaderNodeOutputMaterial")
    dark.inputs["Color"].default_value = _DARK
    # Culling is for EEVEE; Cycles draws both sides.
    link(side.outputs["Backfacing"], mixed.inputs[0])
    link(dark.outputs[0], mixed.inputs[1])
    link(clear.outputs[0], mixed.inputs[2])
    link(mixed.outputs[0], result.inputs["Surface"])
    return material
