# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pose of the library on a mannequin in a real Blender: it rests on what it says, and nothing sinks into the ground."""

from collections.abc import Iterator

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from pose_to_anime.addon.armature.joint_map import joint_map  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, read_pose  # noqa: E402
from pose_to_anime.addon.package import RIGS  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.humanoid import FINGER_JOINTS, JOINTS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose  # noqa: E402

NAMES = sorted(path.stem for path in (RIGS / "poses").glob("*.json"))
TOLERANCE = 0.005
"""Metres that feet and seat may be above or below what carries them, and the most that anything may sink in."""
SOFT = 0.02
"""Metres for knees, hands and the trunk. What is lifted to the ground is reckoned without the skin's stretching at the joints."""
SEAT_HEIGHT = 0.45
"""Metres: a common chair (ISO 5970 has seats of 0.42 to 0.46 m for adults)."""
HEELS = 0.16
"""Metres around a hip joint within which the thigh's skin is sat upon."""


@pytest.fixture(scope="module")
def figure() -> Iterator[bpy.types.Object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    pose_to_anime.register()
    yield add_mannequin(bpy.context)
    pose_to_anime.unregister()


@pytest.fixture(scope="module")
def carried_by(figure: bpy.types.Object) -> np.ndarray:
    """For each vertex of the skin the name of the bone that moves it most."""
    (skin,) = skins_of(figure)
    names = [group.name for group in skin.vertex_groups]
    return np.array([names[max(v.groups, key=lambda share: share.weight).group] for v in skin.data.vertices])


@pytest.fixture(scope="module")
def sat_upon(figure: bpy.types.Object, carried_by: np.ndarray) -> np.ndarray:
    (skin,) = skins_of(figure)
    rest = np.array([v.co for v in skin.data.vertices])
    chosen = carried_by == "hips"
    for thigh in ("thigh.L", "thigh.R"):
        near = np.linalg.norm(rest - np.array(figure.data.bones[thigh].head_local), axis=1) < HEELS
        chosen |= (carried_by == thigh) & near
    return chosen


def skin_points(figure: bpy.types.Object) -> np.ndarray:
    (skin,) = skins_of(figure)
    evaluated = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    points = np.empty(3 * len(mesh.vertices))
    mesh.vertices.foreach_get("co", points)
    evaluated.to_mesh_clear()
    return points.reshape(-1, 3)


def bones_of(joint: str) -> list[str]:
    """A foot rests on its toes too, a hand on its fingers."""
    joints = [joint, joint.replace("Foot", "Toes")] if joint.endswith("Foot") else [joint]
    if joint.endswith("Hand"):
        joints += [finger for finger in FINGER_JOINTS if finger.startswith(joint.removesuffix("Hand"))]
    return [joint_map("mannequin")[name] for name in joints]


@pytest.mark.parametrize("name", NAMES)
def test_a_pose_rests_on_what_it_says(figure: bpy.types.Object, carried_by: np.ndarray, sat_upon: np.ndarray, name: str) -> None:
    pose = load_pose(RIGS / "poses" / f"{name}.json")
    apply_pose(figure, pose)
    points = skin_points(figure)
    assert np.isfinite(points).all()
    assert points[:, 2].min() > -TOLERANCE
    for contact in pose.contacts:
        if contact.surface == "seat":
            assert points[sat_upon, 2].min() == pytest.approx(SEAT_HEIGHT, abs=TOLERANCE)
        else:
            low = points[np.isin(carried_by, bones_of(contact.joint)), 2].min()
            firm = contact.joint.endswith(("Foot", "Toes")) and pose.group not in ("kneeling", "lying")
            assert low < (TOLERANCE if firm else SOFT), f"{contact.joint} is {1000 * low:.0f} mm above the ground"
    if not pose.contacts:
        assert points[:, 2].min() > 0.05, "a pose without contacts is in the air"


@pytest.mark.parametrize("name", NAMES[::6])
def test_the_figure_takes_the_pose_that_the_file_holds(figure: bpy.types.Object, name: str) -> None:
    pose = load_pose(RIGS / "poses" / f"{name}.json")
    apply_pose(figure, pose)
    again: Pose = read_pose(figure)
    worst = max(np.degrees(rot.angle_between(pose.rotation(joint), again.rotation(joint))) for joint in JOINTS)
    assert worst < 0.05
