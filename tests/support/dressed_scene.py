# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of dressed figures share: a wardrobe of their own, a figure that wears some of it, and what is seen of it."""

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.dressing import wearing
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn
from rig_scene import figure_fixture  # noqa: F401
from wardrobe_files import small_wardrobe

WORN_OUTFIT = Outfit(
    {"hair": Worn("ponytail"), "face": Worn("eyes"), "top": Worn("tee", {"main": "red"}), "bottom": Worn("skirt")}, "smile"
)


@pytest.fixture(name="wardrobe", autouse=True)
def wardrobe_fixture(tmp_path: Path) -> Iterator[Path]:
    with small_wardrobe(tmp_path / "home") as folder:
        yield folder


@pytest.fixture(name="dressed")
def dressed_fixture(figure) -> bpy.types.Object:
    wearing.put_on(figure, WORN_OUTFIT)
    return figure


def places(obj: bpy.types.Object) -> np.ndarray:
    """The vertices of an object as they are seen, in world metres."""
    bpy.context.view_layer.update()
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    found = np.array([evaluated.matrix_world @ vertex.co for vertex in mesh.vertices]).reshape(-1, 3)
    evaluated.to_mesh_clear()
    return found


def everything() -> dict[str, set[str]]:
    """What the file holds, by name."""
    kinds = ("objects", "meshes", "armatures", "materials", "node_groups")
    return {kind: {data.name for data in getattr(bpy.data, kind)} for kind in kinds}


def bone_matrices_of(figure: bpy.types.Object) -> dict[str, np.ndarray]:
    """Bone → (3, 4): what carries points from the figure's rest to its evaluated pose, as ``wardrobe.posed`` has it."""
    bones = figure.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
    return {
        bone: np.array(bones[bone].matrix @ figure.data.bones[bone].matrix_local.inverted())[:3]
        for bone in joint_map("mannequin").values()
    }
