# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters and cameras that something is wrong with: exact pictures all the same, or one sentence and not a file written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from character_scene import dump  # noqa: E402
from family_rigs import FAMILIES, Character, body_of, build, empty_scene, random_turns  # noqa: E402
from mathutils import Vector  # noqa: E402
from pass_scene import SIZE, look_from, passes  # noqa: E402
from pose_to_anime.addon.armature.characters import fault_of_character  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.passes.render import PassOptions, render_passes  # noqa: E402
from rig_scene import registered  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime
FACE = [0, 14, 15, 16, 17]


@pytest.fixture(name="character")
def character_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Character:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    empty_scene()
    character = build(FAMILIES["mixamo"], random_turns(np.random.default_rng(12), 20.0), name="Hero")
    camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    look_from(20.0)
    select(character.armature)
    return character


def select(obj: bpy.types.Object) -> None:
    for each in bpy.context.view_layer.objects:
        each.select_set(each == obj)
    bpy.context.view_layer.objects.active = obj


def camera() -> bpy.types.Object:
    return bpy.context.scene.camera


def refused(verb: Callable[..., object], **words: object) -> str:
    """The sentence of a verb that is refused."""
    with pytest.raises(RuntimeError) as caught:
        verb(**words)
    says = str(caught.value).strip()
    assert says.startswith("Error: ") and "\n" not in says and "Traceback" not in says and says.endswith("."), says
    return says.removeprefix("Error: ")


def thrown_away(value: tuple[float, float, float]) -> Callable[[Character], None]:
    """Every seventh vertex is there."""

    def spoil(character: Character) -> None:
        for vertex in list(character.mesh.data.vertices)[::7]:
            vertex.co = value

    return spoil


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    "value",
    [(math.nan,) * 3, (math.inf, 0.0, -math.inf), (1e30, 0.0, 0.0), (3e38,) * 3],
    ids=["no number", "infinite", "far", "farthest"],
)
def test_vertices_that_are_thrown_away_move_no_keypoint_and_no_dot(
    character: Character, value: tuple[float, float, float]
) -> None:
    thrown_away(value)(character)
    bpy.context.view_layer.update()
    (figure,) = figures_in(bpy.context.scene, bpy.context.view_layer)
    found, _ = body_keypoints(figure, bpy.context.view_layer.depsgraph)
    assert np.linalg.norm(found - character.keypoints(), axis=1)[FACE].max() < 0.03
    for bone in character.armature.pose.bones:
        bone.matrix_basis.identity()
    assert OPS.use_character() == {"FINISHED"}
    controls = bpy.context.view_layer.objects.active
    bpy.context.view_layer.update()
    rest = body_of()
    for joint, bone in (("head", "head"), ("leftHand", "hand.L"), ("rightFoot", "foot.R")):
        place = np.array(controls.matrix_world @ controls.pose.bones[bone].head)
        assert np.linalg.norm(place - rest.joints[joint][0]) < 0.01, joint
    marks = controls.data["pose_to_anime_landmarks"]
    for name in ("head_top", "nose_tip", "toe_left"):
        assert np.linalg.norm(np.array(controls.matrix_world @ Vector(marks[name])) - rest.points[name]) < 0.03, name


def all_lost(character: Character) -> None:
    for vertex in character.mesh.data.vertices:
        vertex.co = (math.nan,) * 3


def points_only(character: Character) -> None:
    mesh = bpy.data.meshes.new("Points")
    mesh.from_pydata([tuple(vertex.co) for vertex in character.mesh.data.vertices], [], [])
    character.mesh.data = mesh


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("spoil", [all_lost, points_only, lambda character: character.mesh.data.clear_geometry()])
def test_without_a_face_there_is_the_skeleton_and_it_is_said(character: Character, spoil: Callable[[Character], None]) -> None:
    expected = passes(kinds=("openpose",)).people[0].body
    spoil(character)
    bpy.context.view_layer.update()
    result = passes()
    assert result.warnings == ("“Hero” has no faces to draw: its skeleton alone is in the pictures.",)
    assert np.abs(result.people[0].body[2:14] - expected[2:14]).max() < 0.01 and not result.images["depth"].any()
    assert OPS.use_character() == {"FINISHED"}
    assert "has no faces to draw" in passes().warnings[0]


NOWHERE = {
    "scaled to nothing": ((0.0, 0.0, 0.0), "'Hero' is scaled to nothing: give it a size first"),
    "no number": ((1.0, math.nan, 1.0), "'Hero' has no valid place: clear its location, rotation and scale"),
}


@pytest.mark.parametrize(("scale", "says"), NOWHERE.values(), ids=NOWHERE)
def test_a_character_that_is_nowhere(character: Character, tmp_path: Path, scale: tuple[float, float, float], says: str) -> None:
    character.armature.scale = scale
    bpy.context.view_layer.update()
    before = dump(character.armature)["object"]["name"], len(bpy.data.objects)
    assert refused(OPS.save_control_images, directory=str(tmp_path / "images")).startswith(says)
    assert refused(OPS.use_character).startswith(says)
    assert fault_of_character(character.armature, bpy.context.view_layer).startswith(says)
    assert not (tmp_path / "images").exists()
    assert (dump(character.armature)["object"]["name"], len(bpy.data.objects)) == before
    other = build(FAMILIES["vroid"], name="Other")
    result = passes()
    assert [name for name, _ in result.figures] == ["Other"] and len(result.people) == 1
    assert result.warnings[0].startswith(says)
    assert other.armature.name in result.figures[0]


def test_a_mirrored_character_is_where_blender_has_it(character: Character, tmp_path: Path) -> None:
    character.armature.scale = (-1.0, 1.0, 1.0)
    bpy.context.view_layer.update()
    (person,) = passes(kinds=("openpose",), options=PassOptions(keep_outside=True)).people
    bones = character.armature.pose.bones
    for index, bone in ((5, "LeftArm"), (6, "LeftForeArm"), (2, "RightArm"), (10, "RightFoot")):
        expected = projected(character.armature.matrix_world @ bones[f"mixamorig:{bone}"].head)
        assert np.abs(person.body[index, :2] - expected).max() < 0.5, bone
    assert refused(OPS.use_character).startswith("'Hero' is scaled by a negative number: apply its scale first")
    assert len(bpy.data.armatures) == 1


def projected(place: Vector, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Pixels (2,) where Blender's own function has a place of the world."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = size
    bpy.context.view_layer.update()
    where = world_to_camera_view(scene, scene.camera, place)
    return np.array((where.x * size[0], (1.0 - where.y) * size[1]))


@pytest.mark.parametrize("seed", range(12))
def test_any_lens_shift_and_sensor_agree_with_blenders_projection(character: Character, seed: int) -> None:
    rng = np.random.default_rng(seed)
    look_from(float(rng.uniform(0, 360)), float(rng.uniform(3, 9)), float(rng.uniform(-50, 50)))
    data = camera().data
    data.type = ("PERSP", "ORTHO")[seed % 2]
    data.sensor_fit = ("AUTO", "HORIZONTAL", "VERTICAL")[seed % 3]
    data.lens, data.ortho_scale = float(rng.uniform(15, 60)), float(rng.uniform(2, 6))
    data.sensor_width, data.sensor_height = float(rng.uniform(10, 60)), float(rng.uniform(10, 60))
    data.shift_x, data.shift_y = (float(number) for number in rng.uniform(-0.4, 0.4, 2))
    size = (SIZE, SIZE[::-1], (512, 512))[seed // 4]
    bpy.context.view_layer.update()
    options = PassOptions(keep_outside=True)
    (person,) = render_passes(
        bpy.context.scene, bpy.context.view_layer, camera(), size, kinds=("openpose",), options=options
    ).people
    truth = character.keypoints()
    for index in range(2, 14):
        assert np.abs(person.body[index, :2] - projected(Vector(truth[index]), size)).max() < 0.5, index


def set_up(**values: object) -> Callable[[], None]:
    return lambda: [setattr(camera().data, name, value) for name, value in values.items()] and None


CAMERAS: dict[str, tuple[Callable[[], None], str]] = {
    "panoramic": (set_up(type="PANO"), "The camera “Cam” is panoramic: switch it to perspective or orthographic."),
    "clips all before": (set_up(clip_start=100.0), "“Hero” is cut off: the camera “Cam” shows what is 100 to"),
    "clips all behind": (set_up(clip_end=1.0), "“Hero” is cut off: the camera “Cam” shows what is 0.1 to 1 m away"),
    "nothing wide": (set_up(type="ORTHO", ortho_scale=0.0), "“Hero” is outside the picture of the camera “Cam”"),
    "shifted away": (set_up(shift_x=10.0), "“Hero” is outside the picture of the camera “Cam”"),
    "no number": (lambda: setattr(camera(), "location", (math.nan, 0.0, 0.0)), "The camera “Cam” has no valid place or lens"),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("spoil", "says"), CAMERAS.values(), ids=CAMERAS)
def test_a_camera_that_shows_nobody(character: Character, tmp_path: Path, spoil: Callable[[], None], says: str) -> None:
    spoil()
    bpy.context.view_layer.update()
    mine = camera()
    assert refused(OPS.save_control_images, directory=str(tmp_path / "images")).startswith(says)
    assert not (tmp_path / "images").exists() and camera() == mine
    assert OPS.frame_figures() == {"FINISHED"}, "and one click mends it, with a camera of ours"
    assert OPS.save_control_images(directory=str(tmp_path / "images")) == {"FINISHED"}
    assert mine.name == "Cam" and "Cam" in bpy.data.objects


def test_a_figure_that_the_clipping_cuts_is_warned_of(character: Character) -> None:
    camera().data.clip_start = 5.95
    bpy.context.view_layer.update()
    (warning,) = passes().warnings
    assert warning.startswith("A part of “Hero” is cut off: the camera “Cam” shows what is 5.95 to")
    assert warning.endswith(" m away, change its Clip Start and End.")
    build(FAMILIES["vroid"], name="Far").armature.location.y = 3000.0
    camera().data.clip_start = 0.1
    look_from(0.0)
    bpy.context.view_layer.update()
    camera().data.clip_end = 1000.0
    (warning,) = passes().warnings
    assert warning.startswith("“Far” is not in the picture: the camera “Cam” shows what is 0.1 to 1000 m away, change")


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("joint", ["head", "chest"])
def test_a_camera_inside_the_figure_sees_what_is_in_front_of_it(character: Character, joint: str) -> None:
    camera().location = Vector(character.joints[joint])
    camera().rotation_euler = (math.pi / 2, 0.0, 0.0)  # along y
    bpy.context.view_layer.update()
    options = PassOptions(keep_outside=True)
    result = passes(kinds=("openpose", "depth", "normal"), options=options)
    assert "A part of “Hero” is behind the camera: move the camera back." in result.warnings
    truth = character.keypoints()
    for index in range(2, 14):
        ahead = truth[index, 1] - character.joints[joint][1]
        seen = [person.body[index] for person in result.people if person.body[index, 2]]
        assert bool(seen) == (ahead > 1e-6), index
        if seen:
            expected = projected(Vector(truth[index]))
            assert np.abs(seen[0][:2] - expected).max() < 0.5 + 1e-4 * np.abs(expected).max()


def test_hidden_collections_hide_whom_they_hold(character: Character, tmp_path: Path) -> None:
    hidden = bpy.data.collections.new("Hidden")
    bpy.context.scene.collection.children.link(hidden)
    for obj in (character.armature, character.mesh):
        hidden.objects.link(obj)
        bpy.context.scene.collection.objects.unlink(obj)
    layer = bpy.context.view_layer.layer_collection.children["Hidden"]
    for owner, name, says in (
        (layer, "hide_viewport", "All meshes of 'Hero' are hidden: show one."),
        (hidden, "hide_viewport", "All meshes of 'Hero' are hidden: show one."),
        (layer, "exclude", "There is no visible figure"),
    ):
        setattr(owner, name, True)
        bpy.context.view_layer.update()
        assert says in refused(OPS.save_control_images, directory=str(tmp_path / "images")), (owner, name)
        assert not (tmp_path / "images").exists()
        setattr(owner, name, False)
        bpy.context.view_layer.update()
    assert OPS.save_control_images(directory=str(tmp_path / "images")) == {"FINISHED"}
    assert json.loads((tmp_path / "images" / "passes.json").read_text("utf-8"))["figures"] == ["Hero"]
