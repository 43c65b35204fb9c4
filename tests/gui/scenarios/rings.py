# SPDX-License-Identifier: GPL-3.0-or-later
"""Posing by rings as an artist does it: click a joint, drag each of its rings, undo; then by dots again, and with only dots."""

from __future__ import annotations

import importlib
import math
from collections.abc import Generator, Sequence

import bpy
import hands
from mathutils import Matrix, Quaternion, Vector

RINGS = ("RED", "BLUE", "GREEN", "VIEW")
TURN = 50.0  # degrees


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    figure = bpy.context.view_layer.objects.active.name  # undo replaces the objects: names alone survive it
    look_at_the_shoulder()
    posing().mode = "ROTATE"
    bpy.ops.ed.undo_push(message="Start")
    yield 0.5
    yield from hands.open_sidebar("VIEW_3D")
    facts["mode before"] = bpy.context.mode
    for dot in ("hand_ik.L", "upper_chest"):
        yield from hands.move(*hands.on_screen(mark(figure, dot)))
        yield 0.2
        facts[f"lit {dot}"] = getattr(part("ui.dot_hover").dot_under_mouse(), "bone", "")
    view = hands.region("VIEW_3D", "WINDOW")
    yield from hands.move(view.x + 60, view.y + view.height / 2)
    facts["lit beside"] = part("ui.dot_hover").dot_under_mouse()
    yield from click_dot(figure, "upper_arm.L")
    facts["mode"], facts["clicked"] = bpy.context.mode, active(figure)
    hands.photograph("1-rings")

    turns: dict[str, dict[str, object]] = {}
    for ring in RINGS:
        before = rotation(figure, "upper_arm.L")
        axis, way = ring_and_way(figure, "upper_arm.L", ring, TURN)
        yield from hands.drag_along(way)
        turns[ring] = {"turn": angle_about(before, rotation(figure, "upper_arm.L"), axis)}
        yield from hands.key("Z", ctrl=True)
        turns[ring] |= {"undone": degrees(before, rotation(figure, "upper_arm.L")), "still": active(figure)}
    facts["turns"] = turns

    before = rotation(figure, "upper_arm.L")
    axis, way = ring_and_way(figure, "upper_arm.L", "BLUE", 33.0)
    yield from hands.drag_along(way, "ESC")
    facts["given up"] = degrees(before, rotation(figure, "upper_arm.L"))
    yield from hands.click(*way[0])
    facts["clicked ring"] = degrees(before, rotation(figure, "upper_arm.L"))
    yield from hands.drag_along(way, ctrl=True)
    facts["snapped"] = angle_about(before, rotation(figure, "upper_arm.L"), axis)

    axis, way = ring_and_way(figure, "upper_arm.L", "RED", TURN)
    yield from hands.drag_along(way, "ESC", photographed="2-while dragging")

    meant = {}
    for dot in ("hand_ik.L", "elbow.R", "chest_ik"):
        bpy.ops.pose.select_all(action="DESELECT")  # no rings in the way
        yield from click_dot(figure, dot)
        meant[dot] = active(figure)
    facts["meant"] = meant
    dot, place = hands.on_screen(mark(figure, "hand_ik.R")), joint(figure, "hand.R")
    yield from hands.drag(dot, (dot[0] - 60, dot[1] + 60))
    facts["moved in Rotate"] = (joint(figure, "hand.R") - place).length

    posing().dots_only = True
    bpy.ops.ed.undo_push(message="Only dots")
    yield from click_dot(figure, "elbow.L")
    facts["selected with only dots"] = active(figure)
    yield 0.3
    hands.photograph("3-only dots")
    before = rotation(figure, "forearm.L")
    axis, way = ring_and_way(figure, "forearm.L", "BLUE", TURN)
    yield from hands.drag_along(way, photographed="5-a hinge")
    facts["hinge"] = angle_about(before, rotation(figure, "forearm.L"), axis)[0]
    posing().mode = "DRAG"
    bpy.ops.ed.undo_push(message="Drag")
    yield 0.5
    dot, place = hands.on_screen(mark(figure, "hand_ik.R")), joint(figure, "hand.R")
    yield from hands.drag(dot, (dot[0] - 40, dot[1] + 60))
    facts["moved in Drag"] = (joint(figure, "hand.R") - place).length
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["drag undone"] = (joint(figure, "hand.R") - place).length

    posing().mode = "ROTATE"
    bpy.ops.pose.select_all(action="DESELECT")  # no rings in the way
    bpy.ops.ed.undo_push(message="Rotate again")
    yield 0.3
    yield from click_dot(figure, "hand_ik.R")
    before, forearm = rotation(figure, "hand.R"), rotation(figure, "forearm.R")
    axis, way = ring_and_way(figure, "hand.R", "GREEN", TURN)
    yield from hands.drag_along(way)
    hands.photograph("4-hand turned over")
    facts["hand turned"] = angle_about(before, rotation(figure, "hand.R"), axis)
    facts["forearm along"] = degrees(forearm, rotation(figure, "forearm.R"))
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["hand undone"] = [degrees(before, rotation(figure, "hand.R")), degrees(forearm, rotation(figure, "forearm.R"))]


def posing() -> object:
    return bpy.context.scene.pose_to_anime.posing


def look_at_the_shoulder() -> None:
    view = hands.area("VIEW_3D").spaces.active.region_3d
    view.view_perspective = "PERSP"
    view.view_location = (0.0, 0.0, 1.0)
    view.view_rotation = (Matrix.Rotation(math.radians(25), 3, "Z") @ Matrix.Rotation(math.radians(78), 3, "X")).to_quaternion()
    view.view_distance = 3.0


def part(name: str) -> object:
    return importlib.import_module(f"bl_ext.user_default.pose_to_anime.addon.{name}")


def click_dot(figure: str, bone: str) -> hands.Wait:
    yield from hands.click(*hands.on_screen(mark(figure, bone)))


def mark(figure: str, bone: str) -> Vector:
    """Where a dot or the mark of a joint is drawn, in the world."""
    obj = bpy.data.objects[figure]
    return part("armature.dots").place_of(obj, obj.pose.bones[bone])


def active(figure: str) -> str:
    bone = bpy.data.objects[figure].data.bones.active
    return bone.name if bone else ""


def joint(figure: str, bone: str) -> Vector:
    obj = bpy.data.objects[figure]
    return (obj.matrix_world @ obj.pose.bones[bone].head).copy()


def rotation(figure: str, bone: str) -> Quaternion:
    bpy.context.view_layer.update()
    obj = bpy.data.objects[figure]
    return (obj.matrix_world @ obj.pose.bones[bone].matrix).to_quaternion()


def degrees(a: Quaternion, b: Quaternion) -> float:
    angle = a.rotation_difference(b).angle
    return math.degrees(min(angle, math.tau - angle))


def angle_about(before: Quaternion, after: Quaternion, axis: Vector) -> list[float]:
    """By how many degrees something turned, and how far its axis is from the one that it should have turned about."""
    turn = after @ before.inverted()
    angle, found = (turn.angle, turn.axis) if turn.angle <= math.pi else (math.tau - turn.angle, -turn.axis)
    sign = 1.0 if found.dot(axis) > 0.0 else -1.0
    return [math.degrees(angle) * sign, math.degrees((found * sign).angle(axis))]


def ring_and_way(figure: str, bone: str, ring: str, turn: float) -> tuple[Vector, list[tuple[float, float]]]:
    """A ring's axis in the world, and the mouse's way that takes hold of it at its clearest place and turns it by degrees."""
    obj = bpy.data.objects[figure]
    centre = joint(figure, bone)
    sight = part("operators.rings").line_of_sight(hands.area("VIEW_3D").spaces.active.region_3d, centre)
    axes = [*part("armature.ring_axes").ring_axes(obj.pose.bones[bone]).transposed(), sight.col[2]]
    size = bpy.context.preferences.view.gizmo_size * bpy.context.preferences.system.ui_scale
    middle = Vector(hands.on_screen(centre))

    def circle(axis: Vector, radius: float) -> list[Vector]:
        """Where the nearer half of a ring is seen, degree by degree, from the middle of the screen; z toward the viewer."""
        start = axis.orthogonal().normalized()
        turned = (sight.transposed() @ (Quaternion(axis, math.radians(d)) @ start) for d in range(360))
        return [Vector((p.x * radius, p.y * radius, p.z)) for p in turned]

    radii = [size, size, size, size * 1.2]
    circles = [circle(Vector(axis), radius) for axis, radius in zip(axes, radii, strict=True)]
    own = RINGS.index(ring)
    others = [p.to_2d() for index, each in enumerate(circles) if index != own for p in each if p.z > -0.1]
    seen = [d for d, p in enumerate(circles[own]) if p.z > (0.25 if ring != "VIEW" else -1.0)]
    clear = max(seen, key=lambda d: min((circles[own][d].to_2d() - p).length for p in others))
    steps = 10
    places: Sequence[Vector] = [circles[own][round(clear + turn * i / steps) % 360] for i in range(steps + 1)]
    return Vector(axes[own]), [(middle.x + p.x, middle.y + p.y) for p in places]
