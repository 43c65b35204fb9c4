# SPDX-License-Identifier: GPL-3.0-or-later
"""What pose and camera tell the prompt, as an artist sees it: chips that follow the pose, one left out by a click."""

from collections.abc import Generator

import bpy
import hands


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.generate import pose_tags
    from bl_ext.user_default.pose_to_anime.addon.generate.session import session
    from bl_ext.user_default.pose_to_anime.addon.ui.pose_tags import P2A_PT_pose_tags

    bpy.utils.unregister_class(P2A_PT_pose_tags)
    P2A_PT_pose_tags.bl_options = set()
    bpy.utils.register_class(P2A_PT_pose_tags)
    scene = bpy.context.scene
    scene.pose_to_anime.generation.prompt = "upper body, red hat, park"
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    bpy.ops.pose_to_anime.apply_pose(pose="standing_hands_on_hips")
    bpy.ops.pose_to_anime.set_shot(angle="back")
    yield from hands.open_sidebar("VIEW_3D")

    def told() -> tuple[str, ...]:
        return pose_tags.told(bpy.context.scene).added

    def stands() -> bool:
        """the pose to be told"""
        return "standing" in told()

    yield stands
    facts["standing"] = told()
    facts["otherwise"] = pose_tags.told(bpy.context.scene).otherwise
    yield from hands.redrawn()
    hands.photograph("told")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.leave_pose_tag", at=(0.7, 0.3), having="from behind")
    facts["left out"] = pose_tags.told(bpy.context.scene).left_out
    yield from hands.redrawn()
    hands.photograph("left out")
    bpy.ops.pose_to_anime.apply_pose(pose="sitting_upright")

    def sits() -> bool:
        """the new pose to be told"""
        return "sitting" in told()

    yield sits
    facts["sitting"] = told()
    yield from hands.redrawn()
    hands.photograph("sitting")
    facts["worst milliseconds"] = session.stats.worst_of_part.get("pose tags", 0.0)
