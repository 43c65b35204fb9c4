# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of props: those that ship, and everything that a file can get wrong."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pose_to_anime.addon.armature.props.prop_file import PropError, load_prop, prop_files, prop_folders, read_prop
from pose_to_anime.addon.armature.props.shapes import ShapeError, build
from pose_to_anime.addon.package import RIGS

SHIPPED = sorted(path.stem for path in (RIGS / "props").glob("*.toml"))

GOOD = """
title = "Stick"
[[part]]
kind = "tube"
path = [[0, 0, 0], [0, 0, 1]]
radius = 0.02
[grip]
hand = "grip_sword"
at = [0, 0, 0.5]
thumb = [0, 0, 1]
palm = [0, 1, 0]
[both]
bone = "chest"
place = [0, -0.2, 0]
[both.right]
hand = "fist"
at = [0, 0, 0.2]
thumb = [0, 0, 1]
palm = [1, 0, 0]
[seat]
height = 0.4
heights = [0.3, 0.5]
back = 0.1
front = -0.1
width = 0.2
"""


def read(folder: Path, text: str):
    path = folder / "stick.toml"
    path.write_text(text, "utf-8")
    return read_prop(path)


def test_twelve_props_ship_and_each_can_be_held_or_sat_on() -> None:
    assert sorted(SHIPPED) == sorted(
        ("sword", "staff", "cup", "phone", "book", "umbrella", "ball", "guitar", "chair", "stool", "bench", "box")
    )
    for name in SHIPPED:
        prop = load_prop(name)
        assert prop.grip or prop.both or prop.seat, name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_prop_is_closed_and_turned_outside_out(name: str) -> None:
    for part in load_prop(name).parts:
        shape = build({key: value for key, value in part.items() if key != "mirror"})
        directed = Counter((a, b) for face in shape.faces for a, b in zip(face, (*face[1:], face[0]), strict=True))
        assert all(count == 1 and directed[b, a] == 1 for (a, b), count in directed.items()), part
        volume = sum(
            float(shape.vertices[face[0]] @ np.cross(shape.vertices[b], shape.vertices[c]))
            for face in shape.faces
            for b, c in pairwise(face)
        )
        assert volume > 0.0, part


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_prop_is_of_real_size_and_light(name: str) -> None:
    shape = load_prop(name).shape()
    assert 0.09 < np.ptp(shape.vertices, axis=0).max() < 2.0
    assert sum(len(face) - 2 for face in shape.faces) < 4500
    if load_prop(name).seat:
        assert abs(shape.vertices[:, 2].min()) < 0.006, "it stands on the ground"


def test_what_a_file_says_is_read(tmp_path: Path) -> None:
    prop = read(tmp_path, GOOD)
    assert (prop.name, prop.title) == ("stick", "Stick")
    assert prop.grip is not None and prop.grip.hand == "grip_sword" and prop.grip.place == 0.85
    assert prop.both is not None and prop.both.left.palm == (-1.0, 0.0, 0.0), "the left hand mirrors the right one"
    assert prop.seat is not None and prop.seat.heights == (0.3, 0.5) and not prop.seat.rest


def test_a_file_of_the_user_takes_the_place_of_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path))
    assert prop_folders()[0] == tmp_path / "props"
    (tmp_path / "props").mkdir()
    for name in ("cup", "stick"):
        (tmp_path / "props" / f"{name}.toml").write_text(GOOD, "utf-8")
    assert load_prop("cup").title == "Stick" and load_prop("stick").title == "Stick"
    assert set(prop_files()) == {*SHIPPED, "stick"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Stick"', "", "'title' is missing"),
        ('title = "Stick"', 'title = "Stick"\ncolour = 1', "unknown key 'colour'"),
        ('title = "Stick"', 'title = "Stick', "not valid TOML"),
        ('kind = "tube"', 'kind = "cloud"', "kind 'cloud'"),
        ("radius = 0.02", "radius = -1", "must not be negative"),
        ("radius = 0.02", "radius = nan", "finite"),
        ("radius = 0.02", "radius = 0.02\nbend = 1", "unknown key 'bend'"),
        ("radius = 0.02", "radii = [1]", "one for each point"),
        ("[0, 0, 1]]", "[0, 0, 0]]", "the same point"),
        ("[0, 0, 1]]", "[0, 0, 50]]", "farther than 10 metres"),
        ("[0, 0, 1]]", '[0, 0, "up"]]', "finite numbers"),
        ('hand = "grip_sword"', 'hand = "tail"', "hand shape 'tail'"),
        ("palm = [0, 1, 0]", "palm = [0, 1, 1]", "right angles"),
        ("palm = [0, 1, 0]", "palm = [0, 0, 0]", "has no length"),
        ('bone = "chest"', 'bone = "tail"', "'bone' of [both]"),
        ("[both.right]", "[both.left]", "needs a table [both.right]"),
        ("heights = [0.3, 0.5]", "heights = [0.5, 0.6]", "between the two 'heights'"),
        ("back = 0.1", "back = -0.2", "'front' must be less than 'back'"),
        ("width = 0.2", 'width = "wide"', "finite"),
        ("width = 0.2", "width = 0.2\nrest = 1", "true or false"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(PropError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert said in str(caught.value) and str(caught.value).startswith("stick.toml")


def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PropError, match="cannot be read"):
        read_prop(tmp_path / "none.toml")
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PropError, match="not a text file"):
        read_prop(tmp_path / "noise.toml")
    with pytest.raises(PropError, match="no prop 'spoon'"):
        load_prop("spoon")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"kind": "lathe", "profile": [[1, 0]]}, "at least 2 rows"),
        ({"kind": "lathe", "profile": [[-1, 0], [1, 1]]}, "must not be negative"),
        ({"kind": "lathe", "profile": [[1, 0], [1, 1]], "segments": 2}, "from 3 to"),
        ({"kind": "loft", "stations": [[0, 1, 1], [1, 1, 1]], "section": "star"}, "section"),
        ({"kind": "loft", "stations": [[0, 1], [1, 1]]}, "3 or 5 numbers"),
        ({"kind": "box", "size": [1, 1, 0.1], "bevel": 0.05}, "thicker"),
        ({"kind": "box"}, "needs 3 numbers"),
        ({"kind": "slab", "outline": [[0, 0], [1, 0], [0, 1]], "thickness": 0.1, "bevel": 0.05}, "thicker"),
        ({"kind": "slab", "outline": [[0, 0], [1, 0], [0, 1]]}, "'thickness'"),
        ({"kind": "box", "size": [1, 1, 1], "mirror": "z"}, "mirror"),
        ({"kind": "box", "size": [1, 1, 1], "turn": [1]}, "needs 3 numbers"),
    ],
)
def test_a_part_that_cannot_be_built_is_refused(part: dict, said: str) -> None:
    with pytest.raises(ShapeError) as caught:
        build(part)
    assert said in str(caught.value)
