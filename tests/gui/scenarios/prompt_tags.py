# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags as an artist uses them: write a few letters and choose, open the menus, weigh by keys where the mouse is; the same for
what must not be in the picture."""

from collections.abc import Generator

import bpy
import hands


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.generate.session import session
    from bl_ext.user_default.pose_to_anime.addon.ui.prompt import P2A_PT_negative_prompt
    from bl_ext.user_default.pose_to_anime.addon.ui.prompt_help import P2A_PT_negative_tags, P2A_PT_tags

    for panel in (P2A_PT_negative_tags, P2A_PT_negative_prompt, P2A_PT_tags):
        bpy.utils.unregister_class(panel)
    for panel in (P2A_PT_tags, P2A_PT_negative_prompt, P2A_PT_negative_tags):
        panel.bl_options = set()
        bpy.utils.register_class(panel)
    scene = bpy.context.scene
    generation = scene.pose_to_anime.generation
    generation.prompt, generation.negative_prompt = "1girl, long hair", "nsfw, blurry"
    yield from hands.open_sidebar("VIEW_3D")
    yield from hands.redrawn()
    hands.photograph("panel")

    def hovered() -> str:
        found = []
        region = hands.region("VIEW_3D", "UI")
        with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=region):
            found.append(getattr(bpy.context, "property", None))
        return str(found[0][1]).rpartition(".")[2] if found[0] else ""

    places: dict[str, tuple[int, int]] = {}
    sidebar = hands.region("VIEW_3D", "UI")
    x = int(sidebar.x + sidebar.width * 0.4)
    for y in range(sidebar.y + sidebar.height - 30, sidebar.y + 20, -10):
        yield from hands.move(x, y)
        if (name := hovered()) and name not in places:
            places[name] = (x, y)
    facts["places"] = {name: list(place) for name, place in places.items()}
    weight = places["prompt_weight_1"]
    yield from hands.move(*weight)
    for name in ("UP_ARROW", "UP_ARROW", "UP_ARROW", "DOWN_ARROW"):
        yield from hands.key(name, ctrl=True)
    hands.simulate("LEFT_CTRL", "RELEASE")
    facts["after keys"] = generation.prompt
    yield from hands.redrawn()
    hands.photograph("weighed")
    yield from hands.key("BACK_SPACE", at=weight)
    facts["after backspace"] = generation.prompt
    bpy.ops.ed.undo_push(message="Weighed")

    field = places["add_to_prompt"]
    yield from hands.click(*field)
    yield from hands.redrawn()
    hands.photograph("common tags")
    for letter in "smil":
        hands.simulate(letter.upper(), "PRESS", unicode=letter)
        yield 0.05
        hands.simulate(letter.upper(), "RELEASE")
        yield 0.2
    yield from hands.redrawn()
    hands.photograph("completion")
    yield from hands.key("DOWN_ARROW")
    yield from hands.key("RET")
    facts["after choosing"] = generation.prompt
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    facts["after undo"] = bpy.context.scene.pose_to_anime.generation.prompt
    weight = places["negative_prompt_weight_1"]
    yield from hands.key("UP_ARROW", ctrl=True, at=weight)
    hands.simulate("LEFT_CTRL", "RELEASE")
    facts["negative after keys"] = bpy.context.scene.pose_to_anime.generation.negative_prompt
    menu = places["add_to_negative_prompt"]
    yield from hands.click(sidebar.x + sidebar.width - 50, menu[1])
    yield from hands.redrawn()
    hands.photograph("categories")
    for name in ("RIGHT_ARROW", "RIGHT_ARROW", "RET"):  # the first tag of the first heading of the first category
        yield from hands.key(name)
    facts["negative after the menu"] = bpy.context.scene.pose_to_anime.generation.negative_prompt
    facts["after the menu"] = bpy.context.scene.pose_to_anime.generation.prompt
    facts["slowest"] = {name: value for name, value in vars(session.stats).items() if "worst" in name or "slow" in name}
    with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=hands.region("VIEW_3D", "UI")):
        yield from hands.move(400, 700)
        bpy.ops.wm.call_menu(name="P2A_MT_tags_hair_0")
    yield from hands.redrawn()
    hands.photograph("menu")
    yield from hands.key("ESC")
