# SPDX-License-Identifier: GPL-3.0-or-later
"""The four rings of the joint that was clicked, drawn over the figure and taken hold of with the mouse."""

from __future__ import annotations

import math
from typing import Any

import bpy
import gpu
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix, Quaternion, Vector

from ..armature.mannequin import is_mannequin
from ..armature.modes import mode_in
from ..armature.rig import fault_of
from ..armature.ring_axes import BLUE, COLOURS, GREEN, RED, VIEW, ring_axes
from ..armature.ring_turn import active_ring_joint, free_rings
from ..operators.rings import P2A_OT_turn_ring, held_ring, line_of_sight, ring_radius
from ..settings.posing import ROTATE

Colour = tuple[float, float, float]

# Blender's own axis colours a little lighter, so that they stand out from the grey figure and from the dots of its sides.
_COLOURS: dict[str, Colour] = {
    RED: (1.00, 0.16, 0.22),
    BLUE: (0.16, 0.50, 1.00),
    GREEN: (0.40, 0.90, 0.05),
    VIEW: (1.00, 1.00, 1.00),
}
_LIT: Colour = (1.00, 0.85, 0.20)
_SIZE = 1.0
_VIEW_SIZE = 1.2
"""The white ring lies around the others. In the unit of Blender's gizmos, which the user sets in the preferences."""
_WIDTH, _HELD_WIDTH = 3.0, 1.0
_ALPHA, _HELD_ALPHA = (0.9, 1.0), (0.3, 0.5)
"""A ring by which the limits do not let the joint turn is thin and dim, so that it promises nothing. Alone; under the mouse."""
_SECTOR_STEP = math.radians(4.0)


class _State:
    is_lit = False


def is_ring_lit() -> bool:
    """Whether the mouse is on a ring."""
    return _State.is_lit


class P2A_GGT_rings(bpy.types.GizmoGroup):
    bl_idname = "P2A_GGT_rings"
    bl_label = "Rings"
    bl_space_type = "VIEW_3D"
    bl_region_type = "WINDOW"
    bl_options = {"3D", "PERSISTENT"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        is_rotating = mode_in(context) == "POSE" and context.scene.pose_to_anime.posing.mode == ROTATE
        obj = context.view_layer.objects.active if is_rotating else None
        is_posed = obj is not None and is_mannequin(obj) and obj.mode == "POSE" and not fault_of(obj)
        if is_posed and active_ring_joint(obj) is not None:
            return True
        _State.is_lit = False
        return False

    def setup(self, _context: bpy.types.Context) -> None:
        for axis in (*COLOURS, VIEW):
            ring = self.gizmos.new("GIZMO_GT_dial_3d")
            ring.target_set_operator(P2A_OT_turn_ring.bl_idname).axis = axis
            ring.draw_options = set() if axis == VIEW else {"CLIP"}  # of a coloured ring the half that is nearer is drawn
            ring.scale_basis = _VIEW_SIZE if axis == VIEW else _SIZE
            ring.color, ring.color_highlight = _COLOURS[axis], _LIT
            ring.use_draw_modal = True

    def draw_prepare(self, context: bpy.types.Context) -> None:
        obj = context.view_layer.objects.active
        joint = active_ring_joint(obj) if is_mannequin(obj) else None
        if joint is None:
            return
        bone = obj.pose.bones[joint]
        place = obj.matrix_world @ bone.head
        axes = ring_axes(bone)
        held = held_ring()
        free = free_rings(obj, joint) if held is None else [held.ring]
        _State.is_lit = any(ring.is_highlight for ring in self.gizmos)
        for axis, ring in zip((*COLOURS, VIEW), self.gizmos, strict=True):
            about = line_of_sight(context.region_data, place).col[2] if axis == VIEW else axes.col[COLOURS.index(axis)]
            ring.matrix_basis = Matrix.Translation(place) @ _facing(about)
            is_free = axis == VIEW or axis in free
            ring.line_width = _WIDTH if is_free else _HELD_WIDTH
            ring.alpha, ring.alpha_highlight = _ALPHA if is_free else _HELD_ALPHA
            ring.hide = held is not None and held.ring != axis


def _facing(axis: Vector) -> Matrix:
    """A rotation that brings z onto an axis."""
    return axis.to_track_quat("Z", "Y").to_matrix().to_4x4()


def _draw_turn() -> None:
    """While a ring is turned: the sector that it has passed, in its plane."""
    held, context = held_ring(), bpy.context
    if held is None or context.region_data is None:
        return
    radius = ring_radius(context) * (_VIEW_SIZE if held.ring == VIEW else _SIZE) / _pixels_per_metre(context, held.place)
    passed = math.copysign(min(abs(held.angle), math.tau), held.angle)
    count = max(2, math.ceil(abs(passed) / _SECTOR_STEP) + 1)
    turns = (Quaternion(held.about, passed * index / (count - 1)) for index in range(count))
    places = [held.place, *(held.place + (turn @ held.start) * radius for turn in turns)]
    gpu.state.blend_set("ALPHA")
    try:
        shader = gpu.shader.from_builtin("UNIFORM_COLOR")
        shader.uniform_float("color", (*_COLOURS[held.ring], 0.3))
        batch_for_shader(shader, "TRIS", {"pos": places}, indices=[(0, index, index + 1) for index in range(1, count)]).draw(
            shader
        )
        shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
        shader.uniform_float("viewportSize", (context.region.width, context.region.height))
        shader.uniform_float("lineWidth", 1.5 * context.preferences.system.pixel_size)
        shader.uniform_float("color", (*_LIT, 1.0))
        batch_for_shader(shader, "LINES", {"pos": [places[0], places[1], places[0], places[-1]]}).draw(shader)
    finally:
        gpu.state.blend_set("NONE")


def _pixels_per_metre(context: bpy.types.Context, place: Vector) -> float:
    """How long a metre is seen that lies across the line of sight."""
    across = line_of_sight(context.region_data, place).col[0]
    ends = [location_3d_to_region_2d(context.region, context.region_data, place + across * side) for side in (-0.05, 0.05)]
    return (ends[1] - ends[0]).length * 10.0 if None not in ends else math.inf


CLASSES: tuple[type, ...] = (P2A_GGT_rings,)

_handles: list[Any] = []


def register() -> None:
    _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw_turn, (), "WINDOW", "POST_VIEW"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
