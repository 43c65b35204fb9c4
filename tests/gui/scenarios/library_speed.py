# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the pose library takes in a window: opened for the first time, again, and a pose applied. Measured, not tested."""

from __future__ import annotations

import statistics
import time
from collections.abc import Generator

import bpy
import hands

OWN_POSES = 12


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.armature.posing import apply_pose
    from bl_ext.user_default.pose_to_anime.addon.generate import pose_shelf
    from bl_ext.user_default.pose_to_anime.addon.pose.library import load_pose
    from bl_ext.user_default.pose_to_anime.addon.ui.library import P2A_PT_poses

    drawn: list[float] = []
    draw = P2A_PT_poses.draw

    def timed(panel: bpy.types.Panel, context: bpy.types.Context) -> None:
        began = time.perf_counter()
        draw(panel, context)
        drawn.append(since(began))

    P2A_PT_poses.draw = timed
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    figure = bpy.context.object
    keep = bpy.ops.pose_to_anime.save_pose
    for number in range(OWN_POSES):
        keep(name=f"Mine {number}", group="standing")
    yield 1.0
    facts["poses"] = len(pose_shelf.collection().entries)
    facts["redraw"] = hands.redraw_milliseconds()
    for name in ("first", "again"):
        drawn.clear()
        began = time.perf_counter()
        with bpy.context.temp_override(
            window=hands.window(), area=hands.area("VIEW_3D"), region=hands.region("VIEW_3D", "WINDOW")
        ):
            bpy.ops.wm.call_panel("INVOKE_DEFAULT", name=P2A_PT_poses.bl_idname)
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        facts[f"open {name}"] = since(began)
        facts[f"our drawing {name}"] = max(drawn)
        yield 1.0
        hands.photograph(name)
        yield from hands.key("ESC", at=hands.middle("VIEW_3D"))
        yield 0.5
    entries = [entry for entry in pose_shelf.collection().entries if not entry.own]
    poses = [load_pose(entry.path) for entry in entries]
    for name, act in (
        ("apply", lambda number: apply_pose(figure, poses[number])),
        ("apply with a click", lambda number: bpy.ops.pose_to_anime.apply_pose(pose=entries[number].key)),
        ("nothing but evaluate", lambda _number: evaluate(figure)),
    ):
        taken = []
        for number in range(len(entries)):
            began = time.perf_counter()
            act(number)
            taken.append(since(began))
        facts[name] = statistics.median(taken)
        facts[f"{name}, worst"] = max(taken)
        yield 0.2


def evaluate(figure: bpy.types.Object) -> None:
    """What Blender itself takes for a figure of which one bone has moved."""
    bone = figure.pose.bones["root"]
    bone.location.x = 0.0 if bone.location.x else 0.1
    bpy.context.view_layer.update()


def since(began: float) -> float:
    return (time.perf_counter() - began) * 1000.0
