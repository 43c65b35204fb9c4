# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture on its way out: saved in each format by clicks, shown in the file manager, browsed and dragged in Blender."""

import importlib
import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import bpy
import hands
import popups

_ADDON = "bl_ext.user_default.pose_to_anime.addon"
FORMATS = ("PNG", "JPEG", "WEBP")
"""As the menu has them."""
SAVED = (("PNG", True), ("JPEG", True), ("WEBP", False))
ROW, FIRST = 26, 18  # pixels from one row of the File Browser's options to the next, and to the first from above


def scenario(facts: dict[str, object], arguments: dict[str, str]) -> Generator[object, None, None]:
    bpy.context.preferences.view.show_tooltips = False  # they would lie on the menus
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    os.environ["PATH"] = f"{arguments['tools']}:{os.environ['PATH']}"
    gallery = importlib.import_module(f"{_ADDON}.generate.gallery")

    def is_read() -> bool:
        """the history to be read"""
        return gallery.is_read() and gallery.count() == 1

    yield 1.0
    yield is_read
    hands.area("VIEW_3D").ui_type = "IMAGE_EDITOR"
    yield 0.3
    yield from hands.open_sidebar("IMAGE_EDITOR")
    bpy.ops.pose_to_anime.show_result(job_id=gallery.page()[0].job_id)
    yield 0.7
    _, y = yield from save_in_each_format(facts)
    yield from press("show_in_folder", 0.2, y)
    asked = Path.home() / "asked"

    def is_asked() -> bool:
        """the file manager to be asked"""
        return asked.exists() and len(asked.read_text().splitlines()) == 2

    yield is_asked
    yield from press("copy_picture", 0.93, y)
    yield from paste(hands.OUT / "pasted.png")
    yield from browse_and_drag(facts, y)


def save_in_each_format(facts: dict[str, object]) -> Generator[object, None, tuple[int, int]]:
    """Save As, what differs from the last time, Save As; with the recipe and without. Where the button is."""
    place = yield from hands.find_button("IMAGE_EDITOR", "pose_to_anime.save_result", at=(0.2,))
    chosen, saved = ("PNG", True), []
    for wanted in SAVED:
        before = set(Path.home().glob("Anime*"))
        yield from hands.click(*place)

        def is_open() -> bool:
            """the File Browser"""
            return any(area.type == "FILE_BROWSER" for area in hands.window().screen.areas)

        yield is_open
        yield 0.5
        options = hands.region("FILE_BROWSER", "TOOL_PROPS")
        if wanted[0] != chosen[0]:
            popups.remember()
            yield from hands.click(options.x + 165, options.y + options.height - FIRST)
            yield from popups.pick(FORMATS.index(wanted[0]))
        if wanted[1] != chosen[1]:
            yield from hands.click(options.x + 112, options.y + options.height - FIRST - 2 * ROW)
        button = hands.region("FILE_BROWSER", "EXECUTE")
        yield from hands.click(button.x + button.width - 72, button.y + button.height / 2)

        def is_saved(before: set[Path] = before) -> bool:
            """the picture to be saved"""
            return bool(set(Path.home().glob("Anime*")) - before) and not is_open()

        yield is_saved
        (new,) = set(Path.home().glob("Anime*")) - before
        saved.append((new.name, *wanted))
        chosen = wanted
    facts["saved"] = saved
    return place


def paste(into: Path) -> hands.Wait:
    """The clipboard's picture into a file, by another program; it is asked again until the keeper of the clipboard is there."""
    keeper = importlib.import_module(f"{_ADDON}.generate.x_clipboard").__file__
    program = Path(__file__).with_name("x_paste.py")

    def is_pasted() -> bool:
        """the picture of the clipboard"""
        subprocess.run(["python3", str(program), str(Path(keeper).parent), str(into)], check=False, timeout=60)
        return into.exists()

    yield is_pasted


def browse_and_drag(facts: dict[str, object], y: float) -> hands.Wait:
    """A File Browser below the picture; from there the picture is dragged into the editor above, which shows nothing."""
    yield from press("browse_results", 0.81, y)
    shown: list[str] = []

    def is_listed() -> bool:
        """the picture in the File Browser"""
        areas = [area for area in hands.window().screen.areas if area.ui_type == "FILES"]
        if not areas or areas[0].spaces.active.params is None:
            return False
        with bpy.context.temp_override(window=hands.window(), area=areas[0], region=hands.region("FILE_BROWSER", "WINDOW")):
            bpy.ops.file.select_all(action="SELECT")
            shown[:] = [file.name for file in bpy.context.selected_files]
        return bool(shown)

    yield is_listed
    facts["browsed"] = list(shown)
    files, space = hands.region("FILE_BROWSER", "WINDOW"), hands.area("IMAGE_EDITOR").spaces.active
    space.image = None
    yield from hands.drag((files.x + 60, files.y + files.height - 60), hands.middle("IMAGE_EDITOR"))

    def is_open() -> bool:
        """the picture that was dragged"""
        return space.image is not None

    yield is_open
    facts["dragged"] = Path(space.image.filepath).name
    hands.photograph("1-dragged")


def press(verb: str, across: float, y: float) -> hands.Wait:
    """A button of the row below the one at this height."""
    yield from hands.press_button("IMAGE_EDITOR", f"pose_to_anime.{verb}", at=(across,), below=int(y) - 10)
