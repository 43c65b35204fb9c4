# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters with our dots in pairs, with props, on seats; and those whose meshes hang on bones instead of being skinned."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from character_scene import Character, add_character  # noqa: E402
from family_rigs import FAMILIES, build  # noqa: E402
from family_rigs import Character as Built  # noqa: E402
from mathutils import Matrix, Vector  # noqa: E402
from mathutils.bvhtree import BVHTree  # noqa: E402
from pass_scene import look_from, passes, workbench_mask  # noqa: E402
from pose_to_anime.addon.armature.control_rig.link import character_of  # noqa: E402
from pose_to_anime.addon.armature.held import hold_of, props_of  # noqa: E402
from pose_to_anime.addon.armature.joint_map import joint_map  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.seen_skin import seen_skin  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime
BONES = joint_map("mannequin")


@pytest.fixture(autouse=True)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    look_from(15.0, 8.0, 8.0)


def use(obj: bpy.types.Object) -> bpy.types.Object:
    """Our dots on a character, by the verb."""
    for each in bpy.context.view_layer.objects:
        each.select_set(each == obj)
    bpy.context.view_layer.objects.active = obj
    assert OPS.use_character() == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    return bpy.context.view_layer.objects.active


def follows(character: Character, controls: bpy.types.Object) -> float:
    """The farthest in metres that a joint is from that of its controls."""
    bpy.context.view_layer.update()
    bones = controls.pose.bones
    return max((character.place(j) - controls.matrix_world @ bones[BONES[j]].head).length for j in character.joints)


def gap_between(first: bpy.types.Object, second: bpy.types.Object) -> float:
    """Metres between the skins of two figures; 0 where they touch or meet."""
    bpy.context.view_layer.update()
    (points, faces), (others, other_faces) = seen_skin(first), seen_skin(second)
    tree = BVHTree.FromPolygons(points.tolist(), faces.tolist())
    if tree.overlap(BVHTree.FromPolygons(others.tolist(), other_faces.tolist())):
        return 0.0
    return min(tree.find_nearest(Vector(point))[3] for point in others)


def is_drawn_as_blender_renders(folder: Path) -> bool:
    for obj in bpy.context.scene.objects:
        obj.hide_render = obj.name.startswith("WGT-")
    mine, theirs = passes(kinds=("mask",)).images["mask"][..., 0] > 0, workbench_mask(folder)
    return bool((mine & theirs).sum() >= 0.995 * (mine | theirs).sum())


@pytest.mark.parametrize("pair", ["handshake", "high_five", "proposal", "back_to_back"])
def test_two_characters_are_a_pair(pair: str, tmp_path: Path) -> None:
    characters = [
        add_character(scale=0.01, stance="T"),
        add_character(scale=1.0, stance="A", turn=(0.0, 0.0, 0.6), place=(1.5, 0.8, 0.0)),
    ]
    first, second = (use(character.obj) for character in characters)
    places = [character.obj.matrix_world.copy() for character in characters]
    assert OPS.apply_pair(armature=first.name, partner=second.name, pair=pair) == {"FINISHED"}
    for character, controls, place in zip(characters, (first, second), places, strict=True):
        assert follows(character, controls) < 1e-3
        assert np.abs(np.array(character.obj.matrix_world) - np.array(place)).max() < 1e-5, "its own object stays"
    assert gap_between(first, second) < 0.02
    result = passes(kinds=("openpose", "figure_mask"))
    assert len(result.people) == 2 and {"figure_mask_1", "figure_mask_2"} == set(result.images) - {"openpose"}
    assert is_drawn_as_blender_renders(tmp_path)


def test_a_character_with_a_subdivided_mesh_and_a_mannequin_are_a_pair(tmp_path: Path) -> None:
    character = add_character(scale=0.01, stance="T")
    character.mesh.modifiers.new("Smooth", "SUBSURF").levels = 1
    controls = use(character.obj)
    other = add_mannequin(bpy.context, location=(1.0, 0.0, 0.0))
    assert OPS.apply_pair(armature=other.name, partner=controls.name, pair="handshake") == {"FINISHED"}
    assert follows(character, controls) < 1e-3 and gap_between(controls, other) < 0.02
    assert is_drawn_as_blender_renders(tmp_path)


@pytest.mark.parametrize("is_moved", [False, True], ids=["where it stood", "after its controls were moved"])
def test_the_hand_of_a_character_closes_on_a_prop(is_moved: bool) -> None:
    character = add_character(scale=0.01, stance="A")
    controls = use(character.obj)
    if is_moved:
        controls.matrix_world = Matrix.Translation((1.2, -0.4, 0.0)) @ controls.matrix_world
        bpy.context.view_layer.update()
    assert OPS.add_prop(armature=controls.name, prop="sword", hand="R") == {"FINISHED"}
    bpy.context.view_layer.update()
    (held,) = props_of(controls)
    to_prop = held.matrix_world.inverted()
    fingers = [f"right{finger}Distal" for finger in ("Index", "Middle", "Ring", "Little")]
    for joint in fingers:
        _, place, _, _ = held.closest_point_on_mesh(to_prop @ character.place(joint))
        assert (held.matrix_world @ place - character.place(joint)).length < 0.02, joint
    before = held.matrix_world.translation - character.place("rightHand")
    OPS.apply_pose(armature=controls.name, pose="fighting_guard")
    bpy.context.view_layer.update()
    after = held.matrix_world.translation - character.place("rightHand")
    assert after.length == pytest.approx(before.length, abs=1e-3), "it goes with the hand"
    assert follows(character, controls) < 1e-3


@pytest.mark.parametrize(("pose", "hold"), [("standing", "BEHIND"), ("sitting_upright", "UNDER")])
def test_a_seat_for_a_character(pose: str, hold: str) -> None:
    character = add_character(scale=0.01, stance="T", turn=(0.0, 0.0, 0.9), place=(2.0, -1.0, 0.0))
    controls = use(character.obj)
    OPS.apply_pose(armature=controls.name, pose=pose)
    assert OPS.add_prop(armature=controls.name, prop="chair", hand="UNDER") == {"FINISHED"}
    bpy.context.view_layer.update()
    (seat,) = props_of(controls)
    assert hold_of(seat) == hold
    corners = [seat.matrix_world @ Vector(corner) for corner in seat.bound_box]
    assert abs(min(corner.z for corner in corners)) < 0.01, "on the ground"
    middle = sum(corners, Vector()) / 8.0
    hips = character.place("hips")
    away = (middle.xy - hips.xy).length
    assert away < (0.2 if hold == "UNDER" else 0.9), "at the figure"
    if hold == "BEHIND":
        assert OPS.sit_on(armature=controls.name, seat=seat.name) == {"FINISHED"}
        bpy.context.view_layer.update()
        assert (middle.xy - character.place("hips").xy).length < 0.25
    assert follows(character, controls) < 1e-3


def test_baking_leaves_what_is_held_and_letting_go_takes_it_along() -> None:
    for verb, remains in ((OPS.bake_to_character, True), (OPS.let_go_of_character, False)):
        character = add_character(scale=0.01, stance="A")
        controls = use(character.obj)
        OPS.apply_pose(armature=controls.name, pose="fighting_guard")
        OPS.add_prop(armature=controls.name, prop="sword", hand="R")
        bpy.context.view_layer.update()
        (held,) = props_of(controls)
        name, place = held.name, held.matrix_world.copy()
        assert verb(armature=controls.name) == {"FINISHED"}
        bpy.context.view_layer.update()
        assert (name in bpy.data.objects) == remains
        if remains:
            assert np.abs(np.array(bpy.data.objects[name].matrix_world) - np.array(place)).max() < 1e-5
            bpy.data.objects.remove(character.obj)


def in_pieces(character: Built) -> list[bpy.types.Object]:
    """The same body, each bone's share of it as an object that hangs on the bone, as those of a jointed doll do."""
    skin = character.mesh
    names = {group.index: group.name for group in skin.vertex_groups}
    owner = [names[max(vertex.groups, key=lambda share: share.weight).group] for vertex in skin.data.vertices]
    pieces = []
    for name in sorted(set(owner)):
        faces = [list(face.vertices) for face in skin.data.polygons if owner[face.vertices[0]] == name]
        used = sorted({index for face in faces for index in face})
        number = {index: new for new, index in enumerate(used)}
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata([tuple(skin.data.vertices[i].co) for i in used], [], [[number[i] for i in face] for face in faces])
        piece = bpy.data.objects.new(name, mesh)
        bpy.context.scene.collection.objects.link(piece)
        bone = character.armature.pose.bones[name]
        piece.parent, piece.parent_type, piece.parent_bone = character.armature, "BONE", name
        end = character.armature.matrix_world @ bone.matrix @ Matrix.Translation((0.0, bone.length, 0.0))
        piece.matrix_parent_inverse = end.inverted()
        pieces.append(piece)
    bpy.data.objects.remove(skin)
    bpy.context.view_layer.update()
    return pieces


def test_a_character_of_pieces_that_hang_on_bones(tmp_path: Path) -> None:
    character = build(FAMILIES["mixamo"], name="Doll")
    look_from(25.0)
    bpy.context.view_layer.update()
    skinned = passes(kinds=("openpose",)).people[0]
    pieces = in_pieces(character)
    person = passes(kinds=("openpose",)).people[0]
    assert np.array_equal(person.body[:, 2], skinned.body[:, 2]), "the head hides the same ear"
    assert np.abs(person.body - skinned.body).max() < 3.0, "and the face is found on its piece"
    assert is_drawn_as_blender_renders(tmp_path)
    controls = use(character.armature)
    assert character_of(controls) == character.armature
    assert OPS.apply_pose(armature=controls.name, pose="running_sprint") == {"FINISHED"}
    bpy.context.view_layer.update()
    moved = [piece for piece in pieces if (piece.matrix_world.translation).length > 0.1]
    assert len(moved) > 20
    assert is_drawn_as_blender_renders(tmp_path)
    (posed,) = passes(kinds=("openpose",)).people
    hand = controls.matrix_world @ controls.pose.bones["hand.L"].head
    (expected,), _ = passes(kinds=("openpose",)).view.project(np.array([hand]))
    assert np.abs(posed.body[7, :2] - expected).max() < 0.5
    assert OPS.add_prop(armature=controls.name, prop="sword", hand="R") == {"FINISHED"}
    assert OPS.add_prop(armature=controls.name, prop="chair", hand="UNDER") == {"FINISHED"}
    other = add_mannequin(bpy.context, location=(1.5, 0.0, 0.0))
    assert OPS.apply_pair(armature=other.name, partner=controls.name, pair="handshake") == {"FINISHED"}
    assert gap_between(controls, other) < 0.02


def test_a_character_without_hands_of_any_mesh_is_told_so() -> None:
    character = build(FAMILIES["mixamo"], name="Doll")
    for piece in in_pieces(character):
        if "Hand" in piece.name or "ForeArm" in piece.name or "Leg" in piece.name or piece.name.endswith("Hips"):
            bpy.data.objects.remove(piece)
    controls = use(character.armature)
    for prop, hand, says in (
        ("sword", "R", "has no skin at its right hand that could hold something"),
        ("chair", "UNDER", "has no skin at its hips that a seat could come under"),
    ):
        count = len(bpy.data.objects)
        with pytest.raises(RuntimeError, match=says) as caught:
            OPS.add_prop(armature=controls.name, prop=prop, hand=hand)
        assert "Traceback" not in str(caught.value) and len(bpy.data.objects) == count
