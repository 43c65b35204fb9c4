# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension as a user finds it after installing: its tab in the sidebar, and every button's poll asked in every editor."""

import importlib
from collections.abc import Generator

import bpy
import hands
import leftovers

EXTENSION = "bl_ext.user_default.pose_to_anime"
ROUNDS = 20
NOTHING = (("area", "region"), ("window",), ("window", "area", "region"), ("scene",), ("active_object", "object"))
"""What a context may lack. Blender itself crashes where one is asked for its mode or its view layer and has no scene."""


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    facts["version"] = bpy.app.version_string
    facts["enabled"] = EXTENSION in bpy.context.preferences.addons
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    facts["tab"] = getattr(hands.region("VIEW_3D", "UI"), "active_panel_category", "")
    hands.photograph("panel")
    facts["said"] = {language: said_in(language) for language in ("en_US", "ja_JP", "zh_HANS", "de_DE")}

    operators = [name for name in dir(bpy.ops.pose_to_anime) if not name.startswith("_")]
    facts["operators"] = operators
    place = hands.area("VIEW_3D")
    asked = 0
    kinds = {item.identifier for item in bpy.types.Area.bl_rna.properties["type"].enum_items}
    facts["editors"] = sorted(kinds - {"EMPTY", "TOPBAR", "STATUSBAR"})  # the bars at the window's edges are no editors
    for editor in [*facts["editors"], "VIEW_3D"]:
        place.type = editor
        yield 0.2  # until it has drawn
        region = next(region for region in place.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=hands.window(), area=place, region=region):
            for name in operators:
                getattr(bpy.ops.pose_to_anime, name).poll()  # an exception in there is printed, and the test reads the console
                asked += 1
    for nothing in NOTHING:
        with bpy.context.temp_override(**dict.fromkeys(nothing)):
            for name in operators:
                getattr(bpy.ops.pose_to_anime, name).poll()
                asked += 1
            for group in bpy.types.GizmoGroup.__subclasses__():
                if group.__module__.startswith(EXTENSION):
                    group.poll(bpy.context)
    facts["polls"] = asked
    hands.photograph("after the polls")

    facts["while enabled"] = leftovers.ours(leftovers.state())
    bpy.ops.preferences.addon_disable(module=EXTENSION)
    yield 0.5
    facts["after disabling"] = leftovers.ours(leftovers.state())
    for _ in range(ROUNDS - 1):
        bpy.ops.preferences.addon_enable(module=EXTENSION)
        yield 0.05
        bpy.ops.preferences.addon_disable(module=EXTENSION)
    facts["after many rounds"] = leftovers.ours(leftovers.state())
    bpy.ops.preferences.addon_enable(module=EXTENSION)
    yield 0.5
    facts["enabled again"] = leftovers.ours(leftovers.state())
    hands.photograph("enabled again")


def said_in(language: str) -> str:
    """A sentence of an error, in a language of Blender's; the bpy module has none but English."""
    view = bpy.context.preferences.view
    before = view.language, view.use_translate_interface
    view.language, view.use_translate_interface = language, True
    try:
        return importlib.import_module(f"{EXTENSION}.addon.translations").translated("'Anna' is not a mannequin.")
    finally:
        view.language, view.use_translate_interface = before
