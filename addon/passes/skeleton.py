# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures to people: their keypoints as the camera sees them, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...generation_server.families.catalogue import FamilyError, family
from ..armature.figures import Figure
from ..armature.keypoints import Keypoints, figure_keypoints
from ..dressing.face_points import face_points
from ..errors import UserError
from ..keys import object_in
from ..openpose.layout import FACE_POINTS_OF_BODY
from ..openpose.person import Person, Points
from ..openpose.profiles import Profile, profile
from .geometry import Surface
from .head import Head, head_of, visible_face_points
from .rays import Blocker, Bools, Floats
from .sight import BURIED, PARTED, hidden_by, looks_here, part_at, person_at, seen_past_others, seen_past_own, shoulder_width
from .view import View


@dataclass(frozen=True)
class SkeletonRules:
    """What a pose ControlNet knows of people: how thick strokes are, and whether it has seen hands and faces."""

    profile: Profile
    hands: bool
    face: bool

    @classmethod
    def of(
        cls, scene: bpy.types.Scene, chosen: str | Profile | None = None, hands: bool | None = None, face: bool | None = None
    ) -> SkeletonRules:
        """What is given; else what the family of the scene's model says, or a profile that is given. Raises ProfileError."""
        if chosen is None:
            try:
                known = family(scene.pose_to_anime.generation.family).skeletons
            except (AttributeError, FamilyError):  # not enabled as an extension, or a file from a version that knew more families
                return cls.of(scene, "controlnet", hands, face)
            found = profile(known.profile)
            chosen = replace(found, hands=found.hands and known.hands, face=found.face and known.face)
        found = profile(chosen) if isinstance(chosen, str) else chosen
        return cls(found, found.hands if hands is None else hands, found.face if face is None else face)

    def wanted(self, hands: bool, face: bool) -> SkeletonRules:
        """The same, less what somebody does not want."""
        return replace(self, hands=self.hands and hands, face=self.face and face)


def people_of(
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
    figures: Sequence[Figure],
    surfaces: Sequence[Surface],
    view: View,
    rules: SkeletonRules,
    *,
    keep_outside: bool = False,
    beside: Sequence[Surface] | None = None,
) -> list[Person]:
    """A person for each figure. ``surfaces`` are the figures' skins. Where ``beside`` is given, points are left out that are
    hidden by other figures, or by that: what figures wear, and other objects."""
    people = []
    for number, figure in enumerate(figures, 1):
        own = [surface for surface in surfaces if surface.figure == number]
        others = None if beside is None else [s for s in (*surfaces, *beside) if s.figure != number]
        people.append(person_of(scene, depsgraph, figure, own, view, rules, keep_outside=keep_outside, others=others))
    return people


def person_of(
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
    figure: Figure,
    surfaces: Sequence[Surface],
    view: View,
    rules: SkeletonRules,
    *,
    keep_outside: bool = False,
    others: Sequence[Surface] | None = None,
) -> Person:
    """One figure as OpenPose would find it. ``surfaces`` are the figure's own meshes.

    Limbs and hands are there even where something is in front of them; nose, eyes, ears and face only where the figure's head
    does not hide them. Where ``others`` are given, they and the figure's own body hide points too: a limb is hidden by other
    things alone, a hand and a face by the own body as well. Hands and faces too small to be told from a blot are left out.
    Raises UserError where the figure's armature is gone.
    """
    source = object_in(scene, figure.armature)
    try:
        found = figure_keypoints(figure, depsgraph, face_points(source) if source is not None and rules.face else None)
    except KeyError:
        raise UserError(f"The armature “{figure.name}” is not in this scene any more: add the figure again.") from None
    present: Bools = np.asarray(np.isfinite(found.body).all(axis=1))
    head = head_of(scene, figure, surfaces, found.body)
    seen = visible_face_points(head, view, found.body, present, found.face)
    face_seen = seen[len(present) :]
    if not looks_here(present & seen[: len(present)]):
        face_seen = np.zeros_like(face_seen)
    hidden = None
    behind = _Behind(head, surfaces, others, view, found) if others is not None else None
    if behind is not None:
        hidden = behind.body(present)
        face_seen = face_seen & behind.face()
    person = person_at(found.body, present & seen[: len(present)], view, keep_outside=keep_outside, hidden=hidden)
    least = rules.profile.smallest(view.width, view.height)
    hands: list[Points | None] = []
    for hand in (found.left_hand, found.right_hand):
        if hand is None or not rules.hands:
            hands.append(None)
            continue
        free = np.ones(len(hand), dtype=bool) if behind is None else behind.hand(hand)
        hands.append(part_at(hand, free, view, least.hand, keep_outside=keep_outside))
    face = None if found.face is None else part_at(found.face, face_seen, view, least.face, keep_outside=keep_outside)
    return replace(person, left_hand=hands[0], right_hand=hands[1], face=face)


class _Behind:
    """What is behind other things, or behind the figure's own body."""

    def __init__(
        self, head: Head | None, own: Sequence[Surface], others: Sequence[Surface], view: View, found: Keypoints
    ) -> None:
        self._head, self._view, self._found = head, view, found
        self._others = [Blocker.whole(surface.world, surface.triangles) for surface in others]
        self._own = [Blocker.whole(surface.world, surface.triangles) for surface in own]
        self._parted = PARTED * shoulder_width(found.body)

    def body(self, present: np.ndarray) -> np.ndarray:
        """(18,): which body points are hidden; those of the face by the own hands and arms too."""
        hidden = hidden_by(self._found.body, self._others, self._view)
        if self._head is not None:
            points = [index for index in FACE_POINTS_OF_BODY if present[index]]
            hidden[points] |= ~self._past_own(self._found.body[points])
        return hidden

    def face(self) -> np.ndarray:
        """(70,): which points of the face are not hidden."""
        if self._found.face is None:
            return np.ones(0, dtype=bool)
        return seen_past_others(self._found.face, self._others, self._view) & self._past_own(self._found.face)

    def hand(self, points: Floats) -> np.ndarray:
        """(21,): which points of a hand are not hidden."""
        free = seen_past_others(points, self._others, self._view)
        return np.asarray(free & seen_past_own(points, self._own, self._view, self._parted))

    def _past_own(self, points: Floats) -> np.ndarray:
        if self._head is None:
            return np.ones(len(points), dtype=bool)
        return seen_past_others(points, self._head.rest, self._view, BURIED * self._head.width)
