# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of figures: of every pose of the library what it is and nothing that it is not, from every side."""

from __future__ import annotations

import numpy as np
import pytest
from pose_to_anime.addon.pose.library import load_pose, pose_files
from pose_to_anime.addon.pose.normalised import mirror
from pose_to_anime.addon.told.body import Body
from pose_to_anime.addon.told.tags import contradicted, tags_of, with_told
from told_figures import DOES, body_in, camera, middle_of

SEEN = {
    "full body", "cowboy shot", "upper body", "portrait", "close-up", "lower body", "head out of frame", "straight-on",
    "from side", "from behind", "from above", "from below", "dutch angle", "looking at viewer", "looking back", "looking up",
    "looking down", "profile", "facing away", "head tilt", "1girl", "1boy", "solo",
}  # fmt: skip
"""What depends on the camera, or on who it is."""

GROUPS = {
    "standing": {"standing", "leaning forward"},
    "walking": {"walking"},
    "running": {"running"},
    "jumping": {"midair"},
    "sitting": {"sitting"},
    "kneeling": {"kneeling", "seiza", "squatting", "all fours"},
    "lying": {"lying"},
}
SILENT = {
    "walking_march",
    "running_looking_back",
    "walking_sneak",
    "walking_weary",
    "running_curve",
    "running_ninja",
    "running_start",
    "jumping_takeoff",
}
"""Poses of these groups of which no posture is said: one foot high, crouched, not in the air yet."""


def does(body: Body, around: float = 20.0) -> list[str]:
    view = camera(around, 5.0, middle_of(body), distance=12.0)
    return [tag for tag in tags_of([body], view) if tag not in SEEN]


def seen(body: Body, around: float, down: float, **more: float) -> set[str]:
    return set(tags_of([body], camera(around, down, middle_of(body), **{"distance": 12.0, **more}))) & SEEN


def test_every_pose_of_the_library_is_known() -> None:
    assert set(DOES) == set(pose_files())


@pytest.mark.parametrize("name", DOES)
def test_what_is_said_of_a_pose(name: str) -> None:
    pose = load_pose(name)
    expected = DOES[name].split(", ") if DOES[name] else []
    assert does(body_in(pose)) == expected
    assert sorted(does(body_in(mirror(pose)), -20.0)) == sorted(expected)
    assert does(body_in(pose, turn=130.0, move=(3.0, -2.0)), 150.0) == expected


@pytest.mark.parametrize("name", DOES)
def test_the_posture_is_that_of_its_group(name: str) -> None:
    group = load_pose(name).group
    postures = set().union(*GROUPS.values())
    found = set(DOES[name].split(", ")) & postures
    if group in GROUPS:
        assert found <= GROUPS[group] | ({"sitting"} if "seiza" in found else set())
        assert found or name in SILENT
    else:
        assert found <= {"standing", "leaning forward"}


@pytest.mark.parametrize("mannequin", ["stocky", "child", "mascot"])
def test_nothing_false_is_said_of_other_bodies(mannequin: str) -> None:
    """Which say less where a short arm does not reach: one hand on the hip for two."""
    one_of_two = {"hands on own hips": "hand on own hip", "arms up": "arm up", "clenched hands": "clenched hand",
                  "arms behind head": "arm behind head", "pointing at viewer": "pointing"}  # fmt: skip
    missed = 0
    for name, text in DOES.items():
        expected = set(text.split(", ")) - {""}
        found = set(does(body_in(load_pose(name), mannequin)))
        assert found <= expected | {one for both, one in one_of_two.items() if both in expected}, name
        missed += len(expected - found)
    assert missed < 40


@pytest.mark.parametrize("name", ["standing", "sitting_upright", "gesture_peace", "kneeling_seiza"])
@pytest.mark.parametrize("turn", [0.0, 77.0])
def test_from_where_it_is_seen(name: str, turn: float) -> None:
    body = body_in(load_pose(name), turn=turn)
    sides = {angle: seen(body, angle + turn, 0.0) & {"straight-on", "from side", "from behind"} for angle in range(-180, 180, 15)}
    for angle, found in sides.items():
        off = abs(angle)
        if off < 5:
            assert found == {"straight-on"}
        elif 80 <= off <= 100:
            assert found == {"from side"}
        elif off >= 155:
            assert found == {"from behind"}
        elif 20 < off < 65 or 115 < off < 135:
            assert not found, f"{angle}: {found}"
    heights = {angle: seen(body, turn, angle) & {"from above", "from below", "straight-on"} for angle in range(-60, 61, 5)}
    for angle, found in heights.items():
        if angle >= 25:
            assert found == {"from above"}
        elif angle <= -20:
            assert found == {"from below"}
        elif -10 < angle < 15:
            assert not found & {"from above", "from below"}


def test_faces() -> None:
    standing, glance = body_in(load_pose("standing")), body_in(load_pose("standing_back_view_glance"))
    assert "looking at viewer" in seen(standing, 0.0, 0.0) and "facing away" in seen(standing, 180.0, 0.0)
    assert "profile" in seen(standing, 90.0, 0.0) and "profile" not in seen(standing, 45.0, 0.0)
    assert not seen(standing, 45.0, 0.0) & {"looking at viewer", "looking back", "facing away"}
    back = {angle for angle in range(-180, 180, 5) if "looking back" in seen(glance, angle, 0.0)}
    assert back and all(abs(angle) > 110 for angle in back)
    assert not any("looking back" in seen(standing, angle, 0.0) for angle in range(-180, 180, 15))
    assert "looking down" in seen(body_in(load_pose("gesture_bow")), 60.0, 0.0)


def framed(body: Body, top: float, bottom: float) -> set[str]:
    """Seen between two heights, in parts of the way from the ground (0) to the nose (1)."""
    nose = float(body.at("nose")[2])
    target = np.array([*middle_of(body)[:2], (top + bottom) / 2.0 * nose])
    return set(tags_of([body], camera(0.0, 0.0, target, distance=(top - bottom) * nose * 2.0)))


def test_how_much_is_seen() -> None:
    body = body_in(load_pose("standing"))
    framings = {"full body", "cowboy shot", "upper body", "portrait", "close-up", "lower body", "head out of frame"}
    for edges, expected in (
        ((1.2, -0.1), {"full body"}),
        ((1.2, 0.12), set()),
        ((1.2, 0.37), {"cowboy shot"}),
        ((1.2, 0.56), set()),
        ((1.2, 0.68), {"upper body"}),
        ((1.2, 0.83), {"portrait"}),
        ((1.1, 0.93), {"close-up"}),
        ((0.8, -0.1), {"lower body", "head out of frame"}),
    ):
        assert framed(body, *edges) & framings == expected or (edges == (0.8, -0.1) and not framed(body, *edges) & {"full body"})
    portrait = framed(body, 1.2, 0.83)
    assert not portrait & {"standing", "arms at sides"}, "what is not in the picture is not said"


def test_a_tilted_camera() -> None:
    body = body_in(load_pose("standing"))
    assert "dutch angle" in seen(body, 0.0, 0.0, roll=15.0) and "dutch angle" not in seen(body, 30.0, 20.0, roll=5.0)


def test_several_figures_share_what_is_said() -> None:
    walking = body_in(load_pose("walking_stroll"), move=(-0.5, 0.0))
    other = body_in(load_pose("walking_runway"), move=(0.5, 0.0))
    sitting = body_in(load_pose("sitting_upright"), move=(0.5, 0.0))
    view = camera(0.0, 0.0, np.array([0.0, 0.0, 0.9]), distance=14.0)
    both = tags_of([walking, other], view)
    assert both[0] == "2girls" and "walking" in both and "solo" not in both
    mixed = tags_of([walking, sitting], view)
    assert "walking" not in mixed and "sitting" not in mixed and "full body" in mixed
    back = body_in(load_pose("standing"), turn=180.0, move=(0.0, 0.3))
    assert "back-to-back" in tags_of([body_in(load_pose("standing")), back], camera(90.0, 0.0, middle_of(back), distance=12.0))
    assert tags_of([walking], camera(0.0, 0.0, np.array([40.0, 0.0, 0.9]))) == [], "nobody is in the picture"


def test_who_is_counted() -> None:
    body = body_in(load_pose("standing"))
    view = camera(0.0, 0.0, middle_of(body), distance=12.0)
    unknown = Body(body.points, body.hands, gender="any")
    man = Body(body.points, body.hands, gender="male")
    assert tags_of([unknown], view)[0] == "solo"
    assert tags_of([man], view)[:2] == ["1boy", "solo"]
    assert tags_of([man, body], view)[:2] == ["1girl", "1boy"]
    assert not {"1girl", "solo"} & set(tags_of([unknown, body], view))


def test_nobody_is_counted_where_that_is_not_sure() -> None:
    body = body_in(load_pose("standing"))
    view = camera(0.0, 0.0, middle_of(body), distance=4.0)
    for move, expected in (
        ((8.0, 0.0), ["1girl", "solo"]),  # far outside
        ((0.0, 0.2), ["2girls"]),
        ((0.95, 0.0), []),  # a hand reaches into the picture, or as good as does
    ):
        other = body_in(load_pose("dancing_twirl"), move=move)
        found = tags_of([body, other], view)
        assert [tag for tag in found if tag in ("1girl", "2girls", "solo")] == expected, move
    belly = camera(0.0, 0.0, body.hips + (body.shoulders - body.hips) * 0.5, distance=0.4)
    assert tags_of([body], belly) == []
    assert "solo" not in tags_of([body, body_in(load_pose("standing"), move=(0.0, 30.0))], belly)


def test_what_is_held_and_sat_on() -> None:
    body = body_in(load_pose("sitting_slouch"))
    view = camera(20.0, 0.0, middle_of(body), distance=12.0)
    held = Body(body.points, body.hands, held={"right": "sword", "left": "chair"}, sits_on_seat=True)
    found = tags_of([held], view)
    assert "holding sword" in found and "holding chair" not in found and "sitting" in found
    stood = body_in(load_pose("standing"))
    assert "sitting" not in tags_of([Body(stood.points, sits_on_seat=True)], view)


def test_a_figure_without_a_part_says_nothing() -> None:
    body = body_in(load_pose("standing"))
    points = body.points.copy()
    points[10] = np.nan
    assert tags_of([Body(points)], camera(0.0, 0.0, middle_of(body))) == []
    points = body.points.copy()
    points[[0, 14, 15, 16, 17]] = np.nan
    faceless = tags_of([Body(points)], camera(0.0, 0.0, middle_of(body), distance=12.0))
    assert "looking at viewer" not in faceless


def test_the_prompts_own_words_count() -> None:
    assert contradicted("1girl, upper body, red hat", "full body") == ["upper body"]
    assert contradicted("1girl, (full body:1.2)", "full body") == []
    assert contradicted("red hat", "from side") == []
    assert with_told("red hat, park", ["1girl", "solo", "full body", "from side"]) == (
        "1girl, solo, red hat, park, full body, from side"
    )
    assert with_told("1girl, red hat", ["1girl", "full body"]) == "1girl, red hat, full body"
    assert with_told("red hat", []) == "red hat"
