# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a picture in the clipboard of X11, where Blender cannot: a program of its own that is there whenever somebody pastes.

    python x_clipboard.py PICTURE.png

It speaks the selections of ICCCM (https://x.org/releases/X11R7.6/doc/xorg-docs/specs/ICCCM/icccm.html, part 2) through libX11,
hands over the file as it is, and ends when another program copies something, when its standard input ends (with Blender), or with
the X server. No bpy, and nothing of this package, so that any Python runs it.
"""

import ctypes
import ctypes.util
import select
import sys
from pathlib import Path

_SELECTION_CLEAR, _SELECTION_REQUEST, _SELECTION_NOTIFY = 29, 30, 31  # X.h
_REPLACE, _ATOM = 0, 4  # PropModeReplace; XA_ATOM of Xatom.h
_Id = ctypes.c_ulong
_ErrorHandler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

NO_SERVER, TOO_LARGE, NOT_OURS = 3, 4, 5
"""Exit codes: there is no X server, it takes no message as large as the picture, another program holds on to the clipboard."""


class Request(ctypes.Structure):
    """XSelectionRequestEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("owner", _Id),
        ("requestor", _Id),
        ("selection", _Id),
        ("target", _Id),
        ("property", _Id),
        ("time", _Id),
    )


class Answer(ctypes.Structure):
    """XSelectionEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("requestor", _Id),
        ("selection", _Id),
        ("target", _Id),
        ("property", _Id),
        ("time", _Id),
    )


class Event(ctypes.Union):
    _fields_ = (("type", ctypes.c_int), ("request", Request), ("answer", Answer), ("room", ctypes.c_long * 24))


class Display:
    """A connection to the X server with a window that nobody sees."""

    def __init__(self) -> None:
        self.x = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        self.x.XOpenDisplay.restype = ctypes.c_void_p
        for name in ("XDefaultRootWindow", "XCreateSimpleWindow", "XInternAtom", "XGetSelectionOwner"):
            getattr(self.x, name).restype = _Id
        for name in ("XExtendedMaxRequestSize", "XMaxRequestSize"):
            getattr(self.x, name).restype = ctypes.c_long
        self.display = ctypes.c_void_p(self.x.XOpenDisplay(None))
        if not self.display:
            raise SystemExit(NO_SERVER)
        root = _Id(self.x.XDefaultRootWindow(self.display))
        place = (0, 0, ctypes.c_uint(1), ctypes.c_uint(1), ctypes.c_uint(0), _Id(0), _Id(0))
        self.window = _Id(self.x.XCreateSimpleWindow(self.display, root, *place))
        # Who pastes may be gone before the answer: an error of X, which else would end this program. Kept here, for X calls it.
        self.ignored = _ErrorHandler(lambda _display, _event: 0)
        self.x.XSetErrorHandler(self.ignored)

    def atom(self, name: str) -> int:
        return int(self.x.XInternAtom(self.display, name.encode(), 0))

    def next_event(self, others: tuple[object, ...] = ()) -> Event | None:
        """The next event; None when one of the other things can be read first."""
        connection = self.x.XConnectionNumber(self.display)
        while not self.x.XPending(self.display):
            ready, _, _ = select.select([connection, *others], [], [])
            if connection not in ready:
                return None
        event = Event()
        self.x.XNextEvent(self.display, ctypes.byref(event))
        return event

    def put(self, window: int, name: int, kind: int, width: int, data: bytes, count: int) -> None:
        """Set a property of a window: ``count`` items of ``width`` bits."""
        self.x.XChangeProperty(self.display, _Id(window), _Id(name), _Id(kind), width, _REPLACE, data, count)

    def hand_over(self, request: Request, picture: bytes) -> None:
        """Answer a program that pastes: with what there is, with the picture, or with a refusal."""
        targets, png = self.atom("TARGETS"), self.atom("image/png")
        name = request.property or request.target
        if request.target == targets:
            offered = (ctypes.c_ulong * 2)(targets, png)
            self.put(request.requestor, name, _ATOM, 32, bytes(offered), 2)
        elif request.target == png:
            self.put(request.requestor, name, png, 8, picture, len(picture))
        else:
            name = 0
        event = Event()
        answer = event.answer
        answer.type, answer.requestor, answer.selection = _SELECTION_NOTIFY, request.requestor, request.selection
        answer.target, answer.property, answer.time = request.target, name, request.time
        self.x.XSendEvent(self.display, _Id(request.requestor), 0, ctypes.c_long(0), ctypes.byref(event))
        self.x.XFlush(self.display)


def keep(picture: bytes) -> None:
    """Be the owner of the clipboard until somebody else is, or until standard input ends."""
    display = Display()
    if len(picture) + 64 > 4 * (display.x.XExtendedMaxRequestSize(display.display) or display.x.XMaxRequestSize(display.display)):
        raise SystemExit(TOO_LARGE)
    clipboard = _Id(display.atom("CLIPBOARD"))
    display.x.XSetSelectionOwner(display.display, clipboard, display.window, _Id(0))
    if display.x.XGetSelectionOwner(display.display, clipboard) != display.window.value:
        raise SystemExit(NOT_OURS)
    while (event := display.next_event((sys.stdin,))) is not None and event.type != _SELECTION_CLEAR:
        if event.type == _SELECTION_REQUEST:
            display.hand_over(event.request, picture)


if __name__ == "__main__":
    keep(Path(sys.argv[1]).read_bytes())
