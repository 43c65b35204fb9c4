# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitting at posing, as an artist has it: each kind of dot dragged, a pose applied and mirrored, a slider moved, all undone."""

from __future__ import annotations

from collections.abc import Generator

import bpy
import first_picture
import hands
import rings
from mathutils import Matrix, Vector

DOTS: dict[str, tuple[float, float]] = {
    "hand_ik.L": (50, 90),
    "elbow.R": (-30, 30),
    "foot_ik.R": (-60, 40),
    "knee.L": (30, 10),
    "hips": (35, -25),
    "chest_ik": (-40, -10),
    "head_ik": (25, -5),
    "gaze": (70, 30),
}
"""Each kind of dot, and by how many pixels it is dragged to the right and up."""

Pose = dict[str, Matrix]


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin", mannequin="athletic")
    figure = bpy.context.view_layer.objects.active.name  # undo replaces the objects: names alone survive it
    yield 0.5
    facts["seen high"] = height_in_view(figure)
    hands.photograph("added")
    yield from first_picture.frame_the_view()
    bpy.ops.pose_to_anime.start_posing()
    yield from hands.open_sidebar("VIEW_3D")
    bpy.ops.ed.undo_push(message="Start")
    states = [seen(figure)]
    moved, settled = {}, {}
    for dot, (right, up) in DOTS.items():
        before = states[-1]
        x, y = hands.on_screen(rings.mark(figure, dot))
        yield from hands.drag((x, y), (x + right, y + up))
        states.append(seen(figure))
        moved[dot] = farthest(before, states[-1])
        settled[dot] = worst_dot(figure)
        if dot == "chest_ik":
            hands.photograph("dragged")
    facts["moved"], facts["off its joint"] = moved, settled
    hands.photograph("dots")

    for verb, options in (
        ("apply_pose", {"pose": "standing_heroic"}),
        ("mirror_pose", {}),
        ("change_body", {"mannequin": "chibi"}),
    ):
        hands.invoke("VIEW_3D", f"pose_to_anime.{verb}", **options)
        bpy.ops.ed.undo_push(message=verb)  # what a script does is no undo step of its own
        yield 0.8
        states.append(seen(figure))
        facts[verb] = farthest(states[-2], states[-1])
        hands.photograph(verb)

    undone = []
    for expected in reversed(states[:-1]):
        yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
        undone.append(farthest(expected, seen(figure)))
    facts["undone"] = undone
    hands.photograph("undone")


def height_in_view(figure: str) -> float:
    """How high a figure is seen, as a share of the 3D view's height."""
    soles = bpy.data.objects[figure].location
    crown = soles + Vector((0.0, 0.0, bpy.data.objects[figure].dimensions.z))
    return (hands.on_screen(crown)[1] - hands.on_screen(soles)[1]) / hands.region("VIEW_3D", "WINDOW").height


def seen(figure: str) -> Pose:
    """Where every deform bone is seen."""
    bpy.context.view_layer.update()
    obj = bpy.data.objects[figure]
    return {bone.name: bone.matrix.copy() for bone in obj.pose.bones if bone.bone.use_deform}


def farthest(a: Pose, b: Pose) -> float:
    """By how many metres the joint that moved most has moved, or by how many radians it has turned, whichever is more."""
    places = max((a[name].translation - b[name].translation).length for name in a)
    turns = max(a[name].to_quaternion().rotation_difference(b[name].to_quaternion()).angle for name in a)
    return max(places, min(turns, abs(6.283185307 - turns)))


def worst_dot(figure: str) -> float:
    """How far, in metres, the dot is from its joint that is farthest from it."""
    limbs = rings.part("armature.limbs").LIMBS
    bones = bpy.data.objects[figure].pose.bones
    pairs = [(limb.target, limb.end) for limb in limbs] + [(limb.hinge, limb.lower) for limb in limbs]
    pairs.append(("chest_ik", "upper_chest"))
    return max((bones[dot].matrix.translation - bones[joint].matrix.translation).length for dot, joint in pairs)
