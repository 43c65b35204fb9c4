# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pose of the library on mannequins in a real Blender: it rests on what it says, its joints stay within their limits, no
limb goes through the body, and it is in balance where it says so. ``benchmarks/pose_fit.py`` asks this of every pose on every
body; here each pose is on the body it was made on, and on one other, so that every body has its share."""

import functools
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from fit_checks import Body, faults  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, mannequin_names  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose  # noqa: E402
from pose_to_anime.addon.armature.resting import seat_height  # noqa: E402
from pose_to_anime.addon.package import RIGS  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

MADE_ON = "adult_woman"
NAMES = sorted(path.stem for path in (RIGS / "poses").glob("*.json"))
OTHERS = [name for name in mannequin_names() if name != MADE_ON]
PAIRS = sorted((OTHERS[number % len(OTHERS)], name) for number, name in enumerate(NAMES))
"""By body, so that each is built once."""
SEAT_HEIGHT = 0.45
"""Metres: a common chair (ISO 5970 has seats of 0.42 to 0.46 m for adults)."""


@functools.lru_cache(maxsize=1)
def body(name: str) -> Body:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return Body(add_mannequin(bpy.context, name))


def pose_file(name: str) -> Path:
    return RIGS / "poses" / f"{name}.json"


@pytest.mark.parametrize("name", NAMES)
def test_a_pose_fits_the_body_that_it_was_made_on(name: str) -> None:
    assert faults(body(MADE_ON), load_pose(pose_file(name))) == []


@pytest.mark.parametrize(("other", "name"), PAIRS)
def test_a_pose_fits_another_body(other: str, name: str) -> None:
    assert faults(body(other), load_pose(pose_file(name))) == []


@pytest.mark.parametrize("name", NAMES[::6])
def test_the_figure_takes_the_pose_that_the_file_holds(name: str) -> None:
    figure, pose = body(MADE_ON).figure, load_pose(pose_file(name))
    apply_pose(figure, pose)
    again = read_pose(figure)
    worst = max(np.degrees(rot.angle_between(pose.rotation(joint), again.rotation(joint))) for joint in JOINTS)
    assert worst < 4.0, "its contacts hold there, but for a few millimetres of skin"


@pytest.mark.parametrize("name", NAMES)
def test_only_poses_on_a_seat_have_one(name: str) -> None:
    figure, pose = body(MADE_ON).figure, load_pose(pose_file(name))
    apply_pose(figure, pose)
    height = seat_height(figure)
    if any(contact.surface == "seat" for contact in pose.contacts):
        assert height == pytest.approx(SEAT_HEIGHT, abs=0.02)
    else:
        assert height is None
