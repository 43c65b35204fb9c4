# SPDX-License-Identifier: GPL-3.0-or-later
"""A user who has only the zip: Generate, the dialog, the set-up, the picture; then a server that dies, and the Preferences."""

import dataclasses
import os
import signal
from collections.abc import Generator

import bpy
import hands
import numpy as np
from first_picture import image_facts, newest_state, session_state

EXTENSION = "bl_ext.user_default.pose_to_anime"
BLUE = (71, 114, 179)
"""Of the button that Return would press, in Blender's dark theme."""
ROW = 24  # pixels from one row of the dialog to the next, about


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    facts["online at first"] = bpy.app.online_access
    yield from hands.press_button("VIEW_3D", "pose_to_anime.add_mannequin")
    if arguments.get("offline"):
        yield from offline(facts)
    if arguments.get("install"):
        yield from install(facts)
    else:
        yield from hands.press_button("VIEW_3D", "pose_to_anime.generate")
    yield a_picture
    facts["clicks"] = hands.clicks_since_start()
    yield it_is_shown
    facts["picture"] = image_facts()
    facts["model"] = bpy.context.scene.pose_to_anime.generation.model
    hands.photograph("5-picture")
    if arguments.get("kill"):
        yield from kill_the_server(facts)
    if arguments.get("preferences"):
        yield from look_at_preferences()
    stats = session_state().stats
    facts["worst callback"], facts["worst of parts"] = stats.worst_callback_ms, stats.worst_of_part
    bpy.context.preferences.use_preferences_save = True
    bpy.ops.wm.save_userpref()  # as Blender does when it is closed


def offline(facts: dict[str, object]) -> hands.Wait:
    """Install where Blender may not go online: it says why not, and nothing is begun."""
    blue = yield from dialog("1-offline")
    yield from hands.click(*blue)
    yield answered
    facts["refused"] = session_state().error
    facts["begun"] = environment().set_up().running
    hands.photograph("2-refused")


def install(facts: dict[str, object]) -> hands.Wait:
    blue = yield from dialog("3-dialog")
    facts["plan"] = dataclasses.asdict(environment().set_up().plan)
    if not bpy.app.online_access:
        yield from hands.click(blue[0], blue[1] + 2.6 * ROW)
        yield is_online
        facts["online"] = bpy.app.online_access
        yield 0.5
        hands.photograph("3-online")
        blue = blue_button("3-online")  # what explained it is gone, and the dialog is smaller
    yield from hands.click(*blue)
    yield answered
    facts["begun by a click"] = environment().set_up().running
    facts["waiting"] = len(session_state().held)
    for parent in ("P2A_PT_figure", "P2A_PT_prompt"):
        hands.keep_panels(parent)  # instead of scrolling down
    yield downloading
    yield 0.3
    hands.photograph("4-progress")
    yield set_up_is_over
    facts["status"] = dataclasses.asdict(environment().set_up().progress)
    yield 0.3
    hands.photograph("4-starting")


def kill_the_server(facts: dict[str, object]) -> hands.Wait:
    """The server dies while it paints: it is said how, and after Start the picture comes all the same."""
    bpy.context.scene.pose_to_anime.generation.steps = 60
    yield from hands.press_button("VIEW_3D", "pose_to_anime.generate")
    yield denoising
    address = package("generation_server.protocol").ServerAddress.read(package("addon.generate.connection").server_dir())
    os.kill(address.pid, signal.SIGKILL)
    yield lost
    yield 0.5
    facts["said of the death"] = session_state().error
    facts["said of the job"] = [job.lost for job in session_state().jobs.values()]
    hands.photograph("6-died")
    bpy.ops.pose_to_anime.connect(start=True)  # the Start button
    yield a_picture
    facts["after the death"] = newest_state()
    facts["error after it"] = session_state().error


def look_at_preferences() -> hands.Wait:
    """In the place of the 3D view and over the whole window, for all of it to be seen."""
    area = hands.area("VIEW_3D")
    with bpy.context.temp_override(window=hands.window(), area=area):
        bpy.ops.preferences.addon_show(module=EXTENSION)
    yield 1.0
    for window in bpy.context.window_manager.windows[1:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()
    area = hands.area("VIEW_3D")
    area.type = "PREFERENCES"
    with bpy.context.temp_override(window=hands.window(), area=area):
        bpy.ops.screen.screen_full_area()
    yield 2.0
    hands.photograph("7-preferences")


def dialog(name: str) -> Generator[object, None, tuple[float, float]]:
    """Press Generate and wait for the dialog; where its blue button is, from the bottom left."""
    x, y = yield from hands.find_button("VIEW_3D", "pose_to_anime.generate")
    hands.photograph("before")
    yield from hands.click(x, y)
    found: list[tuple[float, float] | None] = []

    def is_open() -> bool:
        """the set-up's dialog"""
        if error := session_state().error:
            raise RuntimeError(error)
        hands.photograph(name)
        found.append(blue_button(name))
        return found[-1] is not None and found[-2:-1] == found[-1:]  # it stays where it is

    yield is_open
    return found[-1]


def blue_button(name: str) -> tuple[float, float] | None:
    """The middle of what is blue on a photograph, and was not before the dialog; None where that is not a wide button."""
    rows, columns = np.nonzero(is_blue(pixels(name)) & ~is_blue(pixels("before")))
    return (float(np.median(columns)), float(np.median(rows))) if len(rows) > 3500 else None


def pixels(name: str) -> np.ndarray:
    """A photograph as (height, width, 3) in 0 … 255, row 0 at the bottom."""
    image = bpy.data.images.load(str(hands.OUT / f"{name}.png"))
    try:
        width, height = image.size
        flat = np.empty(width * height * image.channels, np.float32)
        image.pixels.foreach_get(flat)
        return flat.reshape(height, width, image.channels)[..., :3] * 255.0
    finally:
        bpy.data.images.remove(image)


def is_blue(image: np.ndarray) -> np.ndarray:
    return np.abs(image - np.array(BLUE, np.float32)).max(axis=-1) < 8.0


def package(name: str) -> object:
    import importlib

    return importlib.import_module(f"{EXTENSION}.{name}")


def environment() -> object:
    return package("addon.generate.environment")


def answered() -> bool:
    """what Install came to"""
    return bool(session_state().error) or environment().set_up().running


def is_online() -> bool:
    """the tick at Allow Online Access"""
    return bpy.app.online_access


def downloading() -> bool:
    """the set-up in the midst of a download"""
    progress = environment().set_up().progress
    return not environment().set_up().running or (progress.total > 0 and progress.done > 0)


def set_up_is_over() -> bool:
    """the end of the set-up"""
    return not environment().set_up().running


def a_picture() -> bool:
    """a picture"""
    if error := session_state().error:
        raise RuntimeError(error)
    return not session_state().jobs and newest_state() == "done"


def it_is_shown() -> bool:
    """the picture in the Image Editor"""
    return image_facts().get("role") == "RESULT"


def denoising() -> bool:
    """a job in the midst of its denoising"""
    if error := session_state().error:
        raise RuntimeError(error)
    return any(job.step > 0 for job in session_state().jobs.values())


def lost() -> bool:
    """the news that the server is gone"""
    return any(job.lost for job in session_state().jobs.values())
