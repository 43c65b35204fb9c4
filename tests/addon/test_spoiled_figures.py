# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures whose rig was spoiled by hand, that have lost their skin, or come from another file: every verb says so in one sentence
and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.armature.dots import visible_bones  # noqa: E402
from pose_to_anime.addon.armature.figures import figures_in, is_figure_shown  # noqa: E402
from pose_to_anime.addon.armature.keypoints import body_keypoints  # noqa: E402
from pose_to_anime.addon.armature.limits import reference_of  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin, is_mannequin, mannequin_name, skins_of  # noqa: E402
from pose_to_anime.addon.armature.posing import read_pose  # noqa: E402
from pose_to_anime.addon.armature.props.holding import hold  # noqa: E402
from pose_to_anime.addon.armature.props.prop_file import prop_files, prop_folders  # noqa: E402
from pose_to_anime.addon.compat import action_curves, select_pose_bone  # noqa: E402
from pose_to_anime.addon.framing.camera import frame_figures  # noqa: E402
from pose_to_anime.addon.framing.subject import figure_points  # noqa: E402
from pose_to_anime.addon.generate.scene_info import scene_info  # noqa: E402
from pose_to_anime.addon.keys import key_of  # noqa: E402
from pose_to_anime.addon.passes import geometry  # noqa: E402
from pose_to_anime.addon.passes.render import render_passes  # noqa: E402
from pose_to_anime.addon.settings.posing import ROTATE  # noqa: E402
from pose_to_anime.addon.ui.rings import P2A_GGT_rings  # noqa: E402
from rig_scene import figure_fixture, matrices, moved, registered  # noqa: E402, F401

OPS = bpy.ops.pose_to_anime


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))


def refused(verb: str, words: dict[str, Any]) -> str:
    """What a verb that is refused says."""
    with pytest.raises(RuntimeError) as caught:
        getattr(OPS, verb)(**words)
    says = str(caught.value).strip()
    assert says.startswith("Error: ") and "\n" not in says and "Traceback" not in says, says
    return says.removeprefix("Error: ")


VERBS: list[tuple[str, dict[str, Any]]] = [
    ("apply_pose", {"pose": "running"}),
    ("reset_pose", {}),
    ("mirror_pose", {}),
    ("put_on_ground", {}),
    ("exaggerate", {"factor": 0.5}),
    ("apply_hand", {"shape": "fist"}),
    ("move_control", {"control": "hand.L", "location": (0.3, -0.3, 1.2)}),
    ("turn_joint", {"joint": "head", "rotation": (0.9, 0.1, 0.0, 0.1)}),
    ("turn_ring", {"joints": "upper_arm.L", "angle": 0.3}),
    ("toggle_limits", {}),
    ("roll_foot", {"angle": 0.3}),
    ("pin", {"control": "foot.L"}),
    ("add_prop", {"prop": "sword", "hand": "R"}),
    ("add_prop", {"prop": "chair", "hand": "UNDER"}),
    ("apply_pair", {"pair": "handshake"}),
    ("change_body", {"mannequin": "adult_man"}),
]


def lose(obj: bpy.types.Object, bone: str) -> None:
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    obj.data.edit_bones.remove(obj.data.edit_bones[bone])
    bpy.ops.object.mode_set(mode="OBJECT")


def lose_a_dot(obj: bpy.types.Object) -> None:
    lose(obj, "hand_ik.L")


def clear_constraints(obj: bpy.types.Object) -> None:
    for bone in obj.pose.bones:
        for constraint in list(bone.constraints):
            bone.constraints.remove(constraint)


def turn_by_angles(obj: bpy.types.Object) -> None:
    obj.pose.bones["upper_arm.L"].rotation_mode = "XYZ"


def scale_away(obj: bpy.types.Object) -> None:
    obj.scale = (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lose_a_dot, "has lost its bone 'hand_ik.L': undo its removal"),
        (clear_constraints, "has lost its constraint 'Follow IK': undo its removal"),
        (turn_by_angles, "set its rotation mode to Quaternion"),
        (scale_away, "is scaled to nothing: give it a size first"),
    ],
)
def test_a_spoiled_rig_is_said_by_every_verb_and_left_alone(
    figure: bpy.types.Object, spoil: Callable[[bpy.types.Object], None], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil(figure)
    before, objects = matrices(figure), len(bpy.data.objects)
    for verb, words in VERBS:
        assert says in refused(verb, words), verb
    assert moved(before, matrices(figure)) == 0.0
    assert len(bpy.data.objects) == objects
    assert mannequin_name(figure) == "adult_woman"
    assert "Traceback" not in "".join(capfd.readouterr()), "the watcher must leave it alone too"


def test_a_figure_in_edit_mode_is_left_as_it_is_posed(figure: bpy.types.Object, tmp_path: Path) -> None:
    assert OPS.apply_pose(pose="running") == {"FINISHED"}
    before = matrices(figure)
    bpy.ops.object.mode_set(mode="EDIT")
    # The others have a sentence of their own, or leave Edit Mode to add a partner.
    posing = [verb for verb in VERBS if verb[0] not in ("add_prop", "change_body", "apply_pair")]
    for verb, words in [*posing, ("save_pose", {"name": "Mine"})]:
        assert refused(verb, words) == f"'{figure.name}' is in Edit Mode: leave it first (Tab).", verb
    figure.pose_to_anime_feet.left = 0.4
    figure.pose_to_anime_dynamic = 0.5
    bpy.ops.object.mode_set(mode="OBJECT")
    assert moved(before, matrices(figure)) < 1e-6
    assert not list((tmp_path / "home").rglob("*.json"))


def test_no_seat_comes_to_a_figure_that_has_lost_a_thigh(figure: bpy.types.Object) -> None:
    lose(figure, "thigh.L")
    assert "has lost its bone 'thigh.L'" in refused("add_prop", {"prop": "chair", "hand": "UNDER"})


def test_a_spoiled_rig_has_no_rings(figure: bpy.types.Object) -> None:
    """They would fail each time they are drawn."""
    bpy.context.view_layer.objects.active = figure
    bpy.ops.object.mode_set(mode="POSE")
    bpy.context.scene.pose_to_anime.posing.mode = ROTATE
    figure.data.bones.active = figure.data.bones["head"]
    select_pose_bone(figure.pose.bones["head"], True)
    assert P2A_GGT_rings.poll(bpy.context)
    lose(figure, reference_of("head"))
    bpy.ops.object.mode_set(mode="POSE")
    assert not P2A_GGT_rings.poll(bpy.context)


def test_what_was_spoiled_works_again_once_it_is_mended(figure: bpy.types.Object) -> None:
    turn_by_angles(figure)
    assert "Quaternion" in refused("apply_pose", {"pose": "running"})
    figure.pose.bones["upper_arm.L"].rotation_mode = "QUATERNION"
    before = matrices(figure)
    assert OPS.apply_pose(pose="running") == {"FINISHED"}
    assert moved(before, matrices(figure)) > 0.1


@pytest.fixture(name="linked")
def linked_fixture(figure: bpy.types.Object, tmp_path: Path) -> Iterator[bpy.types.Object]:
    """A figure that is linked from another file."""
    source = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(source))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(source), link=True) as (there, here):
        here.objects = [name for name in there.objects if not name.startswith("WGT")]
    for obj in here.objects:
        bpy.context.scene.collection.objects.link(obj)
    linked = next(filter(is_mannequin, here.objects))
    bpy.context.view_layer.objects.active = linked
    bpy.context.view_layer.update()
    yield linked
    bpy.ops.wm.read_factory_settings(use_empty=True)


def test_a_linked_figure_cannot_be_posed_but_shown_and_copied_from(linked: bpy.types.Object) -> None:
    before = matrices(linked)
    for verb, words in [*VERBS, ("start_posing", {})]:
        assert "is linked from another file" in refused(verb, words), verb
    assert moved(before, matrices(linked)) == 0.0
    own = add_mannequin(bpy.context)
    assert own.name == linked.name
    assert OPS.apply_pose(pose="running", armature=own.name) == {"FINISHED"}
    assert OPS.change_body(mannequin="adult_man", armature=own.name) == {"FINISHED"}
    target = matrices(own)
    bpy.context.view_layer.objects.active = linked
    assert OPS.copy_pose_to(target=own.name) == {"FINISHED"}
    assert moved(target, matrices(own)) > 0.1
    assert read_pose(own).rotation("leftUpperLeg") == pytest.approx(read_pose(linked).rotation("leftUpperLeg"), abs=1e-3)


def test_a_linked_figure_is_keyed_by_nothing_and_no_pairs_partner(linked: bpy.types.Object) -> None:
    """Also where one of this file is called the same, and stands otherwise."""
    own = add_mannequin(bpy.context)
    assert OPS.apply_pose(pose="running", armature=own.name) == {"FINISHED"}
    settings, preferences = bpy.context.scene.tool_settings, bpy.context.preferences.edit
    preferences.use_keyframe_insert_available, settings.use_keyframe_insert_auto = False, True
    assert OPS.apply_hand(shape="fist", side="L", armature=own.name) == {"FINISHED"}
    settings.use_keyframe_insert_auto = False
    paths = {curve.data_path for curves in action_curves(own) for curve in curves}
    assert paths and all('.L"]' in path for path in paths) and not any("thigh" in path for path in paths)
    assert linked.animation_data.action is None
    assert OPS.apply_pair(pair="handshake", armature=own.name) == {"FINISHED"}, "a new one is added"
    assert len([obj for obj in bpy.context.scene.objects if is_mannequin(obj)]) == 3


def test_a_linked_figure_and_one_of_its_name_are_two_in_pictures_and_framing(linked: bpy.types.Object) -> None:
    own = add_mannequin(bpy.context, location=(1.0, 0.0, 0.0))
    assert own.name == linked.name and skins_of(own)[0].name == skins_of(linked)[0].name
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    assert OPS.change_body(mannequin="chibi", armature=own.name) == {"FINISHED"}
    assert view_layer.objects.active == own and own.select_get() and not linked.select_get()
    figures = figures_in(scene, view_layer)
    assert [figure.armature for figure in figures] == [key_of(own), key_of(linked)]

    depsgraph = view_layer.depsgraph
    small, tall = (figure_points(scene, depsgraph, [figure]) for figure in figures)
    assert small[:, 0].min() > 0.4 and tall[:, 0].max() < 0.9 and tall[:, 2].max() > 1.4 * small[:, 2].max()
    for figure, obj, height in zip(figures, (own, linked), (0.7, 1.5), strict=True):
        nose = body_keypoints(figure, depsgraph)[0][0]
        assert abs(nose[0] - obj.location.x) < 0.05 and (nose[2] > height) == (obj == linked)
    assert OPS.set_shot(framing="full", active_only=True) == {"FINISHED"}
    alone = scene.camera.matrix_world.copy()
    frame_figures(scene, view_layer, scene.camera, figures[:1])
    assert (scene.camera.matrix_world.translation - alone.translation).length < 0.3, "the camera is at the active figure"

    frame_figures(scene, view_layer, scene.camera, figures)
    result = render_passes(scene, view_layer, scene.camera, (384, 384), kinds=("openpose",))
    first, second = (person.body[[2, 5, 8, 11]] for person in result.people)
    assert (first[:, 2] > 0).all() and (second[:, 2] > 0).all()
    assert first[:, 0].min() > second[:, 0].max() + 10 and first[:, 1].min() > second[:, 1].min() + 10
    surfaces = geometry.figure_surfaces(scene, view_layer, depsgraph, figures)
    assert [(s.source, s.figure) for s in surfaces] == [(key_of(skins_of(obj)[0]), n) for n, obj in enumerate((own, linked), 1)]
    assert len(scene_info(scene, view_layer)["figures"]) == 2
    assert {found["mannequin"] for found in scene_info(scene, view_layer)["figures"]} == {"chibi", "adult_woman"}


def test_a_library_override_is_posed_but_takes_no_pins(linked: bpy.types.Object) -> None:
    override = linked.override_create(remap_local_usages=True)
    override.override_library.is_system_override = False
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = override
    before = matrices(override)
    assert OPS.apply_pose(pose="running") == {"FINISHED"}
    posed = matrices(override)
    assert moved(before, posed) > 0.1
    assert "is a library override, which takes no pins: make it local" in refused("pin", {"control": "hand.L"})
    assert moved(posed, matrices(override)) == 0.0


def lose_skin(obj: bpy.types.Object) -> None:
    for skin in skins_of(obj):
        bpy.data.objects.remove(skin)
    bpy.context.view_layer.update()


def test_a_pair_needs_the_skins_of_both(figure: bpy.types.Object) -> None:
    other = add_mannequin(bpy.context)
    lose_skin(other)
    before = matrices(figure), matrices(other)
    says = refused("apply_pair", {"pair": "handshake", "armature": figure.name, "partner": other.name})
    assert f"'{other.name}' has lost its skin: give it a new one" in says
    assert moved(before[0], matrices(figure)) == moved(before[1], matrices(other)) == 0.0


def test_a_figure_without_skin_is_hidden_and_shown_by_its_dots(figure: bpy.types.Object) -> None:
    lose_skin(figure)
    assert is_figure_shown(figure)
    OPS.show_figure()
    assert not is_figure_shown(figure)
    OPS.show_figure(armature=figure.name)
    assert is_figure_shown(figure)


def test_what_stays_hidden_with_its_collection_is_not_half_shown(figure: bpy.types.Object) -> None:
    OPS.show_figure()
    collection = bpy.data.collections.new("Away")
    bpy.context.scene.collection.children.link(collection)
    for obj in (figure, *skins_of(figure)):
        bpy.context.scene.collection.objects.unlink(obj)
        collection.objects.link(obj)
        obj.hide_set(True)
    bpy.context.view_layer.layer_collection.children["Away"].hide_viewport = True
    assert "is in a hidden collection: show that first" in refused("show_figure", {"armature": figure.name})
    assert figure.hide_get() and all(skin.hide_get() for skin in skins_of(figure))


@pytest.mark.parametrize("spoil", [lose_a_dot, lambda obj: OPS.show_figure()], ids=["dot", "hidden"])
def test_a_pose_is_imported_though_the_figure_cannot_take_it(
    figure: bpy.types.Object, spoil: Callable[[bpy.types.Object], None], tmp_path: Path
) -> None:
    file = tmp_path / "mine.json"
    OPS.export_pose(pose="running", filepath=str(file))
    spoil(figure)
    assert OPS.import_pose(filepath=str(file)) == {"FINISHED"}
    assert len(list((tmp_path / "home" / "poses").glob("*.json"))) == 1


def test_a_figure_that_cannot_be_selected_is_duplicated(figure: bpy.types.Object) -> None:
    figure.hide_select = True
    assert OPS.duplicate_mannequin(armature=figure.name) == {"FINISHED"}
    figures = [obj for obj in bpy.context.scene.objects if is_mannequin(obj)]
    assert len(figures) == 2
    assert all(len(skins_of(obj)) == 1 and skins_of(obj)[0].hide_select for obj in figures)
    assert all(obj.hide_select for obj in figures), "a duplicate is like the first"


def test_a_prop_whose_file_is_gone_keeps_body_and_pose_as_they_are(figure: bpy.types.Object) -> None:
    own = prop_folders()[0] / "mine.toml"
    own.parent.mkdir(parents=True)
    own.write_bytes(prop_files()["sword"].read_bytes())
    held = hold(figure, "mine", "R")
    own.unlink()
    OPS.turn_joint(joint="upper_arm.L", rotation=(0.8, 0.3, 0.2, 0.1))
    before = matrices(figure)
    for verb, words in (("change_body", {"mannequin": "adult_man"}), ("reset_body", {}), ("mirror_pose", {})):
        assert f"The file 'mine.toml' of the prop '{held.name}' is gone" in refused(verb, words)
    assert mannequin_name(figure) == "adult_woman"
    assert moved(before, matrices(figure)) == 0.0
    OPS.release_prop()
    assert OPS.mirror_pose() == {"FINISHED"}


def test_dots_of_a_linked_figure_are_seen_but_not_taken_hold_of(linked: bpy.types.Object) -> None:
    assert any(bone.name == "hand_ik.L" for bone in visible_bones(linked))
    assert OPS.choose_figure(armature=linked.name) == {"FINISHED"}
    assert bpy.context.mode == "OBJECT"
