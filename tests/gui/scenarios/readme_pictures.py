# SPDX-License-Identifier: GPL-3.0-or-later
"""The photographs that the README shows: posing by dots, and the workspace with a picture beside its figure."""

import math
from collections.abc import Generator

import bpy
import first_picture
import hands
import rings
from mathutils import Matrix

DRAGS: tuple[tuple[str, tuple[float, float]], ...] = (
    ("hand_ik.L", (40, 300)),
    ("hips", (70, -45)),
    ("foot_ik.R", (-130, 70)),
    ("chest_ik", (-60, -10)),
    ("hand_ik.R", (-30, 90)),
    ("gaze", (150, 150)),
)
"""Dots, and by how many pixels each is dragged to the right and up; the last one is held while the photograph is taken."""


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    yield from posing(facts)
    yield from workspace(facts)


def posing(facts: dict[str, object]) -> Generator[object, None, None]:
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin", mannequin="athletic")
    figure = bpy.context.view_layer.objects.active.name
    bpy.ops.pose_to_anime.start_posing()
    look((0.25, 0.0, 0.86), 15.0, 84.0, 3.3)
    yield from hands.open_sidebar("VIEW_3D")
    yield 1.0
    for dot, (right, up) in DRAGS:
        x, y = hands.on_screen(rings.mark(figure, dot))
        way = [(x + right * step / 12, y + up * step / 12) for step in range(13)]
        yield from hands.drag_along(way, photographed="posing" if dot == DRAGS[-1][0] else "")
    area = hands.area("VIEW_3D")
    facts["posing"] = [area.x, hands.window().height - area.y - area.height, area.width, area.height]


def workspace(facts: dict[str, object]) -> Generator[object, None, None]:
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model = "builtin"
    settings.random_seed, settings.seed = False, 0  # as the command line, which draws the sheet above
    settings.prompt = "1girl, black hair, ponytail, red shirt, blue skirt, full body, yellow background, simple background"
    bpy.ops.pose_to_anime.apply_pose(pose="running")
    bpy.ops.pose.select_all(action="DESELECT")
    bpy.ops.pose_to_anime.add_camera()
    yield 0.5
    hands.invoke("VIEW_3D", "pose_to_anime.open_workspace")
    yield 2.0
    look((0.35, 0.0, 0.85), 43.0, 81.0, 4.0)
    yield from hands.open_sidebar("VIEW_3D")
    yield 1.0
    hands.invoke("VIEW_3D", "pose_to_anime.generate")
    yield 0.5
    yield first_picture.until_finished("job")
    yield result_is_shown
    yield 1.5
    hands.invoke("IMAGE_EDITOR", "pose_to_anime.compare_result")
    yield comparison_is_shown
    yield first_picture.is_beside_the_sidebar
    yield from hands.move(*hands.middle("IMAGE_EDITOR", "UI"))  # a sidebar that the mouse is over is laid out anew
    yield 2.0
    hands.photograph("workspace")
    facts["workspace"] = [0, 0, hands.window().width, hands.window().height]


def result_is_shown() -> bool:
    """the picture in the Image Editor"""
    return first_picture.image_facts().get("role") == "RESULT"


def comparison_is_shown() -> bool:
    """the picture beside its figure in the Image Editor"""
    return "Comparison" in str(first_picture.image_facts().get("name"))


def look(at: tuple[float, float, float], turned: float, raised: float, distance: float) -> None:
    """The largest 3D view onto a place, from so many degrees to the right of the front and down from straight above."""
    view = hands.area("VIEW_3D").spaces.active.region_3d
    view.view_perspective = "PERSP"
    view.view_location, view.view_distance = at, distance
    turns = Matrix.Rotation(math.radians(turned), 3, "Z") @ Matrix.Rotation(math.radians(raised), 3, "X")
    view.view_rotation = turns.to_quaternion()
