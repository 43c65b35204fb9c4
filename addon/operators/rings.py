# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning joints by their rings: the verb that a ring starts when it is pressed, and that scripts call with an angle."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

import bpy
from bpy.props import EnumProperty, FloatProperty, FloatVectorProperty, StringProperty
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Matrix, Vector

from ..armature.mannequin import is_mannequin
from ..armature.ring_axes import BLUE, COLOURS, GREEN, RED, VIEW, ring_axes
from ..armature.ring_drag import RingDrag
from ..armature.ring_turn import RingTurn, active_ring_joint, free_rings, named_joint, selected_ring_joints
from ..errors import UserError
from ..translations import translated
from .figure import needs_mannequin, require_mannequin
from .posing import posed_mannequins
from .reporting import Reporting

_NAMES = {RED: "Red", BLUE: "Blue", GREEN: "Green", VIEW: "White"}
_MOST = 100 * math.tau
_STOPPED = math.radians(0.1)
_KEYS = "Ctrl: steps of 5°    Shift: slowly    Right-click or Esc: back"


@dataclass
class HeldRing:
    """The ring that the mouse is turning, for whoever draws it: nothing that belongs to Blender.

    ``place``: the joint in the world; ``about`` and ``start``: directions of length one, the axis, and where the ring was taken
    hold of; ``angle``: how far it was turned since, in radians."""

    ring: str
    place: Vector
    about: Vector
    start: Vector
    angle: float = 0.0


class _State:
    held: HeldRing | None = None


def held_ring() -> HeldRing | None:
    """The ring that is being turned now."""
    return _State.held


class P2A_OT_turn_ring(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.turn_ring"
    bl_label = "Turn Joint with Ring"
    bl_description = "Turn the selected joints, each about its own axis. Ctrl snaps to 5°, Shift turns slowly"
    bl_options = {"REGISTER", "UNDO", "BLOCKING"}

    axis: EnumProperty(
        name="Ring",
        items=(
            (RED, "Red", "Back and forth: a positive angle brings the far end forward"),
            (BLUE, "Blue", "Left and right: a positive angle brings the far end to the figure's left"),
            (GREEN, "Green", "Twist: a positive angle turns the front to the figure's left"),
            (VIEW, "White", "In the plane of the view: a positive angle turns counter-clockwise"),
        ),
        default=RED,
    )
    angle: FloatProperty(name="Angle", subtype="ANGLE", unit="ROTATION", default=0.0, min=-_MOST, max=_MOST)
    joints: StringProperty(
        name="Joints",
        description="Names of joints with commas between them, for example upper_arm.L, forearm.L; the selected ones when empty",
        options={"SKIP_SAVE"},
    )
    view: FloatVectorProperty(
        name="Toward the Viewer",
        description="Direction from the figure to the viewer, which the white ring turns about",
        subtype="DIRECTION",
        size=3,
        options={"SKIP_SAVE"},
    )
    armature: StringProperty(
        name="Mannequin",
        description="Name of its armature object; when empty all that are being posed, or else the active one",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return needs_mannequin(cls, context)

    def run(self, context: bpy.types.Context) -> None:
        if not math.isfinite(self.angle):
            raise UserError("A ring can only be turned by a finite angle.")
        for turn in self._turns(context):
            turn.turn(self.angle)
            turn.end()

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        obj = context.view_layer.objects.active
        joint = active_ring_joint(obj) if is_mannequin(obj) and obj.mode == "POSE" else None
        if joint is None or context.region_data is None:
            return self.execute(context)
        bone = obj.pose.bones[joint]
        place = obj.matrix_world @ bone.head
        centre = location_3d_to_region_2d(context.region, context.region_data, place)
        if centre is None:
            return {"CANCELLED"}
        sight = line_of_sight(context.region_data, place)
        self.view = sight.col[2]
        try:
            self._turning = self._turns(context)
        except UserError as error:
            return self.refuse(error)
        axis = sight.col[2] if self.axis == VIEW else ring_axes(bone).col[COLOURS.index(self.axis)]
        mouse = (event.mouse_region_x, event.mouse_region_y)
        self._drag = RingDrag(centre, sight.transposed() @ axis, ring_radius(context), mouse)
        self.angle = self._reached = 0.0
        self._limit = why_held(obj, joint) if all(turn.is_held() for turn in self._turning) else "at its limit"
        _State.held = HeldRing(self.axis, place, axis.copy(), sight @ Vector(self._drag.held()))
        self._say(context)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        try:
            return self._take(context, event)
        except Exception:  # for example the figure was removed by a script: Blender ends the operator without a word to it
            with suppress(Exception):
                self._close(context, keep=False)
            raise

    def _take(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type in {"RIGHTMOUSE", "ESC"} or (event.type == "WINDOW_DEACTIVATE"):
            return self._close(context, keep=False)
        if event.type in {"LEFTMOUSE", "RET"} and event.value == "RELEASE":
            closed = self._close(context, keep=self._reached != 0.0)
            if self.angle == 0.0:  # a click: it means the dot that the ring may lie over
                bpy.ops.pose_to_anime.grab_control("INVOKE_DEFAULT", True)
            return closed
        if event.type in {"MOUSEMOVE", "LEFT_CTRL", "RIGHT_CTRL"}:
            self.angle = self._drag.moved((event.mouse_region_x, event.mouse_region_y), event.shift, event.ctrl)
            self._reached = max((turn.turn(self.angle) for turn in self._turning), key=abs)
            self._say(context)
        return {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        self._close(context, keep=False)

    def _close(self, context: bpy.types.Context, keep: bool) -> set[str]:
        try:
            for turn in self._turning:
                if keep:
                    turn.end()
                else:
                    turn.cancel()
        finally:
            _State.held = None
            context.area.header_text_set(None)
            context.workspace.status_text_set(None)
            context.area.tag_redraw()
        return {"FINISHED"} if keep else {"CANCELLED"}

    def _say(self, context: bpy.types.Context) -> None:
        assert _State.held is not None
        _State.held.angle = self._reached
        stopped = f"    {translated(self._limit)}" if abs(self.angle - self._reached) > _STOPPED else ""
        ring = translated(f"{_NAMES[self.axis]} ring")
        context.area.header_text_set(f"{ring}: {math.degrees(self._reached):.1f}°{stopped}")
        context.workspace.status_text_set(translated(_KEYS))

    def _turns(self, context: bpy.types.Context) -> list[RingTurn]:
        names = [name for part in self.joints.split(",") if (name := part.strip())]
        figures = [] if self.armature or names else posed_mannequins(context)
        turns = []
        for obj in figures or [require_mannequin(context, self.armature)]:
            if joints := [named_joint(obj, name) for name in names] or selected_ring_joints(obj):
                turns.append(RingTurn(obj, joints, self.axis, self.view))
        if not turns:
            raise UserError("Select the joint that you want to turn: click it in Pose Mode.")
        return turns


def why_held(obj: bpy.types.Object, joint: str) -> str:
    """What to tell who drags a ring by which the limits of a joint do not let it turn."""
    free = [_NAMES[axis].lower() for axis in free_rings(obj, joint)]
    if not free:
        return "its limits do not let this joint turn"
    rings = " and ".join(free)
    return f"its limits do not let this joint turn this way, only by the {'ring' if len(free) == 1 else 'rings'} {rings}"


def ring_radius(context: bpy.types.Context) -> float:
    """Of the coloured rings as they are seen, in pixels: as large as Blender's own gizmos."""
    return float(context.preferences.view.gizmo_size * context.preferences.system.ui_scale)


def line_of_sight(view: bpy.types.RegionView3D, place: Vector) -> Matrix:
    """Right, up and toward the viewer, as columns, in world axes, for one who looks at a place."""
    to_world = view.view_matrix.inverted()
    toward = (to_world.translation - place) if view.is_perspective else to_world.col[2].to_3d()
    toward.normalize()
    right = to_world.col[1].to_3d().cross(toward).normalized()
    return Matrix((right, toward.cross(right), toward)).transposed()


CLASSES: tuple[type, ...] = (P2A_OT_turn_ring,)
