# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that an extension can leave in a running Blender, with and without a window."""

from __future__ import annotations

from collections.abc import Callable

import bpy

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
        # Blender keeps a menu's own drawing in that list once something was added to the menu.
        "menu entries": {
            f"{cls.__name__}: {name_of(f)}" for cls, fs in drawn.items() for f in fs if f.__module__ != cls.__module__
        },
        "keymap items": {f"{keymap.name}: {item.idname}" for keymap in keymaps for item in keymap.keymap_items},
        "timers": {name_of(f) for f in timers if bpy.app.timers.is_registered(f)},
        "draw handlers": {str(handle) for handle in draw_handlers},
    }


def property_names(cls: type) -> list[str]:
    return [item.identifier for item in cls.bl_rna.properties]  # type: ignore[attr-defined]


def name_of(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}"


def ours(found: dict[str, set[str]]) -> dict[str, list[str]]:
    """What of it bears our name; of the properties, those that we gave to Blender's own types."""
    named = {
        what: [name for name in names if "pose_to_anime" in name.lower() or "p2a" in name.lower()]
        for what, names in found.items()
    }
    named["type properties"] = [name for name in named["type properties"] if name.endswith(".pose_to_anime")]
    return {what: sorted(names) for what, names in named.items()}
