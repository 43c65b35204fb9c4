# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's own start-up file holds, untouched: nobody chose it, so it may step aside for a figure."""

import bpy
from mathutils import Matrix, Vector

_CAMERA_PLACE = Vector((7.35889, -6.92579, 4.95831))
"""Where the camera of Blender's own start-up file is, 2.8 to 5.2."""

_CUBE_VERTICES = 8


def is_startup_camera(scene: bpy.types.Scene, camera: bpy.types.Object) -> bool:
    """Whether this is the camera of Blender's start-up file, untouched: it looks down at a cube."""
    is_ours = camera == scene.pose_to_anime.framing.camera
    return not is_ours and camera.data.lens == 50.0 and (camera.matrix_world.translation - _CAMERA_PLACE).length < 1e-3


def is_startup_cube(obj: bpy.types.Object) -> bool:
    """Whether this is the cube of Blender's start-up file, untouched: two metres wide around the origin, where figures stand."""
    if obj.type != "MESH" or obj.name != "Cube" or obj.modifiers or obj.parent or obj.animation_data or obj.library:
        return False
    mesh = obj.data
    return (
        obj.matrix_world == Matrix()
        and len(mesh.vertices) == _CUBE_VERTICES
        and all(abs(abs(value) - 1.0) < 1e-6 for vertex in mesh.vertices for value in vertex.co)
    )
