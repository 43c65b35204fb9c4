# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces of 70 points for tests: of our mannequins, sculpted and drawn, with any expression, turned and placed in a picture.

``python tests/support/face_shapes.py`` makes ``generation_server/poses/face_shapes.json`` of them anew: how faces differ.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import build_skin
from pose_to_anime.addon.openpose.person import Person
from pose_to_anime.addon.package import RIGS, ROOT
from pose_to_anime.addon.pose.face_points import MIRROR, FaceValues, moved
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue
from pose_to_anime.addon.wardrobe.face_points import drawn_face_points
from pose_to_anime.addon.wardrobe.outfit import EXPRESSIONS

BODIES = sorted(path.stem for path in (RIGS / "mannequins").glob("*.toml"))
SHAPES = 8
"""Ways in which faces differ, of those that explain most; with more, what is drawn is read no better."""
_HEAD = ("nose_tip", "eye_right", "eye_left", "ear_right", "ear_left")


@functools.cache
def face_and_head(body: str, drawn: str = "") -> tuple[np.ndarray, np.ndarray]:
    """(70, 3) and nose, eyes and ears (5, 3) of a body at rest; ``drawn``: with the drawn face of that expression."""
    skin = build_skin(read_body(RIGS / "mannequins" / f"{body}.toml"))
    head = np.array([skin.landmarks[name] for name in _HEAD])
    if not drawn:
        return skin.face, head
    style = next(style for style in read_catalogue().in_slot("face") if not style.own)
    return drawn_face_points(style, skin, drawn), head


def expression(rng: np.random.Generator) -> FaceValues:
    (look, up), (left, right) = rng.uniform(-1.0, 1.0, 2), rng.choice([0.0, 0.0, 0.0, 1.0], 2)
    (inner, outer), (smile, width) = rng.uniform(-1.0, 1.0, 2), rng.uniform(-1.0, 1.0, 2)
    return FaceValues((look, up), (left, right), (inner, outer), float(rng.choice([0.0, 0.0, rng.random()])), smile, width)


def with_face(rng: np.random.Generator, person: Person, height: float, stretched: float = 0.06) -> Person:
    """The person with the face of a mannequin by chance, so many pixels high, and with its nose, eyes and ears where those are.

    ``stretched``: by which part of it, at most, the face is drawn out to a side and up, so that it is nobody's.
    """
    body = BODIES[rng.integers(len(BODIES))]
    if rng.random() < 0.5:
        face, head = face_and_head(body)
        face = moved(face, expression(rng))
    else:
        names = list(EXPRESSIONS)
        face, head = face_and_head(body, names[rng.integers(len(names))])
    both = np.concatenate((face, head)) * rng.uniform(1.0 - stretched, 1.0 + stretched, 3)
    flat = _seen(both, *np.radians(rng.uniform((-38.0, -20.0, -25.0), (38.0, 20.0, 25.0))))
    flat = flat * height / np.ptp(flat[:70, 1])
    flat += person.body[0, :2] - flat[70]
    points = person.body.copy()
    places = [0, 14, 15, 16, 17]
    points[places, :2] = flat[70:]
    points[places, 2] = 1.0
    return Person(points, person.left_hand, person.right_hand, np.column_stack((flat[:70], np.ones(70))))


def _seen(points: np.ndarray, yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(n, 2) from far away, y down, of a head that is turned to a side, bent forward and tilted."""
    turned = points.copy()
    for angle, first, second in ((yaw, 0, 1), (pitch, 1, 2), (roll, 2, 0)):
        a, b = turned[:, first].copy(), turned[:, second].copy()
        turned[:, first], turned[:, second] = a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)
    return turned[:, [0, 2]] * (1.0, -1.0)


def shapes() -> dict[str, object]:
    """The mean of all of our faces and, the largest first, how they differ from it, each with a spread of 1."""
    rng = np.random.default_rng(0)
    faces = []
    for body in BODIES:
        faces += [moved(face_and_head(body)[0], expression(rng)) for _ in range(12)]
        faces += [face_and_head(body, name)[0] for name in EXPRESSIONS]
    both = [_normal(face) for face in faces] + [_normal(face)[MIRROR] * (-1.0, 1.0, 1.0) for face in faces]
    rows = np.array(both).reshape(len(both), -1)
    mean = rows.mean(axis=0)
    _, sizes, ways = np.linalg.svd(rows - mean, full_matrices=False)
    spread = ways[:SHAPES] * (sizes[:SHAPES] / np.sqrt(len(rows)))[:, None]
    return {"mean": mean.reshape(70, 3).round(3).tolist(), "ways": spread.reshape(SHAPES, 70, 3).round(3).tolist()}


def _normal(face: np.ndarray) -> np.ndarray:
    centred = face - face.mean(axis=0)
    normal: np.ndarray = centred / np.sqrt((centred[:, [0, 2]] ** 2).sum(axis=1).mean())
    return normal


if __name__ == "__main__":
    made = shapes()
    lines = [f' "mean": {json.dumps(made["mean"])},', ' "ways": [']
    lines.append(",\n".join(f"  {json.dumps(way)}" for way in made["ways"]))  # type: ignore[attr-defined]
    Path(ROOT / "generation_server" / "poses" / "face_shapes.json").write_text("{\n" + "\n".join(lines) + "\n ]\n}\n", "utf-8")
