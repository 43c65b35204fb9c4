# SPDX-License-Identifier: GPL-3.0-or-later
"""``studio.py poses``: the library as a list and as a contact sheet, and what wrong words get."""

from __future__ import annotations

import json
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
        [sys.executable, str(ROOT / "studio.py"), "poses", *map(str, arguments)],
        env={**os.environ, "POSE_TO_ANIME_HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_the_list_names_every_pose_once(tmp_path: Path) -> None:
    done = studio("--list", home=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    files = (path for folder in ("poses", "pairs") for path in (ROOT / "rigs" / folder).glob("*.json"))
    assert sorted(names) == sorted(path.stem for path in files)
    some = studio("--list", "--group", "dancing", home=tmp_path).stdout.splitlines()
    assert some and all(line.split()[1] == "dancing" for line in some)


def test_the_sheet_shows_the_users_own_poses_too(tmp_path: Path) -> None:
    own = tmp_path / "poses"
    own.mkdir()
    for number in range(9):
        data = {"format": "pose_to_anime.pose", "version": 1, "name": f"Own {number}", "group": "own", "rotations": {}}
        (own / f"own_{number}.json").write_text(json.dumps(data), "utf-8")
    sheet = tmp_path / "out" / "sheet.png"
    done = studio("--sheet", sheet, "--group", "own", home=tmp_path)
    assert done.returncode == 0, done.stderr
    with Image.open(sheet) as picture:
        width, height = picture.size
        pixels = picture.convert("L")
    assert width > 8 * 192 and height > 2 * 256  # nine pictures are two rows of eight
    assert pixels.crop((0, 60, 200, 300)).getextrema()[1] > 150, "no figure"
    assert pixels.crop((200, height - 280, width, height)).getextrema()[1] < 80, "the second row holds one picture"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--list"),
        (["--list", "--group", "flying"], "no group 'flying'"),
        (["--sheet", "OUT/sheet.jpg"], "does not end in .png"),
        (["--sheet", "OUT/sheet.png", "--group", "own", "--figure", "nobody"], "no mannequin 'nobody'"),
        (["--sheet", "OUT/file/sheet.png", "--group", "own"], "cannot be made"),
    ],
)
def test_wrong_words_get_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    own = tmp_path / "poses"
    own.mkdir()
    mine = {"format": "pose_to_anime.pose", "version": 1, "name": "Mine", "group": "own", "rotations": {}}
    (own / "mine.json").write_text(json.dumps(mine), "utf-8")
    (tmp_path / "file").write_text("no folder")
    done = studio(*(word.replace("OUT", str(tmp_path)) for word in arguments), home=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.png"))


def test_a_broken_file_in_the_users_folder_is_named(tmp_path: Path) -> None:
    own = tmp_path / "poses"
    own.mkdir()
    (own / "broken.json").write_text("{")
    done = studio("--list", home=tmp_path)
    assert done.returncode == 2
    assert "broken.json" in done.stderr and "Traceback" not in done.stderr
