# SPDX-License-Identifier: GPL-3.0-or-later
"""The photographs that the README shows: posing, and the workspace with a picture beside its figure."""

from collections.abc import Generator

import bpy
import first_picture
import hands
from mathutils import Quaternion


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model = "builtin"
    settings.steps = 12
    bpy.ops.pose_to_anime.add_mannequin()
    bpy.ops.pose_to_anime.apply_pose(pose="running")
    bpy.ops.pose_to_anime.start_posing()
    bpy.ops.pose_to_anime.add_camera()
    yield 0.5
    hands.invoke("VIEW_3D", "pose_to_anime.open_workspace")
    yield 2.0
    facts["workspace"] = hands.window().workspace.name
    view = hands.area("VIEW_3D").spaces.active.region_3d
    view.view_perspective = "PERSP"
    view.view_location = (0.0, 0.0, 0.85)
    view.view_rotation = Quaternion((0.0, 0.0, 1.0), 0.75) @ Quaternion((1.0, 0.0, 0.0), 1.42)
    view.view_distance = 4.6
    yield from hands.open_sidebar("VIEW_3D")
    yield 1.0
    hands.photograph("posing")
    hands.invoke("VIEW_3D", "pose_to_anime.generate")
    yield 0.5
    yield first_picture.until_finished("job")
    yield 1.5
    hands.invoke("IMAGE_EDITOR", "pose_to_anime.compare_result")
    yield 2.0
    hands.photograph("workspace")
