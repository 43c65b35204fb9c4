# SPDX-License-Identifier: GPL-3.0-or-later
"""Bent joints keep their volume: in the plane that halves the joint, as much lies inside the skin as at rest, or nearly."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
import pose_to_anime  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, mannequin_names, remove_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose, humanoid_rest_of  # noqa: E402
from pose_to_anime.addon.pose import rotations as rot  # noqa: E402
from pose_to_anime.addon.pose.limits import joint_limits  # noqa: E402
from pose_to_anime.addon.pose.normalised import Pose  # noqa: E402

LEAST = 0.70
"""Share of the section at rest that must be left."""

FOLDED = {
    "leftUpperLeg": ((1.0, 0.0, 0.0), -160.0),
    "leftLowerLeg": ((1.0, 0.0, 0.0), 170.0),
    "leftLowerArm": ((0.0, 0.0, 1.0), -170.0),
    "leftHand": ((0.0, 1.0, 0.0), 110.0),
}
"""Hip, knee, elbow, and the hand to the palm: degrees about axes of the figure, from the T-pose; farther than limits allow."""
STRETCHED = {
    "leftUpperLeg": ((1.0, 0.0, 0.0), 60.0),
    "leftShoulder": ((0.0, 1.0, 0.0), -25.0),
    "leftUpperArm": ((0.0, 1.0, 0.0), -65.0),
    "leftHand": ((0.0, 1.0, 0.0), -110.0),
}
"""The arm straight up, with its shoulder; the leg back, and the hand to its back, farther than limits allow."""
RAISED = {"leftUpperArm": ((0.0, 1.0, 0.0), -150.0)}
"""The upper arm as far up as its own limits let it, without its shoulder."""
HALF = {
    "leftUpperLeg": ((1.0, 0.0, 0.0), -90.0),
    "leftLowerLeg": ((1.0, 0.0, 0.0), 90.0),
    "leftLowerArm": ((0.0, 0.0, 1.0), -90.0),
    "leftUpperArm": ((0.0, 0.0, 1.0), -90.0),
    "leftHand": ((0.0, 1.0, 0.0), -40.0),
}
"""As when one sits and reaches forward; half-bent joints are where linear skinning is thinnest."""
TWISTED = {"leftLowerArm": ((1.0, 0.0, 0.0), 90.0)}
"""The hand turned over on a straight arm, farther than limits allow."""
TWISTED_BACK = {"leftLowerArm": ((1.0, 0.0, 0.0), -90.0)}

REACH = 1.3
"""Radius of the circle round a joint within which its section counts, in distances of the farthest skin that the joint bends and
the plane cuts at rest: what lies farther is another part of the body."""


@dataclass(frozen=True)
class Joint:
    """Where a section is taken: at the head of ``bone``, halving the angle between it and the direction before it."""

    bone: str
    before: str
    reach: float = math.inf
    """At hip and shoulder, where plane and trunk meet, the circle is no larger than this, in lengths of the bone."""


JOINTS = {
    "elbow": Joint("forearm.L", "upper_arm.L"),
    "wrist": Joint("hand.L", "forearm.L"),
    "knee": Joint("shin.L", "thigh.L"),
    "hip": Joint("thigh.L", "hips", 0.30),
    "shoulder": Joint("upper_arm.L", "shoulder.L", 0.27),
}


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    pose_to_anime.register()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield
    pose_to_anime.unregister()


@pytest.fixture(scope="module", params=mannequin_names())
def figure(request: pytest.FixtureRequest) -> Iterator[bpy.types.Object]:
    obj = add_mannequin(bpy.context, request.param)
    yield obj
    remove_mannequin(obj)


def seen_skin(obj: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) vertices as posed, and (T, 3) triangles."""
    (skin,) = skins_of(obj)
    evaluated = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    points, quads = np.empty(3 * len(mesh.vertices)), np.empty(4 * len(mesh.polygons), dtype=np.int32)
    mesh.vertices.foreach_get("co", points)
    mesh.loops.foreach_get("vertex_index", quads)
    evaluated.to_mesh_clear()
    quads = quads.reshape(-1, 4)
    return points.reshape(-1, 3), np.concatenate((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]))


def section_area(points: np.ndarray, triangles: np.ndarray, centre: np.ndarray, normal: np.ndarray, radius: float) -> float:
    """How much of a plane's circle lies inside the skin, in square metres, counted on a grid.

    Inside is where the skin goes round a point at least once, so that flesh pressed into flesh counts once.
    """
    offset = points - centre
    height = offset @ normal
    above = height > 0.0
    cut = above[triangles].any(axis=1) & ~above[triangles].all(axis=1)
    corners = triangles[cut]
    start, end = np.zeros((len(corners), 3)), np.zeros((len(corners), 3))
    for first, second in ((0, 1), (1, 2), (2, 0)):
        for up, out in ((True, start), (False, end)):
            rows = (above[corners[:, first]] == up) & (above[corners[:, second]] != up)
            a, b = corners[rows, first], corners[rows, second]
            share = (height[a] / (height[a] - height[b]))[:, None]
            out[rows] = offset[a] * (1.0 - share) + offset[b] * share
    across = rot.unit(np.cross(normal, (0.0, 0.0, 1.0) if abs(normal[2]) < 0.9 else (1.0, 0.0, 0.0)))
    plane = np.stack((across, np.cross(normal, across)), axis=1)
    start, end = start @ plane, end @ plane
    steps = (np.arange(80) + 0.5) / 40.0 - 1.0
    x, y = (axis.ravel() * radius for axis in np.meshgrid(steps, steps))
    inside = x * x + y * y < radius * radius
    x, y = x[inside, None], y[inside, None]
    upward, downward = (start[:, 1] <= y) & (end[:, 1] > y), (start[:, 1] > y) & (end[:, 1] <= y)
    rise = np.where(start[:, 1] == end[:, 1], 1.0, end[:, 1] - start[:, 1])
    crossing = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / rise
    turns = (upward & (crossing > x)).sum(axis=1) - (downward & (crossing > x)).sum(axis=1)
    return float((turns != 0).sum()) * (radius / 40.0) ** 2


def halving_plane(obj: bpy.types.Object, joint: Joint) -> tuple[np.ndarray, np.ndarray]:
    """Centre and normal of the plane that halves a joint as it is posed."""
    bone, before = obj.pose.bones[joint.bone], obj.pose.bones[joint.before]
    # The leg goes on from the hips downward, where their bone does not point.
    towards = np.array(before.matrix.col[1][:3]) * (-1.0 if joint.before == "hips" else 1.0)
    return np.array(bone.head), rot.unit(np.array(bone.matrix.col[1][:3]) + towards)


def bent_by(obj: bpy.types.Object, bone: str) -> np.ndarray:
    """(N,) whether a vertex of the skin follows a bone in part."""
    (skin,) = skins_of(obj)
    group = skin.vertex_groups[bone].index
    shares = [{g.group: g.weight for g in vertex.groups}.get(group, 0.0) for vertex in skin.data.vertices]
    return (np.array(shares) > 0.05) & (np.array(shares) < 0.95)


def sections(obj: bpy.types.Object, reach: dict[str, float]) -> dict[str, float]:
    """Area of each joint's section as the figure is posed."""
    points, triangles = seen_skin(obj)
    return {name: section_area(points, triangles, *halving_plane(obj, joint), reach[name]) for name, joint in JOINTS.items()}


@pytest.fixture(scope="module")
def at_rest(figure: bpy.types.Object) -> tuple[dict[str, float], dict[str, float]]:
    """For each joint the radius of its circle, and the area of its section, with the figure at rest."""
    figure.data.pose_position = "REST"
    bpy.context.view_layer.update()
    points, _ = seen_skin(figure)
    reach = {}
    for name, joint in JOINTS.items():
        centre, normal = halving_plane(figure, joint)
        offset = (points - centre)[bent_by(figure, joint.bone)]
        length = figure.pose.bones[joint.bone].length
        near = offset[np.abs(offset @ normal) < 0.04 * length]
        reach[name] = min(REACH * float(np.linalg.norm(near, axis=1).max()), joint.reach * length)
    areas = sections(figure, reach)
    figure.data.pose_position = "POSE"
    return reach, areas


@pytest.mark.parametrize(
    ("turns", "joints"),
    [
        (FOLDED, ("hip", "knee", "elbow", "wrist")),
        (HALF, ("hip", "knee", "elbow", "shoulder", "wrist")),
        (STRETCHED, ("hip", "shoulder", "wrist")),
        (RAISED, ("shoulder",)),
        (TWISTED, ("elbow",)),
        (TWISTED_BACK, ("elbow",)),
    ],
    ids=["folded", "half", "stretched", "raised", "twisted", "twisted back"],
)
def test_joints_keep_their_volume(
    figure: bpy.types.Object,
    at_rest: tuple[dict[str, float], dict[str, float]],
    turns: dict[str, tuple[tuple[float, float, float], float]],
    joints: tuple[str, ...],
) -> None:
    rotations = {
        joint: tuple(rot.quaternion_from_matrix(rot.about_axis(axis, math.radians(a)))) for joint, (axis, a) in turns.items()
    }
    apply_pose(figure, joint_limits(humanoid_rest_of(figure)).clamp_pose(Pose("Bent", rotations)))
    reach, before = at_rest
    after = sections(figure, reach)
    left = {joint: round(after[joint] / before[joint], 2) for joint in joints}

    assert min(left.values()) >= LEAST, left


def test_a_section_is_measured_as_it_is() -> None:
    """A ball of radius 1 cut 0.6 off its middle has a circle of radius 0.8; two balls one in the other count once."""
    around, down = np.meshgrid(np.linspace(0.0, 2.0 * np.pi, 97), np.linspace(0.0, np.pi, 49))
    ball = np.stack((np.sin(down) * np.cos(around), np.sin(down) * np.sin(around), np.cos(down)), axis=-1).reshape(-1, 3)
    first = (np.arange(48)[:, None] * 97 + np.arange(96)).ravel()
    triangles = np.concatenate((np.stack((first, first + 97, first + 98), 1), np.stack((first, first + 98, first + 1), 1)))
    centre, up = np.array([0.0, 0.0, 0.6]), np.array([0.0, 0.0, 1.0])
    assert section_area(ball, triangles, centre, up, 1.0) == pytest.approx(0.64 * math.pi, rel=0.01)
    assert section_area(ball, triangles, centre, up, 0.5) == pytest.approx(0.25 * math.pi, rel=0.01)
    both = np.concatenate((ball, ball * 0.9)), np.concatenate((triangles, triangles + len(ball)))
    assert section_area(*both, centre, up, 1.0) == pytest.approx(0.64 * math.pi, rel=0.01)
