# SPDX-License-Identifier: GPL-3.0-or-later
"""``studio.py styles``: the styles as a list and as a sheet that a real server paints, and what wrong words get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checkout import ROOT
from PIL import Image

pytestmark = pytest.mark.requires("server")

STYLES = ROOT / "addon" / "prompting" / "styles"


def studio(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "studio.py"), "styles", *map(str, arguments)],
        env={**os.environ, "POSE_TO_ANIME_HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_the_list_names_every_style_and_what_was_left_out(tmp_path: Path) -> None:
    own = tmp_path / "styles"
    own.mkdir()
    mine = {"version": 1, "title": "Mine", "description": "As I like it.", "looks": {"any": {"prompt": "{prompt}, ink"}}}
    (own / "mine.json").write_text(json.dumps(mine))
    (own / "broken.json").write_text("{")
    done = studio("--list", home=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted([*(path.stem for path in STYLES.glob("*.json")), "mine"])
    assert lines[-1].endswith("As I like it. (your own)")
    assert "Left out: The style file broken.json is not valid JSON" in done.stderr


def test_the_sheet_shows_the_pose_in_the_styles_asked_for(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    words = ["--style", "noir", "--style", "Shonen Action", "--model", "builtin", "--steps", 3, "--ratio", "1:1"]
    done = studio("--sheet", *words, "--out", sheet, home=tmp_path)
    assert done.returncode == 0, done.stderr
    with Image.open(sheet) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    half = pixels.shape[1] // 2
    noir, action = pixels[: pixels.shape[0] - 40, :half], pixels[: pixels.shape[0] - 40, half:]
    assert noir.mean() < action.mean() - 40, "one before black, the other before yellow"
    assert (action[..., 0] - action[..., 2]).mean() > 30 > abs((noir[..., 0] - noir[..., 2]).mean())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--list"),
        (["--list", "--style", "nothing"], "no style 'nothing' here: choose one of"),
        (["--sheet", "--out", "OUT/sheet.jpg"], "does not end in .png"),
    ],
)
def test_wrong_words_get_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = studio(*(word.replace("OUT", str(tmp_path)) for word in arguments), home=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
