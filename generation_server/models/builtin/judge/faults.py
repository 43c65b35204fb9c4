# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults planted into true renders: what diffusion models get wrong, made on purpose, so that one knows what a judge finds.

A fault changes what is drawn of a dressed figure, never its bare skin, so that the control images stay those of the right one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from .....addon.openpose.layout import BODY_INDEX
from ..rendering.figures import PARTS
from ..rendering.samples import POSES_PER_FIGURE, Sample, draw_scenes, render_samples
from ..rendering.scenes import Scene, random_scene
from .measures import exchanged, torso

FAULTS = ("swapped arms", "moved limb", "extra limb", "face on back")

LIMBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "left_shoulder": ("upper_arm.L", ("left_elbow", "left_wrist")),
    "right_shoulder": ("upper_arm.R", ("right_elbow", "right_wrist")),
    "left_hip": ("thigh.L", ("left_knee", "left_ankle")),
    "right_hip": ("thigh.R", ("right_knee", "right_ankle")),
}
"""Body point that a limb turns about → its first bone, and the body points that it carries."""
_CHAINS = {
    "upper_arm": ("upper_arm", "forearm", "hand", "thumb", "index", "middle", "ring", "little"),
    "thigh": ("thigh", "shin", "foot", "toe"),
}
ARM, LEG = 1.0, 2.0
"""What the end of a limb is of; 0 where one does not see it."""
_LEAST_TURN, _MOST_TURN = math.radians(45), math.radians(120)
_APART = 0.4
"""In torso lengths: how far a limb's end must be from every right one's, that the picture be wrong rather than inexact."""
_TRIES = 30
_AT_ONCE = 8
_FACE_PARTS = (PARTS["face"], PARTS["eyes"])
_BEHIND = -0.3
_CHANGED = 24
"""Least difference of a channel of a pixel, of 255, by which a limb is seen to be there."""


@dataclass(frozen=True, eq=False)
class Planted:
    """``sample``: the picture with a fault, with the control images, points and mask of the right one. ``right`` is that one.
    ``ends`` (K, 3) are elbow and wrist, or knee and ankle, of an extra limb: pixels, and ``ARM``, ``LEG``, or 0 if unseen."""

    fault: str
    sample: Sample
    right: Sample
    ends: np.ndarray


def plant(fault: str, seeds: Sequence[int], size: tuple[int, int], rights: Sequence[Sample] | None = None) -> list[Planted]:
    """The fault in each of those samples where it can be seen; others are left out. ``rights``: the samples, if they are there.

    Raises KeyError for a fault that is not of ``FAULTS``.
    """
    rights = list(rights) if rights is not None else render_samples(seeds, size)
    if fault == "swapped arms":
        return [Planted(fault, replace(right, points=exchanged(right.points, "arms")), right, np.zeros((0, 3)))
                for right in rights if _arms_apart(right)]  # fmt: skip
    ends: dict[int, np.ndarray] = {}
    change = _CHANGES[fault]

    def changed(scene: Scene) -> Scene:
        result, found = change(scene, random.Random(f"{fault} {scene.seed}"))
        if found is not None:
            ends[scene.seed] = found
        return result

    planted = []
    for right, wrong in zip(rights, drawn(seeds, size, changed), strict=True):
        if right.seed not in ends:
            continue
        found = ends[right.seed]
        differs = np.abs(right.picture.astype(np.int16) - wrong.picture).max(axis=2) > _CHANGED
        found[:, 2] *= [_any_near(differs, point) for point in found]
        enough = differs.mean() > 0.01 and (fault == "face on back" or bool(found[-1, 2]))
        if fault == "face on back":
            enough &= _faces(wrong) > 0.004 and _faces(right) < 0.0005 and not right.person.body[BODY_INDEX["nose"], 2]
        if enough:
            sample = replace(right, picture=wrong.picture, mask=wrong.mask, parts=wrong.parts)
            planted.append(Planted(fault, sample, right, found if fault == "extra limb" else np.zeros((0, 3))))
    return planted


def seen_from_behind(seeds: Sequence[int], size: tuple[int, int]) -> list[int]:
    """Those of the seeds whose samples show a figure from behind."""
    return [seed for seed in seeds if is_behind(random_scene(seed, seed // POSES_PER_FIGURE, *size).framing.azimuth)]


def is_behind(azimuth: float) -> bool:
    """Whether a camera at this azimuth sees more of a figure's back than of its side."""
    return math.cos(azimuth) < _BEHIND


def drawn(seeds: Sequence[int], size: tuple[int, int], change: Callable[[Scene], Scene]) -> list[Sample]:
    """``render_samples``, of scenes that were changed before they are drawn."""
    samples: list[Sample] = []
    for first in range(0, len(seeds), _AT_ONCE):
        part = seeds[first : first + _AT_ONCE]
        scenes = [change(random_scene(seed, seed // POSES_PER_FIGURE, *size)) for seed in part]
        samples += draw_scenes(scenes, *size, torch.device("cpu"))
    return samples


def _extra_limb(scene: Scene, chance: random.Random) -> tuple[Scene, np.ndarray | None]:
    """A limb that is there twice: once where it is meant to be, once turned about its root."""
    root, share, turn, ends = _turned(scene, chance)
    if ends is None:
        return scene, None
    figure, world = scene.figure, scene.world
    pivot = scene.body[BODY_INDEX[root]]
    copy = (world - pivot) @ turn.T + pivot
    mine = (share > 0.5)[figure.dressed].all(axis=1)
    offset = len(figure.vertices)
    figure = replace(
        figure,
        vertices=np.concatenate((figure.vertices, figure.vertices)),
        shares=np.concatenate((figure.shares, figure.shares)),
        dressed=np.concatenate((figure.dressed, figure.dressed[mine] + offset)).astype(np.int32),
        parts=np.concatenate((figure.parts, figure.parts[mine])),
        layers=np.concatenate((figure.layers, figure.layers[mine] + 100)).astype(np.int16),
        colours=np.concatenate((figure.colours, figure.colours[mine])),
        flat=np.concatenate((figure.flat, figure.flat[mine])),
        two_sided=np.concatenate((figure.two_sided, figure.two_sided[mine])),
    )
    return replace(scene, figure=figure, world=np.concatenate((world, copy)).astype(world.dtype)), ends


def _moved_limb(scene: Scene, chance: random.Random) -> tuple[Scene, np.ndarray | None]:
    """A limb that is somewhere else than it is meant to be."""
    root, share, turn, ends = _turned(scene, chance)
    if ends is None:
        return scene, None
    pivot = scene.body[BODY_INDEX[root]]
    return _redrawn(scene, share, (scene.world - pivot) @ turn.T + pivot), ends


def _face_on_back(scene: Scene, chance: random.Random) -> tuple[Scene, np.ndarray | None]:
    """A head that looks backward, towards the camera."""
    figure = scene.figure
    share = _share(scene, lambda name: name == "head" or name.startswith("hair_"))
    left, right = (scene.body[BODY_INDEX[name]] for name in ("left_ear", "right_ear"))
    nose, middle = scene.body[BODY_INDEX["nose"]], (left + right) / 2.0
    side = (left - right) / np.linalg.norm(left - right)
    front = nose - middle
    up = np.cross(side, front)
    axis = up / np.linalg.norm(up)
    towards = scene.framing.view.position - middle
    if front @ towards > 0.0 or not figure.outfit.worn.get("face"):
        return scene, None
    turn = _rotation(axis, math.pi + chance.uniform(-0.4, 0.4))
    return _redrawn(scene, share, (scene.world - middle) @ turn.T + middle), np.zeros((0, 3))


_Change = Callable[[Scene, random.Random], tuple[Scene, np.ndarray | None]]
_CHANGES: dict[str, _Change] = {"extra limb": _extra_limb, "moved limb": _moved_limb, "face on back": _face_on_back}


def _redrawn(scene: Scene, share: np.ndarray, moved: np.ndarray) -> Scene:
    """The scene whose dressed figure is drawn with its vertices moved, as far as ``share`` (N,) says; the bare one stays."""
    world = scene.world + share[:, None] * (moved - scene.world)
    figure = scene.figure
    figure = replace(
        figure,
        vertices=np.concatenate((figure.vertices, figure.vertices)),
        shares=np.concatenate((figure.shares, figure.shares)),
        dressed=(figure.dressed + len(figure.vertices)).astype(np.int32),
    )
    return replace(scene, figure=figure, world=np.concatenate((scene.world, world)).astype(scene.world.dtype))


def _turned(scene: Scene, chance: random.Random) -> tuple[str, np.ndarray, np.ndarray, np.ndarray | None]:
    """A limb's root, the vertices' share (N,) in it, a turn (3, 3), and where that brings elbow and wrist, or knee and ankle:
    (2, 3) pixels and ``ARM`` or ``LEG``; None where no turn brings its end into the picture and away from the right ones."""
    view = scene.framing.view
    expected, _ = view.project(scene.body)
    length = torso(np.column_stack((expected, np.ones(18))))
    roots = list(LIMBS)
    for _ in range(_TRIES):
        root = chance.choice(roots)
        bone, names = LIMBS[root]
        axis = np.array([chance.gauss(0.0, 1.0) for _ in range(3)])
        turn = _rotation(axis / np.linalg.norm(axis), chance.uniform(_LEAST_TURN, _MOST_TURN))
        pivot = scene.body[BODY_INDEX[root]]
        places = np.stack([turn @ (scene.body[BODY_INDEX[name]] - pivot) + pivot for name in names])
        pixels, _depth = view.project(places)
        others = [BODY_INDEX[n] for n in ("left_wrist", "right_wrist", "left_ankle", "right_ankle")]
        apart = np.linalg.norm(expected[others] - pixels[1], axis=1)
        margin = 0.03 * view.height
        inside = (margin < pixels[1]).all() and pixels[1, 0] < view.width - margin and pixels[1, 1] < view.height - margin
        if inside and np.nanmin(apart) > _APART * length:
            first, side = bone.split(".")
            chain = _CHAINS[first]
            share = _share(scene, lambda name, chain=chain, side=side: name.startswith(chain) and name.endswith("." + side))
            return root, share, turn, np.column_stack((pixels, np.full(2, LEG if first == "thigh" else ARM)))
    return "", np.zeros(0), np.eye(3), None


def _share(scene: Scene, wanted: Callable[[str], bool]) -> np.ndarray:
    """(N,): how much of each vertex follows the bones that are wanted."""
    figure = scene.figure
    columns = [index for index, name in enumerate(figure.bone_names) if wanted(name)]
    result: np.ndarray = figure.shares[:, columns].sum(axis=1)
    return result


def _rotation(axis: np.ndarray, angle: float) -> np.ndarray:
    """(3, 3): Rodrigues' formula."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross


def _arms_apart(right: Sample) -> bool:
    """Whether both wrists are seen, far enough from each other that an exchange of the arms is a fault."""
    points = right.points
    left, other = points[BODY_INDEX["left_wrist"]], points[BODY_INDEX["right_wrist"]]
    return bool(left[2] and other[2] and np.linalg.norm(left[:2] - other[:2]) > _APART * torso(points))


def _any_near(differs: np.ndarray, point: np.ndarray) -> bool:
    x, y = int(point[0]), int(point[1])
    around = differs[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
    return bool(around.size and around.mean() > 0.3)


def _faces(sample: Sample) -> float:
    """Part of the picture that shows a drawn face."""
    return float(np.isin(sample.parts, _FACE_PARTS).mean())
