# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture's frame on the screen, beside a red rectangle in the world that is exactly what the camera sees."""

from collections.abc import Generator
from importlib import import_module

import bpy
import hands

PACKAGE = "bl_ext.user_default.pose_to_anime.addon.framing"

VIEWS = {
    "upright": ("2:3", 0.0, (0.0, 0.0), (0.0, 0.0)),
    "zoomed in": ("3:4", 14.3, (0.013, 0.007), (0.0, 0.0)),
    "wide, zoomed out": ("3:2", -11.0, (-0.021, 0.03), (0.0, 0.0)),
    "shifted lens": ("1:1", -6.5, (0.0, 0.0), (0.2, -0.1)),
}


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    camera_module, viewport = import_module(f"{PACKAGE}.camera"), import_module(f"{PACKAGE}.viewport")
    yield 1.0
    window, area = hands.window(), hands.area("VIEW_3D")
    region = hands.region("VIEW_3D", "WINDOW")
    space, scene = area.spaces.active, window.scene
    view = space.region_3d
    facts["screen"] = (window.width, window.height)
    facts["region"] = (region.x, region.y, region.width, region.height)

    def run(verb: str, **words: object) -> None:
        with bpy.context.temp_override(window=window, area=area, region=region):
            getattr(bpy.ops.pose_to_anime, verb)(**words)

    bpy.data.objects.remove(bpy.data.objects["Cube"])
    run("add_mannequin")
    run("add_camera")
    yield 1.0
    yield from hands.redrawn()
    hands.photograph("frame in the world")

    angle = view.view_rotation.copy()
    run("look_through")
    yield 1.0
    yield from hands.redrawn()
    hands.photograph("frame through the camera")
    facts["frame"] = rectangle(viewport, camera_module, window, region, view)
    run("look_through")
    yield 0.5
    facts["turned by looking"] = view.view_rotation.rotation_difference(angle).angle
    facts["perspective afterwards"] = view.view_perspective

    # A flat red world: what is red on the screen is the picture, whatever our own arithmetic says.
    run("look_through")
    for item in scene.objects:
        if item.type in ("ARMATURE", "MESH"):
            item.hide_set(True)
    shading = space.shading
    shading.light, shading.color_type, shading.single_color = "FLAT", "SINGLE", (1.0, 0.0, 0.0)
    shading.show_object_outline = False
    for name in ("show_floor", "show_axis_x", "show_axis_y", "show_cursor", "show_text"):
        setattr(space.overlay, name, False)
    facts["views"] = {}
    for name, (ratio, zoom, offset, shift) in VIEWS.items():
        run("set_ratio", ratio=ratio)
        camera = camera_module.pose_camera(scene)
        camera.data.shift_x, camera.data.shift_y = shift
        view.view_camera_zoom += zoom
        view.view_camera_offset = offset
        window.view_layer.update()
        size = camera_module.scene_size(scene)
        corners = [camera.matrix_world @ (corner * 5.0) for corner in camera.data.view_frame(scene=scene)]
        mesh = bpy.data.meshes.new("Picture")
        mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
        plane = bpy.data.objects.new("Picture", mesh)
        scene.collection.objects.link(plane)
        yield 1.0
        yield from hands.redrawn()
        hands.photograph(name)
        facts["views"][name] = {"size": size, "frame": rectangle(viewport, camera_module, window, region, view)}
        bpy.data.objects.remove(plane)
    scene.pose_to_anime.framing.show_frame = False
    yield 1.0
    yield from hands.redrawn()
    hands.photograph("no frame")


def rectangle(viewport, camera_module, window, region, view) -> tuple[float, ...]:
    """Where our frame is drawn, in pixels of the region."""
    scene, depsgraph = window.scene, window.view_layer.depsgraph
    return viewport.picture_rectangle(region, view, scene.camera, depsgraph, camera_module.scene_size(scene))
