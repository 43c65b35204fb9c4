# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's end of the bridge's errands (see errand_runner.py): begins them, ends them, and knows how far each one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..pieces import Pieces
from . import session as _session
from .link import LinkError


@dataclass(frozen=True)
class Errand:
    """As the panels show it. ``state``: running, done, failed, cancelled."""

    name: str
    state: str = "running"
    done: int = 0
    total: int = 0
    sentence: str = ""

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def factor(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


_errands: dict[str, Errand] = {}
_when_done: dict[str, Callable[[Any], Pieces[None] | None]] = {}


def errand(name: str) -> Errand | None:
    """How far one is, or how the last one of this name ended."""
    return _errands.get(name)


def is_running(name: str) -> bool:
    found = _errands.get(name)
    return found is not None and found.is_running


def running(prefix: str = "") -> tuple[Errand, ...]:
    """Those that go on, whose names begin with ``prefix``."""
    return tuple(found for found in _errands.values() if found.is_running and found.name.startswith(prefix))


def begin(kind: str, when_done: Callable[[Any], Pieces[None] | None] | None = None, name: str = "", **options: Any) -> None:
    """Have the bridge do it; ``when_done`` gets what it came to, and may return pieces of work. One of the same name (usually
    its kind) that goes on is left to it.

    Raises UserError, LinkError.
    """
    name = name or kind
    if is_running(name):
        return
    _session.send({"do": "errand", "errand": name, "kind": kind, "options": options})
    _errands[name] = Errand(name)
    _session.session.errands.add(name)
    if when_done is not None:
        _when_done[name] = when_done


def stop(name: str) -> None:
    """Have it end; what it has done stays."""
    if is_running(name) and _session.session.link is not None:
        try:
            _session.session.link.send({"do": "stop_errand", "errand": name})
        except LinkError as error:
            _session.fail(str(error))


def forget(name: str) -> None:
    """Do not tell any more how it ended."""
    if not is_running(name):
        _errands.pop(name, None)


def look() -> None:
    """After the bridge has ended: none goes on without it."""
    if _session.session.link is None:
        for found in running():
            _errands[found.name] = Errand(found.name, "failed", sentence="The bridge to the server ended: try again.")
        _session.session.errands.clear()
        _when_done.clear()


def _told(
    errand: str, state: str, done: int = 0, total: int = 0, sentence: str = "", result: Any = None, **_newer: Any
) -> Pieces[None] | None:
    _errands[errand] = told = Errand(errand, state, done, total, sentence)
    if state == "running":
        return None
    _session.session.errands.discard(errand)
    call = _when_done.pop(errand, None)
    pieces = call(result) if state == "done" and call is not None else None
    if pieces is None:
        return None
    _errands[errand] = Errand(errand, total=total, done=done)  # it goes on until what it came to is taken in
    _session.session.errands.add(errand)
    return _taken_in(pieces, told)


def _taken_in(pieces: Pieces[None], told: Errand) -> Pieces[None]:
    try:
        yield from pieces
    finally:
        _errands[told.name] = told
        _session.session.errands.discard(told.name)


CLASSES: tuple[type, ...] = ()


def register() -> None:
    _session.listen("errand", _told)
    _session.ended.append(look)


def unregister() -> None:
    _session.ended.remove(look)
    _errands.clear()
    _when_done.clear()
