# SPDX-License-Identifier: GPL-3.0-or-later
"""``studio.py mannequins``: the bodies as a list and as a contact sheet, and what wrong words get."""

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
        [sys.executable, str(ROOT / "studio.py"), "mannequins", *map(str, arguments)],
        env={**os.environ, "POSE_TO_ANIME_HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_the_list_names_every_body_with_its_age(tmp_path: Path) -> None:
    done = studio("--list", home=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == sorted(path.stem for path in (ROOT / "rigs" / "mannequins").glob("*.toml"))
    ages = {line[0]: line[1] for line in lines}
    assert ages["adult_woman"] == "adult" and ages["child"] == "child"


def test_the_sheet_shows_the_body_asked_for(tmp_path: Path) -> None:
    sheet = tmp_path / "out" / "sheet.png"
    done = studio("--sheet", sheet, "--figure", "chibi", home=tmp_path)
    assert done.returncode == 0, done.stderr
    with Image.open(sheet) as picture:
        width, height = picture.size
        assert picture.convert("L").crop((0, height - 256, 200, height)).getextrema()[1] > 120, "no figure"
    assert width > 8 * 192 and 256 < height < 2 * 256


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--list"),
        (["--list", "--figure", "nobody"], "no mannequin 'nobody'"),
        (["--sheet", "OUT/sheet.jpg"], "does not end in .png"),
    ],
)
def test_wrong_words_get_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = studio(*(word.replace("OUT", str(tmp_path)) for word in arguments), home=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
