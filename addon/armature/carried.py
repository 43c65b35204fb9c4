# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of a figure carries each vertex of its meshes for the most part: skinned ones, and those that hang on a bone."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from .control_rig.link import carriers_of, character_of, hangs_on_bone


def carrying_bones(
    obj: bpy.types.Object, skin: bpy.types.Object, mesh: bpy.types.Mesh, rows: Iterable[int] | None = None
) -> list[str]:
    """For vertices of a figure's mesh object (all, or ``rows``) the deform bone of ours that carries each most; empty where none
    does. ``mesh`` is that of ``skin``, evaluated or not."""
    carriers = carriers_of(obj)
    rows = range(len(mesh.vertices)) if rows is None else rows
    character = character_of(obj)
    if character is not None and hangs_on_bone(character, skin) and skin.find_armature() != character:
        whole = carriers.get(skin.parent_bone, "")
        return [whole for _ in rows]
    names = {group.index: carriers.get(group.name, "") for group in skin.vertex_groups}
    vertices = mesh.vertices
    found = []
    for row in rows:
        shares = vertices[row].groups
        found.append(names.get(max(shares, key=lambda share: share.weight).group, "") if len(shares) else "")
    return found
