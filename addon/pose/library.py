# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library: the poses that ship with the extension, and the user's own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...generation_server.protocol import user_data_dir
from ..package import RIGS
from .bvh import read_bvh
from .normalised import GROUPS, Pose, PoseError, loads
from .retarget import pose_of_frame

SUFFIX = ".json"
_BVH = re.compile(r"(.*\.bvh)(?::(\d{1,9}))?$", re.IGNORECASE | re.DOTALL)


def pose_folders() -> tuple[Path, ...]:
    """Where poses are looked for. The user's own come first, so that a pose saved under a shipped name takes its place."""
    return (user_data_dir() / "poses", RIGS / "poses")


def pose_files() -> dict[str, Path]:
    """File stem → file of every pose, sorted by name."""
    found: dict[str, Path] = {}
    for folder in reversed(pose_folders()):
        if folder.is_dir():
            found.update((path.stem, path) for path in folder.glob(f"*{SUFFIX}"))
    return dict(sorted(found.items()))


def pose_names() -> list[str]:
    """The names that ``load_pose`` takes, sorted."""
    return list(pose_files())


def poses_by_group(group: str = "") -> dict[str, dict[str, Pose]]:
    """Every pose by its group and, in it, by its name; with ``group``, that one alone. Our own groups come first.

    Raises PoseError for a group that no pose has, or a file that is no pose.
    """
    found: dict[str, dict[str, Pose]] = {}
    for name in pose_names():
        pose = load_pose(name)
        found.setdefault(pose.group, {})[name] = pose
    order = [known for known in GROUPS if known in found] + sorted(set(found) - set(GROUPS))
    if group and group not in found:
        raise PoseError(f"There is no group '{group}' of poses. Known groups: {', '.join(filter(None, order))}.")
    return {known: found[known] for known in order if group in ("", known)}


def described(groups: Mapping[str, Mapping[str, Pose]]) -> Iterator[str]:
    """A line of text for each pose: name, group, title and tags."""
    for group, poses in groups.items():
        for name, pose in poses.items():
            yield f"{name:<28} {group:<10} {pose.name}" + (f" ({', '.join(pose.tags)})" if pose.tags else "")


def load_pose(name_or_path: str | Path) -> Pose:
    """A pose of the library by name, or of any file by its path: a pose file, or a frame of a BVH file (``walk.bvh:120``; without
    a number its first). Raises PoseError."""
    if bvh := _BVH.match(str(name_or_path)):
        return bvh_pose(Path(bvh[1]), int(bvh[2] or 1))
    path = _find(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PoseError(f"{path.name} is not a text file; choose a pose file that was saved by Pose to Anime.") from error
    except OSError as error:
        raise PoseError(f"The pose file {path} cannot be read: {error.strerror or error}.") from error
    return loads(text, source=path.name)


def bvh_pose(path: Path, frame: int) -> Pose:
    """A frame (from 1) of a BVH file as a pose that faces the front, named after the file. Raises PoseError."""
    if not path.is_file():
        raise PoseError(f"There is no BVH file {path}.")
    take = read_bvh(path)
    take.frame_index(frame)  # before the skeleton is looked at
    name = path.stem.replace("_", " ").strip() or "BVH"
    return pose_of_frame(take, frame, name if take.frames == 1 else f"{name} {frame}")


def _find(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, str):
        files = pose_files()
        if name_or_path in files:
            return files[name_or_path]
    path = Path(name_or_path)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        if path.is_file():
            return path
        raise PoseError(f"There is no pose file {path}.")
    near = difflib.get_close_matches(str(name_or_path), pose_names(), 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "“studio.py poses --list” and the panel show those there are."
    raise PoseError(f"There is no pose '{name_or_path}': {hint}")
