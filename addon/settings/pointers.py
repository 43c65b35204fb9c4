# SPDX-License-Identifier: GPL-3.0-or-later
"""Hangs the settings of all features on Blender's scenes and objects: ``scene.pose_to_anime`` and ``object.pose_to_anime``."""

import bpy
from bpy.props import PointerProperty, StringProperty

from .characters import P2A_PG_keypoints
from .figure import P2A_PG_object
from .framing import P2A_PG_framing
from .generation import P2A_PG_generation
from .own_controls import P2A_PG_own_controls
from .passes import P2A_PG_passes
from .pose_tags import P2A_PG_pose_tags
from .posing import P2A_PG_posing
from .shots import P2A_PG_shots
from .styles import P2A_PG_styles
from .wardrobe import P2A_PG_wardrobe
from .window import P2A_PG_result, P2A_PG_window


class P2A_PG_scene(bpy.types.PropertyGroup):
    framing: PointerProperty(type=P2A_PG_framing)
    passes: PointerProperty(type=P2A_PG_passes)
    keypoints: PointerProperty(type=P2A_PG_keypoints)
    shots: PointerProperty(type=P2A_PG_shots)
    posing: PointerProperty(type=P2A_PG_posing)
    wardrobe: PointerProperty(type=P2A_PG_wardrobe)
    generation: PointerProperty(type=P2A_PG_generation)
    styles: PointerProperty(type=P2A_PG_styles)
    pose_tags: PointerProperty(type=P2A_PG_pose_tags)
    own_controls: PointerProperty(type=P2A_PG_own_controls)
    file_id: StringProperty(
        name="History", description="Which folder of the history belongs to this file", options={"HIDDEN"}, default=""
    )


CLASSES: tuple[type, ...] = (P2A_PG_scene,)

_POINTERS = (
    (bpy.types.Scene, P2A_PG_scene),
    (bpy.types.Object, P2A_PG_object),
    (bpy.types.Image, P2A_PG_result),
    (bpy.types.WindowManager, P2A_PG_window),
)


def register() -> None:
    for owner, group in _POINTERS:
        owner.pose_to_anime = PointerProperty(type=group)


def unregister() -> None:
    for owner, _ in _POINTERS:
        del owner.pose_to_anime
