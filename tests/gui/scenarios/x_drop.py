# SPDX-License-Identifier: GPL-3.0-or-later
"""Another program from which files are dragged: drops them on the window below a point of the screen, as a file manager does.

    python3 x_drop.py X Y FILE…        X, Y in pixels of the screen, from the top left

It speaks XDND (version 5, https://www.freedesktop.org/wiki/Specifications/XDND/) through libX11 itself, offers ``text/uri-list``,
and ends with 0 once the window has taken the files, with a sentence and 1 where it did not.
"""

import ctypes
import ctypes.util
import select
import sys
import time
from pathlib import Path

Window = Atom = Time = ctypes.c_ulong
PATIENCE = 60.0
"""Seconds for the window to answer: it may be drawing."""

VERSION = 5
_CLIENT_MESSAGE, _SELECTION_REQUEST, _SELECTION_NOTIFY = 33, 30, 31  # X.h
_REPLACE, _ANY_TYPE = 0, 0


class _Message(ctypes.Structure):
    """XClientMessageEvent, of 32 bits."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", Window),
        ("kind", Atom),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
    )


class _Request(ctypes.Structure):
    """XSelectionRequestEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("owner", Window),
        ("requestor", Window),
        ("selection", Atom),
        ("target", Atom),
        ("property", Atom),
        ("time", Time),
    )


class _Answer(ctypes.Structure):
    """XSelectionEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("requestor", Window),
        ("selection", Atom),
        ("target", Atom),
        ("property", Atom),
        ("time", Time),
    )


class _Event(ctypes.Union):
    _fields_ = (
        ("type", ctypes.c_int),
        ("message", _Message),
        ("request", _Request),
        ("answer", _Answer),
        ("room", ctypes.c_long * 24),
    )


class Dragging:
    """Files in the hand, on the way to a window."""

    def __init__(self, files: list[Path]) -> None:
        self._list = "".join(f"{file.resolve().as_uri()}\r\n" for file in files).encode()
        self._x = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        for name in ("XDefaultRootWindow", "XCreateSimpleWindow", "XInternAtom"):
            getattr(self._x, name).restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(None))
        if not self._display:
            raise SystemExit("There is no X server.")
        self._root = Window(self._x.XDefaultRootWindow(self._display))
        place = (0, 0, ctypes.c_uint(1), ctypes.c_uint(1), ctypes.c_uint(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
        self._source = Window(self._x.XCreateSimpleWindow(self._display, self._root, *place))
        self._x.XSetSelectionOwner(self._display, self._atom("XdndSelection"), self._source, Time(0))

    def _atom(self, name: str) -> Atom:
        return Atom(self._x.XInternAtom(self._display, name.encode(), 0))

    def drop(self, x: int, y: int) -> None:
        """Carry them to a point of the screen and let go."""
        self._x.XWarpPointer(self._display, Window(0), self._root, 0, 0, ctypes.c_uint(0), ctypes.c_uint(0), x, y)
        self._target = self._aware_window(x, y)
        copy = self._atom("XdndActionCopy").value
        self._send("XdndEnter", VERSION << 24, self._atom("text/uri-list").value, 0, 0)
        for dx in (-2, -1, 0):
            self._send("XdndPosition", 0, (x + dx) << 16 | y, 0, copy)
            accepted = self._until("XdndStatus").data[1] & 1
        if not accepted:
            self._send("XdndLeave", 0, 0, 0, 0)
            raise SystemExit("The window does not take files at this place.")
        self._send("XdndDrop", 0, 0, 0, 0)
        self._until("XdndFinished")

    def _aware_window(self, x: int, y: int) -> Window:
        """The window at the point, or the first one around it that says it takes what is dropped."""
        below, root_x, child = self._root, ctypes.c_int(), Window()
        while True:
            self._x.XTranslateCoordinates(
                self._display, self._root, below, x, y, ctypes.byref(root_x), ctypes.byref(root_x), ctypes.byref(child)
            )
            if not child.value:
                raise SystemExit("No window at this place says that it takes what is dropped (XdndAware).")
            below = Window(child.value)
            kind, form, count, rest, data = Atom(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p()
            self._x.XGetWindowProperty(
                self._display, below, self._atom("XdndAware"), ctypes.c_long(0), ctypes.c_long(1), 0, Atom(_ANY_TYPE),
                ctypes.byref(kind), ctypes.byref(form), ctypes.byref(count), ctypes.byref(rest), ctypes.byref(data),
            )  # fmt: skip
            if count.value:
                return below

    def _send(self, name: str, *data: int) -> None:
        event = _Event()
        message = event.message
        message.type, message.format, message.window = _CLIENT_MESSAGE, 32, self._target.value
        message.kind, message.data[:] = self._atom(name).value, (self._source.value, *data)
        self._x.XSendEvent(self._display, self._target, 0, ctypes.c_long(0), ctypes.byref(event))
        self._x.XFlush(self._display)

    def _until(self, name: str) -> _Message:
        """Answer what the window asks until it has sent this message."""
        wanted, end, event = self._atom(name).value, time.monotonic() + PATIENCE, _Event()
        while time.monotonic() < end:
            if not self._x.XPending(self._display):
                select.select([self._x.XConnectionNumber(self._display)], [], [], 0.1)
                continue
            self._x.XNextEvent(self._display, ctypes.byref(event))
            if event.type == _SELECTION_REQUEST:
                self._hand_over(event.request)
            elif event.type == _CLIENT_MESSAGE and event.message.kind == wanted:
                return event.message
        raise SystemExit(f"The window did not answer with {name} within {PATIENCE:.0f} s.")

    def _hand_over(self, request: _Request) -> None:
        self._x.XChangeProperty(
            self._display, Window(request.requestor), Atom(request.property), Atom(request.target), 8, _REPLACE,
            self._list, len(self._list),
        )  # fmt: skip
        event = _Event()
        answer = event.answer
        answer.type, answer.requestor, answer.selection = _SELECTION_NOTIFY, request.requestor, request.selection
        answer.target, answer.property, answer.time = request.target, request.property, request.time
        self._x.XSendEvent(self._display, Window(request.requestor), 0, ctypes.c_long(0), ctypes.byref(event))
        self._x.XFlush(self._display)


if __name__ == "__main__":
    Dragging([Path(name) for name in sys.argv[3:]]).drop(int(sys.argv[1]), int(sys.argv[2]))
