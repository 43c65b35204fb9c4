# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the thumbnails of the props that ship with the extension: ``python -m pose_to_anime.addon.prop_previews [NAME …]``.

To be run whenever a prop changes; the pictures are committed under ``rigs/previews/props``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .background import run_and_leave
from .errors import UserError
from .package import RIGS

FOLDER = RIGS / "previews" / "props"


def write_previews(names: Sequence[str] = (), folder: Path = FOLDER, told: Callable[[str], None] = print) -> list[Path]:
    """Draw shipped props (all of them without ``names``) into ``folder``. Returns the files.

    The present scene is left behind. Raises UserError.
    """
    import bpy
    import numpy as np
    from mathutils import Matrix

    from .armature.props.objects import add_prop_object, remove_props
    from .armature.props.prop_file import load_prop
    from .generate.pose_preview import preview
    from .passes.geometry import ticked_surfaces

    shipped = [path.stem for path in sorted((RIGS / "props").glob("*.toml"))]
    if unknown := [name for name in names if name not in shipped]:
        raise UserError(f"No prop '{unknown[0]}' ships with the extension.")
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    view_layer = bpy.context.view_layer
    written = []
    for name in names or shipped:
        added = add_prop_object(bpy.context.scene.collection, load_prop(name))
        tilt = Matrix.Rotation(np.radians(_TILTS.get(name, 0.0)), 4, "Y")
        added.matrix_world = tilt
        points = np.array([tilt @ vertex.co for vertex in added.data.vertices])
        path = folder / f"{name}.png"
        axes = Matrix.Rotation(np.radians(_TURNS.get(name, 0.0)), 3, "Z")
        path.write_bytes(preview(points, axes, lambda depsgraph: ticked_surfaces(view_layer, depsgraph, [])))
        remove_props([added])
        written.append(path)
        told(f"{path.name}  {path.stat().st_size} bytes")
    return written


_TILTS = {"sword": 40.0, "staff": 35.0, "umbrella": 25.0, "guitar": 30.0, "phone": 12.0}
"""Degrees by which long things are leant, so that they fill a square picture."""
_TURNS = {"sword": -30.0, "staff": -35.0, "phone": -10.0, "book": -20.0, "cup": 75.0, "guitar": -22.0, "umbrella": -35.0}
"""Degrees by which one goes round them, to where they show best what they are."""


if __name__ == "__main__":
    run_and_leave(lambda: write_previews(sys.argv[1:]))
