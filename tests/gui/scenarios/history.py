# SPDX-License-Identifier: GPL-3.0-or-later
"""A history of some hundred pictures in the Image Editor: looked at, marked, searched; with photographs."""

import importlib
import time
from collections.abc import Generator

import bpy
import hands

_ADDON = "bl_ext.user_default.pose_to_anime.addon"


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    gallery = importlib.import_module(f"{_ADDON}.generate.gallery")
    stats = importlib.import_module(f"{_ADDON}.generate.session").session.stats
    yield 1.0
    yield is_read(gallery)
    facts["count"] = gallery.count()
    view = hands.area("VIEW_3D")
    with bpy.context.temp_override(window=hands.window(), area=view, region=view.regions[-1]):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.35)
    area = max((each for each in hands.window().screen.areas if each.type == "VIEW_3D"), key=lambda each: each.x)
    area.ui_type = "IMAGE_EDITOR"
    yield 0.5
    yield from hands.open_sidebar("IMAGE_EDITOR")
    yield 2.0  # the thumbnails are read one by one
    yield from hands.redrawn()
    hands.photograph("1-history")
    hands.region("IMAGE_EDITOR", "UI").tag_redraw()

    yield from hands.press_button("IMAGE_EDITOR", "pose_to_anime.show_result", at=(0.1,), below=top_of_thumbnails())
    image = hands.area("IMAGE_EDITOR").spaces.active.image
    facts["clicked"] = image.pose_to_anime.job_id if image else ""
    yield 0.5
    yield from hands.redrawn()
    hands.photograph("2-shown")
    first = gallery.page()[0].job_id
    bpy.ops.pose_to_anime.star_result(job_id=first)
    browser = bpy.context.window_manager.pose_to_anime.browser
    browser.favourites = True
    facts["favourites"] = [item.job_id == first for item in gallery.page()]
    browser.favourites = False
    browser.search = "hat"
    facts["found"] = gallery.found()
    yield 1.5
    yield from hands.redrawn()
    hands.photograph("3-searched")
    browser.search = ""
    browser.page = 2
    yield 1.0

    loads = []
    for item in gallery.page()[:4]:
        began = time.perf_counter()
        bpy.ops.pose_to_anime.show_result(job_id=item.job_id)
        assert hands.area("IMAGE_EDITOR").spaces.active.image.size[0] > 0  # which has Blender read the file
        loads.append((time.perf_counter() - began) * 1000.0)
        yield 0.5
    facts["loads"] = loads
    facts["worst callback"] = stats.worst_callback_ms
    facts["worst of part"] = stats.worst_of_part
    facts["redraw"] = hands.redraw_milliseconds()
    yield from hands.redrawn()
    hands.photograph("4-page")


def is_read(gallery: object) -> object:
    def done() -> bool:
        return bool(gallery.is_read())

    done.__doc__ = "the history to be read"
    return done


def top_of_thumbnails() -> int:
    """Below the search field, so that other buttons are not asked: looking for one takes a while where Blender draws slowly."""
    region = hands.region("IMAGE_EDITOR", "UI")
    return region.y + region.height - 220
