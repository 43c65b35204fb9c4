# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles and recipes as an artist uses them: choose a look in the menu, paste a recipe from the clipboard, undo it."""

from collections.abc import Generator

import bpy
import hands

RECIPE = """1girl, running, park
Negative prompt: lowres
Steps: 31, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 77, Size: 768x512, Model: lost_v2"""


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    def fields() -> list[object]:
        scene = bpy.context.scene.pose_to_anime
        generation = scene.generation
        return [scene.styles.style, generation.prompt, generation.steps, generation.sampler, generation.seed, scene.framing.ratio]

    def press(name: str, **options: str) -> None:
        """As a button does: with a step of undo."""
        with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=hands.region("VIEW_3D", "UI")):
            getattr(bpy.ops.pose_to_anime, name)("INVOKE_DEFAULT", True, **options)

    def open_menu(name: str) -> Generator[object, None, None]:
        sidebar = hands.region("VIEW_3D", "UI")
        yield from hands.move(sidebar.x + 20, sidebar.y + sidebar.height - 160)
        with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=sidebar):
            bpy.ops.wm.call_menu(name=name)
        yield from hands.redrawn()

    yield from hands.open_sidebar("VIEW_3D")
    yield from hands.redrawn()
    facts["first"] = fields()
    hands.photograph("no style")
    yield from open_menu("P2A_MT_styles")
    hands.photograph("style menu")
    yield from hands.key("ESC")
    bpy.ops.ed.undo_push(message="start")
    press("choose_style", style="watercolour")
    yield from hands.redrawn()
    facts["styled"] = fields()
    hands.photograph("watercolour")
    bpy.context.window_manager.clipboard = RECIPE
    bpy.ops.pose_to_anime.save_prompt(name="Aiko at the beach")
    yield from open_menu("P2A_MT_prompts")
    hands.photograph("prompt menu")
    yield from hands.key("ESC")
    press("paste_recipe")
    yield from hands.redrawn()
    facts["pasted"] = fields()
    hands.photograph("pasted")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["undone"] = fields()
    yield from hands.key("Z", ctrl=True)
    facts["undone twice"] = fields()

    bpy.ops.pose_to_anime.add_preset(name="My Look")  # all fields as they were first
    press("paste_recipe")
    before = fields()
    yield from hands.move(*hands.middle("VIEW_3D"))
    with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=hands.region("VIEW_3D", "WINDOW")):
        bpy.ops.wm.call_panel(name="P2A_PT_presets", keep_open=True)
    yield 0.5  # it opens under the mouse, with its first line there
    hands.photograph("presets")
    yield from hands.click(*hands.middle("VIEW_3D"))

    def is_used() -> bool:
        """the preset"""
        return fields() != before

    yield is_used
    facts["by the preset"] = fields()
    yield from hands.key("ESC")
    yield from hands.key("Z", ctrl=True)
    facts["preset undone"] = fields() == before
