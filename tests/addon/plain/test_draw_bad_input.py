# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``draw`` with files that are no poses: one sentence that names the file, exit 2, and no picture of any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pose_to_anime.addon import cli

BODY = [number for index in range(18) for number in (100 + 10 * index, 200 + 12 * index, 1)]
GOOD = json.dumps({"people": [{"pose_keypoints_2d": BODY}], "canvas_width": 256, "canvas_height": 384})


def document(people: object) -> str:
    return json.dumps({"people": people, "canvas_width": 256, "canvas_height": 384})


BAD = {
    "malformed": ('{"people": [', "This is not JSON"),
    "empty": ("", "This is not JSON"),
    "17 points": (document([{"pose_keypoints_2d": BODY[:51]}]), "COCO's 17 points, which lack the neck: convert them"),
    "words": (document([{"pose_keypoints_2d": ["left"] * 54}]), "something other than numbers"),
    "people: null": (document(None), "it needs a list named 'people'"),
    "a person that is null": (document([None]), "Person 1 in this JSON is not an object"),
    "a body that is null": (document([{"pose_keypoints_2d": None}]), "has no pose_keypoints_2d"),
    "UTF-16": (GOOD.encode("utf-16"), "This is no text in UTF-8: save the JSON in that encoding"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\xff", "This is no text in UTF-8"),
}


@pytest.mark.parametrize(("content", "says"), BAD.values(), ids=BAD)
def test_one_bad_file_among_many_is_named_and_nothing_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, says: str
) -> None:
    poses, out = tmp_path / "poses", tmp_path / "out"
    poses.mkdir()
    for name in ("a", "z"):
        (poses / f"{name}.json").write_text(GOOD)
    bad = poses / "bad.json"
    bad.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    assert cli.main(["draw", str(poses), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"{bad}: ") and says in line and line.endswith(".")
    assert list(out.glob("*")) == []
    bad.unlink()
    assert cli.main(["draw", str(poses), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "z.png"]


def test_numbers_as_texts_are_drawn_as_numbers_are(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOOD)
    (tmp_path / "b.json").write_text(document([{"pose_keypoints_2d": [str(number) for number in BODY]}]))
    for name in ("a", "b"):
        assert cli.main(["draw", str(tmp_path / f"{name}.json"), "--out", str(tmp_path / f"{name}.png")]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
