# SPDX-License-Identifier: GPL-3.0-or-later
"""Drags that are given up, a hand pinned in the world while the hips are dragged, and a foot rolled by typing an angle."""

from __future__ import annotations

from collections.abc import Generator

import bpy
import hands
from every_dot import farthest, seen
from rings import active, click_dot, joint, look_at_the_shoulder, mark


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    figure = bpy.context.view_layer.objects.active.name  # undo replaces the objects: names alone survive it
    look_at_the_shoulder()
    view = hands.area("VIEW_3D").spaces.active.region_3d
    view.view_location, view.view_distance = (0.0, 0.0, 0.75), 5.0  # down to the feet
    bpy.ops.pose_to_anime.move_control(control="hips", location=(0, 0, 0.86))
    bpy.ops.pose_to_anime.move_control(control="hand.L", location=(0.35, -0.3, 1.15))
    bpy.ops.pose_to_anime.start_posing()
    yield 0.5
    yield from hands.open_sidebar("VIEW_3D")
    start = seen(figure)
    facts["given up"] = {}
    for dot in ("chest_ik", "hips"):
        yield from hands.drag_along(way(figure, dot), "ESC")
        facts["given up"][dot] = farthest(start, seen(figure))

    yield from click_dot(figure, "hand_ik.L")
    hands.invoke("VIEW_3D", "pose_to_anime.pin")
    bpy.ops.ed.undo_push(message="Pin")  # what a script does is no undo step of its own
    yield 0.3
    hand, other = joint(figure, "hand.L"), joint(figure, "hand.R")
    yield from hands.drag_along(way(figure, "hips"), photographed="pinned")
    facts["pinned hand moved"] = (joint(figure, "hand.L") - hand).length
    facts["other hand moved"] = (joint(figure, "hand.R") - other).length
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["undone"] = farthest(start, seen(figure))
    facts["pins"] = len(bpy.data.objects[figure].pose_to_anime.pins)

    yield from click_dot(figure, "foot_roll.L")
    facts["clicked"] = active(figure)
    for key in ("R", "X", "X"):
        yield from hands.key(key)
    for key, digit in (("TWO", "2"), ("ZERO", "0")):
        hands.simulate(key, "PRESS", unicode=digit)
        hands.simulate(key, "RELEASE")
        yield 0.3
    yield from hands.key("RET")
    after = seen(figure)
    facts["foot rolled"] = farthest({"": start["foot.L"]}, {"": after["foot.L"]})
    facts["toes moved"] = farthest({"": start["toe.L"]}, {"": after["toe.L"]})
    hands.photograph("rolled")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["roll undone"] = farthest(start, seen(figure))


def way(figure: str, dot: str) -> list[tuple[float, float]]:
    """The mouse's way from a dot a little to the right and down."""
    x, y = hands.on_screen(mark(figure, dot))
    return [(x + 9 * step, y - 6 * step) for step in range(6)]
