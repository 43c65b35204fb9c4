# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the thumbnails of the poses that ship with the extension: ``python -m pose_to_anime.addon.pose_previews [NAME …]``.

To be run whenever a pose or the figure changes; the pictures are committed under ``rigs/previews/poses``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .background import run_and_leave
from .errors import UserError


def write_previews(names: Sequence[str] = (), folder: Path | None = None, told: Callable[[str], None] = print) -> list[Path]:
    """Render shipped poses (all of them without ``names``) on the default figure into ``folder``. Returns the files.

    The present scene is left behind. Pictures of poses that are gone are deleted when all are made. Raises UserError, PoseError.
    """
    import bpy

    from .armature.mannequin import add_mannequin
    from .armature.posing import apply_pose
    from .generate.pose_preview import pose_preview
    from .package import RIGS
    from .pose.collection import shipped_previews
    from .pose.library import load_pose

    shipped = {path.stem: path for path in sorted((RIGS / "poses").glob("*.json"))}
    if unknown := [name for name in names if name not in shipped]:
        raise UserError(f"No pose '{unknown[0]}' ships with the extension.")
    target = folder or shipped_previews()
    target.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context)
    written = []
    for name in names or shipped:
        apply_pose(figure, load_pose(shipped[name]))
        path = target / f"{name}.png"
        path.write_bytes(pose_preview(figure))
        written.append(path)
        told(f"{path.name}  {path.stat().st_size} bytes")
    if not names:
        for path in target.glob("*.png"):
            if path.stem not in shipped:
                path.unlink()
    return written


if __name__ == "__main__":
    run_and_leave(lambda: write_previews(sys.argv[1:]))
