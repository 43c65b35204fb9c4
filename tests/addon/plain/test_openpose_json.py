# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPose JSON: what we write, and what others write that we read."""

import json

import numpy as np
import pytest
from pose_to_anime.addon.openpose import pose_json
from pose_to_anime.addon.openpose.person import Person
from pose_to_anime.addon.openpose.pose_json import PoseJsonError


def some_body(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = np.column_stack((rng.uniform(0, 832, 18), rng.uniform(0, 1216, 18), np.ones(18)))
    points[[2, 9]] = 0.0
    return points


def document(body: list, **more: object) -> dict:
    return {"people": [{"pose_keypoints_2d": body}], "canvas_width": 800, "canvas_height": 400, **more}


def some_points(count: int, seed: int, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = np.column_stack((rng.uniform(2, 832, count), rng.uniform(2, 1216, count), rng.random(count) >= missing))
    return points


def same(one: Person, other: Person) -> bool:
    pairs = [(getattr(one, part), getattr(other, part)) for part in ("body", "left_hand", "right_hand", "face")]
    return all(a is b is None or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs)


def test_round_trip_is_exact():
    people = [
        Person(
            some_points(18, seed, 0.2),
            left_hand=some_points(21, seed + 1, 0.3) if seed % 2 else None,
            right_hand=some_points(21, seed + 2) if seed % 3 else None,
            face=some_points(70, seed + 3, 0.5) if seed % 4 else None,
        ).rounded(pose_json.DECIMALS)
        for seed in range(0, 120, 4)
    ]
    text = pose_json.dumps(people, 832, 1216)
    read = pose_json.loads(text)
    assert (read.width, read.height) == (832, 1216)
    assert len(read.people) == len(people)
    assert all(same(one, other) for one, other in zip(people, read.people, strict=True))
    assert pose_json.dumps(list(read.people), 832, 1216) == text


def test_what_is_not_rounded_is_written_to_a_thousandth_of_a_pixel():
    person = Person(some_body())
    read = pose_json.loads(pose_json.dumps([person], 832, 1216))
    assert np.abs(read.people[0].body - person.body).max() <= 0.0005


def test_written_form_is_what_the_front_ends_read():
    data = json.loads(pose_json.dumps([Person(some_body())], 832, 1216))
    person = data["people"][0]
    assert (data["canvas_width"], data["canvas_height"]) == (832, 1216)
    assert len(person["pose_keypoints_2d"]) == 54
    assert set(person["pose_keypoints_2d"][2::3]) == {0.0, 1.0}
    assert person["pose_keypoints_2d"][6:9] == [0.0, 0.0, 0.0]
    assert person["hand_left_keypoints_2d"] is None
    assert data["people"][0]["face_keypoints_2d"] is None


def test_hands_and_face_are_written_with_all_their_points():
    face = some_points(70, 3, 0.5)
    person = Person(some_body(), left_hand=some_points(21, 1, 0.4), face=face)
    (written,) = json.loads(pose_json.dumps([person], 832, 1216))["people"]
    assert len(written["hand_left_keypoints_2d"]) == 63
    assert len(written["face_keypoints_2d"]) == 210
    assert written["face_keypoints_2d"][2::3] == face[:, 2].tolist()
    assert set(written["hand_left_keypoints_2d"][2::3]) == {0.0, 1.0}


def test_a_part_without_any_point_is_none():
    person = Person(some_body(), left_hand=np.zeros((21, 3)), face=np.zeros((70, 3)))
    assert person.left_hand is None
    assert person.face is None
    zeros = document(some_body().ravel().tolist())
    zeros["people"][0]["hand_right_keypoints_2d"] = [0] * 63  # as CMU's own files say that no hand was found
    assert pose_json.loads(json.dumps(zeros)).people[0].right_hand is None


def test_each_part_says_for_itself_whether_it_is_normalised():
    mixed = document(some_body().ravel().tolist())
    hand = some_points(21, 4)
    mixed["people"][0]["hand_left_keypoints_2d"] = (hand / (832, 1216, 1)).ravel().tolist()
    (person,) = pose_json.loads(json.dumps(mixed)).people
    assert np.array_equal(person.body, some_body())
    assert person.left_hand == pytest.approx(hand / (832, 1216, 1) * (800, 400, 1))


def test_reads_normalised_and_low_confidence():
    numbers = some_body()
    numbers[:, :2] /= (832, 1216)
    numbers[:, 2] *= 0.4
    numbers[5, 2] = 0.01
    read = pose_json.loads(json.dumps(document(numbers.ravel().tolist())))
    assert read.people[0].body[0, :2] == pytest.approx(numbers[0, :2] * (800, 400))
    assert read.people[0].body[0, 2] == 1.0
    assert read.people[0].body[5].tolist() == [0.0, 0.0, 0.0]


def test_a_confidence_counts_above_a_twentieth():
    numbers = some_body()
    numbers[:3, 2] = (0.05, 0.051, 0.9)
    body = pose_json.loads(json.dumps(document(numbers.ravel().tolist()))).people[0].body
    assert body[:3, 2].tolist() == [0.0, 1.0, 1.0]


def test_reads_numbers_that_are_texts_and_null_for_what_is_missing():
    numbers: list[object] = [f"{number:.2f}" for number in some_body().ravel()]
    numbers[3:6] = [None, None, None]
    read = pose_json.loads(json.dumps(document(numbers, canvas_width="800", canvas_height="400")))
    assert (read.width, read.height) == (800, 400)
    body = read.people[0].body
    assert body[0] == pytest.approx(some_body()[0], abs=0.005)
    assert body[1].tolist() == [0.0, 0.0, 0.0]


def test_a_face_of_68_points_gets_its_pupils_from_the_eyes():
    face = some_points(68, 7)
    body = some_body()
    data = document(body.ravel().tolist())
    data["people"][0]["face_keypoints_2d"] = face.ravel().tolist()
    (person,) = pose_json.loads(json.dumps(data)).people
    assert np.array_equal(person.face[:68], face)
    assert np.array_equal(person.face[68:], body[[14, 15]])
    body[14:16] = 0.0
    data["people"][0]["pose_keypoints_2d"] = body.ravel().tolist()
    (person,) = pose_json.loads(json.dumps(data)).people
    assert np.allclose(person.face[68], face[36:42].mean(axis=0))
    assert np.allclose(person.face[69], face[42:48].mean(axis=0))


def test_reads_an_old_editors_lists_of_keypoints():
    points: list[object] = [[float(10 + i), float(20 + i)] for i in range(18)]
    points[4], points[5] = None, [-1, -1]
    for people in ([points], points):
        read = pose_json.loads(json.dumps({"width": 512, "height": 768, "keypoints": people}))
        assert (read.width, read.height) == (512, 768)
        body = read.people[0].body
        assert body[0].tolist() == [10.0, 20.0, 1.0]
        assert body[17].tolist() == [27.0, 37.0, 1.0]
        assert body[4:6].tolist() == [[0.0] * 3] * 2


def test_reads_body_25():
    numbers = np.column_stack((np.arange(25.0) + 10, np.arange(25.0) + 20, np.ones(25)))
    read = pose_json.loads(json.dumps(document(numbers.ravel().tolist())))
    body = read.people[0].body
    assert body[1, 0] == 11.0
    assert body[8, 0] == 19.0  # the right hip stands behind the middle of the hips
    assert body[13, 0] == 24.0
    assert body[14, 0] == 25.0


def test_reads_a_list_of_one_and_minus_one():
    numbers = some_body()
    numbers[4] = (-1.0, -1.0, 1.0)
    read = pose_json.loads(json.dumps([document(numbers.ravel().tolist())]))
    assert read.people[0].body[4].tolist() == [0.0, 0.0, 0.0]


def test_reads_a_list_of_several_pictures():
    texts = [document(some_body(seed).ravel().tolist(), canvas_width=800 + seed) for seed in range(3)]
    read = pose_json.loads_all(json.dumps(texts))
    assert [each.width for each in read] == [800, 801, 802]
    assert np.array_equal(read[2].people[0].body, some_body(2))
    with pytest.raises(PoseJsonError, match="3 pictures"):
        pose_json.loads(json.dumps(texts))


def test_size_can_be_given_where_the_document_has_none():
    text = json.dumps({"people": [{"pose_keypoints_2d": some_body().ravel().tolist()}]})
    with pytest.raises(PoseJsonError, match="does not say how large"):
        pose_json.loads(text)
    assert pose_json.loads(text, size=(512, 768)).height == 768


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no OpenPose people"),
        ("3", "no OpenPose people"),
        ('{"people": null}', "no OpenPose people"),
        (json.dumps({"people": [3], "canvas_width": 10, "canvas_height": 10}), "Person 1"),
        (json.dumps({"people": [{}], "canvas_width": 10, "canvas_height": 10}), "no pose_keypoints_2d"),
        ("{}", "no OpenPose people"),
        ('{"version": "ap10k", "animals": []}', "no OpenPose people"),
        (json.dumps(document([0.0] * 51)), "COCO's 17 points"),
        (json.dumps(document([0.0] * 53)), "18 or 25 points"),
        (json.dumps(document([0.0] * 57)), "18 or 25 points"),
        (json.dumps(document(["one"] * 54)), "other than numbers"),
        (json.dumps(document([True] * 54)), "other than numbers"),
        (json.dumps(document([[1.0]] * 54)), "other than numbers"),
        (json.dumps({"width": 9, "height": 9, "keypoints": 3}), "must be a list"),
        (json.dumps({"width": 9, "height": 9, "keypoints": [3]}), "Person 1"),
        (json.dumps({"width": 9, "height": 9, "keypoints": [[[1.0]] * 18]}), "x and y"),
        (json.dumps({"width": 9, "height": 9, "keypoints": [[[1.0, 2.0]] * 17]}), "COCO's 17 points"),
        (json.dumps({"keypoints": []}), "width and height"),
        (json.dumps(document([10**400] * 54)), "too large"),
        (json.dumps(document([1.0] * 54, canvas_width=0)), "pixels a side"),
        (json.dumps(document([1.0] * 54, canvas_width=float("nan"))), "pixels a side"),
        (json.dumps(document([1.0] * 54, canvas_width="wide")), "pixels a side"),
    ],
)
def test_bad_json_gets_a_sentence(text, words):
    with pytest.raises(PoseJsonError, match=words):
        pose_json.loads(text)
