# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies and figures as an artist uses them: choose a body, drag a slider, undo it."""

from collections.abc import Generator

import bpy
import hands


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.armature.mannequin import landmarks, mannequin_name, slider_values

    hands.lift_panels("P2A_PT_body")
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    bpy.ops.pose_to_anime.apply_pose(pose="running")
    name = bpy.context.object.name

    def figure() -> bpy.types.Object:
        return bpy.data.objects[name]

    def height() -> float:
        return round(landmarks(figure())["head_top"].z, 4)

    bpy.ops.pose_to_anime.start_posing()
    bpy.ops.ed.undo_push(message="Start")  # what a script adds is no undo step of its own
    show_from_near()
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    yield 2.0
    hands.photograph("start")

    hands.keep_panels("P2A_PT_figure", "P2A_PT_body")
    yield 1.0
    button = yield from hands.find_button("VIEW_3D", "pose_to_anime.stop_posing")
    yield from hands.click(button[0], button[1] - 36)  # the panel's header is right below
    yield 0.5
    facts["height at first"] = height()
    slider = yield from first_number(*button)
    hands.photograph("body panel")
    yield from hands.drag(slider, (slider[0] + 60, slider[1]))
    facts["height after the drag"] = height()
    facts["sliders"] = slider_values(figure())
    facts["mode after the drag"] = bpy.context.mode
    hands.photograph("taller")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["height after undo"] = height()
    facts["sliders after undo"] = slider_values(figure())
    yield from hands.key("Z", ctrl=True, shift=True)
    facts["height after redo"] = height()
    facts["mode after redo"] = bpy.context.mode

    hands.invoke("VIEW_3D", "pose_to_anime.change_body", mannequin="heroic")
    yield 1.0
    facts["body"] = mannequin_name(figure())
    hands.photograph("heroic")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["body after undo"] = mannequin_name(figure())

    yield from hands.press_button("VIEW_3D", "pose_to_anime.duplicate_mannequin", at=(1.0, 0.95, 0.9))
    copy = bpy.context.object
    facts["duplicate"] = [copy.name, copy.mode, figure().mode, round(copy.location.x - figure().location.x, 3)]
    copy.pose_to_anime_figure.colour = (0.15, 0.35, 0.6)
    yield 0.5
    hands.photograph("two figures")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.show_figure", at=(0.8, 0.75, 0.7))
    facts["first is hidden"] = not figure().visible_get()
    hands.photograph("one hidden")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.remove_mannequin", at=(0.87, 0.9, 0.83))
    facts["left"] = [obj.name for obj in bpy.context.scene.objects if obj.type == "ARMATURE"]
    facts["mode after removing"] = bpy.context.mode
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["left after undo"] = sorted(obj.name for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    hands.photograph("removal undone")

    bpy.context.object.pose_to_anime_body.head = 1.2
    facts["saved"] = list(bpy.ops.pose_to_anime.save_body(name="Mine"))
    hands.invoke("VIEW_3D", "pose_to_anime.save_body", name="Mine")
    yield 0.8
    hands.photograph("save dialog")
    yield from hands.key("ESC", at=hands.middle("VIEW_3D"))
    yield from hands.click(*below_the_rows(button))
    yield 0.8
    hands.photograph("bodies menu")
    yield from hands.key("ESC")
    facts["own body"] = mannequin_name(bpy.context.object)


def show_from_near() -> None:
    view = hands.area("VIEW_3D").spaces.active.region_3d
    view.view_location, view.view_distance = (0.0, 0.0, 0.85), 5.0


def below_the_rows(button: tuple[int, int]) -> tuple[float, float]:
    """The menu of bodies: below the button that stops posing, one row lower since there are two figures."""
    r = hands.region("VIEW_3D", "UI")
    return r.x + r.width * 0.45, button[1] - 87


def first_number(x: float, y: float) -> Generator[float, None, tuple[float, float]]:
    """Where the first number is below a place: Ctrl-C over a number copies it."""
    manager = bpy.context.window_manager
    for lower in range(int(y) - 60, int(y) - 200, -6):
        yield from hands.move(x, lower)
        manager.clipboard = ""
        for value in ("PRESS", "RELEASE"):
            hands.simulate("C", value, ctrl=True)
        yield 0.1
        if manager.clipboard[:1].isdigit():
            return x, lower - 4
    raise LookupError("no number there")
