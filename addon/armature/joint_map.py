# SPDX-License-Identifier: GPL-3.0-or-later
"""Armature maps: files that say which deform bone of a rig is which joint of the humanoid."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from ..errors import UserError
from ..package import RIGS
from ..pose.humanoid import JOINTS

JointMap = dict[str, str]
"""Humanoid joint → name of the deform bone."""


@cache
def joint_map(name: str) -> JointMap:
    """The map called ``name`` (``rigs/armature_maps/NAME.toml``). Do not change what it returns: it is shared."""
    return read_joint_map(RIGS / "armature_maps" / f"{name}.toml")


def read_joint_map(path: Path) -> JointMap:
    """Read and check a map file. Raises UserError."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UserError(f"The armature map {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The armature map {path.name} is not valid TOML: {error}.") from error
    joints = data.get("joints")
    if not isinstance(joints, dict) or not all(isinstance(bone, str) and bone for bone in joints.values()):
        raise UserError(f'The armature map {path.name} needs a table [joints] of lines like hips = "bone".')
    if unknown := [joint for joint in joints if joint not in JOINTS]:
        raise UserError(f"The armature map {path.name} names the unknown joint '{unknown[0]}'.")
    if len(set(joints.values())) != len(joints):
        raise UserError(f"The armature map {path.name} uses one bone for two joints.")
    return dict(joints)
