# SPDX-License-Identifier: GPL-3.0-or-later
"""The wardrobe as an artist uses it: dress by chance, change a piece in its menu, undo it, look at it as a toon."""

from collections.abc import Generator

import bodies
import bpy
import hands


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.armature.worn import pieces_of
    from bl_ext.user_default.pose_to_anime.addon.dressing.wearing import outfit_of

    hands.lift_panels("P2A_PT_wardrobe")
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    bpy.ops.pose_to_anime.apply_pose(pose="running")
    name = bpy.context.object.name

    def worn() -> dict[str, str]:
        return {slot: item.style for slot, item in outfit_of(bpy.data.objects[name]).worn.items()}

    bpy.ops.ed.undo_push(message="Start")
    bodies.show_from_near()
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    hands.keep_panels("P2A_PT_figure", "P2A_PT_wardrobe")
    yield 1.0
    button = yield from hands.find_button("VIEW_3D", "pose_to_anime.start_posing")
    yield from hands.click(button[0], button[1] - 36)  # the panel's header is right below
    yield 0.5
    hands.photograph("panel of a bare figure")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.random_outfit")
    yield 0.5
    facts["dressed"] = worn()
    facts["pieces"] = sorted(pieces_of(bpy.data.objects[name]))
    hands.photograph("dressed")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["after undo"] = worn()
    yield from hands.key("Z", ctrl=True, shift=True)
    facts["after redo"] = worn()
    yield from hands.press_button("VIEW_3D", "pose_to_anime.toon_look", at=(0.2,))
    yield 1.0
    facts["light while a toon"] = hands.area("VIEW_3D").spaces.active.shading.light
    hands.photograph("toon look")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.toon_look", at=(0.2,))
    facts["light"] = hands.area("VIEW_3D").spaces.active.shading.light
    facts["shells"] = [obj.name for obj in bpy.data.objects if obj.name.endswith("outline")]
    facts["prompt before"] = bpy.context.scene.pose_to_anime.generation.prompt
    yield from hands.press_button("VIEW_3D", "pose_to_anime.outfit_tags", at=(0.8,))
    facts["prompt"] = bpy.context.scene.pose_to_anime.generation.prompt
    hands.photograph("plain again")
