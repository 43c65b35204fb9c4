# SPDX-License-Identifier: GPL-3.0-or-later
"""The outline of the toon look: a shell around a mesh as it is seen, turned inside out, so that only its far side is drawn.

Who looks into a skirt would see that far side. A shell of cloth therefore has a lining too: the cloth itself, turned inside out.
"""

from __future__ import annotations

import bpy

from ..armature.skin_mesh import TINT, paint
from ..compat import use_nodes
from .covered import COVERED
from .node_groups import add_node_modifier, named_attribute, remove_if_unused, set_input

OUTLINE_NAME = "Toon outline"
_DARK = (0.012, 0.009, 0.014, 1.0)
_LINING_DEPTH = 0.0007
"""Metres by which a lining lies inside of its cloth, so that the two do not flicker where both are drawn."""
_SOCKETS = {
    "Lined": "NodeSocketBool",
    "Object": "NodeSocketObject",
    "Thickness": "NodeSocketFloat",
    "Material": "NodeSocketMaterial",
}


def add_outline(shell: bpy.types.Object, source: bpy.types.Object, lined: bool) -> None:
    """Make an object the shell around what another is seen as.

    The lining is painted by the shell's own materials, of which each has the place that the source's has.
    """
    modifier = add_node_modifier(shell, OUTLINE_NAME, _SOCKETS, _build)
    set_input(modifier, "Object", source)
    set_input(modifier, "Lined", lined)
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
    lining, inside, both = new("GeometryNodeSwitch"), new("GeometryNodeSetPosition"), new("GeometryNodeJoinGeometry")
    inward, turned = new("ShaderNodeVectorMath"), new("GeometryNodeFlipFaces")
    inward.operation = "SCALE"
    inward.inputs["Scale"].default_value = -_LINING_DEPTH
    lining.input_type = "GEOMETRY"
    link(given.outputs["Lined"], lining.inputs["Switch"])
    link(seen.outputs["Geometry"], next(socket for socket in lining.inputs if socket.enabled and socket.name == "True"))
    link(normal.outputs["Normal"], inward.inputs[0])
    link(next(socket for socket in lining.outputs if socket.enabled), inside.inputs["Geometry"])
    link(inward.outputs["Vector"], inside.inputs["Offset"])
    link(inside.outputs[0], turned.inputs["Mesh"])
    # The last that is joined comes first: the lining keeps its materials' places.
    link(painted.outputs[0], both.inputs[0])
    link(turned.outputs[0], both.inputs[0])
    link(both.outputs[0], result.inputs[0])


def _material() -> bpy.types.Material:
    material = bpy.data.materials.get(OUTLINE_NAME)
    if material is not None and material.library is None:
        return material
    material = one_sided(OUTLINE_NAME)
    paint(material, _DARK)
    return material


def one_sided(name: str) -> bpy.types.Material:
    """A new material of one flat tone, of which only the side is seen that faces look to."""
    material = bpy.data.materials.new(name)
    material.use_backface_culling = True
    use_nodes(material)
    tree = material.node_tree
    tree.nodes.clear()
    new, link = tree.nodes.new, tree.links.new
    side, glow, clear = new("ShaderNodeNewGeometry"), new("ShaderNodeEmission"), new("ShaderNodeBsdfTransparent")
    tint = new("ShaderNodeRGB")
    tint.name = TINT
    mixed, result = new("ShaderNodeMixShader"), new("ShaderNodeOutputMaterial")
    # Culling is for EEVEE; Cycles draws both sides.
    link(side.outputs["Backfacing"], mixed.inputs[0])
    link(tint.outputs[0], glow.inputs["Color"])
    link(glow.outputs[0], mixed.inputs[1])
    link(clear.outputs[0], mixed.inputs[2])
    link(mixed.outputs[0], result.inputs["Surface"])
    return material
