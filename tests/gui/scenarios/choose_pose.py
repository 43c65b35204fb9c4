# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library as an artist uses it: look, click, Shift-click, mirror, search, save, undo."""

import time
from collections.abc import Generator

import bpy
import hands


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.armature.posing import read_pose
    from bl_ext.user_default.pose_to_anime.addon.generate import pose_shelf

    settings = bpy.context.window_manager.pose_to_anime.library
    hands.lift_panels("P2A_PT_poses", "P2A_PT_pose_tools")
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    bpy.ops.ed.undo_push(message="Start")  # what a script adds is no undo step of its own
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    yield 2.0
    hands.keep_panels("P2A_PT_figure", "P2A_PT_poses", "P2A_PT_pose_tools")
    yield 1.0
    # Both are folded, right below the button: the lower one first, for opening moves what follows.
    x, y = yield from hands.find_button("VIEW_3D", "pose_to_anime.start_posing")
    for below in (66, 39):
        yield from hands.click(x, y - below)
        yield 0.5
    figure = bpy.context.object.name

    def pose() -> dict[str, tuple[float, ...]]:
        return dict(read_pose(bpy.data.objects[figure]).rotations)

    began = time.perf_counter()
    pose_shelf.refresh()
    facts["reading milliseconds"] = (time.perf_counter() - began) * 1000.0
    facts["redraw milliseconds"] = hands.redraw_milliseconds()
    hands.photograph("library")

    settings.group = "running"
    yield 0.5
    start = pose()
    yield from hands.press_button("VIEW_3D", "pose_to_anime.apply_pose")
    facts["applied"] = settings.chosen
    facts["running"] = [entry.key for entry in pose_shelf.collection().entries if entry.group == "running"]
    facts["changed by a click"] = (applied := pose()) != start
    hands.photograph("applied")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.mirror_pose")
    facts["mirrored"] = pose() != applied
    hands.photograph("mirrored")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    yield from hands.key("Z", ctrl=True)
    facts["undone"] = max(abs(a - b) for joint, q in pose().items() for a, b in zip(q, start[joint], strict=True)) < 1e-4

    settings.group = "ALL"
    settings.search = "jump"
    yield 0.7
    hands.photograph("search")
    settings.search = ""
    facts["saved"] = list(bpy.ops.pose_to_anime.save_pose(name="My Stance", group="standing"))
    settings.group = "OWN"
    yield 1.5
    hands.photograph("own")
    hands.invoke("VIEW_3D", "pose_to_anime.save_pose")
    yield 0.8
    hands.photograph("save dialog")
    yield from hands.key("ESC", at=hands.middle("VIEW_3D"))
    facts["own"] = [entry.key for entry in pose_shelf.collection().entries if entry.own]
