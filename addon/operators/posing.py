# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of posing by hand: taking hold of a dot, dragging it, letting go.

A drag is a macro of Blender's own Move and of ``settle_pose``, so that snapping to axes, typing numbers and cancelling work as
everywhere, and the drag with all that follows from it is one undo step.
"""

from __future__ import annotations

import bpy
from bpy.props import FloatVectorProperty, StringProperty

from ..armature.controls import bring_up_to_date, lift_limits, move_control, turn_joint
from ..armature.dots import Dot, dot_at, visible_bones
from ..armature.dots_only import follow_switch, show_fingers, shows_fingers
from ..armature.limits import are_lifted
from ..armature.mannequin import is_mannequin, is_own
from ..armature.matching import paused
from ..armature.modes import mode_in
from ..armature.rig import fault_of
from ..armature.ring_axes import joint_for
from ..compat import is_pose_bone_selected, select_pose_bone
from ..errors import UserError
from ..settings.posing import ROTATE, dots_only_listeners
from ..translations import translated
from .figure import _OnMannequin, _Posing, needs_mannequin, the_mannequin
from .reporting import Reporting

KEYMAPS = ("Object Mode", "Pose")


class P2A_OT_start_posing(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.start_posing"
    bl_label = "Start Posing"
    bl_description = "Go into Pose Mode, where the figure's dots can be dragged. A click on a dot does the same"

    armature: StringProperty(name="Mannequin", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return needs_mannequin(cls, context)

    def run(self, context: bpy.types.Context) -> None:
        obj = the_mannequin(context, self.armature)
        if obj is None:
            raise UserError("Select the mannequin that you want to pose.")
        if not obj.visible_get():
            raise UserError(f"'{obj.name}' is hidden: show it first (Alt-H).")
        if not is_own(obj):
            raise UserError(f"'{obj.name}' is linked from another file: pose it there, or make it local.")
        enter_pose_mode(context, obj)


class P2A_OT_stop_posing(bpy.types.Operator):
    bl_idname = "pose_to_anime.stop_posing"
    bl_label = "Stop Posing"
    bl_description = "Go back to Object Mode"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if mode_in(context) == "POSE":
            return True
        cls.poll_message_set(translated("No figure is being posed"))
        return False

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.object.mode_set(mode="OBJECT")
        return {"FINISHED"}


class P2A_OT_grab_control(bpy.types.Operator):
    """The press of the mouse. Over a dot it selects it, from Object Mode too, and waits: a drag goes on as a move, a click ends
    here. Beside the dots the press is none of our business."""

    bl_idname = "pose_to_anime.grab_control"
    bl_label = "Take Hold of a Dot"
    bl_description = "Select the dot under the mouse; drag it to move it"
    bl_options = {"UNDO", "INTERNAL"}

    _start = (0, 0)
    _grabbed = Dot("", "")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D" and mode_in(context) in {"OBJECT", "POSE"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        dot = dot_at(context, (event.mouse_region_x, event.mouse_region_y))
        if dot is None:
            return {"PASS_THROUGH"}
        obj = bpy.data.objects[dot.armature]
        enter_pose_mode(context, obj)
        bone = obj.pose.bones[dot.bone]
        if context.scene.pose_to_anime.posing.mode == ROTATE:
            select_only(context, _joint_of(obj, bone))
            return {"FINISHED"}  # its rings appear, and they are what is dragged
        if not is_pose_bone_selected(bone):
            select_only(context, bone)
        obj.data.bones.active = bone.bone
        self._start = (event.mouse_x, event.mouse_y)
        self._grabbed = dot
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "LEFTMOUSE" and event.value == "RELEASE":
            select_only(context, bpy.data.objects[self._grabbed.armature].pose.bones[self._grabbed.bone])
            return {"FINISHED"}
        if event.type == "MOUSEMOVE":
            threshold = context.preferences.inputs.drag_threshold_mouse * context.preferences.system.ui_scale
            moved = max(abs(event.mouse_x - self._start[0]), abs(event.mouse_y - self._start[1]))
            if moved >= threshold:
                # The macro's undo step holds the selection too, so this operator must not push one of its own.
                bpy.ops.pose_to_anime.drag_control("INVOKE_DEFAULT")
                return {"CANCELLED"}
        return {"RUNNING_MODAL"}


class _UpToDate:
    """Before and after Blender's own Move. Figures whose rig was spoiled by hand are moved as Blender does it, and no more."""

    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return mode_in(context) == "POSE"

    def execute(self, context: bpy.types.Context) -> set[str]:
        with paused():
            for obj in posed_mannequins(context):
                if not fault_of(obj):
                    bring_up_to_date(obj)
        return {"FINISHED"}


class P2A_OT_prepare_drag(_UpToDate, bpy.types.Operator):
    """First step of a drag: what other tools did to the rig is taken account of before the dot moves."""

    bl_idname = "pose_to_anime.prepare_drag"
    bl_label = "Prepare to Drag"


class P2A_OT_settle_pose(_UpToDate, bpy.types.Operator):
    """Last step of a drag: dots go back onto their joints."""

    bl_idname = "pose_to_anime.settle_pose"
    bl_label = "Settle Pose"


class P2A_OT_drag_control(bpy.types.Macro):
    bl_idname = "pose_to_anime.drag_control"
    bl_label = "Drag"
    bl_description = "Move the selected dots, or turn the selected joints, until the mouse button is let go"
    bl_options = {"UNDO", "INTERNAL"}


class P2A_OT_move_control(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.move_control"
    bl_label = "Move Dot"
    bl_description = "Move a dot to a place, as a drag with the mouse does"

    control: StringProperty(name="Dot", description="For example hand.L, elbow.R, foot.L, knee.R, hips")
    location: FloatVectorProperty(name="Place", subtype="TRANSLATION", unit="LENGTH", size=3)

    def act(self, obj: bpy.types.Object) -> None:
        move_control(obj, self.control, self.location)


class P2A_OT_turn_joint(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.turn_joint"
    bl_label = "Turn Joint"
    bl_description = "Turn a joint by a rotation in the figure's axes"

    joint: StringProperty(name="Joint", description="For example upper_arm.L, chest, head")
    rotation: FloatVectorProperty(name="Rotation", subtype="QUATERNION", size=4, default=(1.0, 0.0, 0.0, 0.0))

    def act(self, obj: bpy.types.Object) -> None:
        turn_joint(obj, self.joint, self.rotation)


class P2A_OT_toggle_limits(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.toggle_limits"
    bl_label = "Joint Limits"
    bl_description = "Let the figure's joints turn no farther than a body's do, or lift all their limits"

    def act(self, obj: bpy.types.Object) -> None:
        lift_limits(obj, not are_lifted(obj))


class P2A_OT_show_fingers(_OnMannequin, bpy.types.Operator):
    bl_idname = "pose_to_anime.show_fingers"
    bl_label = "Finger Joints"
    bl_description = "Show a dot for each joint of the fingers, to be dragged or turned by its rings, or hide these dots"

    def act(self, obj: bpy.types.Object) -> None:
        show_fingers(obj, not shows_fingers(obj))


def posed_mannequins(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The mannequins in Pose Mode: Blender can have several at a time."""
    return [obj for obj in context.objects_in_mode if is_mannequin(obj)]


def enter_pose_mode(context: bpy.types.Context, obj: bpy.types.Object) -> None:
    """Go into Pose Mode with this armature, leaving any other mode. Does nothing when it is already posed."""
    layer = context.view_layer
    if obj.mode == "POSE" and context.mode == "POSE":
        layer.objects.active = obj
        return
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for other in context.selected_objects:
        other.select_set(False)
    obj.select_set(True)
    layer.objects.active = obj
    bpy.ops.object.mode_set(mode="POSE")


def select_only(context: bpy.types.Context, bone: bpy.types.PoseBone) -> None:
    """Select one pose bone and no other, and make it active."""
    for obj in context.objects_in_mode:
        for other in obj.pose.bones:
            if is_pose_bone_selected(other) and other != bone:
                select_pose_bone(other, False)
    select_pose_bone(bone, True)
    bone.id_data.data.bones.active = bone.bone


def _joint_of(obj: bpy.types.Object, bone: bpy.types.PoseBone) -> bpy.types.PoseBone:
    """The joint that a dot means, or the dot itself while the joint's own mark is hidden: what is selected must be seen."""
    joint = joint_for(bone.bone)
    return next((each for each in visible_bones(obj) if each.name == joint), bone)


def _dots_only_switched(scene: bpy.types.Scene) -> None:
    for obj in scene.objects:
        if is_mannequin(obj) and obj.data.library is None:
            follow_switch(scene, obj)


CLASSES: tuple[type, ...] = (
    P2A_OT_start_posing,
    P2A_OT_stop_posing,
    P2A_OT_grab_control,
    P2A_OT_prepare_drag,
    P2A_OT_settle_pose,
    P2A_OT_drag_control,
    P2A_OT_move_control,
    P2A_OT_turn_joint,
    P2A_OT_toggle_limits,
    P2A_OT_show_fingers,
)

_keymap_items: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def register() -> None:
    P2A_OT_drag_control.define("POSE_TO_ANIME_OT_prepare_drag")
    P2A_OT_drag_control.define("TRANSFORM_OT_translate").properties.release_confirm = True
    P2A_OT_drag_control.define("POSE_TO_ANIME_OT_settle_pose")
    dots_only_listeners.append(_dots_only_switched)
    config = bpy.context.window_manager.keyconfigs.addon
    if config is None:
        return  # Blender runs without a window
    for name in KEYMAPS:
        keymap = config.keymaps.new(name=name, space_type="EMPTY")
        item = keymap.keymap_items.new(P2A_OT_grab_control.bl_idname, "LEFTMOUSE", "PRESS", head=True)
        _keymap_items.append((keymap, item))


def unregister() -> None:
    dots_only_listeners.remove(_dots_only_switched)
    for keymap, item in _keymap_items:
        keymap.keymap_items.remove(item)
    _keymap_items.clear()
