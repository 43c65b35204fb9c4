# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples to train on and to judge by: a dressed figure's picture, what Blender would send of the bare one, and what is true of
it.

A sample depends on its seed and size alone. Figures are costly to dress, so that neighbouring seeds share one.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .....addon.openpose.drawing import draw_people
from .....addon.openpose.layout import BODY_INDEX, FACE_POINTS_OF_BODY
from .....addon.openpose.person import Person
from .....addon.openpose.pose_json import DECIMALS
from .....addon.passes.buffers import Buffers
from .....addon.passes.depth import depth_image
from .....addon.passes.rays import Blocker
from .....addon.passes.sight import person_at, seen_past
from .....addon.passes.view import View
from .backgrounds import random_background
from .captions import caption, view_tags
from .figures import PARTS, Figure
from .poses import PosedBy
from .raster import Drawn, OnScreen, rasterise, taken
from .scenes import Scene, random_scene
from .shading import outlined, toned

POSES_PER_FIGURE = 24
"""How many neighbouring seeds share a figure."""
_BELOW_HEAD = ("neck", "upper_chest", "chest", "shoulder.L", "shoulder.R")
_DEPTH_IN_LIMB = {"Hip": 0.14, "hip": 0.14, "shoulder": 0.10, "knee": 0.09, "neck": 0.12}
_DEPTH_ELSEWHERE = 0.07
"""Metres, on a figure of 1.7 m, that a joint lies under the skin through which it is seen."""
_LOOSE = 0.05
"""Metres above the skin, on the same figure, to which cloth still shows the limb under it; a wide skirt does not."""
_AT_ONCE = 8
"""Pictures that a processor draws in one go: few enough for its caches, many enough for torch."""
_LEAST_PIXELS = 0.0015
"""Part of the picture from which on a garment is worth a tag."""
_LEAST_EYES = 14
"""Pixels of both irises from which on one sees their colour."""
_LEAST_FACE = 60
"""Pixels of all that is drawn on a face from which on one reads its expression."""


@dataclass(frozen=True, eq=False)
class Sample:
    """``picture``, ``openpose`` and ``depth`` are (H, W, 3) uint8, ``mask`` (H, W) bool is where the dressed figure is, ``parts``
    (H, W) uint8 the values of ``figures.PARTS``. ``points`` (18, 3) float32: x and y in pixels of every body point that is in the
    picture's plane (NaN behind the camera), and 1 where it is in the picture and nothing hides it, else 0. ``person`` is what
    ``openpose`` draws."""

    seed: int
    picture: np.ndarray
    openpose: np.ndarray
    depth: np.ndarray
    mask: np.ndarray
    parts: np.ndarray
    points: np.ndarray
    person: Person
    caption: str
    pose: str
    azimuth: float


def render_samples(
    seeds: Sequence[int], size: tuple[int, int], device: str | torch.device = "cpu", figure_seeds: Sequence[int] | None = None
) -> list[Sample]:
    """A sample of ``size`` (width, height) for each seed. Seeds from ``poses.HELD_OUT_SEEDS`` on have poses that others never
    have.

    ``figure_seeds`` puts other figures into the same poses, before the same cameras: what differs between two pictures of one
    case.
    """
    width, height = size
    wearers = [seed // POSES_PER_FIGURE for seed in seeds] if figure_seeds is None else list(figure_seeds)
    place = torch.device(device)
    step = _AT_ONCE if place.type == "cpu" else max(1, len(seeds))
    samples: list[Sample] = []
    for first in range(0, len(seeds), step):
        part = slice(first, first + step)
        scenes = [random_scene(seed, wearer, width, height) for seed, wearer in zip(seeds[part], wearers[part], strict=True)]
        samples += draw_scenes(scenes, width, height, place)
    return samples


def draw_scenes(scenes: list[Scene], width: int, height: int, device: torch.device) -> list[Sample]:
    """A sample of each scene, in pictures of ``width`` × ``height`` pixels."""
    count = len(scenes)
    pixel_count = width * height
    bare, dressed, normals = [], [], []
    for scene in scenes:
        world = torch.from_numpy(np.ascontiguousarray(scene.world)).to(device)
        points = _on_screen(world, scene.framing.view)
        bare.append(OnScreen(points, *_triangles(scene.figure, "bare", device)))
        dressed.append(OnScreen(points, *_triangles(scene.figure, "dressed", device)))
        normals.append(_normals(world, dressed[-1].triangles))
    pictures = bare + dressed
    offsets = list(itertools.accumulate((len(each.triangles) for each in pictures), initial=0))[count:]
    drawn = rasterise(pictures, width, height)
    depth = torch.full((2 * count * pixel_count,), math.inf, device=device)
    depth[drawn.pixels] = drawn.depth
    depth = depth.view(2 * count, height, width)
    backgrounds, tags = zip(
        *(random_background(scene.chance, width, height, scene.framing.pitch) for scene in scenes), strict=True
    )
    painted, parts = _painted(scenes, dressed, drawn, offsets, normals, depth[count:], np.stack(backgrounds), device)
    depths, parts_out = depth.cpu().numpy(), parts.cpu().numpy()
    images = painted.permute(0, 2, 3, 1).cpu().numpy()
    return [
        _sample(scene, images[i], depths[i], depths[count + i], parts_out[i], list(tags[i])) for i, scene in enumerate(scenes)
    ]


def _on_screen(world: torch.Tensor, view: View) -> torch.Tensor:
    """(N, 3): x and y in pixels, y down, and depth in metres."""
    to_clip = torch.from_numpy((view.projection @ view.to_camera)[[0, 1, 3]]).to(world)
    clip = world @ to_clip[:, :3].T + to_clip[:, 3]
    weight = torch.where(clip[:, 2] > 1e-4, clip[:, 2], torch.full_like(clip[:, 2], math.nan))
    x = (clip[:, 0] / weight + 1.0) * (view.width / 2.0)
    y = (1.0 - clip[:, 1] / weight) * (view.height / 2.0)
    behind = weight.isnan()
    return torch.stack((x, y, weight), 1).masked_fill(behind[:, None], 0.0)


def _triangles(figure: Figure, which: str, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The triangles "bare" or "dressed" of a figure, and which are seen from behind too."""
    triangles = torch.from_numpy(getattr(figure, which)).to(device).long()
    if which == "dressed":
        return triangles, torch.from_numpy(figure.two_sided).to(device)
    return triangles, torch.zeros(len(triangles), dtype=torch.bool, device=device)


def _normals(world: torch.Tensor, triangles: torch.Tensor) -> torch.Tensor:
    """(N, 3): normals of vertices, not of unit length."""
    corners = triangles.T.contiguous()
    a, b, c = (taken(world, corner) for corner in corners)
    face = torch.linalg.cross(b - a, c - a)
    result = torch.zeros_like(world)
    for corner in corners:
        result.index_add_(0, corner, face)
    return result


def _painted(
    scenes: list[Scene], dressed: list[OnScreen], drawn: Drawn, offsets: list[int], normals: list[torch.Tensor],
    depth: torch.Tensor, backgrounds: np.ndarray, device: torch.device,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Pictures (B, 3, H, W) uint8 and part maps (B, H, W) uint8 of the dressed figures."""
    count, height, width = depth.shape
    area = height * width
    colours = torch.from_numpy(backgrounds.astype(np.float32) / 255.0).to(device).view(-1, 3)
    parts = torch.zeros(count * area, dtype=torch.uint8, device=device)
    layers = torch.full((count * area,), -1, dtype=torch.int16, device=device)
    edges = torch.searchsorted(drawn.pixels, torch.arange(count, 2 * count + 1, device=device) * area)
    for number, scene in enumerate(scenes):
        rows = slice(int(edges[number]), int(edges[number + 1]))
        pixels = drawn.pixels[rows] - count * area
        triangle = drawn.triangles[rows] - offsets[number]
        figure = scene.figure
        corners = dressed[number].triangles.T
        normal = sum(
            taken(normals[number], taken(corner, triangle)) * share[:, None]
            for corner, share in zip(corners, drawn.inside[rows].T, strict=True)
        )
        normal = normal / normal.norm(dim=1, keepdim=True).clamp(min=1e-12)
        view = scene.framing.view
        towards = torch.from_numpy(view.to_camera[:3, :3]).to(normal)
        # Cloth is seen from inside too: a normal that looks away is turned round.
        away = (normal @ towards[2]) < -0.15
        normal = torch.where(away[:, None], -normal, normal)
        light = torch.tensor(_light(scene.seed), dtype=normal.dtype, device=device) @ towards
        flat = taken(torch.from_numpy(figure.flat).to(device), triangle)
        colour = taken(torch.from_numpy(figure.colours).to(device), triangle)
        colours[pixels] = toned(colour, normal @ light, flat)
        parts[pixels] = taken(torch.from_numpy(figure.parts.astype(np.uint8)).to(device), triangle)
        layers[pixels] = taken(torch.from_numpy(figure.layers).to(device), triangle)
    nearness = torch.where(torch.isinf(depth), torch.zeros_like(depth), 1.0 / depth)
    pictures = colours.view(count, height, width, 3).permute(0, 3, 1, 2)
    pictures = outlined(pictures, layers.view(count, height, width), nearness)
    return (pictures.clamp(0.0, 1.0) * 255.0 + 0.5).to(torch.uint8), parts.view(count, height, width)


def _light(seed: int) -> tuple[float, float, float]:
    """Where light comes from, in the camera's axes: from above, left or right, and the front."""
    chance = random.Random(f"light {seed}")
    x, y, z = chance.uniform(-0.7, 0.7), chance.uniform(0.4, 0.9), chance.uniform(0.3, 0.8)
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def _sample(
    scene: Scene, picture: np.ndarray, bare: np.ndarray, dressed: np.ndarray, parts: np.ndarray, background: list[str]
) -> Sample:
    view, chance = scene.framing.view, scene.chance
    present = np.isfinite(scene.body).all(axis=1)
    seen = seen_past(scene.body, present, [_head(scene.figure, scene.world)], view)
    person = person_at(scene.body, present & seen, view).rounded(DECIMALS)
    openpose = draw_people([person], view.width, view.height)
    sent = dressed if scene.dressed_depth else bare
    depth = depth_image(Buffers(sent, np.isfinite(sent).astype(np.uint8)))
    points = _points(scene, seen, bare, dressed)
    amount = np.bincount(parts.ravel(), minlength=len(PARTS) + 1)
    shown = {name for name, value in PARTS.items() if name != "skin" and amount[value] > _LEAST_PIXELS * parts.size}
    shown -= {"eyes"}
    if amount[PARTS["eyes"]] >= _LEAST_EYES:
        shown.add("eyes")
    face_seen = bool(person.body[BODY_INDEX["nose"], 2]) and amount[PARTS["face"]] + amount[PARTS["eyes"]] >= _LEAST_FACE
    pose, group = _told(scene.posed, person)
    view_words = view_tags(scene.framing.azimuth, scene.framing.pitch, scene.framing.shot)
    words = caption(chance, scene.figure.people, scene.figure.outfit, shown, face_seen, pose, group, view_words, background)
    return Sample(
        scene.seed,
        picture,
        openpose,
        depth,
        np.isfinite(dressed),
        parts,
        points,
        person,
        words,
        scene.posed.name,
        scene.framing.azimuth,
    )


def _told(posed: PosedBy, person: Person) -> tuple[str, str]:
    """The pose and the group that a picture tells: without a knee in it one cannot say whether somebody runs, without a hand not
    what it does."""
    there = {name: bool(person.body[index, 2]) for index, name in enumerate(BODY_INDEX)}
    legs = there["right_knee"] or there["left_knee"] or posed.group == "lying"
    hands = there["right_wrist"] or there["left_wrist"]
    pose = posed.name if legs or posed.group in ("standing", "gestures") else ""
    return pose if hands else "", posed.group if legs else ""


def _head(figure: Figure, world: np.ndarray) -> Blocker:
    """The bare head, and what it stands on, as ``passes.head`` finds them."""
    triangles, used = _head_of(figure)
    return Blocker(world.astype(np.float64), triangles, used)


@functools.lru_cache(maxsize=32)
def _head_of(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    columns = [i for i, name in enumerate(figure.bone_names) if name in ("head", *_BELOW_HEAD)]
    mine = figure.shares[:, columns].sum(axis=1) > 0.5
    triangles = figure.bare[mine[figure.bare].all(axis=1)]
    used = np.zeros(len(mine), dtype=bool)
    used[triangles] = True
    return triangles, used


def _points(scene: Scene, seen: np.ndarray, bare: np.ndarray, dressed: np.ndarray) -> np.ndarray:
    """(18, 3): where the body's points are, and whether each is in the picture and neither behind the body nor under cloth or
    hair that says nothing of where it is."""
    view = scene.framing.view
    pixels, depth = view.project(scene.body)
    neck, left, right = (BODY_INDEX[name] for name in ("neck", "left_shoulder", "right_shoulder"))
    pixels[neck], depth[neck] = (pixels[left] + pixels[right]) / 2.0, (depth[left] + depth[right]) / 2.0
    inside = view.contains(pixels)
    scale = scene.figure.height / 1.7
    visible = np.zeros(18, dtype=bool)
    for index, name in enumerate(BODY_INDEX):
        if not inside[index]:
            continue
        if index in FACE_POINTS_OF_BODY:
            visible[index] = seen[index]
        allowed = next((value for key, value in _DEPTH_IN_LIMB.items() if key in name), _DEPTH_ELSEWHERE) * scale
        if index not in FACE_POINTS_OF_BODY or visible[index]:
            x, y = int(pixels[index, 0]), int(pixels[index, 1])
            above = depth[index] - allowed
            visible[index] = bare[y, x] > above and dressed[y, x] > above - _LOOSE * scale
    return np.column_stack((pixels, visible)).astype(np.float32)
