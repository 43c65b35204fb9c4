# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands, props and pairs as an artist uses them: a shape for one hand and for both, a sword, a seat, two figures, undo."""

from collections.abc import Generator

import bpy
import hands

FIGURE = "P2A_PT_figure"
APPLY_HAND, ADD_PROP = "pose_to_anime.apply_hand", "pose_to_anime.add_prop"
LEFT, MIDDLE, RIGHT = (0.12, 0.5, 0.85), (0.5, 0.12, 0.85), (0.85, 0.5, 0.12)
"""Shares of the sidebar's width: the column in which a button should be, and where else to look."""
EVERY = 15
"""Pixels: a button is higher."""


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.armature.hands import read_hand
    from bl_ext.user_default.pose_to_anime.addon.armature.held import hold_of, props_of
    from bl_ext.user_default.pose_to_anime.addon.ui.hands import P2A_PT_hands
    from bl_ext.user_default.pose_to_anime.addon.ui.library import P2A_PT_poses
    from bl_ext.user_default.pose_to_anime.addon.ui.props import P2A_PT_props

    # Open from the beginning, each in its turn alone: where a header is depends on all the others.
    panels = (P2A_PT_hands, P2A_PT_props, P2A_PT_poses)
    polls = {panel: panel.__dict__.get("poll") for panel in panels}
    for panel in panels:
        panel.bl_options = set()
        hands.put_below(panel, FIGURE)
    hands.keep_panels(FIGURE)

    def show(shown: type) -> None:
        for panel in panels:
            panel.poll = polls[panel] or classmethod(lambda _cls, _context: True)
            if panel is not shown:
                panel.poll = classmethod(lambda _cls, _context: False)
        hands.region("VIEW_3D", "UI").tag_redraw()

    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    name = bpy.context.object.name
    bpy.ops.ed.undo_push(message="Start")  # what a script adds is no undo step of its own
    look_at((0.0, 0.0, 0.85), 3.2)
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    manager = bpy.context.window_manager

    def figure() -> bpy.types.Object:
        return bpy.data.objects[name]

    def bent(side: str) -> float:
        """How far the middle finger is bent, in degrees."""
        return round(figure().pose.bones[f"middle_2.{side}"].rotation_quaternion.angle * 57.3, 1)

    def held() -> dict[str, str]:
        return {str(obj["pose_to_anime_prop"]): hold_of(obj) for obj in props_of(figure())}

    def undo() -> Generator[float, None, None]:
        yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
        yield 0.4

    show(P2A_PT_hands)
    manager.pose_to_anime_hand = "L"
    yield 1.0
    hands.photograph("hands")
    start = bent("L"), bent("R")
    button = yield from hands.find_button("VIEW_3D", APPLY_HAND, at=MIDDLE, every=EVERY, having="shape='fist'")
    yield from hands.click(*button)
    facts["fist left"] = [bent("L") - start[0], bent("R") - start[1]]
    hands.photograph("fist")
    yield from undo()
    facts["fist undone"] = [bent("L") - start[0], bent("R") - start[1]]
    manager.pose_to_anime_hand = "BOTH"
    hands.region("VIEW_3D", "UI").tag_redraw()
    yield 0.5
    yield from hands.click(*button)
    facts["fist both"] = [bent("L") - start[0], bent("R") - start[1]]
    facts["read"] = len(read_hand(figure(), "R").rotations)
    yield from undo()

    show(P2A_PT_props)
    yield 2.0  # the sidebar moves to its new content
    hands.photograph("props")
    yield from hands.press_button("VIEW_3D", ADD_PROP, at=LEFT, every=EVERY, having="prop='sword'")
    facts["sword"] = held()
    hands.photograph("sword")
    yield from undo()
    facts["sword undone"] = held()

    bpy.ops.pose_to_anime.apply_pose(pose="sitting_upright")
    bpy.ops.ed.undo_push(message="Sits")
    manager.pose_to_anime_prop_hand = "UNDER"
    hands.region("VIEW_3D", "UI").tag_redraw()
    yield 0.5
    chair = yield from hands.find_button("VIEW_3D", ADD_PROP, at=RIGHT, every=EVERY, having="prop='chair'")
    yield from hands.click(*chair)
    facts["chair"] = held()
    hands.photograph("chair")
    yield from undo()
    facts["chair undone"] = held()

    bpy.ops.pose_to_anime.reset_pose()
    bpy.ops.pose_to_anime.add_prop(prop="bench", hand="UNDER")
    bpy.ops.ed.undo_push(message="Bench")
    facts["bench"] = held()
    look_at((0.0, 0.3, 0.7), 4.0)
    yield 0.5
    hands.photograph("bench")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.sit_on", at=(0.3,), every=EVERY)
    facts["sat"] = held(), round(figure().location.y, 2)
    hands.photograph("sat")
    yield from undo()
    facts["sat undone"] = held(), round(figure().location.y, 2)
    bpy.ops.pose_to_anime.remove_prop()

    show(P2A_PT_poses)
    manager.pose_to_anime.library.group = "PAIRS"
    bpy.ops.object.select_all(action="DESELECT")
    figure().select_set(True)
    bpy.context.view_layer.objects.active = figure()
    bpy.ops.ed.undo_push(message="Alone")
    look_at((0.0, -0.3, 0.85), 4.0)
    yield 1.5
    hands.photograph("pairs")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.apply_pair", at=(0.2,), every=EVERY)
    yield 0.5
    facts["pair"] = sorted(obj.name for obj in bpy.data.objects if obj.type == "ARMATURE")
    hands.photograph("pair")
    yield from undo()
    facts["pair undone"] = sorted(obj.name for obj in bpy.data.objects if obj.type == "ARMATURE")


def look_at(place: tuple[float, float, float], distance: float) -> None:
    view = hands.area("VIEW_3D").spaces.active.region_3d
    view.view_location, view.view_distance = place, distance
