# SPDX-License-Identifier: GPL-3.0-or-later
"""Files dropped on the 3D view: motion capture, poses, and skeletons to pose after. Where several can be meant, Blender asks."""

from __future__ import annotations

import bpy

from ..operators.library import P2A_OT_apply_pose
from ..operators.models import P2A_OT_import_model
from ..operators.motion import P2A_OT_import_bvh
from ..operators.pose_reference import P2A_OT_open_pose_reference


class _OnView:
    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


class P2A_FH_model(bpy.types.FileHandler):
    bl_idname = "P2A_FH_model"
    bl_label = "Model, LoRA, VAE or ControlNet"
    bl_import_operator = P2A_OT_import_model.bl_idname
    bl_file_extensions = ".safetensors"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type in ("VIEW_3D", "IMAGE_EDITOR")


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


CLASSES: tuple[type, ...] = (P2A_FH_model, P2A_FH_bvh, P2A_FH_pose, P2A_FH_openpose)
