# SPDX-License-Identifier: GPL-3.0-or-later
"""Another program into which is pasted: writes the picture of X11's clipboard into a file.

python3 x_paste.py FOLDER_OF_THE_ADD_ON_S_GENERATE FILE.png
"""

import ctypes
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import x_clipboard

display = x_clipboard.Display()
clipboard, png, name = (ctypes.c_ulong(display.atom(text)) for text in ("CLIPBOARD", "image/png", "PASTED"))
display.x.XConvertSelection(display.display, clipboard, png, name, display.window, ctypes.c_ulong(0))
event = display.next_event()
if event.answer.property != name.value:
    raise SystemExit("There is no picture in the clipboard.")
kind, form, count, rest, data = ctypes.c_ulong(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p()
display.x.XGetWindowProperty(
    display.display, display.window, name, ctypes.c_long(0), ctypes.c_long(2**28), 0, ctypes.c_ulong(0),
    ctypes.byref(kind), ctypes.byref(form), ctypes.byref(count), ctypes.byref(rest), ctypes.byref(data),
)  # fmt: skip
Path(sys.argv[2]).write_bytes(ctypes.string_at(data, count.value))
