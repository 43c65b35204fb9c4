# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the thumbnails of the pairs that ship with the extension: ``python -m pose_to_anime.addon.pair_previews [NAME …]``.

To be run whenever a pair, a pose that it rests on, or a figure changes; the pictures are committed under ``rigs/previews/pairs``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .background import run_and_leave

BODIES = ("adult_man", "adult_woman")

_ASIDE = math.radians(35.0)
"""How far one goes round two who face each other, so that neither hides the other."""


def write_previews(names: Sequence[str] = (), folder: Path | None = None, told: Callable[[str], None] = print) -> list[Path]:
    """Draw shipped pairs (all of them without ``names``) into ``folder``. Returns the files.

    The present scene is left behind. Raises UserError, PoseError.
    """
    import bpy
    import numpy as np
    from mathutils import Matrix

    from .armature.figures import figures_in
    from .armature.mannequin import add_mannequin
    from .armature.pairs import apply_pair
    from .armature.pose_tools import skin_points
    from .generate.pose_preview import preview
    from .passes.geometry import figure_surfaces
    from .pose.pairs import load_pair, pair_files, preview_path

    bpy.ops.wm.read_factory_settings(use_empty=True)
    figures = [add_mannequin(bpy.context, body) for body in BODIES]
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    written = []
    for name in names or pair_files():
        pair = load_pair(name)
        apply_pair(figures[0], figures[1], pair)
        points = np.concatenate([skin_points(figure) for figure in figures])
        axes = Matrix.Rotation(_ASIDE if abs(pair.turn) > math.pi / 2 and pair.looks else 0.0, 3, "Z")
        shown = figures_in(scene, view_layer)
        path = (folder or preview_path(name).parent) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            preview(points, axes, lambda depsgraph, shown=shown: figure_surfaces(scene, view_layer, depsgraph, shown))
        )
        written.append(path)
        told(f"{path.name}  {path.stat().st_size} bytes")
    return written


if __name__ == "__main__":
    run_and_leave(lambda: write_previews(sys.argv[1:]))
