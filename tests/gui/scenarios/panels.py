# SPDX-License-Identifier: GPL-3.0-or-later
"""Every panel of ours, open, in each language and at each interface scale: a photograph of the sidebars for each."""

from collections.abc import Generator

import bpy
import hands

EDITORS = ("VIEW_3D", "IMAGE_EDITOR")


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    open_all()
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin", mannequin="adult_woman")
    bpy.ops.pose_to_anime.random_outfit()
    bpy.ops.pose_to_anime.apply_pose(pose="gesture_wave")
    bpy.ops.pose_to_anime.add_camera()
    hands.invoke("VIEW_3D", "pose_to_anime.open_workspace")
    yield image_editor_is_open
    facts["sidebars"], facts["words"] = {}, {}
    view = bpy.context.preferences.view
    bpy.context.preferences.system.use_region_overlap = False
    for kind in EDITORS:
        yield from hands.open_sidebar(kind)
    for language in arguments["languages"]:
        view.language = language
        view.use_translate_interface = view.use_translate_tooltips = True
        facts["words"][language] = bpy.app.translations.pgettext_iface("Add Mannequin", "Operator")
        for scale in arguments["scales"]:
            view.ui_scale = scale
            yield 1.0
            yield from hands.redrawn()
            yield 2.0
            name = f"{language}-{round(100 * scale)}"
            hands.photograph(name)
            parts = [hands.region(kind, "UI") for kind in EDITORS]
            height = hands.window().height
            facts["sidebars"][name] = [[part.x, height - part.y - part.height, part.width, part.height] for part in parts]


def image_editor_is_open() -> bool:
    """the workspace with its Image Editor"""
    return any(area.type == "IMAGE_EDITOR" for area in hands.window().screen.areas)


def open_all() -> None:
    """Enable the extension again, with panels that are open at first."""
    names = [addon.module for addon in bpy.context.preferences.addons]
    (extension,) = (name for name in names if name.endswith("pose_to_anime"))
    bpy.ops.preferences.addon_disable(module=extension)
    for cls in subclasses(bpy.types.Panel):
        if getattr(cls, "bl_idname", "").startswith("P2A_PT_"):
            cls.bl_options = set(getattr(cls, "bl_options", ())) - {"DEFAULT_CLOSED"}
    bpy.ops.preferences.addon_enable(module=extension)


def subclasses(cls: type) -> list[type]:
    return [known for each in cls.__subclasses__() for known in (each, *subclasses(each))]
