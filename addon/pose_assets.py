# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the pose library as native pose assets: ``python -m pose_to_anime.addon.pose_assets``, with Blender 4.2 as a module.

To be run whenever a pose, the rig or the default figure changes; ``rigs/assets`` is committed. Blender 4.2 writes it, because
what newer ones write it cannot read. Each asset is an action of one frame that holds the *controls* of the default figure: the
joints' own rotations, the hips' place from the root, and the dots of hands, elbows, feet and knees. Where both change, the joints
win (see ``armature.matching``), so that a pose means the same on every body.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .background import run_and_leave
from .errors import UserError
from .package import ASSETS

if TYPE_CHECKING:
    import bpy

    from .pose.collection import Entry

BLEND, CATALOGUES = "poses.blend", "blender_assets.cats.txt"
LIBRARY = "Pose to Anime"
_SPACE = uuid.UUID("6f0d3a1c-55c0-4a0e-9a53-2f5d3bb0a1d7")
"""Any number that never changes: the catalogues' own numbers follow from it, so that a new file keeps them."""
_LICENCE = "GPL-3.0-or-later"
SOURCE = "pose_to_anime_source"
"""Name of the custom property of an asset that holds the fingerprint of what it was made from."""
_WRITER = 1
"""To be raised with every change of this file that changes what it writes."""


def fingerprint(entry: Entry) -> str:
    """What an asset is made from, as one number: the pose, its thumbnail, the default body, the limits, and how it is written.

    Line ends do not count: they differ between checkouts.
    """
    from .armature.mannequin import DEFAULT_MANNEQUIN
    from .package import RIGS

    found = hashlib.sha256(str(_WRITER).encode())
    for path in (entry.path, RIGS / "mannequins" / f"{DEFAULT_MANNEQUIN}.toml", RIGS / "joint_limits.toml"):
        found.update(path.read_text("utf-8").encode("utf-8"))
    if entry.preview_path.is_file():
        found.update(entry.preview_path.read_bytes())
    return found.hexdigest()


def shipped_poses() -> dict[str, Entry]:
    """Key → pose, of the poses that come with the extension."""
    from .package import RIGS
    from .pose.collection import read_collection

    return {entry.key: entry for entry in read_collection().entries if entry.path.parent == RIGS / "poses"}


def catalogue_of(group: str) -> str:
    """The number of a group's catalogue."""
    return str(uuid.uuid5(_SPACE, group))


def write_assets(
    folder: Path = ASSETS, names: Sequence[str] = (), told: Callable[[str], None] = lambda _line: None
) -> tuple[Path, Path]:
    """Write shipped poses (all of them without ``names``) and their catalogues into ``folder``. Returns both files.

    The present scene is left behind. Raises UserError, PoseError; then no file has been changed.
    """
    import bpy

    from .armature.mannequin import add_mannequin
    from .armature.posing import apply_pose
    from .pose.library import load_pose

    shipped = shipped_poses()
    if unknown := [name for name in names if name not in shipped]:
        raise UserError(f"No pose '{unknown[0]}' ships with the extension.")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context)
    actions = set()
    for name in names or shipped:
        apply_pose(figure, load_pose(shipped[name].path))
        actions.add(_asset(figure, shipped[name]))
        told(name)
    folder.mkdir(parents=True, exist_ok=True)
    blend, catalogues = folder / BLEND, folder / CATALOGUES
    part = blend.with_name(f"{blend.stem}.part.blend")
    bpy.data.libraries.write(str(part), actions, fake_user=True, compress=True)
    part.replace(blend)
    catalogues.write_text(_catalogues(sorted({entry.group for entry in shipped.values()})), encoding="utf-8", newline="\n")
    return blend, catalogues


def controls_of(figure: bpy.types.Object) -> dict[str, Mapping[str, Sequence[float]]]:
    """Bone → channel → values: what a pose asset holds of a figure."""
    from .armature.joint_map import joint_map
    from .armature.limbs import LIMBS

    bones = joint_map("mannequin")
    moved = {bones["hips"], *(name for limb in LIMBS for name in (limb.target, limb.hinge))}
    found: dict[str, Mapping[str, Sequence[float]]] = {}
    for name in dict.fromkeys((*bones.values(), *sorted(moved))):
        bone = figure.pose.bones[name]
        channels = {"rotation_quaternion": tuple(bone.rotation_quaternion)}
        found[name] = {**channels, "location": tuple(bone.location)} if name in moved else channels
    return found


def _asset(figure: bpy.types.Object, entry: Entry) -> bpy.types.Action:
    import bpy

    from .compat import new_curve

    action = bpy.data.actions.new(entry.title)
    for bone, channels in controls_of(figure).items():
        for channel, values in channels.items():
            for index, value in enumerate(values):
                curve = new_curve(action, f'pose.bones["{bone}"].{channel}', index, bone)
                curve.keyframe_points.insert(1.0, value)
    action[SOURCE] = fingerprint(entry)
    action.asset_mark()
    asset = action.asset_data
    asset.author, asset.license, asset.description = LIBRARY, _LICENCE, f"{entry.title}: a pose for mannequins of {LIBRARY}"
    asset.catalog_id = catalogue_of(entry.group)
    for tag in entry.tags:
        asset.tags.new(tag, skip_if_exists=True)
    if entry.preview_path.is_file():
        picture = bpy.data.images.load(str(entry.preview_path))
        preview = action.preview_ensure()
        preview.image_size = picture.size
        preview.image_pixels_float = picture.pixels[:]
        bpy.data.images.remove(picture)
    return action


def _catalogues(groups: Sequence[str]) -> str:
    lines = [f"{catalogue_of(group)}:{LIBRARY}/{group.capitalize()}:{LIBRARY.replace(' ', '_')}-{group}" for group in groups]
    return "\n".join(["VERSION 1", "", *lines]) + "\n"


def main() -> None:
    from .compat import writes_for_every_blender

    if not writes_for_every_blender():
        raise UserError("Pose assets must be written by Blender 4.2, or it could not read them: run this with bpy 4.2.")
    try:
        for path in write_assets():
            print(f"{path.name}  {path.stat().st_size} bytes")
    except (OSError, RuntimeError) as error:
        raise UserError(str(error)) from error


if __name__ == "__main__":
    run_and_leave(main)
