# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of pairs: those that ship, and everything that a file can get wrong."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from pose_to_anime.addon.pose.normalised import PoseError
from pose_to_anime.addon.pose.pairs import load_pair, pair_files, preview_path, read_pair

GOOD: dict[str, Any] = {
    "format": "pose_to_anime.pair",
    "version": 1,
    "name": "Two",
    "tags": ["friends"],
    "first": {"pose": "standing", "hands": {"left": "fist"}, "joints": {"head": [2, 0, 0, 0]}},
    "second": {"pose": "standing", "mirrored": True},
    "place": [0, -1],
    "turn": 180,
    "gap": 0.01,
    "contacts": [
        {"hand": "first.left", "hand_of": "second.right", "at": [0, 0, 0], "palm": [0, -1, 0]},
        {"hand": "second.left", "on": "first.chest", "side": [0, 1, 0]},
    ],
}


def read(folder: Path, data: Any) -> Any:
    path = folder / "two.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return read_pair(path)


def test_six_pairs_ship_each_with_a_small_picture() -> None:
    assert len(pair_files()) >= 6
    for name in pair_files():
        pair = load_pair(name)
        assert pair.first.whole().rotations and pair.second.whole().rotations
        assert 500 < preview_path(name).stat().st_size <= 6144
        assert not {"couple", "romantic"} & set(pair.tags) or pair.adults_only, "nothing romantic for a child's body"


def test_what_a_file_says_is_read(tmp_path: Path) -> None:
    pair = read(tmp_path, GOOD)
    assert (pair.key, pair.name, pair.adults_only, pair.gap) == ("two", "Two", False, 0.01)
    assert pair.first.whole().rotation("head") == (1.0, 0.0, 0.0, 0.0)
    assert pair.contacts[0].hand_of == ("second", "right") and pair.contacts[1].on == ("first", "chest")
    plain = load_pair("holding_hands")
    mirrored = read(tmp_path, {**GOOD, "first": {"pose": plain.first.pose, "mirrored": True}}).first.whole()
    assert mirrored.rotation("leftUpperArm") != plain.first.whole().rotation("leftUpperArm")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("format",), "other", "is not a pair"),
        (("version",), 2, "update Pose to Anime"),
        (("name",), " ", "no name"),
        (("tags",), "friends", "list of words"),
        (("first",), 3, "'first' must name a pose"),
        (("second", "pose"), "flying", "'second' must name a pose"),
        (("first", "hands"), {"left": "hoof"}, "shapes for left and right"),
        (("first", "joints"), {"tail": [1, 0, 0, 0]}, "VRM humanoid"),
        (("first", "joints"), {"head": [0, 0, 0, 0]}, "length zero"),
        (("first", "mirrored"), 1, "true or false"),
        (("place",), [0], "needs 2 numbers"),
        (("place",), [0, 900], "hip heights"),
        (("turn",), "round", "finite"),
        (("adults_only",), "yes", "true or false"),
        (("contacts",), 3, "list of objects"),
        (("contacts", 0, "hand"), "third.left", "must be like"),
        (("contacts", 0, "hand_of"), None, "either 'hand_of' or 'on'"),
        (("contacts", 0, "at"), None, "'at' which they meet"),
        (("contacts", 1, "side"), None, "the 'side'"),
        (("contacts", 1, "clasp"), True, "only two hands 'clasp'"),
        (("contacts", 1, "on"), "first.tail", "must be like"),
        (("contacts", 1, "side"), [0, 1], "needs 3 numbers"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_sentence(tmp_path: Path, path: tuple, value: Any, said: str) -> None:
    data = copy.deepcopy(GOOD)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(PoseError) as caught:
        read(tmp_path, data)
    assert said in str(caught.value) and str(caught.value).startswith("two.json")


def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for wrong, said in (("{", "is not JSON"), (" " * 300_000, "far too long"), ("[]", "is not a pair")):
        with pytest.raises(PoseError, match=said):
            read(tmp_path, wrong)
    (tmp_path / "noise.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PoseError, match="not a text file"):
        read_pair(tmp_path / "noise.json")
    with pytest.raises(PoseError, match="cannot be read"):
        read_pair(tmp_path / "none.json")
    with pytest.raises(PoseError, match="no pair 'trio'"):
        load_pair("trio")
