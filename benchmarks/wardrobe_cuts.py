# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the body comes through its clothes, as an eye sees it: in poses of the library, from all around.

    python benchmarks/wardrobe_cuts.py [--poses 60] [--bodies adult_woman athletic] [--out cuts.png]

Skin that clothes cover is meant to be behind them. Drawn from eight sides, a pixel counts as cut where such skin is in front of
everything else, and of the cloth behind it by more than one centimetre. Farther than six it is no cut: a leg that has left its
skirt. The baseline, in the same run, is the area of the cloth that is seen. Prints the worst poses of each outfit; writes the
worst view of all, skin that comes through in red. Needs the server's environment.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose.normalised import loads
from pose_to_anime.addon.wardrobe.outfit_files import read_outfits
from pose_to_anime.generation_server.models.builtin.rendering.figures import PEOPLE, SKIN_PART, Figure, dressed_figure
from pose_to_anime.generation_server.models.builtin.rendering.raster import OnScreen, rasterise
from pose_to_anime.generation_server.models.builtin.rendering.scenes import placed

VIEWS = 8
SIDE = 320
"""Pixels on a side of a view of 2.4 figure heights."""
LEAST, MOST = 0.01, 0.06
"""Metres between the skin in front and the cloth behind it."""
_AWAY = 50.0
"""Metres to the camera: so far that all rays are parallel."""


@dataclass(frozen=True)
class Cut:
    """Of one pose from one side, in square centimetres."""

    pose: str
    view: int
    area: float
    cloth: float


def drawn(points: np.ndarray, triangles: np.ndarray, two_sided: np.ndarray) -> np.ndarray:
    """Depth (SIDE, SIDE) in metres of triangles (T, 3) of points (N, 3); infinite where there is none."""
    depth = np.full(SIDE * SIDE, np.inf, dtype=np.float32)
    if len(triangles):
        found = rasterise(
            [OnScreen(torch.from_numpy(points), torch.from_numpy(triangles), torch.from_numpy(two_sided))], SIDE, SIDE
        )
        depth[found.pixels.numpy()] = found.depth.numpy()
    return depth.reshape(SIDE, SIDE)


def hidden_triangles(figure: Figure) -> np.ndarray:
    """The skin's triangles that clothes cover."""
    shown = {tuple(triangle) for triangle in figure.dressed[figure.parts == SKIN_PART].tolist()}
    return np.array([triangle for triangle in figure.bare.tolist() if tuple(triangle) not in shown], dtype=np.int32).reshape(
        -1, 3
    )


def seen_from(world: np.ndarray, azimuth: float, height: float) -> np.ndarray:
    """Vertices (N, 3) float32 as the rasteriser takes them: x and y in pixels, and the depth."""
    middle = (world.min(axis=0) + world.max(axis=0)) / 2.0
    cosine, sine = math.cos(azimuth), math.sin(azimuth)
    x, y, z = (world - middle).T
    scale = SIDE / (2.4 * height)
    across, away = cosine * x + sine * y, cosine * y - sine * x
    return np.stack((SIDE / 2 + scale * across, SIDE / 2 - scale * z, away + _AWAY), axis=1).astype(np.float32)


def cuts_in(figure: Figure, pose: str) -> tuple[list[Cut], dict[int, tuple[np.ndarray, np.ndarray]]]:
    """The cuts of a pose from each side, and for each side the cut pixels and the depth of all."""
    _matrices, world, _body = placed(figure, loads((RIGS / "poses" / f"{pose}.json").read_text("utf-8")))
    hidden, cloth = hidden_triangles(figure), figure.dressed[figure.layers > 0]
    pixel = (2.4 * figure.height / SIDE * 100.0) ** 2
    cuts, views = [], {}
    for view in range(VIEWS):
        points = seen_from(world, 2.0 * math.pi * view / VIEWS, figure.height)
        skin = drawn(points, hidden, np.zeros(len(hidden), dtype=bool))
        everything = drawn(points, figure.dressed, figure.two_sided)
        behind = drawn(points, cloth, np.ones(len(cloth), dtype=bool))
        cut = (skin < everything - LEAST) & (behind < skin + MOST)
        cuts.append(Cut(pose, view, float(cut.sum() * pixel), float(np.isfinite(behind).sum() * pixel)))
        views[view] = (cut, np.minimum(everything, skin))
    return cuts, views


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=int, default=60)
    parser.add_argument("--bodies", nargs="+", default=["adult_woman"], choices=list(PEOPLE))
    parser.add_argument("--outfits", nargs="+", default=sorted(read_outfits().entries))
    parser.add_argument("--out", type=Path, default=Path("cuts.png"))
    options = parser.parse_args()
    names = sorted(path.stem for path in (RIGS / "poses").glob("*.json"))
    poses = [names[round(i * (len(names) - 1) / (options.poses - 1))] for i in range(options.poses)]
    worst, page = 0.0, None
    print(f"{'outfit':<16}{'body':<14}{'views cut':>10}{'cut cm²':>9}{'of cloth':>9}  worst: pose, view, cm²")
    for body in options.bodies:
        for name in options.outfits:
            figure = dressed_figure(body, {}, read_outfits().entries[name], PEOPLE[body][0])
            found: list[Cut] = []
            for pose in poses:
                cuts, views = cuts_in(figure, pose)
                found += cuts
                most = max(cuts, key=lambda cut: cut.area)
                if most.area > worst:
                    worst = most.area
                    page = shaded(*views[most.view])
            share = sum(cut.area for cut in found) / max(1.0, sum(cut.cloth for cut in found))
            touched = np.mean([cut.area > 1.0 for cut in found])
            top = sorted(found, key=lambda cut: -cut.area)[:3]
            told = "; ".join(f"{cut.pose} {cut.view} {cut.area:.0f}" for cut in top)
            mean = np.mean([cut.area for cut in found])
            print(f"{name:<16}{body:<14}{touched:>10.1%}{mean:>9.2f}{share:>9.3%}  {told}", flush=True)
    if page is not None:
        page.save(options.out)
        print(options.out)


def shaded(cut: np.ndarray, depth: np.ndarray) -> Image.Image:
    """A view by its depth, what comes through in red."""
    there = np.isfinite(depth)
    grey = np.zeros(depth.shape)
    grey[there] = 1.0 - 0.7 * (depth[there] - depth[there].min()) / max(float(np.ptp(depth[there])), 1e-6)
    picture = np.repeat((grey * 255).astype(np.uint8)[..., None], 3, -1)
    picture[cut] = (230, 30, 30)
    return Image.fromarray(picture).resize((3 * SIDE, 3 * SIDE), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
