# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures to people: their keypoints as the camera sees them, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...generation_server.families.catalogue import FamilyError, family
from ..armature.figures import Figure
from ..armature.head_points import head_landmarks
from ..armature.keypoints import Keypoints, figure_keypoints
from ..armature.mannequin import is_mannequin
from ..dressing.face_points import face_points
from ..errors import UserError
from ..keys import object_in
from ..openpose.layout import FACE_POINTS_OF_BODY
from ..openpose.person import Person, Points
from ..openpose.profiles import Profile, profile
from .face_outline import is_faced, outlined
from .geometry import Surface
from .head import Head, head_of, visible_face_points
from .rays import Blocker, Bools
from .sight import (
    BURIED,
    PARTED,
    body_places,
    looks_here,
    part_at,
    person_at,
    seen_past_others,
    seen_past_own,
    shoulder_width,
)
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

    Limbs and hands are there even where something is in front of them; nose, eyes and ears only where the figure's head does not
    hide them, and so are the points of a face that is turned far: of any other all are there (``face_outline``). Where
    ``others`` are given, they and the figure's own body hide points too: a limb is hidden by other things alone, a hand and a
    face by the own body as well. Hands and faces too small to be told from a blot are left out. Raises UserError where the
    figure's armature is gone.
    """
    source = object_in(scene, figure.armature)
    face = None
    if source is not None and rules.face:
        face = face_points(source, None if is_mannequin(source) else head_landmarks(figure, depsgraph))
    try:
        found = figure_keypoints(figure, depsgraph, face)
    except KeyError:
        raise UserError(f"The armature “{figure.name}” is not in this scene any more: add the figure again.") from None
    present: Bools = np.asarray(np.isfinite(found.body).all(axis=1))
    head = head_of(scene, figure, surfaces, found.body)
    seen = visible_face_points(head, view, found.body, present, found.face)
    face_seen = seen[len(present) :]
    if found.face is not None and is_faced(found.face, view):
        face_seen = np.ones_like(face_seen)
        found = replace(found, face=outlined(found.face, view))
    if not looks_here(present & seen[: len(present)]):
        face_seen = np.zeros_like(face_seen)
    free: tuple[Bools | None, ...] = (None, None, None, None)
    if others is not None:
        free = _behind(head, surfaces, others, view, found)
    if free[3] is not None:
        face_seen = face_seen & free[3]
    person = person_at(found.body, present & seen[: len(present)], view, keep_outside=keep_outside, free=free[0])
    least = rules.profile.smallest(view.width, view.height)
    hands: list[Points | None] = []
    for hand, uncovered in zip((found.left_hand, found.right_hand), free[1:3], strict=True):
        if hand is None or not rules.hands:
            hands.append(None)
            continue
        shown = np.ones(len(hand), dtype=bool) if uncovered is None else uncovered
        hands.append(part_at(hand, shown, view, least.hand, keep_outside=keep_outside))
    face = None if found.face is None else part_at(found.face, face_seen, view, least.face, keep_outside=keep_outside)
    return replace(person, left_hand=hands[0], right_hand=hands[1], face=face)


def _behind(
    head: Head | None, own: Sequence[Surface], others: Sequence[Surface], view: View, found: Keypoints
) -> tuple[Bools, Bools, Bools, Bools]:
    """What is not behind other things, nor, of hands and face, behind the figure's own body: the body (18,), both hands (21,) and
    the face (70,); of a part that the figure does not have, nothing."""
    nothing = np.empty((0, 3))
    body = body_places(found.body)
    left, right, face = (nothing if part is None else part for part in (found.left_hand, found.right_hand, found.face))
    ends = np.cumsum([len(part) for part in (body, left, right)])
    blockers = [Blocker.whole(surface.world, surface.triangles) for surface in others]
    free = seen_past_others(np.concatenate((body, left, right, face)), blockers, view)
    hands = slice(ends[0], ends[2])
    whole = [Blocker.whole(surface.world, surface.triangles) for surface in own]
    parted = PARTED * shoulder_width(found.body)
    free[hands] &= seen_past_own(np.concatenate((left, right)), whole, view, parted)
    if head is not None:
        points = list(FACE_POINTS_OF_BODY)
        uncovered = seen_past_others(np.concatenate((body[points], face)), head.rest(), view, BURIED * head.width)
        free[points] &= uncovered[: len(points)]
        free[ends[2] :] &= uncovered[len(points) :]
    seen_body, seen_left, seen_right, seen_face = np.split(free, ends)
    return seen_body, seen_left, seen_right, seen_face
