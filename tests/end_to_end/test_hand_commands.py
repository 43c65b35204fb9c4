# SPDX-License-Identifier: GPL-3.0-or-later
"""``studio.py hands``: the hand shapes as a list and as a contact sheet, and what wrong words get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT
from PIL import Image

pytestmark = pytest.mark.requires("server")


def studio(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "studio.py"), "hands", *map(str, arguments)],
        env={**os.environ, "POSE_TO_ANIME_HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_shapes_are_listed_and_drawn(tmp_path: Path) -> None:
    sheet = tmp_path / "out" / "sheet.png"
    done = studio("--list", "--sheet", sheet, "--figure", "adult_man", home=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()[:-1]]
    assert sorted(line[0] for line in lines) == sorted(path.stem for path in (ROOT / "rigs" / "hands").glob("*.json"))
    assert {line[1] for line in lines} == {"basic", "gesture", "grip"}
    with Image.open(sheet) as picture:
        assert picture.width > 1400 and picture.height > 1400
        assert picture.convert("L").getextrema()[1] > 120, "no hand"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--list"),
        (["--sheet", "OUT/sheet.png", "--figure", "nobody"], "no mannequin 'nobody'"),
        (["--sheet", "OUT/sheet.jpg"], "does not end in .png"),
    ],
)
def test_wrong_words_get_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = studio(*(word.replace("OUT", str(tmp_path)) for word in arguments), home=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
