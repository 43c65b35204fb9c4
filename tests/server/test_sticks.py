# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings of skeletons read back by their colours: our own, of people in random poses."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("cv2")

import cv2
import random_people
from PIL import Image
from pose_to_anime.addon.openpose.drawing import draw_people
from pose_to_anime.addon.openpose.person import Person
from pose_to_anime.addon.openpose.pose_json import loads
from pose_to_anime.generation_server.poses.reading import read_skeletons
from pose_to_anime.generation_server.poses.sticks import MOST_COLOURS, read_drawing

SIZES = [(512, 512), (832, 1216), (768, 512)]
HANDS = ("left_hand", "right_hand")


def read(picture: Image.Image | np.ndarray) -> list[Person]:
    """The people in a picture, through the JSON that is sent."""
    import json

    found = read_skeletons(picture if isinstance(picture, Image.Image) else Image.fromarray(picture))
    assert found is not None
    return list(loads(json.dumps(found)).people)


def nearest(person: Person, people: list[Person]) -> Person:
    return min(people, key=lambda other: float(np.abs(other.body - person.body)[:, :2].mean()))


def farthest(points: np.ndarray, found: np.ndarray) -> float:
    """Pixels by which the worst of the points that were found is off."""
    both = (points[:, 2] > 0) & (found[:, 2] > 0)
    return float(np.abs(points - found)[both, :2].max(initial=0.0))


@pytest.mark.parametrize("profile", ["controlnet", "xinsir", "scaled"])
@pytest.mark.parametrize("seed", range(6))
def test_bodies_come_back_to_the_pixel(profile: str, seed: int):
    rng = np.random.default_rng(seed)
    width, height = SIZES[seed % 3]
    people = random_people.people(rng, 1 + seed % 3, width, height)
    found = read(draw_people(people, width, height, profile))
    assert len(found) == len(people)
    for person in people:
        other = nearest(person, found)
        assert farthest(person.body, other.body) <= 2.0
        assert not (other.body[:, 2] > person.body[:, 2]).any(), "nothing may be found that is not there"
        assert (person.body[:, 2] > other.body[:, 2]).sum() <= 1, "a joint may be hidden by another limb's, not more"


def test_hands_come_back_with_every_finger_in_its_place():
    """Hands that lie over the body hide joints, and small ones are blots: of the others nearly all points are right."""
    right = wrong = unread = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        width, height = ((512, 768), (832, 1216), (1216, 832))[seed % 3]
        people = random_people.people(rng, 1 + seed % 2, width, height, hands=True)
        found = read(draw_people(people, width, height))
        for person in people:
            other = nearest(person, found)
            for name in HANDS:
                drawn, seen = getattr(person, name), getattr(other, name)
                assert seen is None or drawn is not None
                if drawn is None or np.ptp(drawn[:, :2], axis=0).max() < 60.0:
                    continue
                if seen is None:
                    unread += 1
                    continue
                off = np.abs(drawn - seen)[:, :2].max(axis=1) > 2.0
                wrong += int(off.sum())
                right += int((~off).sum())
    assert right >= 300
    assert wrong <= 0.03 * right
    assert unread <= 4


@pytest.mark.parametrize("seed", [1, 3, 6])
def test_the_dots_of_a_face_hide_and_mislead_nobody(seed: int):
    (person,) = random_people.people(np.random.default_rng(seed), 1, 768, 768)
    turn = np.linspace(0.0, 2.0 * np.pi, 70, endpoint=False)
    out = np.resize((30.0, 18.0, 9.0), 70)
    face = person.body[0, :2] + np.stack((np.cos(turn), np.sin(turn)), axis=1) * out[:, None]
    drawn = Person(person.body, face=np.column_stack((face, np.ones(70))))
    (found,) = read(draw_people([drawn], 768, 768))
    below = np.arange(1, 14)
    assert (found.body[below, 2] == person.body[below, 2]).all()
    assert farthest(person.body, found.body) <= 2.0


def test_a_detectors_drawing_is_read_too():
    """controlnet_aux's own, with the same pixels as ours in an order of its own."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = pytest.importorskip("controlnet_aux.open_pose")
    (person,) = random_people.people(np.random.default_rng(4), 1, 512, 512)
    points = [oracle.body.Keypoint(x / 512, y / 512) if seen else None for x, y, seen in person.body]
    body = oracle.body.BodyResult(points, 0.0, 18)
    drawn = oracle.draw_poses([oracle.PoseResult(body, None, None, None)], 512, 512)
    (found,) = read(drawn)
    assert farthest(person.body, found.body) <= 2.0


def test_what_compressing_and_resizing_leave_is_enough():
    (person,) = random_people.people(np.random.default_rng(8), 1, 512, 512)
    picture = Image.fromarray(draw_people([person], 512, 512))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, subsampling=0)
    (found,) = read(Image.open(file).convert("RGB"))
    assert farthest(person.body, found.body) <= 2.0
    (found,) = read(picture.resize((1024, 1024), Image.Resampling.NEAREST))
    assert farthest(person.body, found.body * (0.5, 0.5, 1.0)) <= 2.0


@pytest.mark.parametrize("what", ["black", "white", "noise", "night", "one dot", "gradient"])
def test_other_pictures_are_none(what: str):
    rng = np.random.default_rng(1)
    pictures = {
        "black": np.zeros((64, 64, 3), np.uint8),
        "white": np.full((64, 64, 3), 255, np.uint8),
        "noise": rng.integers(0, 256, (64, 64, 3), dtype=np.uint8),
        "night": (rng.random((256, 256, 3)) ** 6 * 255).astype(np.uint8),
        "one dot": cv2.circle(np.zeros((64, 64, 3), np.uint8), (30, 30), 4, (255, 0, 0), -1),
        "gradient": np.broadcast_to(np.linspace(0, 255, 128, dtype=np.uint8)[None, :, None], (128, 128, 3)).copy(),
    }
    assert read_skeletons(Image.fromarray(pictures[what])) is None


@pytest.mark.parametrize(("black", "most"), [(0.3, 4), (0.55, 16), (0.85, 64)], ids=["a photograph", "a night", "few colours"])
def test_a_photograph_takes_little_memory(black: float, most: int):
    """``most`` bytes a pixel: at first what is bright is seen, then how many colours there are, then which they are."""
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    picture[: int(1000 * black)] = 0
    colours = len(np.unique(picture.reshape(-1, 3).astype(np.int32) @ (65536, 256, 1)))
    assert (colours > MOST_COLOURS) == (black < 0.8)
    tracemalloc.start()
    try:
        assert read_drawing(picture) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most * 1_000_000
