# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of whole poses: mirror, turn about, copy, stand on the ground, look at the camera, reset a part, push."""

from __future__ import annotations

import contextlib

import bpy
from bpy.props import FloatProperty, StringProperty

from ..armature import pose_tools
from ..armature.auto_keys import changes_keyed
from ..armature.dynamics import push_pose, push_to, pushed_by
from ..armature.held import LEFT, RIGHT, hold_of, props_of
from ..armature.mannequin import is_mannequin
from ..armature.props.holding import require_props, swap_hands
from ..errors import UserError
from ..framing.camera import chosen_camera, pose_camera
from .figure import _Posing, object_named
from .reporting import report


class P2A_OT_mirror_pose(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.mirror_pose"
    bl_label = "Mirror Pose"
    bl_description = "Left and right change places, as in a mirror, and so does what the hands hold"

    def act(self, obj: bpy.types.Object) -> None:
        require_props(obj)
        pose_tools.mirror_pose(obj)
        if any(hold_of(held) in (LEFT, RIGHT) for held in props_of(obj)):
            swap_hands(obj)


class P2A_OT_flip_pose(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.flip_pose"
    bl_label = "Flip"
    bl_description = "Turn the figure about, so that it shows its back; the pose stays"

    def act(self, obj: bpy.types.Object) -> None:
        pose_tools.flip_pose(obj)


class P2A_OT_put_on_ground(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.put_on_ground"
    bl_label = "Put on Ground"
    bl_description = "Move the figure up or down until its lowest point is on the ground"

    def act(self, obj: bpy.types.Object) -> None:
        pose_tools.put_on_ground(obj)


class P2A_OT_look_at_camera(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.look_at_camera"
    bl_label = "Look at Camera"
    bl_description = "Turn neck and head to the camera, as far as a neck goes"

    camera: StringProperty(
        name="Camera", description="Name of a camera or any other object; the picture's camera when empty", options={"SKIP_SAVE"}
    )

    def act(self, obj: bpy.types.Object) -> None:
        scene = bpy.context.scene
        camera = object_named(scene, self.camera) if self.camera else chosen_camera(scene) or pose_camera(scene)
        if camera is None:
            raise UserError(f"There is no object '{self.camera}'." if self.camera else "Add a pose camera first.")
        if not pose_tools.look_at(obj, camera.matrix_world.translation):
            report(self, {"INFO"}, "The camera is farther round than a neck turns: turn the body too")


class P2A_OT_copy_pose_to(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.copy_pose_to"
    bl_label = "Copy Pose to Figure"
    bl_description = "Give another figure the pose of this one"

    target: StringProperty(name="To", description="Name of the other figure's armature object", options={"SKIP_SAVE"})

    def act(self, obj: bpy.types.Object) -> None:
        target = object_named(bpy.context.scene, self.target)
        if not is_mannequin(target) or target == obj:
            raise UserError("Say which other figure should take the pose.")
        pose_tools.copy_pose(obj, target)


class P2A_OT_reset_selected(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.reset_selected"
    bl_label = "Reset Selected"
    bl_description = "Bring the selected joints back to the stance in which the figure was added"

    def act(self, obj: bpy.types.Object) -> None:
        joints = pose_tools.selected_joints(obj)
        if not joints:
            raise UserError("No joint or dot is selected: select those that should be reset.")
        pose_tools.reset_joints(obj, joints)


class P2A_OT_exaggerate(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.exaggerate"
    bl_label = "More Dynamic"
    bl_description = (
        "Push the pose: a stronger line of action, wider steps; below zero calmer. Feet and hands hold what they touch"
    )

    factor: FloatProperty(
        name="Dynamic", description="From calm (−1) to as dynamic as joints allow (1)", min=-1.0, max=1.0, default=0.5,
        subtype="FACTOR", options={"SKIP_SAVE"},
    )  # fmt: skip

    def act(self, obj: bpy.types.Object) -> None:
        push_pose(obj, self.factor)


def _get_dynamic(obj: bpy.types.Object) -> float:
    return pushed_by(obj) if is_mannequin(obj) else 0.0


def _set_dynamic(obj: bpy.types.Object, factor: float) -> None:
    with contextlib.suppress(UserError), changes_keyed(bpy.context):  # a hidden figure stays as it is; the operator says why
        push_to(obj, factor)


CLASSES: tuple[type, ...] = (
    P2A_OT_mirror_pose,
    P2A_OT_flip_pose,
    P2A_OT_put_on_ground,
    P2A_OT_look_at_camera,
    P2A_OT_copy_pose_to,
    P2A_OT_reset_selected,
    P2A_OT_exaggerate,
)


def register() -> None:
    # Of the object and not of the window manager: what is changed by a slider there is an undo step.
    bpy.types.Object.pose_to_anime_dynamic = FloatProperty(
        name="Dynamic",
        description="Push the pose: a stronger line of action, wider steps; below zero calmer",
        min=-1.0, max=1.0, subtype="FACTOR", get=_get_dynamic, set=_set_dynamic, options=set(),
    )  # fmt: skip


def unregister() -> None:
    del bpy.types.Object.pose_to_anime_dynamic
