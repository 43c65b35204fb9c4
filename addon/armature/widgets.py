# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of the rig's controls, and their colours.

Shapes are small mesh objects that no collection holds: a pose bone's custom shape needs no more, and what is in no scene can be
neither selected nor rendered. All figures of a file share them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import bpy

from . import handles

PREFIX = "WGT-pose_to_anime_"

Colour = tuple[float, float, float]
Geometry = tuple[list[tuple[float, float, float]], list[tuple[int, int]], list[tuple[int, ...]]]

# Blue and red, because red and green are what most colour-blind people cannot tell apart.
LEFT: Colour = (0.10, 0.45, 1.00)
RIGHT: Colour = (1.00, 0.25, 0.20)
CENTRE: Colour = (1.00, 0.75, 0.10)
CHEST: Colour = (0.10, 0.85, 0.70)
HEAD: Colour = (1.00, 0.35, 0.85)
SELECTED: Colour = (1.00, 1.00, 1.00)
ACTIVE: Colour = (0.55, 1.00, 0.60)

_ON_THE_MIDDLE = {handles.CHEST: CHEST, handles.HEAD: HEAD, handles.GAZE: HEAD}


def colour_of(bone: str) -> Colour:
    """The colour of a control: by the side in its name, and for the dots on the middle by what they move."""
    return LEFT if bone.endswith(".L") else RIGHT if bone.endswith(".R") else _ON_THE_MIDDLE.get(bone, CENTRE)


def widget(shape: str) -> bpy.types.Object:
    """The object of one shape (``dot``, ``pin``, ``ring`` or ``root``), made when the file has none yet."""
    name = PREFIX + shape
    found = bpy.data.objects.get(name)
    if found is not None and found.type == "MESH":
        return found
    vertices, edges, faces = _SHAPES[shape]()
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, edges, faces)
    return bpy.data.objects.new(name, mesh)


def remove_unused_widgets() -> None:
    """Remove the shapes that no figure of the file has."""
    for shape in _SHAPES:
        found = bpy.data.objects.get(PREFIX + shape)
        if found is not None and found.type == "MESH" and found.users == 0:
            mesh = found.data
            bpy.data.objects.remove(found)
            if mesh.users == 0:
                bpy.data.meshes.remove(mesh)


def _dot() -> Geometry:
    """A ball of radius one. Faces, not a wire: a dot should look like something to take hold of."""
    segments, rings = 12, 7
    vertices: list[tuple[float, float, float]] = [(0.0, 0.0, 1.0)]
    for ring in range(1, rings):
        theta = math.pi * ring / rings
        for segment in range(segments):
            phi = 2 * math.pi * segment / segments
            vertices.append((math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)))
    vertices.append((0.0, 0.0, -1.0))
    last = len(vertices) - 1
    faces: list[tuple[int, ...]] = []
    for segment in range(segments):
        following = (segment + 1) % segments
        faces.append((0, 1 + segment, 1 + following))
        for ring in range(rings - 2):
            upper, lower = 1 + ring * segments, 1 + (ring + 1) * segments
            faces.append((upper + segment, lower + segment, lower + following, upper + following))
        base = 1 + (rings - 2) * segments
        faces.append((base + segment, last, base + following))
    return vertices, [], faces


def _pin() -> Geometry:
    """A box with the dot's size: what is pinned shows it by its shape, whatever its colour."""
    vertices = [(x, y, z) for x in (-0.8, 0.8) for y in (-0.8, 0.8) for z in (-0.8, 0.8)]
    faces: list[tuple[int, ...]] = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return vertices, [], faces


def _circle(radius: float, count: int) -> list[tuple[float, float, float]]:
    angles = (2 * math.pi * i / count for i in range(count))
    return [(radius * math.cos(angle), 0.0, radius * math.sin(angle)) for angle in angles]


def _ring() -> Geometry:
    """A circle of radius one across the bone."""
    vertices = _circle(1.0, 32)
    return vertices, [(i, (i + 1) % len(vertices)) for i in range(len(vertices))], []


def _root() -> Geometry:
    """A circle on the ground with an arrow toward the front. Its bone points backward, so that the circle's plane is x–y here."""
    vertices = [(x, z, 0.0) for x, _, z in _circle(1.0, 48)]
    edges = [(i, (i + 1) % len(vertices)) for i in range(len(vertices))]
    first = len(vertices)
    vertices += [(-0.12, -1.08, 0.0), (0.12, -1.08, 0.0), (0.0, -1.3, 0.0)]
    edges += [(first, first + 1), (first + 1, first + 2), (first + 2, first)]
    return vertices, edges, []


_SHAPES: dict[str, Callable[[], Geometry]] = {"dot": _dot, "pin": _pin, "ring": _ring, "root": _root}
