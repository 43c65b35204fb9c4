# SPDX-License-Identifier: GPL-3.0-or-later
"""Modifiers made of geometry nodes of ours: one group of nodes in a file for all objects that need it, gone with the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import bpy

from ..compat import set_modifier_input

Build = Callable[[bpy.types.NodeTree, bpy.types.Node, bpy.types.Node], None]
"""Fills a tree between its input and its output."""


def add_node_modifier(obj: bpy.types.Object, name: str, sockets: Mapping[str, str], build: Build) -> bpy.types.NodesModifier:
    """A modifier of this name, with the group of nodes of this name; ``sockets`` are its inputs and their kinds."""
    modifier = obj.modifiers.new(name, "NODES")
    modifier.node_group = _group(name, sockets, build)
    modifier.show_expanded = False
    return modifier


def set_input(modifier: bpy.types.NodesModifier, name: str, value: object) -> None:
    """Give an input of a modifier its value, by the name of its socket."""
    sockets = modifier.node_group.interface.items_tree
    identifier = next(item.identifier for item in sockets if item.name == name)
    set_modifier_input(modifier, identifier, value)
    modifier.id_data.update_tag()  # a custom property, which it is in older Blenders, does not do so itself


def named_attribute(tree: bpy.types.NodeTree, name: str, kind: str) -> bpy.types.NodeSocket:
    """The output of a new node that reads an attribute; ``kind`` as in ``FLOAT_VECTOR``."""
    node = tree.nodes.new("GeometryNodeInputNamedAttribute")
    node.data_type = kind
    node.inputs["Name"].default_value = name
    return next(socket for socket in node.outputs if socket.enabled and socket.name == "Attribute")


def remove_if_unused(name: str, *kinds: str) -> None:
    """Remove what has this name among these kinds of ``bpy.data``, where nothing needs it any more."""
    for kind in kinds:
        found = getattr(bpy.data, kind).get(name)
        if found is not None and found.users == 0:
            getattr(bpy.data, kind).remove(found)


def _group(name: str, sockets: Mapping[str, str], build: Build) -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.get(name)
    if tree is not None and tree.library is None:
        return tree
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    tree.is_modifier = True
    for title, kind in sockets.items():
        tree.interface.new_socket(name=title, in_out="INPUT", socket_type=kind)
    tree.interface.new_socket(name="Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    build(tree, tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput"))
    return tree
