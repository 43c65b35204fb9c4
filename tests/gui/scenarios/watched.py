# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures every function of ours that Blender calls by itself: timers, handlers, drawings, polls, property callbacks.

``watch`` puts a clock around each function and enables the extension; ``calls`` has what they took.
"""

from __future__ import annotations

import functools
import gc
import importlib
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import bpy

EXTENSION = "bl_ext.user_default.pose_to_anime"

CALLED = (
    "poll", "draw", "draw_header", "draw_header_preset", "draw_item", "draw_filter", "filter_items", "description", "check",
    "setup", "refresh", "draw_prepare", "draw_select", "test_select", "poll_drop", "modal",
)  # fmt: skip
"""Methods of classes that Blender calls without a click."""

PROPERTY = {"get": 1, "set": 2, "update": 2, "items": 2, "search": 3, "poll": 2}
"""Callbacks of properties, and how many arguments Blender wants to see in their heads."""


class Calls:
    """How long each function took: name → (milliseconds by the clock, milliseconds of this thread, what went on) for each call.

    Python's garbage collector, which looks through all of Blender's Python when it has to, is counted by itself.
    """

    def __init__(self) -> None:
        self.taken: defaultdict[str, list[tuple[float, float, str]]] = defaultdict(list)
        self.phase = ""
        self.collected: list[float] = []  # milliseconds of each run of Python's garbage collector

    @contextmanager
    def clock(self, name: str) -> Iterator[None]:
        runs, began, computing = len(self.collected), time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            computed = (time.thread_time() - computing) * 1000.0
            taken = (time.perf_counter() - began) * 1000.0
            collected = sum(self.collected[runs:])
            self.taken[name].append((taken - collected, max(0.0, computed - collected), self.phase))

    def facts(self) -> dict[str, dict[str, object]]:
        """For each function: how often it was called, worst and median by the clock and of this thread, and when it was worst."""
        return {
            name: {
                "count": len(calls),
                "worst": max(wall for wall, _, _ in calls),
                "median": statistics.median(wall for wall, _, _ in calls),
                "worst computing": max(cpu for _, cpu, _ in calls),
                "median computing": statistics.median(cpu for _, cpu, _ in calls),
                "when": max(calls)[2],
                "first": calls[0][0],
            }
            for name, calls in self.taken.items()
        }


calls = Calls()


def timed(function: Callable[..., Any], name: str | Callable[..., str]) -> Callable[..., Any]:
    """The function with a clock; ``name`` may depend on what it is called with."""
    if getattr(function, "is_timed", False):
        return function

    @functools.wraps(function)
    def measured(*arguments: Any, **options: Any) -> Any:
        with calls.clock(name if isinstance(name, str) else name(*arguments)):
            return function(*arguments, **options)

    measured.is_timed = True  # type: ignore[attr-defined]
    return measured


def disable() -> None:
    """Before the first window is drawn, so that nothing was called when ``watch`` begins."""
    bpy.ops.preferences.addon_disable(module=EXTENSION)


def watch(open_panels: bool = True) -> None:
    """From now on everything is measured; with ``open_panels`` all panels are open at first."""
    gc.callbacks.append(_collected)
    _watch_timers()
    _watch_draw_handlers()
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith(f"{EXTENSION}.addon.")]
    for module in modules:
        _watch_handlers(module)
        for cls in getattr(module, "CLASSES", ()):
            _watch_properties(cls)
            if open_panels and issubclass(cls, bpy.types.Panel):
                cls.bl_options = set(getattr(cls, "bl_options", ())) - {"DEFAULT_CLOSED"}
    bpy.ops.preferences.addon_enable(module=EXTENSION)
    for module in modules:  # Blender looks at the heads of functions when a class is registered, and not later
        for cls in getattr(module, "CLASSES", ()):
            _watch_methods(cls)
    _watch_parts()


def ours(name: str) -> ModuleType:
    """A module of the extension by its name below ``addon``."""
    return importlib.import_module(f"{EXTENSION}.addon.{name}")


def _short(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "") or ""
    return f"{module.removeprefix(f'{EXTENSION}.addon.')}.{getattr(function, '__qualname__', function)}"


def _is_ours(function: object) -> bool:
    return (getattr(function, "__module__", "") or "").startswith(EXTENSION)


def _collected(phase: str, _info: dict[str, int], began: list[float] = [0.0]) -> None:  # noqa: B006
    if phase == "start":
        began[0] = time.perf_counter()
    else:
        calls.collected.append((time.perf_counter() - began[0]) * 1000.0)


def _watch_timers() -> None:
    timers = bpy.app.timers
    register, unregister, is_registered = timers.register, timers.unregister, timers.is_registered
    known: dict[Callable[..., Any], Callable[..., Any]] = {}

    def measured(function: Callable[..., Any]) -> Callable[..., Any]:
        if not _is_ours(function):
            return function
        if function not in known:
            whose = getattr(getattr(function, "__self__", None), "_read", None)  # of a shelf
            known[function] = timed(function, f"timer {_short(function)}" + (f" of {_short(whose)}" if whose else ""))
        return known[function]

    timers.register = lambda function, **options: register(measured(function), **options)
    timers.unregister = lambda function: unregister(known.get(function, function))
    timers.is_registered = lambda function: is_registered(known.get(function, function))


def _watch_draw_handlers() -> None:
    add = bpy.types.SpaceView3D.draw_handler_add

    def added(function: Callable[..., Any], *arguments: Any) -> object:
        return add(timed(function, f"draw handler {_short(function)}") if _is_ours(function) else function, *arguments)

    bpy.types.SpaceView3D.draw_handler_add = staticmethod(added)


def _watch_handlers(module: ModuleType) -> None:
    pairs = []
    for event, function in getattr(module, "_HANDLERS", ()) if isinstance(getattr(module, "_HANDLERS", ()), tuple) else ():
        name = function.__name__
        if not getattr(function, "is_timed", False):
            function = getattr(module, name) if getattr(getattr(module, name), "is_timed", False) else timed(
                function, f"handler {_short(function)}"
            )  # fmt: skip
            setattr(module, name, function)
        pairs.append((event, function))
    if pairs:
        module._HANDLERS = tuple(pairs)  # type: ignore[attr-defined]


def _watch_properties(cls: type) -> None:
    for field, made in getattr(cls, "__annotations__", {}).items():
        for kind, count in PROPERTY.items():
            function = getattr(made, "keywords", {}).get(kind)
            if callable(function) and _is_ours(function):
                function = _listed(function) if kind == "search" else function
                measured = timed(function, f"{kind} {cls.__name__}.{field.rstrip('0123456789')}")
                made.keywords[kind] = _with_head(measured, count)


def _listed(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a generator gives, as a list: so that its work is measured."""
    return lambda *arguments: list(function(*arguments))


def _with_head(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Blender counts the arguments in a function's head, and gives it so many."""
    names = ", ".join(f"a{number}" for number in range(count))
    made: Callable[..., Any] = eval(f"lambda {names}: function({names})", {"function": function})
    made.is_timed = True  # type: ignore[attr-defined]
    return made


def _watch_methods(cls: type) -> None:
    for owner in cls.__mro__:
        if not _is_ours(owner):
            continue
        for method in CALLED:
            found = vars(owner).get(method)
            function = found.__func__ if isinstance(found, classmethod | staticmethod) else found
            if not callable(function) or getattr(function, "is_timed", False) or hasattr(function, "_draw_funcs"):
                continue
            count = function.__code__.co_argcount
            if isinstance(found, classmethod):
                measured = timed(function, lambda kind, *_a, m=method: f"{m} {kind.__name__}")
                setattr(owner, method, classmethod(_with_head(measured, count)))
            elif isinstance(found, staticmethod):
                measured = timed(function, f"{method} {owner.__name__}")
                setattr(owner, method, staticmethod(_with_head(measured, count)))
            else:
                measured = timed(function, lambda item, *_a, m=method: f"{m} {type(item).__name__}")
                setattr(owner, method, _with_head(measured, count))


def _watch_parts() -> None:
    """What the calls of the one timer consist of: its tasks, and what the bridge tells."""
    timer, session = ours("generate.timer"), ours("generate.session")
    later = timer.later

    def measured(name: str, task: Callable[[], None]) -> None:
        kind = name.rstrip("0123456789abcdef-") or name
        later(name, timed(task, f"task {kind.strip()}"))

    timer.later = measured
    for module in list(sys.modules.values()):  # those that have it by name
        if _is_ours_module(module) and getattr(module, "later", None) is later:
            module.later = measured  # type: ignore[attr-defined]
    for event, call in session._HANDLERS.items():
        session._HANDLERS[event] = timed(call, f"event {event}")
    session.poll = timed(session.poll, "part session.poll")
    for watcher in timer.watchers:
        type(watcher).poll = timed(type(watcher).poll, f"part {_short(type(watcher))}.poll")


def _is_ours_module(module: ModuleType) -> bool:
    return (getattr(module, "__name__", "") or "").startswith(EXTENSION)
