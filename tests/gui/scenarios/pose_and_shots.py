# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots and the slider for more dynamic poses as an artist uses them: click, drag, undo."""

import time
from collections.abc import Generator

import bpy
import hands


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.armature.posing import read_pose
    from bl_ext.user_default.pose_to_anime.addon.ui.library import P2A_PT_pose_tools
    from bl_ext.user_default.pose_to_anime.addon.ui.shots import P2A_PT_shots

    for panel in (P2A_PT_pose_tools, P2A_PT_shots):  # open from the beginning: where their headers are depends on all the others
        panel.bl_options = set()
        hands.put_below(panel, "P2A_PT_figure" if panel is P2A_PT_pose_tools else panel.bl_parent_id)
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    figure = bpy.context.object.name
    bpy.ops.pose_to_anime.apply_pose(pose="walking_stroll")
    bpy.ops.pose_to_anime.set_shot()
    bpy.ops.pose_to_anime.look_through()
    bpy.ops.ed.undo_push(message="Start")
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    yield 1.0

    def chest() -> tuple[float, ...]:
        return read_pose(bpy.data.objects[figure]).rotations["upperChest"]

    def differs(a: tuple[float, ...], b: tuple[float, ...]) -> float:
        return max(abs(p - q) for p, q in zip(a, b, strict=True))

    hands.photograph("pose tools")
    start = chest()
    x, y = yield from hands.find_button("VIEW_3D", "pose_to_anime.reset_selected", at=(0.8,))
    slider = (x - 120, y - 22)
    seen = []
    yield from hands.move(*slider)
    yield 0.3
    hands.simulate("LEFTMOUSE", "PRESS")
    yield 0.1
    for step in range(1, 10):
        hands.simulate("MOUSEMOVE", "NOTHING", slider[0] + step * 8, slider[1])
        yield 0.1
        seen.append(bpy.data.objects[figure].pose_to_anime_dynamic)
    hands.photograph("while dragging")
    hands.simulate("LEFTMOUSE", "RELEASE")
    yield 0.5
    facts["live"] = len({round(value, 3) for value in seen})
    facts["slider"] = bpy.data.objects[figure].pose_to_anime_dynamic
    pushed = chest()
    facts["pushed"] = differs(start, pushed)
    hands.photograph("more dynamic")
    began = time.perf_counter()
    bpy.data.objects[figure].pose_to_anime_dynamic = 0.9
    facts["step milliseconds"] = (time.perf_counter() - began) * 1000.0
    bpy.data.objects[figure].pose_to_anime_dynamic = facts["slider"]
    yield 0.5
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    yield 0.5
    facts["undone in one step"] = differs(start, chest())
    facts["slider after undo"] = bpy.data.objects[figure].pose_to_anime_dynamic

    place = bpy.context.scene.camera.matrix_world.copy()
    yield from hands.press_button("VIEW_3D", "pose_to_anime.set_shot", at=(0.62,), below=y)
    yield 0.5
    facts["framing"] = bpy.context.scene.pose_to_anime.shots.framing
    facts["moved"] = (bpy.context.scene.camera.matrix_world.translation - place.translation).length
    hands.photograph("bust")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    yield 0.5
    facts["shot undone"] = (bpy.context.scene.camera.matrix_world.translation - place.translation).length
