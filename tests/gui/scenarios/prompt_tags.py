# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags as an artist uses them: write a few letters and choose, open the menus, weigh by keys where the mouse is."""

from collections.abc import Generator

import bpy
import hands


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.generate.session import session
    from bl_ext.user_default.pose_to_anime.addon.ui.prompt_help import P2A_PT_tags

    bpy.utils.unregister_class(P2A_PT_tags)
    P2A_PT_tags.bl_options = set()
    bpy.utils.register_class(P2A_PT_tags)
    scene = bpy.context.scene
    generation = scene.pose_to_anime.generation
    generation.prompt = "1girl, long hair"
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
    for y in range(sidebar.y + sidebar.height - 30, sidebar.y + sidebar.height - 620, -7):
        yield from hands.move(x, y)
        if (name := hovered()) and name not in places:
            places[name] = (x, y)
    facts["places"] = {name: list(place) for name, place in places.items()}
    weight = places["tag_weight_1"]
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

    field = places["add_tag"]
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
    facts["slowest"] = {name: value for name, value in vars(session.stats).items() if "worst" in name or "slow" in name}
    with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=hands.region("VIEW_3D", "UI")):
        yield from hands.move(400, 700)
        bpy.ops.wm.call_menu(name="P2A_MT_tags_hair_0")
    yield from hands.redrawn()
    hands.photograph("menu")
    yield from hands.key("ESC")
