# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender: installs the built zip as a user does; enables it, works with it, disables it, twice; tells what stayed.

usage: python installed_zip.py ZIP OUT, with BLENDER_USER_RESOURCES naming an empty folder. Writes OUT/facts.json.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import bpy

import addon_utils  # isort: skip (bpy puts it on the path)

MODULE = "bl_ext.user_default.pose_to_anime"
ZIP, OUT = (Path(argument) for argument in sys.argv[1:3])

timers: list[Callable[[], float | None]] = []
draw_handlers: list[object] = []


def watch_timers() -> None:
    """Blender does not list its timers: remember each one that is registered."""
    register = bpy.app.timers.register

    def remember(function: Callable[[], float | None], **options: object) -> None:
        timers.append(function)
        register(function, **options)

    bpy.app.timers.register = remember


def watch_draw_handlers() -> None:
    """Nor does it list draw handlers."""
    for space in (bpy.types.SpaceView3D, bpy.types.SpaceImageEditor):
        add, remove = space.draw_handler_add, space.draw_handler_remove

        def added(*arguments: object, add=add) -> object:
            draw_handlers.append(handle := add(*arguments))
            return handle

        def removed(handle: object, region: str, remove=remove) -> None:
            draw_handlers.remove(handle)
            remove(handle, region)

        space.draw_handler_add, space.draw_handler_remove = staticmethod(added), staticmethod(removed)


def state() -> dict[str, set[str]]:
    """Everything that an extension can add to Blender, as names."""
    types = [getattr(bpy.types, name) for name in dir(bpy.types)]
    drawn = {cls: getattr(getattr(cls, "draw", None), "_draw_funcs", ()) for cls in types}
    handlers = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    keymaps = getattr(bpy.context.window_manager.keyconfigs.addon, "keymaps", ())  # None without a window
    return {
        "types": set(dir(bpy.types)),
        "type properties": {f"{cls.__name__}.{key}" for cls in types if hasattr(cls, "bl_rna") for key in property_names(cls)},
        "handlers": {f"{event}: {name_of(f)}" for event, held in handlers.items() if isinstance(held, list) for f in held},
        "menu entries": {f"{cls.__name__}: {name_of(f)}" for cls, functions in drawn.items() for f in functions},
        "keymap items": {f"{keymap.name}: {item.idname}" for keymap in keymaps for item in keymap.keymap_items},
        "timers": {name_of(f) for f in timers if bpy.app.timers.is_registered(f)},
        "draw handlers": {str(handle) for handle in draw_handlers},
    }


def property_names(cls: type) -> list[str]:
    return [item.identifier for item in cls.bl_rna.properties]  # type: ignore[attr-defined]


def name_of(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}"


def added(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, list[str]]:
    return {what: sorted(after[what] - before[what]) for what in before}


def work(out: Path) -> dict[str, object]:
    """The command line of the installed extension: a mannequin, a pose, a ratio, and control images on disk."""
    cli = importlib.import_module(f"{MODULE}.addon.cli")
    code = cli.main(
        ["passes", "--figure", "adult", "--pose", "running", "--ratio", "2:3", "--family", "builtin", "--out", str(out)]
    )
    return {"exit code": code, "files": sorted(path.name for path in out.iterdir())}


def main() -> dict[str, object]:
    # The environment also knows the checkout: only the installed zip may answer here.
    sys.modules["pose_to_anime"] = None  # type: ignore[assignment]
    facts: dict[str, object] = {"blender": bpy.app.version_string, "python": sys.version.split()[0]}
    watch_timers()
    watch_draw_handlers()
    bpy.ops.extensions.package_install_files(repo="user_default", filepath=str(ZIP), enable_on_install=False)
    before = state()
    rounds = []
    for number in (1, 2):
        module = addon_utils.enable(MODULE, default_set=True)
        if module is None:
            raise RuntimeError(f"{MODULE} could not be enabled; the reason stands above")
        facts["file"] = module.__file__
        enabled = added(before, state())
        worked = work(OUT / f"round {number}")
        addon_utils._is_first_reset()
        warnings = {name: list(texts) for name, texts in addon_utils._extensions_warnings_get().items()}
        addon_utils.disable(MODULE, default_set=True)
        rounds.append({"enabled": enabled, "work": worked, "warnings": warnings, "left": added(before, state())})
    facts["rounds"] = rounds
    return facts


if __name__ == "__main__":
    status = 0
    try:
        (OUT / "facts.json").write_text(json.dumps(main(), indent=1), "utf-8")
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # some Blenders crash at a regular exit when something is still registered
