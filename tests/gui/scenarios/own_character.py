# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's own character: recognised, used by one button, posed from the library and by its dots, let go again."""

from collections.abc import Generator

import bpy
import hands
import rings


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    bpy.ops.wm.open_mainfile(filepath=str(arguments["blend"]), load_ui=False)
    yield 1.0
    hero = bpy.data.objects["Hero"]
    bpy.context.view_layer.objects.active = hero
    hero.select_set(True)
    constraints = sum(len(bone.constraints) for bone in hero.pose.bones)
    view = hands.area("VIEW_3D").spaces.active.region_3d
    view.view_perspective, view.view_location, view.view_distance = "PERSP", (0.0, 0.0, 0.9), 4.0
    view.view_rotation = (0.7071068, 0.7071068, 0.0, 0.0)
    yield from hands.open_sidebar("VIEW_3D")
    bpy.context.scene.pose_to_anime.keypoints.show = True
    hands.keep_panels("P2A_PT_figure", "P2A_PT_characters")
    bpy.ops.ed.undo_push(message="Start")
    yield 1.0
    hands.photograph("recognised")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.use_character")
    yield 1.0
    facts["clicks"] = hands.clicks_since_start()
    controls = bpy.context.view_layer.objects.active
    facts["active"] = controls.name
    facts["mode"] = bpy.context.mode
    hands.photograph("used")
    for what in ("dragged", "dragged again"):
        before = _wrist()
        start = hands.on_screen(rings.mark(controls.name, "hand_ik.L"))
        yield from hands.drag(start, (start[0] - 30, start[1] + 90))
        yield 0.5
        facts[what] = (_wrist() - before).length
        hands.photograph(what)
        if what == "dragged":
            before = _wrist()
            bpy.ops.pose_to_anime.apply_pose(pose="gesture_wave")
            yield 0.5
            facts["posed"] = (_wrist() - before).length
            hands.photograph("posed")
    name = controls.name
    if bpy.context.mode == "POSE":
        bpy.ops.pose_to_anime.stop_posing()
    bpy.ops.pose_to_anime.let_go_of_character(armature=name)
    yield 0.5
    hero = bpy.data.objects["Hero"]
    facts["constraints left"] = sum(len(bone.constraints) for bone in hero.pose.bones) - constraints
    facts["objects left"] = [obj.name for obj in bpy.data.objects if obj.type == "ARMATURE"]
    hands.photograph("let go")


def _wrist() -> object:
    hero = bpy.data.objects["Hero"].evaluated_get(bpy.context.evaluated_depsgraph_get())
    return (hero.matrix_world @ hero.pose.bones["mixamorig:LeftHand"].head).copy()
