# SPDX-License-Identifier: GPL-3.0-or-later
"""How a file is shown in the system's file manager, with real programs in the place of the desktop's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pose_to_anime.addon.generate.file_manager import Showing, ways


def ended(showing: Showing) -> Showing:
    end = time.monotonic() + 60.0
    while showing.is_busy and time.monotonic() < end:
        showing.poll()
        time.sleep(0.01)
    assert not showing.is_busy
    return showing


def with_program(*there: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in there else None


def test_each_system_is_asked_in_its_own_way() -> None:
    path = Path("/home/ann/it's, a picture.png")
    assert ways(path, "win32") == [["explorer", "/select,", str(path)]]
    assert ways(path, "darwin") == [["open", "-R", str(path)]]
    linux = ways(path, "linux", with_program("gdbus", "dbus-send", "xdg-open"))
    assert [command[0] for command in linux] == ["gdbus", "dbus-send", "xdg-open"]
    address = "file:///home/ann/it%27s%2C%20a%20picture.png"
    assert linux[0][-2] == f"['{address}']" and linux[1][-2] == f"array:string:{address}", "nothing in it ends a list or a text"
    assert linux[2][1] == "/home/ann"
    assert ways(path, "linux", with_program("xdg-open")) == linux[2:] and ways(path, "linux", with_program()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="it needs a shell")
def test_the_next_way_is_tried_until_one_works(tmp_path: Path) -> None:
    told = tmp_path / "told"
    fails, works = ["sh", "-c", f"echo no >> {told}; exit 3"], ["sh", "-c", f"echo yes >> {told}"]
    assert not ended(Showing(tmp_path, [["/nowhere/at-all"], fails, works, fails])).has_failed
    assert told.read_text().split() == ["no", "yes"]
    assert ended(Showing(tmp_path, [fails, ["/nowhere/at-all"]])).has_failed
    assert Showing(tmp_path, []).has_failed
