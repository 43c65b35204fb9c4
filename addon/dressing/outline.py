# SPDX-License-Identifier: GPL-3.0-or-later
"""The outline of the toon look: a shell around a mesh as it is seen, turned inside out, so that only its far side is drawn."""

from __future__ import annotations

import bpy

from ..compat import set_modifier_input, use_nodes

OUTLINE_NAME = "Toon outline"
COVERED = "pose_to_anime_covered"
"""Attribute of a skin's mesh: the vertices that clothes hide in every pose."""
_DARK = (0.012, 0.009, 0.014, 1.0)
_SOCKETS = {"Object": "NodeSocketObject", "Thickness": "NodeSocketFloat", "Material": "NodeSocketMaterial"}


def add_outline(shell: bpy.types.Object, source: bpy.types.Object) -> None:
    """Make an object the shell around what another is seen as."""
    modifier = shell.modifiers.new(OUTLINE_NAME, "NODES")
    modifier.node_group = _nodes()
    _set(modifier, "Object", source)
    _set(modifier, "Material", _material())


def set_thickness(shell: bpy.types.Object, metres: float) -> None:
    """How far a shell stands out."""
    _set(shell.modifiers[OUTLINE_NAME], "Thickness", metres)


def remove_unused_outline() -> None:
    """Remove nodes and material of outlines once no shell has them."""
    for data in (bpy.data.node_groups, bpy.data.materials):
        found = data.get(OUTLINE_NAME)
        if found is not None and found.users == 0:
            data.remove(found)


def _set(modifier: bpy.types.NodesModifier, name: str, value: object) -> None:
    sockets = modifier.node_group.interface.items_tree
    identifier = next(item.identifier for item in sockets if item.name == name)
    set_modifier_input(modifier, identifier, value)


def _nodes() -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.get(OUTLINE_NAME)
    if tree is not None and tree.library is None:
        return tree
    tree = bpy.data.node_groups.new(OUTLINE_NAME, "GeometryNodeTree")
    tree.is_modifier = True
    for name, kind in _SOCKETS.items():
        tree.interface.new_socket(name=name, in_out="INPUT", socket_type=kind)
    tree.interface.new_socket(name="Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    new, link = tree.nodes.new, tree.links.new
    given, result = new("NodeGroupInput"), new("NodeGroupOutput")
    seen = new("GeometryNodeObjectInfo")
    seen.transform_space = "RELATIVE"
    covered, bare = new("GeometryNodeInputNamedAttribute"), new("GeometryNodeDeleteGeometry")
    covered.data_type = "BOOLEAN"
    covered.inputs["Name"].default_value = COVERED
    normal, out, moved = new("GeometryNodeInputNormal"), new("ShaderNodeVectorMath"), new("GeometryNodeSetPosition")
    out.operation = "SCALE"
    flipped, painted = new("GeometryNodeFlipFaces"), new("GeometryNodeSetMaterial")
    link(given.outputs["Object"], seen.inputs["Object"])
    link(seen.outputs["Geometry"], bare.inputs["Geometry"])
    link(next(socket for socket in covered.outputs if socket.enabled and socket.name == "Attribute"), bare.inputs["Selection"])
    link(normal.outputs["Normal"], out.inputs[0])
    link(given.outputs["Thickness"], out.inputs["Scale"])
    link(bare.outputs[0], moved.inputs["Geometry"])
    link(out.outputs["Vector"], moved.inputs["Offset"])
    link(moved.outputs[0], flipped.inputs["Mesh"])
    link(flipped.outputs[0], painted.inputs["Geometry"])
    link(given.outputs["Material"], painted.inputs["Material"])
    link(painted.outputs[0], result.inputs[0])
    return tree


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
