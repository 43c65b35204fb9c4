# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender calls of ours by itself, measured: with all panels open, long prompts, hundreds of models and pictures.

``arguments["part"]``: ``work`` (server, models, jobs, previews, queue, history, undo), ``panels`` (every panel and menu in every
language, tags, poses, control images), ``set-up`` (an environment is made).
"""

import gc
from collections.abc import Callable, Generator

import bpy
import hands
import watched
from first_picture import session_state, until_finished
from watched import calls, ours

watched.disable()

MODEL = "some-xl"
PROMPT = ", ".join(f"(detail number {number}:1.1), long hair" for number in range(60))


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    parts: dict[str, Callable[[], hands.Wait]] = {"work": work, "panels": panels, "set-up": set_up, "start": start}
    yield 1.0
    calls.phase = "start"
    watched.watch()
    try:
        yield from parts[str(arguments["part"])]()
    finally:
        facts["calls"], facts["collected"] = calls.facts(), calls.collected
        facts["error"], facts["objects"] = session_state().error, len(gc.get_objects())


def start() -> hands.Wait:
    yield 2.0
    yield from a_scene()


def work() -> hands.Wait:
    yield 2.0
    yield from a_scene()
    gallery, models = ours("generate.gallery"), ours("generate.models")
    yield waits_for(gallery.is_read, "the history")
    calls.phase = "connecting"
    bpy.ops.pose_to_anime.connect(start=False)
    yield waits_for(models.is_told, "the models")
    yield 1.5
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model = next(item.name for item in models.models() if MODEL in item.name)
    bpy.context.scene.pose_to_anime.framing.ratio = "1:1"
    for lora in models.loras("sdxl")[:20]:
        bpy.ops.pose_to_anime.add_lora(name=lora.name)
    settings.steps, settings.prompt = 12, f"{PROMPT}, slow"
    calls.phase = "jobs"
    for number in range(3):
        yield from generate("BACK" if number < 2 else "FRONT")
    yield until_finished("first jobs")
    yield 2.0
    for place in ("BACK", "BACK", "FRONT", "REPLACE", "BACK"):
        yield from generate(place)
    calls.phase = "cancelling"
    for which in ("ACTIVE", "WAITING", "ALL"):
        if session_state().jobs:
            bpy.ops.pose_to_anime.cancel(which=which)
        yield 0.5
    yield until_finished("cancelled jobs")
    yield 2.0
    yield from history(gallery)
    calls.phase = "undo"
    for number in range(4):
        bpy.ops.ed.undo_push(message=f"Step {number}")
    for verb in (bpy.ops.ed.undo, bpy.ops.ed.undo, bpy.ops.ed.redo, bpy.ops.ed.undo):
        with in_view():
            verb()
        yield 0.8
    calls.phase = "another file"
    path = str(hands.OUT / "scene.blend")
    with in_view():
        bpy.ops.wm.save_as_mainfile(filepath=path)
    yield 0.5
    with in_view():
        bpy.ops.wm.open_mainfile(filepath=path)
    yield 3.0


def history(gallery: object) -> hands.Wait:
    window = bpy.context.window_manager.pose_to_anime
    calls.phase = "history"
    for kind in ("ALL", "FILE", "ALL"):
        window.history = kind
        yield 0.4
    for page in (1, 2, 40, 80, 0):
        window.browser.page = page
        yield 0.4
    for words in ("h", "hat", "hat red", "2", ""):
        window.browser.search = words
        yield 0.3
    for sort in ("OLDEST", "FAVOURITES", "MODEL", "SEED", "LARGEST", "NEWEST"):
        window.browser.sort = sort
        yield 0.3
    for item in gallery.page()[:3]:
        with in_view():
            bpy.ops.pose_to_anime.star_result(job_id=item.job_id)
            bpy.ops.pose_to_anime.show_result(job_id=item.job_id)
        yield 0.6
    ours("generate.history").refresh()
    yield 2.0


def panels() -> hands.Wait:
    yield 2.0
    yield from a_scene()
    models = ours("generate.models")
    bpy.ops.pose_to_anime.connect(start=False)
    yield waits_for(models.is_told, "the models")
    yield 1.0
    view = bpy.context.preferences.view
    for language in ("en_US", "ja_JP", "zh_HANS"):
        calls.phase = f"panels in {language}"
        view.language = language
        view.use_translate_interface = view.use_translate_tooltips = True
        yield 0.5
        yield from hands.redrawn()
    view.language = "en_US"
    calls.phase = "popovers"
    for cls in (cls for cls in known(bpy.types.Panel) if cls.bl_idname in ("P2A_PT_models", "P2A_PT_poses")):
        with in_view():
            bpy.ops.wm.call_panel(name=cls.bl_idname, keep_open=True)
        yield 1.0
        yield from hands.key("ESC", at=hands.middle("VIEW_3D"))
    yield from poses()
    yield from tags()
    calls.phase = "control images"
    passes = bpy.context.scene.pose_to_anime.passes
    passes.overlay = True
    for kind in ("openpose", "depth", "normal", "lineart"):
        passes.preview_kind = kind
        yield 1.2
    passes.overlay = False
    yield from menus()
    calls.phase = "preferences"
    hands.area("VIEW_3D").type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    with bpy.context.temp_override(window=hands.window()):
        bpy.ops.preferences.addon_show(module=watched.EXTENSION)
    yield 2.0


def poses() -> hands.Wait:
    """Every pose is applied; pose tags and advice are found after some."""
    calls.phase = "poses"
    shelf = ours("generate.pose_shelf")
    for number, entry in enumerate(shelf.collection().entries):
        with in_view():
            bpy.ops.pose_to_anime.apply_pose(pose=entry.key)
        yield 0.55 if number % 4 == 0 else 0.02


def tags() -> hands.Wait:
    """What is listed while somebody writes, and a prompt that grows."""
    calls.phase = "tags"
    fields = ours("operators.tag_fields")
    owner, field = bpy.context.scene.pose_to_anime_tags, fields.field_of("prompt")
    search = fields.P2A_PG_tags.__annotations__[field].keywords["search"]
    for text in ("", "h", "ha", "hair", "b", "blue", "blue e", "zz", "_", "1", "standing on one l"):
        search(owner, bpy.context, text)
        yield 0.1
    yield 3.0  # a user's list is read
    for text in ("h", "hair", "tag 49", "zz"):
        search(owner, bpy.context, text)
        yield 0.1
    setattr(owner, field, "silver hair")
    yield 0.5


def menus() -> hands.Wait:
    """Each of our menus is opened once."""
    calls.phase = "menus"
    for cls in known(bpy.types.Menu):
        with in_view():
            bpy.ops.wm.call_menu(name=cls.bl_idname)
        yield 0.08
        hands.simulate("ESC", "PRESS", *hands.middle("VIEW_3D"))
        hands.simulate("ESC", "RELEASE")
        yield 0.04


def set_up() -> hands.Wait:
    """As the user sees it: Generate asks for the dialog, then the environment is made."""
    yield 2.0
    yield from a_scene()
    environment = ours("generate.environment")
    bpy.context.preferences.system.use_online_access = True
    calls.phase = "dialog"
    with in_view():
        environment.ask(picture=False)
    yield waits_for(lambda: environment.set_up().has_plan, "the plan")
    yield 1.5
    yield from hands.key("ESC", at=hands.middle("VIEW_3D"))
    calls.phase = "set-up"
    environment.begin("install")
    yield waits_for(lambda: not environment.set_up().running, "the end of the set-up")
    calls.phase = "the server starts"
    yield waits_for(lambda: session_state().server.state == "connected", "the server")
    yield 3.0


def a_scene() -> hands.Wait:
    """A dressed figure with a prompt that is long, and both editors with their sidebars."""
    calls.phase = "a scene"
    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin", mannequin="adult_woman")
    bpy.ops.pose_to_anime.random_outfit()
    bpy.ops.pose_to_anime.apply_pose(pose="gesture_wave")
    bpy.ops.pose_to_anime.add_camera()
    settings = bpy.context.scene.pose_to_anime.generation
    settings.prompt, settings.negative_prompt = PROMPT, PROMPT
    hands.invoke("VIEW_3D", "pose_to_anime.open_workspace")
    yield waits_for(lambda: any(area.type == "IMAGE_EDITOR" for area in hands.window().screen.areas), "the workspace")
    for kind in ("VIEW_3D", "IMAGE_EDITOR"):
        yield from hands.open_sidebar(kind)
    yield 1.0


def generate(place: str) -> hands.Wait:
    with in_view(), calls.clock("click on Generate"):
        bpy.ops.pose_to_anime.generate(place=place)
    if error := session_state().error:
        raise RuntimeError(error)
    yield 1.0


def in_view() -> object:
    return bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=hands.region("VIEW_3D", "WINDOW"))


def known(kind: type) -> list[type]:
    found = [each for cls in kind.__subclasses__() for each in (cls, *known(cls))]
    return [cls for cls in found if cls.__module__.startswith(watched.EXTENSION) and getattr(cls, "bl_idname", "")]


def waits_for(condition: Callable[[], object], what: str) -> Callable[[], bool]:
    def fulfilled() -> bool:
        if error := session_state().error:
            raise RuntimeError(error)
        return bool(condition())

    fulfilled.__doc__ = what
    return fulfilled
