# SPDX-License-Identifier: GPL-3.0-or-later
"""How a camera sees a body: how much of it, from which side and height, and where its face looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..framing.solve import Array, project
from ..openpose.layout import BODY_INDEX, BODY_LIMBS, BODY_POINTS
from ..pose.rotations import Vector
from .body import Body, angle, elevation, level

_HEAD_AND_TRUNK = frozenset(BODY_POINTS) - {
    f"{side}_{part}" for side in ("left", "right") for part in ("elbow", "wrist", "knee", "ankle")
}
_WITH_FLESH = 1.15
"""Of half a picture: whose limbs are farther out is not in it, hair and clothes included."""
_LINES = (
    *(limb for limb in BODY_LIMBS if BODY_INDEX["neck"] not in limb),
    *(
        (BODY_INDEX[f"{side}_shoulder"], BODY_INDEX[f"{other}_{part}"])
        for side, other, part in (
            ("left", "left", "hip"), ("left", "right", "hip"), ("right", "left", "hip"), ("right", "right", "hip"),
            ("left", "right", "shoulder"),
        )
    ),
)  # fmt: skip
"""What a body is between its joints: limbs, and across the trunk; the neck is not always known."""
_PIECES = 8  # of a limb, between two joints that may both be outside
_EDGE = 0.985
"""Of half a picture: what is farther out may be cut."""


@dataclass(frozen=True, eq=False)
class View:
    """A camera: ``matrix`` (4, 4) from its axes to the world, ``projection`` (4, 4), and whether it is orthographic."""

    matrix: Array
    projection: Array
    is_flat: bool = False

    def towards(self, place: Vector) -> Vector:
        """The direction from a place to the camera."""
        way: Vector = self.matrix[:3, 2] if self.is_flat else self.matrix[:3, 3] - place
        return way

    def shows(self, places: Vector, edge: float = _EDGE) -> np.ndarray:
        """Which of (N, 3) places the picture shows, up to ``edge`` of half of it; none that is not known."""
        seen = (places - self.matrix[:3, 3]) @ self.matrix[:3, :3]
        positions, depths = project(seen, self.projection)
        with np.errstate(invalid="ignore"):
            return (depths > 0.0) & (np.abs(positions) <= edge).all(axis=1)


@dataclass(frozen=True)
class Shown:
    """What the picture shows of a body: names of its points."""

    names: frozenset[str]

    @classmethod
    def of(cls, body: Body, view: View) -> Shown:
        shown = view.shows(body.points)
        return cls(frozenset(name for name, index in BODY_INDEX.items() if shown[index]))

    @property
    def is_somebody(self) -> bool:
        """Whether head or trunk is in it: of a hand or a foot at the edge nobody would say that there is one more."""
        return not self.names.isdisjoint(_HEAD_AND_TRUNK)

    def both(self, part: str) -> bool:
        return {f"left_{part}", f"right_{part}"} <= self.names

    def any(self, part: str) -> bool:
        return bool({f"left_{part}", f"right_{part}"} & self.names)

    @property
    def sides_of_wrists(self) -> set[str]:
        return {side for side in ("left", "right") if f"{side}_wrist" in self.names}

    @property
    def posture(self) -> bool:
        """Whether it can be seen what the body does as a whole."""
        return self.both("hip") and self.any("knee") and self.any("shoulder")


def is_away(body: Body, view: View) -> bool:
    """Whether nothing of a body can be in the picture."""
    first, last = (body.points[[line[end] for line in _LINES]] for end in (0, 1))
    along = np.linspace(0.0, 1.0, _PIECES)[:, None, None]
    return not view.shows((first + (last - first) * along).reshape(-1, 3), _WITH_FLESH).any()


def framing_tags(body: Body, view: View, shown: Shown) -> list[str]:
    """How much of a body is in the picture; empty where it lies between two."""
    if not shown.names & set(BODY_POINTS):
        return []
    head = {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}
    if not shown.names & head:
        if shown.both("hip") and shown.both("knee") and shown.both("ankle") and not shown.any("shoulder"):
            return ["lower body", "head out of frame"]
        return ["head out of frame"] if shown.both("hip") else []
    if "nose" not in shown.names:
        return []
    if shown.both("shoulder") and shown.both("hip"):
        if shown.both("knee") and shown.both("ankle"):
            return ["full body"]
        if shown.any("knee") or shown.any("ankle"):
            return []
        thighs = np.array([body.at(f"{s}_hip") * 0.65 + body.at(f"{s}_knee") * 0.35 for s in ("left", "right")])
        return ["cowboy shot"] if view.shows(thighs).all() else []
    if shown.any("hip") or shown.any("knee"):
        return []
    down = body.shoulders + (body.hips - body.shoulders) * np.array([[0.3], [0.55]])
    chest, waist = view.shows(down)
    if shown.both("shoulder"):
        return ["upper body"] if chest or waist else ["portrait"]
    middle = view.shows(body.shoulders[None])[0]
    return ["close-up"] if not shown.any("shoulder") and not middle else []


def direction_tags(body: Body, view: View, shown: Shown) -> list[str]:
    """From which side and height a body is seen."""
    found = []
    middle = (body.shoulders + body.hips) / 2.0
    height = elevation(view.towards(middle))
    if shown.any("shoulder") or shown.any("hip"):
        round_it = _around(body, view)
        if round_it is not None:
            if round_it > 140.0:
                found.append("from behind")
            elif 72.0 < round_it < 108.0:
                found.append("from side")
            elif round_it < 12.0 and abs(height) < 8.0 and (not body.has_face or _face_around(body, view) < 15.0):
                found.append("straight-on")
        if height > 20.0:
            found.append("from above")
        elif height < -15.0:
            found.append("from below")
    right = view.matrix[:3, 0]
    if abs(elevation(right)) > 9.0 and abs(elevation(view.matrix[:3, 2])) < 60.0:
        found.append("dutch angle")
    return found


def face_tags(body: Body, view: View, shown: Shown) -> list[str]:
    """Where a face looks, if it is in the picture."""
    if not body.has_face or "nose" not in shown.names:
        return []
    to_camera = view.towards(body.at("nose"))
    off = angle(body.face_front, to_camera)
    found = []
    round_it = _around(body, view)
    if off < 12.0:
        found.append("looking at viewer")
    if round_it is not None and round_it > 112.0 and off < 75.0:
        found.append("looking back")
    upright = body.rise > 45.0
    pitch = elevation(body.face_front)
    if upright and off > 30.0 and abs(pitch) > 30.0:
        found.append("looking up" if pitch > 0.0 else "looking down")
    if upright and abs(pitch) < 45.0 and 78.0 < _face_around(body, view) < 102.0 and abs(elevation(to_camera)) < 30.0:
        found.append("profile")
    if off > 135.0:
        found.append("facing away")
    if upright and abs(90.0 - angle(body.face_left, body.up)) > 14.0 and off < 60.0:
        found.append("head tilt")
    return found


def _around(body: Body, view: View) -> float | None:
    """How many degrees round an upright body the camera is from its front; None for one that is not upright, or whose hips and
    chest do not agree because it is twisted."""
    if body.rise < 50.0:
        return None
    to_camera = level(view.towards((body.shoulders + body.hips) / 2.0))
    chest, hips = (angle(level(front), to_camera) for front in (body.chest_front, body.hips_front))
    return (chest + hips) / 2.0 if abs(chest - hips) < 35.0 else None


def _face_around(body: Body, view: View) -> float:
    return angle(level(body.face_front), level(view.towards(body.at("nose"))))
