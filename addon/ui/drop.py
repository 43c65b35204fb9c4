# SPDX-License-Identifier: GPL-3.0-or-later
"""Files dropped on an editor: models, motion capture, poses, pictures. Where several things can be meant, Blender asks in a menu,
in which its own handlers of pictures stand first."""

from __future__ import annotations

import bpy

from ..armature.mannequin import is_mannequin
from ..framing.camera import pose_camera
from ..generate.viewing import shows_ours
from ..operators.library import P2A_OT_apply_pose
from ..operators.models import P2A_OT_import_model
from ..operators.motion import P2A_OT_import_bvh
from ..operators.own_controls import P2A_OT_open_own_control
from ..operators.picture_reference import ENDINGS, P2A_OT_find_skeleton, P2A_OT_open_backdrop
from ..operators.pose_reference import P2A_OT_open_pose_reference
from ..operators.recipes import P2A_OT_open_recipe


class P2A_FH_model(bpy.types.FileHandler):
    """Wherever it is dropped: nobody else takes these files."""

    bl_idname = "P2A_FH_model"
    bl_label = "Model, LoRA, VAE or ControlNet"
    bl_import_operator = P2A_OT_import_model.bl_idname
    bl_file_extensions = ".safetensors"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None


class _OnView:
    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return _is_view(context)


class P2A_FH_bvh(_OnView, bpy.types.FileHandler):
    bl_idname = "P2A_FH_bvh"
    bl_label = "Motion onto a Figure"
    bl_import_operator = P2A_OT_import_bvh.bl_idname
    bl_file_extensions = ".bvh"


class P2A_FH_pose(_OnView, bpy.types.FileHandler):
    bl_idname = "P2A_FH_pose"
    bl_label = "Pose onto a Figure"
    bl_import_operator = P2A_OT_apply_pose.bl_idname
    bl_file_extensions = ".json"


class P2A_FH_openpose(_OnView, bpy.types.FileHandler):
    bl_idname = "P2A_FH_openpose"
    bl_label = "OpenPose Skeleton as Reference"
    bl_import_operator = P2A_OT_open_pose_reference.bl_idname
    bl_file_extensions = ".json"


class _Picture:
    """A picture dropped on a 3D view or its sidebar: where the view looks through a camera, or there is somebody to pose.
    Elsewhere Blender does with pictures what it always did, without asking."""

    bl_file_extensions = ";".join(ENDINGS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return _is_view(context) and (_looks_through_camera(context) or _is_ours(context.scene))


class P2A_FH_backdrop(_Picture, bpy.types.FileHandler):
    bl_idname = "P2A_FH_backdrop"
    bl_label = P2A_OT_open_backdrop.bl_label
    bl_import_operator = P2A_OT_open_backdrop.bl_idname


class P2A_FH_skeleton(_Picture, bpy.types.FileHandler):
    bl_idname = "P2A_FH_skeleton"
    bl_label = P2A_OT_find_skeleton.bl_label
    bl_import_operator = P2A_OT_find_skeleton.bl_idname


class P2A_FH_own_control(_Picture, bpy.types.FileHandler):
    bl_idname = "P2A_FH_own_control"
    bl_label = P2A_OT_open_own_control.bl_label
    bl_import_operator = P2A_OT_open_own_control.bl_idname


class P2A_FH_recipe(bpy.types.FileHandler):
    """On our panels always; on a 3D view or an Image Editor where there is something of ours."""

    bl_idname = "P2A_FH_recipe"
    bl_label = P2A_OT_open_recipe.bl_label
    bl_import_operator = P2A_OT_open_recipe.bl_idname
    bl_file_extensions = ";".join(ENDINGS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        if _is_view(context):
            return (context.region is not None and context.region.type == "UI") or _is_ours(context.scene)
        if context.area is None or context.area.ui_type != "IMAGE_EDITOR":
            return False
        return context.area.spaces.active.mode == "VIEW" and (shows_ours(context.area) or _is_ours(context.scene))


def _is_view(context: bpy.types.Context) -> bool:
    return context.area is not None and context.area.type == "VIEW_3D"


def _looks_through_camera(context: bpy.types.Context) -> bool:
    view = getattr(context.space_data, "region_3d", None)  # which the sidebar has not in its own context
    return view is not None and view.view_perspective == "CAMERA"


def _is_ours(scene: bpy.types.Scene | None) -> bool:
    """Whether somebody is posed in a scene. Blender asks at each movement of the mouse, so it looks no further than it must."""
    return scene is not None and (pose_camera(scene) is not None or any(map(is_mannequin, scene.objects)))


CLASSES: tuple[type, ...] = (
    P2A_FH_model,
    P2A_FH_bvh,
    P2A_FH_pose,
    P2A_FH_openpose,
    P2A_FH_backdrop,
    P2A_FH_skeleton,
    P2A_FH_own_control,
    P2A_FH_recipe,
)
