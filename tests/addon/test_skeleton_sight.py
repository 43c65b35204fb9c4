# SPDX-License-Identifier: GPL-3.0-or-later
"""Which points of the skeleton are seen, against rays through Blender's own bounding volume trees: 200 poses and cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402
from mathutils.bvhtree import BVHTree  # noqa: E402
from pass_scene import SIZE, look_from  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import Keypoints, figure_keypoints  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.dressing.face_points import face_points  # noqa: E402
from pose_to_anime.addon.openpose.person import Person  # noqa: E402
from pose_to_anime.addon.openpose.profiles import profile  # noqa: E402
from pose_to_anime.addon.package import RIGS  # noqa: E402
from pose_to_anime.addon.passes import geometry  # noqa: E402
from pose_to_anime.addon.passes.camera_view import view_of  # noqa: E402
from pose_to_anime.addon.passes.face_outline import is_faced, outlined  # noqa: E402
from pose_to_anime.addon.passes.sight import BURIED, PARTED, RIM  # noqa: E402
from pose_to_anime.addon.passes.skeleton import SkeletonRules, people_of  # noqa: E402
from pose_to_anime.addon.passes.view import View  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

CASES = 200
ON_HEAD = {"head", "neck", "upper_chest", "chest", "shoulder.L", "shoulder.R"}
"""Groups of the skin that hide a face: the head, and what closes it from below."""
FACE_OF_BODY = (0, 14, 15, 16, 17)
EVERYTHING = replace(profile("controlnet"), smallest_hand=1, smallest_face=1)


class Trees:
    """A figure's skin in its present pose as trees: the head, all else, and both."""

    def __init__(self, obj: bpy.types.Object) -> None:
        (skin,) = skins_of(obj)
        mesh = skin.evaluated_get(bpy.context.view_layer.depsgraph).to_mesh()
        points = [skin.matrix_world @ vertex.co for vertex in mesh.vertices]
        faces = [tuple(polygon.vertices) for polygon in mesh.polygons]
        names = {group.index: group.name for group in skin.vertex_groups}
        mine = []
        for vertex in skin.data.vertices:
            weights = [(names[group.group] in ON_HEAD, group.weight) for group in vertex.groups]
            mine.append(2.0 * sum(w for head, w in weights if head) > sum(w for _, w in weights))
        of_head = [face for face in faces if all(mine[index] for index in face)]
        rest = [face for face in faces if not all(mine[index] for index in face)]
        self.head, self.rest, self.whole = (BVHTree.FromPolygons(points, each) for each in (of_head, rest, faces))


def hits(tree: BVHTree, origin: Vector, view: View, start: float) -> list[float]:
    """How far from its origin a ray to the camera meets the tree, from ``start`` on."""
    eye = Vector(view.position)
    ray = (eye - origin) if view.perspective else Vector(view.backward)
    end = ray.length if view.perspective else 1e6
    ray.normalize()
    found, at = [], start
    while len(found) < 12:
        _, _, _, distance = tree.ray_cast(origin + ray * at, ray, end - at)
        if distance is None:
            return found
        at += distance
        found.append(at)
        at += 1e-5
    return found


class Judge:
    """What the trees say of one figure's points, at their places or a little beside them."""

    def __init__(self, points: Keypoints, own: Trees, others: Sequence[BVHTree], view: View) -> None:
        self.points, self.own, self.others, self.view = points, own, others, view
        ears = points.body[[16, 17]]
        self.width = float(np.linalg.norm(ears[1] - ears[0]))
        self.parted = PARTED * float(np.linalg.norm(points.body[2] - points.body[5]))
        self.faced = is_faced(points.face, view)
        self.shown = outlined(points.face, view) if self.faced else points.face
        self.rims = ears + (ears - ears[::-1]) * RIM

    def free(self, origin: np.ndarray, start: float, trees: Sequence[BVHTree]) -> bool:
        return not any(hits(tree, Vector(origin), self.view, start) for tree in trees)

    def in_face(self, origin: np.ndarray) -> bool:
        return self.free(origin, BURIED * self.width, [self.own.head])

    def uncovered(self, origin: np.ndarray) -> bool:
        return self.free(origin, BURIED * self.width, [self.own.rest]) and self.free(origin, 0.0, self.others)

    def body(self, index: int, move: np.ndarray, hiding: bool) -> bool:
        origin = self.points.body[index] if index != 1 else self.points.body[[2, 5]].mean(axis=0)
        origin = origin + move
        if index not in FACE_OF_BODY:
            return not hiding or self.free(origin, 0.0, self.others)
        seen = self.in_face(origin)
        if index in (16, 17):
            seen |= self.in_face(self.rims[index - 16] + move)
        return seen and (not hiding or self.uncovered(origin))

    def face(self, index: int, move: np.ndarray, hiding: bool) -> bool:
        nose = self.in_face(self.points.body[0] + move)
        side = any(self.body(other, move, False) for other in FACE_OF_BODY[1:])
        origin = self.shown[index] + move
        return nose and side and (self.faced or self.in_face(origin)) and (not hiding or self.uncovered(origin))

    def hand(self, hand: np.ndarray, index: int, move: np.ndarray, hiding: bool) -> bool:
        if not hiding:
            return True
        origin = hand[index] + move
        own = hits(self.own.whole, Vector(origin), self.view, 0.0)
        return not any(at > own[0] + self.parted for at in own) and self.free(origin, 0.0, self.others)

    def near_an_edge(self, judge, place: np.ndarray, verdict: bool) -> bool:
        """Whether the trees say otherwise within two pixels."""
        right, up = self.view.to_camera[0, :3], self.view.to_camera[1, :3]
        pixel = self.view.depth(place[None])[0] / (self.view.projection[1, 1] * SIZE[1] / 2.0)
        if not self.view.perspective:
            pixel = 1.0 / (self.view.projection[1, 1] * SIZE[1] / 2.0)
        steps = [(x, y) for x in (-2, -1, 0, 1, 2) for y in (-2, -1, 0, 1, 2) if x or y]
        return any(judge((x * right + y * up) * pixel) != verdict for x, y in steps)


def seen_person(obj: bpy.types.Object, hiding: bool) -> tuple[View, Person]:
    """A figure as the scene's camera sees it, also where most of it is outside the picture."""
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    view_layer.update()
    depsgraph = view_layer.depsgraph
    view = view_of(scene.camera, depsgraph, *SIZE)
    figures = figures_in(scene, view_layer)
    surfaces = geometry.figure_surfaces(scene, view_layer, depsgraph, figures)
    beside = geometry.ticked_surfaces(view_layer, depsgraph, figures) if hiding else None
    rules = SkeletonRules(EVERYTHING, hands=True, face=True)
    people = people_of(scene, depsgraph, figures, surfaces, view, rules, keep_outside=True, beside=beside)
    return view, people[[figure.name for figure in figures].index(obj.name)]


def compare(judge: Judge, person, hiding: bool) -> tuple[int, int]:
    """How many points there are, and of how many the trees say something else; these must be near an edge."""
    points = judge.points
    asked = [(points.body, person.body, lambda i, m: judge.body(i, m, hiding))]
    asked.append((points.face, person.face, lambda i, m: judge.face(i, m, hiding)))
    for hand, drawn in ((points.left_hand, person.left_hand), (points.right_hand, person.right_hand)):
        asked.append((hand, drawn, lambda i, m, hand=hand: judge.hand(hand, i, m, hiding)))
    total = unequal = 0
    here = np.zeros(3)
    for places, drawn, verdict in asked:
        for index, place in enumerate(places):
            ours = drawn is not None and bool(drawn[index, 2])
            theirs = verdict(index, here)
            total += 1
            if ours != theirs:
                unequal += 1
                place = points.body[[2, 5]].mean(axis=0) if np.isnan(place).any() else place
                edge = judge.near_an_edge(lambda move, i=index, v=verdict: v(i, move), place, theirs)
                assert edge, f"point {index} of {len(places)}: {'seen' if ours else 'hidden'}, far from any edge"
    return total, unequal


@pytest.mark.parametrize("hiding", [False, True], ids=["own head", "everything"])
def test_visibility_agrees_with_rays_through_trees(hiding):
    bpy.ops.wm.read_factory_settings(use_empty=False)
    cube = bpy.data.objects["Cube"]
    cube.scale, cube.location = (0.15, 0.15, 0.15), (0.35, -0.6, 1.1)
    cube.pose_to_anime.in_depth = True
    obj = add_mannequin(bpy.context)
    beside = None
    if hiding:
        beside = add_mannequin(bpy.context, "child", location=(-0.35, -0.5, 0.0))
    poses = sorted(path.stem for path in (RIGS / "poses").glob("*.json"))
    rng = np.random.default_rng(8)
    bpy.context.view_layer.update()
    others: list[BVHTree] = []
    if beside is not None:
        mesh = cube.evaluated_get(bpy.context.view_layer.depsgraph).to_mesh()
        places = [cube.matrix_world @ vertex.co for vertex in mesh.vertices]
        others = [BVHTree.FromPolygons(places, [tuple(p.vertices) for p in mesh.polygons]), Trees(beside).whole]
    total = unequal = 0
    camera = bpy.context.scene.camera
    trees, points = None, None
    for case in range(CASES):
        if case % 4 == 0:  # four cameras a pose
            apply_pose(obj, load_pose(poses[int(rng.integers(len(poses)))]))
            bpy.context.view_layer.update()
            trees = Trees(obj)
            depsgraph = bpy.context.view_layer.depsgraph
            (figure,) = (f for f in figures_in(bpy.context.scene, bpy.context.view_layer) if f.name == obj.name)
            points = figure_keypoints(figure, depsgraph, face_points(obj))
        camera.data.type = "ORTHO" if case % 8 == 5 else "PERSP"
        camera.data.ortho_scale = 2.0
        look_from(float(rng.uniform(-180, 180)), float(rng.uniform(1.8, 4.5)), float(rng.uniform(-40, 50)), (0.0, 0.0, 1.0))
        view, person = seen_person(obj, hiding)
        counted, differing = compare(Judge(points, trees, others, view), person, hiding)
        total, unequal = total + counted, unequal + differing
    print(f"{unequal} of {total} points differ, all near an edge")
    assert total == CASES * (18 + 70 + 42)
    assert unequal / total <= 0.005, f"{unequal} of {total} points differ"
