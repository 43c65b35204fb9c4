# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be reached with dots and rings alone: a scripted artist poses the figure after places of joints."""

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from artist import BONES, MOST_ACTIONS, Artist, errors, mean_error, seen_places, targets  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, reset_pose  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose, pose_names  # noqa: E402
from rig_scene import figure_fixture, registered, worst_dot  # noqa: E402, F401

SAMPLE = ("throwing a ball", "kneeling to look under a bed", "sitting on the floor, one knee up", "tennis serve", "shivering")


def test_a_pose_is_reached_in_twelve_actions(figure) -> None:
    for name in SAMPLE:
        target = targets()[name]
        reset_pose(figure)
        assert mean_error(figure, target) > 20.0, "the pose is far from where the artist begins"
        artist = Artist(figure, target)
        artist.work()
        assert mean_error(figure, target) < 5.0, (name, artist.done)
        assert len(artist.done) <= MOST_ACTIONS
        assert worst_dot(figure) < 1e-3


def test_there_are_twenty_targets_of_whole_bodies_on_the_ground() -> None:
    found = targets()
    assert len(found) == 20
    for name, places in found.items():
        assert set(places) == {joint for bone in BONES for joint in bone}, name
        assert 0.0 < min(place[2] for place in places.values()) < 0.12, name


def test_the_targets_are_no_poses_of_the_library(figure) -> None:
    nearest = dict.fromkeys(targets(), 180.0)
    for pose in pose_names()[::4]:
        apply_pose(figure, load_pose(pose))
        now = seen_places(figure)
        for name, target in targets().items():
            nearest[name] = min(nearest[name], float(np.mean(list(errors(now, target).values()))))
    assert min(nearest.values()) > 8.0, nearest
