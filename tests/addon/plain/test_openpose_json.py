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


def document(body: list[float], **more: object) -> dict[str, object]:
    return {"people": [{"pose_keypoints_2d": body}], "canvas_width": 800, "canvas_height": 400, **more}


def test_round_trip():
    hand = np.column_stack((np.arange(21.0), np.arange(21.0) + 5, np.ones(21)))
    people = [Person(some_body(), right_hand=hand), Person(some_body(1))]
    read = pose_json.loads(pose_json.dumps(people, 832, 1216))
    assert (read.width, read.height) == (832, 1216)
    assert len(read.people) == 2
    assert np.abs(read.people[0].body - people[0].body).max() <= 0.0005
    assert np.array_equal(read.people[0].right_hand, hand)
    assert read.people[0].left_hand is None
    assert read.people[0].face is None


def test_written_form_is_what_the_front_ends_read():
    data = json.loads(pose_json.dumps([Person(some_body())], 832, 1216))
    person = data["people"][0]
    assert (data["canvas_width"], data["canvas_height"]) == (832, 1216)
    assert len(person["pose_keypoints_2d"]) == 54
    assert set(person["pose_keypoints_2d"][2::3]) == {0.0, 1.0}
    assert person["pose_keypoints_2d"][6:9] == [0.0, 0.0, 0.0]
    assert person["hand_left_keypoints_2d"] is None


def test_reads_normalised_and_low_confidence():
    numbers = some_body()
    numbers[:, :2] /= (832, 1216)
    numbers[:, 2] *= 0.4
    numbers[5, 2] = 0.01
    read = pose_json.loads(json.dumps(document(numbers.ravel().tolist())))
    assert read.people[0].body[0, :2] == pytest.approx(numbers[0, :2] * (800, 400))
    assert read.people[0].body[0, 2] == 1.0
    assert read.people[0].body[5].tolist() == [0.0, 0.0, 0.0]


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
        (json.dumps(document([0.0] * 51)), "18 or 25 points"),
        (json.dumps(document(["1"] * 54)), "other than numbers"),
        (json.dumps(document([10**400] * 54)), "too large"),
        (json.dumps(document([1.0] * 54, canvas_width=0)), "pixels a side"),
        (json.dumps(document([1.0] * 54, canvas_width=float("nan"))), "pixels a side"),
        (json.dumps(document([1.0] * 54, canvas_width="wide")), "pixels a side"),
    ],
)
def test_bad_json_gets_a_sentence(text, words):
    with pytest.raises(PoseJsonError, match=words):
        pose_json.loads(text)
