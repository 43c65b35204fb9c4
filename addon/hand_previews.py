# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the thumbnails of the hand shapes that ship with the extension: ``python -m pose_to_anime.addon.hand_previews [NAME …]``.

To be run whenever a shape or the figure's hand changes; the pictures are committed under ``rigs/previews/hands``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .background import run_and_leave
from .package import RIGS

FOLDER = RIGS / "previews" / "hands"

_DEGREES = -32.0
"""From straight at the palm towards the thumb's side: fingers that are bent show what they do, and the thumb crosses them."""
_TALL = 1.16
"""How much a picture shows, in lengths of the hand."""
_MIDDLE = 0.5
_ROLLS = {"thumbs_up": 70.0}
"""Degrees by which a picture is turned clockwise, so that what points up does."""


def write_previews(names: Sequence[str] = (), folder: Path = FOLDER, told: Callable[[str], None] = print) -> list[Path]:
    """Draw shipped hand shapes (all of them without ``names``) into ``folder``. Returns the files.

    The present scene is left behind. Raises UserError, HandError.
    """
    import bpy
    from mathutils import Matrix

    from .armature.figures import figures_in
    from .armature.hands import apply_hand
    from .armature.mannequin import add_mannequin
    from .armature.posing import apply_pose
    from .generate.pose_preview import preview_through
    from .hand_sheets import hand_view
    from .passes.geometry import figure_surfaces
    from .pose.hands import hand_names, load_hand
    from .pose.normalised import Pose

    shapes = {name: load_hand(name) for name in names or hand_names()}
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    figure = add_mannequin(bpy.context)
    apply_pose(figure, Pose("T", {}))
    camera = bpy.data.objects.new("Preview", bpy.data.cameras.new("Preview"))
    scene.collection.objects.link(camera)
    length, upright = hand_view(figure, _DEGREES, _MIDDLE)
    camera.data.type, camera.data.ortho_scale, camera.data.clip_start = "ORTHO", length * _TALL, 0.01
    seen = figures_in(scene, view_layer)
    written = []
    for name, shape in shapes.items():
        apply_hand(figure, "L", shape)
        camera.matrix_world = upright @ Matrix.Rotation(math.radians(_ROLLS.get(name, 0.0)), 4, "Z")
        path = folder / f"{name}.png"
        path.write_bytes(preview_through(camera, lambda depsgraph: figure_surfaces(scene, view_layer, depsgraph, seen)))
        written.append(path)
        told(f"{path.name}  {path.stat().st_size} bytes")
    return written


if __name__ == "__main__":
    run_and_leave(lambda: write_previews(sys.argv[1:]))
