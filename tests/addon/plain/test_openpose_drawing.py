# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing's own facts: shapes, colours and order, as measured on the images that the networks saw."""

import numpy as np
import pytest
from pose_to_anime.addon.openpose.drawing import draw_people
from pose_to_anime.addon.openpose.layout import (
    BODY_COLOURS,
    BODY_INDEX,
    BODY_LIMBS,
    BODY_POINTS,
    HAND_EDGE_COLOURS,
    LIMB_COLOURS,
)
from pose_to_anime.addon.openpose.person import Person
from pose_to_anime.addon.openpose.profiles import FILE, ProfileError, profile, read_profiles


def body(**points: tuple[float, float]) -> np.ndarray:
    array = np.zeros((18, 3))
    for name, (x, y) in points.items():
        array[BODY_INDEX[name]] = (x, y, 1.0)
    return array


def colours_in(image: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(c) for c in colour) for colour in np.unique(image.reshape(-1, 3), axis=0)}


def test_joint_is_a_disc_of_nine_pixels():
    image = draw_people([Person(body(nose=(50.0, 40.0)))], 100, 80)
    lit = (image == BODY_COLOURS[0]).all(axis=2)
    assert lit[36:45].sum(axis=1).tolist() == [1, 5, 7, 7, 9, 7, 7, 5, 1]
    assert lit.sum() == 49 == (image > 0).any(axis=2).sum()


def test_coordinates_are_cut_off_not_rounded():
    a = draw_people([Person(body(nose=(50.99, 40.99)))], 100, 80)
    b = draw_people([Person(body(nose=(50.0, 40.0)))], 100, 80)
    assert np.array_equal(a, b)


def test_limb_tapers():
    """9 pixels at the middle of a limb of 100 pixels, and thinner towards its ends, where the joints are taken away."""
    image = draw_people([Person(body(right_hip=(50.0, 30.0), right_knee=(150.0, 30.0)))], 200, 60)
    limb = (image == LIMB_COLOURS[7]).all(axis=2)
    heights = limb.sum(axis=0)
    assert heights[100] == 9
    assert heights[55] < heights[62] < heights[80] == 9
    assert np.array_equal(heights[55:100], heights[101:146][::-1])


def test_whole_figure_has_36_colours_with_background():
    rng = np.random.default_rng(3)
    points = np.column_stack((rng.permutation(18) * 40 + 40, rng.permutation(18) * 40 + 40, np.ones(18)))
    seen = colours_in(draw_people([Person(points)], 800, 800))
    assert seen == {(0, 0, 0), *BODY_COLOURS, *LIMB_COLOURS}
    assert len(seen) == 36


def test_limb_needs_both_ends():
    both = draw_people([Person(body(neck=(20, 20), nose=(20, 60)))], 80, 80)
    one = draw_people([Person(body(neck=(20, 20)))], 80, 80)
    assert LIMB_COLOURS[12] in colours_in(both)
    assert colours_in(one) == {(0, 0, 0), BODY_COLOURS[1]}


def test_joints_over_limbs_and_later_people_over_earlier():
    first = Person(body(neck=(40, 40), right_shoulder=(80, 40)))
    image = draw_people([first], 120, 80)
    assert tuple(image[40, 40]) == BODY_COLOURS[1]
    image = draw_people([first, Person(body(left_ear=(60, 40)))], 120, 80)
    assert tuple(image[40, 60]) == BODY_COLOURS[17]
    image = draw_people([Person(body(left_ear=(60, 40))), first], 120, 80)
    assert tuple(image[40, 60]) == LIMB_COLOURS[0]


def test_figure_partly_outside_is_clipped():
    image = draw_people([Person(body(neck=(-20, 40), right_shoulder=(40, 40), left_shoulder=(40, -500)))], 80, 80)
    assert LIMB_COLOURS[0] in colours_in(image)
    assert (image[40, 0] == LIMB_COLOURS[0]).all()
    far = draw_people([Person(body(neck=(1e12, -1e12), nose=(-1e300, 1e300)))], 80, 80)
    assert far.shape == (80, 80, 3)


def test_missing_points_and_no_people_draw_nothing():
    nowhere = np.full((18, 3), np.nan)
    assert not draw_people([Person(nowhere)], 64, 64).any()
    assert Person(nowhere).empty
    assert not draw_people([], 64, 64).any()


def test_hands_and_face_can_be_left_out():
    rng = np.random.default_rng(0)
    points = np.column_stack((rng.uniform(10, 120, 21), rng.uniform(10, 120, 21), np.ones(21)))
    face = np.column_stack((np.linspace(70, 110, 70), np.full(70, 30.0), np.ones(70)))
    person = Person(body(nose=(90, 90)), left_hand=points, face=face)
    everything = colours_in(draw_people([person], 128, 128))
    assert {(255, 255, 255), (0, 0, 255), HAND_EDGE_COLOURS[6]} <= everything
    assert colours_in(draw_people([person], 128, 128, hands=False, face=False)) == {(0, 0, 0), BODY_COLOURS[0]}


@pytest.mark.parametrize(
    ("name", "size", "semi_width", "radius"),
    [
        ("controlnet", (2048, 2048), 4, 4),
        ("scaled", (512, 768), 4, 4),
        ("scaled", (1024, 1536), 8, 8),
        ("scaled", (64, 64), 1, 1),
        ("xinsir", (499, 499), 4, 4),
        ("xinsir", (832, 999), 8, 8),
        ("xinsir", (1024, 1024), 12, 12),
        ("xinsir", (6000, 1000), 28, 28),
    ],
)
def test_profiles(name, size, semi_width, radius):
    strokes = profile(name).strokes(*size)
    assert (strokes.limb_semi_width, strokes.joint_radius) == (semi_width, radius)


@pytest.mark.parametrize(
    ("name", "size", "hand", "face"),
    [
        ("controlnet", (2048, 2048), 20, 20),
        ("scaled", (512, 512), 20, 20),
        ("scaled", (1024, 1536), 40, 40),
        ("xinsir", (1024, 1024), 20, 20),
    ],
)
def test_profiles_say_how_small_hands_and_faces_may_be(name, size, hand, face):
    smallest = profile(name).smallest(*size)
    assert (smallest.hand, smallest.face) == (hand, face)
    assert profile(name).hands
    assert profile(name).face


def test_profile_widens_what_is_drawn():
    person = Person(body(right_hip=(200.0, 500.0), right_knee=(800.0, 500.0)))
    limb = (draw_people([person], 1024, 1024, "xinsir") == LIMB_COLOURS[7]).all(axis=2)
    assert limb[:, 500].sum() == 25


def test_unknown_and_broken_profiles_say_what_is_wrong(tmp_path):
    with pytest.raises(ProfileError, match=r"no skeleton profile 'thick'.*controlnet"):
        draw_people([], 64, 64, "thick")
    broken = tmp_path / "mine.toml"
    broken.write_text("[mine]\ntitle = 'Mine'\nscale = 'fixed'\n", "utf-8")
    with pytest.raises(ProfileError, match=r"'mine' in mine.toml lacks"):
        read_profiles(broken)
    whole = FILE.read_text("utf-8")
    broken.write_text(whole.replace("hands = true", "hands = 1"), "utf-8")
    with pytest.raises(ProfileError, match=r"'controlnet' in mine.toml needs true or false for hands"):
        read_profiles(broken)
    broken.write_text(whole.replace("smallest_face = 20", "smallest_face = 0"), "utf-8")
    with pytest.raises(ProfileError, match=r"above 0 for smallest_face"):
        read_profiles(broken)
    broken.write_text("[mine\n", "utf-8")
    with pytest.raises(ProfileError, match="cannot be read"):
        read_profiles(broken)


def test_person_checks_its_arrays():
    with pytest.raises(ValueError, match="18 points"):
        Person(np.zeros((17, 3)))
    points = np.zeros((18, 3))
    points[3] = (5.0, np.inf, 1.0)
    points[4] = (5.0, 6.0, 0.3)
    person = Person(points)
    assert person.body[3].tolist() == [0.0, 0.0, 0.0]
    assert person.body[4].tolist() == [5.0, 6.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        person.body[0, 0] = 1.0


def test_layout_is_coco_18():
    assert len(BODY_POINTS) == len(BODY_COLOURS) == 18
    assert len(BODY_LIMBS) == len(LIMB_COLOURS) == 17
    assert BODY_COLOURS[BODY_INDEX["neck"]] == (255, 85, 0)
    assert LIMB_COLOURS[BODY_LIMBS.index((1, 0))] == (0, 0, 153)
    assert HAND_EDGE_COLOURS[7] == (0, 255, 25)
