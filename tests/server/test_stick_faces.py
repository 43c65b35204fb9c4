# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces of drawings read back from their white dots: of our mannequins, drawn by ourselves, with any expression and turned."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("scipy")

import face_shapes
import random_people
from PIL import Image
from pose_to_anime.addon.openpose.drawing import draw_people
from pose_to_anime.addon.openpose.person import Person
from pose_to_anime.addon.openpose.pose_json import loads
from pose_to_anime.generation_server.poses.reading import read_skeletons
from pose_to_anime.generation_server.poses.stick_faces import SHAPES_FILE


def people_with_faces(seed: int, count: int, width: int, height: int, tall: float) -> list[Person]:
    rng = np.random.default_rng(seed)
    people = random_people.people(rng, count, width, height)
    return [face_shapes.with_face(rng, person, tall) if person.body[0, 2] else person for person in people]


def read(picture: Image.Image) -> list[Person]:
    found = read_skeletons(picture)
    assert found is not None
    return list(loads(json.dumps(found)).people)


def errors(drawn: list[Person], found: list[Person], width: int, height: int) -> np.ndarray:
    """By how many pixels each point of the faces that are in the picture is off; infinite where it was not read."""
    all_of_them = []
    for person in drawn:
        if person.face is None:
            continue
        other = min(found, key=lambda each: float(np.abs(each.body - person.body)[1:14, :2].mean()))
        inside = (person.face[:, 2] > 0) & (person.face[:, :2] >= 1).all(axis=1)
        inside &= (person.face[:, 0] < width - 1) & (person.face[:, 1] < height - 1)
        face = np.zeros((70, 3)) if other.face is None else other.face
        off = np.hypot(*(face - person.face)[:, :2].T)
        all_of_them.append(np.where(face[:, 2] > 0, off, np.inf)[inside])
    return np.concatenate(all_of_them)


@pytest.mark.parametrize(
    ("profile", "count", "size", "tall"),
    [
        ("controlnet", 1, (832, 1216), 60.0),
        ("controlnet", 1, (832, 1216), 130.0),
        ("xinsir", 2, (1216, 832), 100.0),
        ("xinsir", 3, (1216, 832), 80.0),
        ("scaled", 1, (1216, 1216), 220.0),
    ],
)
def test_faces_come_back_with_every_point_in_its_place(profile: str, count: int, size: tuple[int, int], tall: float):
    """Nearly all; a brow or an eyelid may be taken for its neighbour, which no dot contradicts."""
    off = []
    for seed in range(2 if count == 1 else 1):
        people = people_with_faces(seed, count, *size, tall)
        off.append(errors(people, read(Image.fromarray(draw_people(people, *size, profile))), *size))
    together = np.concatenate(off)
    assert len(together) >= 130
    assert (together <= 0.05 * tall).mean() >= 0.93, together.round(1)
    assert (together <= 2.5).mean() >= 0.8


def test_what_is_not_drawn_is_not_invented():
    (person,) = people_with_faces(4, 1, 832, 1216, 110.0)
    assert person.face is not None
    face = person.face.copy()
    face[[14, 15, 16, 17, 18]] = 0.0
    drawn = Person(person.body, face=face)
    (found,) = read(Image.fromarray(draw_people([drawn], 832, 1216)))
    assert found.face is not None and (found.face[:36, 2] > 0).sum() <= 33
    assert (errors([drawn], [found], 832, 1216) <= 6.0).mean() >= 0.85


def test_compressing_and_resizing_leave_a_face_a_face():
    (person,) = people_with_faces(2, 1, 832, 1216, 120.0)
    picture = Image.fromarray(draw_people([person], 832, 1216))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, subsampling=0)
    assert (errors([person], read(Image.open(file).convert("RGB")), 832, 1216) <= 6.0).mean() >= 0.9
    larger = picture.resize((1664, 2432), Image.Resampling.NEAREST)
    twice = Person(person.body * (2, 2, 1), face=person.face * (2, 2, 1))
    assert (errors([twice], read(larger), 1664, 2432) <= 12.0).mean() >= 0.9


@pytest.mark.parametrize("what", ["none", "a blot", "a few dots", "a ring"])
def test_what_is_no_face_is_none(what: str):
    (person,) = people_with_faces(2, 1, 832, 1216, 22.0 if what == "a blot" else 120.0)
    face = person.face
    if what == "none":
        face = None
    elif what == "a few dots":
        face = np.where((np.arange(70) < 15)[:, None], face, 0.0)
    elif what == "a ring":
        turn = np.linspace(0.0, 2.0 * np.pi, 30, endpoint=False)
        ring = person.body[0, :2] + 70.0 * np.stack((np.cos(turn), np.sin(turn)), axis=1)
        face = np.zeros((70, 3))
        face[:30] = np.column_stack((ring, np.ones(30)))
    (found,) = read(Image.fromarray(draw_people([Person(person.body, face=face)], 832, 1216)))
    assert found.face is None


def test_the_shapes_are_those_of_our_faces():
    """``python tests/support/face_shapes.py`` writes them anew."""
    kept, made = json.loads(SHAPES_FILE.read_text("utf-8")), face_shapes.shapes()
    assert np.abs(np.array(kept["mean"]) - made["mean"]).max() < 0.02
    ways = (np.array(each["ways"]).reshape(face_shapes.SHAPES, -1) for each in (kept, made))
    first, second = (np.linalg.qr(rows.T)[0] for rows in ways)
    assert np.linalg.norm(first.T @ second) ** 2 > 0.98 * face_shapes.SHAPES  # the same space, whatever its axes
