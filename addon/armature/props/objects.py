# SPDX-License-Identifier: GPL-3.0-or-later
"""Props in the scene: mesh objects that know what they are.

What a prop is and its size are custom properties of its object, so that they are saved, undone and copied with it; ``held`` has
the rest."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Matrix

from ...errors import UserError
from ..held import PROP, is_prop, set_hold
from .prop_file import Prop, load_prop, prop_files
from .shapes import Floats, Shape

_SCALE = "pose_to_anime_prop_scale"

_MATERIAL = "Prop"
_COLOUR = (0.42, 0.47, 0.54, 1.0)
"""A cool grey beside the mannequin's warm one, so that fingers stand out on what they hold."""
_SHARP = np.radians(38.0)
"""Edges with a larger angle between their faces are drawn sharp."""


def prop_of(obj: bpy.types.Object) -> Prop:
    """What a prop's object is. Raises UserError where it is none, or its file is gone."""
    if not is_prop(obj):
        raise UserError(f"'{obj.name}' is not a prop of Pose to Anime.")
    if obj[PROP] not in prop_files():
        raise UserError(
            f"The file '{obj[PROP]}.toml' of the prop '{obj.name}' is gone: bring it back, or release the prop first."
        )
    return load_prop(obj[PROP])


def scale_of(obj: bpy.types.Object) -> float:
    """How many times its size in the file a prop has."""
    return float(obj.get(_SCALE, 1.0))


def collection_for(obj: bpy.types.Object) -> bpy.types.Collection:
    """Where the props of a figure belong: a collection that it is in. Of several, as of a figure in two scenes, one of this
    scene."""
    scene = bpy.context.scene
    here = [scene.collection, *scene.collection.children_recursive]
    return next((collection for collection in obj.users_collection if collection in here), obj.users_collection[0])


def add_prop_object(collection: bpy.types.Collection, prop: Prop, scale: float = 1.0, seat: float = 0.0) -> bpy.types.Object:
    """A prop as a new object at the world's origin, in the control images from the start. ``seat``: the height in metres to
    which its seat is made, 0 for that of its file."""
    mesh = bpy.data.meshes.new(prop.title)
    obj = bpy.data.objects.new(prop.title, mesh)
    collection.objects.link(obj)
    mesh.materials.append(_material())
    obj[PROP] = prop.name
    shape_prop(obj, prop, scale, seat)
    obj.pose_to_anime.in_depth = True
    return obj


def shape_prop(obj: bpy.types.Object, prop: Prop, scale: float, seat: float = 0.0) -> None:
    """Make a prop's mesh anew, in another size or with its seat at another height."""
    shape = prop.shape()
    fill(obj.data, Shape(sized(prop, shape.vertices, scale, seat), shape.faces))
    obj[_SCALE] = scale


def sized(prop: Prop, vertices: Floats, scale: float, seat: float = 0.0) -> Floats:
    """Vertices (n, 3) of a prop at ``scale``, with the seat at ``seat`` metres: its legs grow, and what is above goes along."""
    points = vertices * scale
    if prop.seat is not None and seat > 0.0:
        height = prop.seat.height * scale
        below = points[:, 2] < height
        points[:, 2] = np.where(below, points[:, 2] * seat / height, points[:, 2] + seat - height)
    return points


def fill(mesh: bpy.types.Mesh, shape: Shape) -> None:
    """Give a mesh this shape, smooth but for its sharp edges."""
    mesh.clear_geometry()
    mesh.from_pydata(shape.vertices.tolist(), [], shape.faces)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), dtype=bool))
    mesh.set_sharp_from_angle(angle=float(_SHARP))
    mesh.update()


def remove_props(props: Sequence[bpy.types.Object]) -> None:
    """Remove props with the meshes that no one else uses."""
    for obj in props:
        mesh = obj.data
        bpy.data.objects.remove(obj)
        if mesh.users == 0:
            bpy.data.meshes.remove(mesh)


def let_go(obj: bpy.types.Object) -> None:
    """Leave a prop where it is, as a thing of its own."""
    place = obj.matrix_world.copy()
    obj.parent = None
    obj.matrix_parent_inverse = Matrix.Identity(4)
    obj.matrix_world = place
    set_hold(obj, "")


def _material() -> bpy.types.Material:
    found = bpy.data.materials.get(_MATERIAL)
    if found is not None:
        return found
    material = bpy.data.materials.new(_MATERIAL)
    material.diffuse_color = _COLOUR
    material.roughness = 0.5
    return material
