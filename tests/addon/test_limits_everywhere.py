# SPDX-License-Identifier: GPL-3.0-or-later
"""A body's own limits, and the switch that lifts all limits, reach whatever turns a joint."""

import math

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from pose_to_anime.addon.armature.limits import set_lifted  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose  # noqa: E402
from rig_scene import Limited, registered  # noqa: E402, F401


def figure_of(body: str, lifted: bool) -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context, body)
    set_lifted(figure, lifted)
    return figure


@pytest.mark.parametrize(
    ("body", "lifted", "expected"), [("adult_woman", False, -70), ("athletic", False, -76), ("adult_woman", True, -76)]
)
def test_more_dynamic_goes_as_far_as_the_figures_own_limits(body, lifted, expected) -> None:
    """An athlete spreads her legs farther than others, and without limits everyone does."""
    figure = figure_of(body, lifted=False)
    limit = Limited(figure).limits.joints["leftUpperLeg"]
    set_lifted(figure, lifted)
    apply_pose(figure, Pose("High", {"leftUpperLeg": limit.rotation(np.radians((50.0, 0.0, -62.0)))}, (0.0, 0.0, 0.5)))
    figure.pose_to_anime_dynamic = 1.0
    assert math.degrees(limit.angles(read_pose(figure).rotation("leftUpperLeg"))[2]) == pytest.approx(expected, abs=1.0)
