# SPDX-License-Identifier: GPL-3.0-or-later
"""The body panel's properties and operators in a real Blender, and the user's own bodies everywhere."""

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from pose_to_anime.addon.armature.mannequin import (  # noqa: E402
    add_mannequin,
    is_child,
    landmarks,
    mannequin_name,
    mannequin_names,
    skins_of,
    slider_values,
)
from pose_to_anime.addon.armature.props.holding import hold  # noqa: E402
from pose_to_anime.addon.armature.props.objects import scale_of  # noqa: E402
from pose_to_anime.addon.armature.skin.sliders import GROUPS, SLIDERS  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate import body_shelf, shelf  # noqa: E402
from pose_to_anime.addon.operators.figure import mannequin_items  # noqa: E402
from pose_to_anime.addon.scenes import posed_scene  # noqa: E402
from rig_scene import figure_fixture, registered  # noqa: E402, F401


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    body_shelf.refresh()
    return tmp_path / "home"


def tall(obj: bpy.types.Object) -> float:
    return landmarks(obj)["head_top"].z


def test_there_is_a_property_for_every_slider(figure) -> None:
    for name, slider in SLIDERS.items():
        prop = figure.pose_to_anime_body.bl_rna.properties[name]
        assert (prop.name, prop.description, prop.default) == (slider.title, slider.tip, pytest.approx(slider.neutral))
        assert (prop.hard_min, prop.hard_max) == pytest.approx((slider.low, slider.high))
        assert getattr(figure.pose_to_anime_body, name) == pytest.approx(slider.neutral)
        assert slider.group in GROUPS


def test_a_property_shows_and_moves_the_body(figure) -> None:
    before = tall(figure)
    figure.pose_to_anime_body.height = 1.1
    assert tall(figure) == pytest.approx(1.1 * before, rel=1e-3)
    assert figure.pose_to_anime_body.height == pytest.approx(1.1)
    figure.pose_to_anime_body.height = 7.0
    assert figure.pose_to_anime_body.height == pytest.approx(SLIDERS["height"].high)
    figure.pose_to_anime_body.height = 1.0
    assert slider_values(figure) == {} and tall(figure) == pytest.approx(before, abs=1e-6)


def test_undo_of_a_property_is_one_step(figure) -> None:
    name, before = figure.name, tall(figure)
    bpy.ops.ed.undo_push(message="start")
    figure.pose_to_anime_body.height = 1.1
    figure.pose_to_anime_body.height = 1.2  # as in one drag
    bpy.ops.ed.undo_push(message="Height")
    bpy.ops.ed.undo()
    figure = bpy.data.objects[name]
    assert figure.pose_to_anime_body.height == 1.0 and tall(figure) == before
    bpy.ops.ed.redo()
    figure = bpy.data.objects[name]
    assert figure.pose_to_anime_body.height == pytest.approx(1.2) and tall(figure) == pytest.approx(1.2 * before, rel=1e-3)


def test_what_a_property_cannot_do_it_says_and_leaves_the_body(figure, capfd) -> None:
    bpy.data.objects.remove(skins_of(figure)[0])
    figure.pose_to_anime_body.height = 1.1
    assert "has lost its skin" in capfd.readouterr().out
    assert figure.pose_to_anime_body.height == 1.0


def test_other_objects_show_the_middle_and_refuse(figure, capfd) -> None:
    (skin,) = skins_of(figure)
    assert skin.pose_to_anime_body.height == 1.0
    skin.pose_to_anime_body.height = 1.1
    assert "is not a mannequin" in capfd.readouterr().out


def test_sliders_go_back_by_groups_and_all_at_once(figure) -> None:
    for name in ("height", "waist", "hands", "feet"):
        setattr(figure.pose_to_anime_body, name, 1.1)
    assert bpy.ops.pose_to_anime.reset_body(group="ARMS") == {"FINISHED"}
    assert set(slider_values(figure)) == {"height", "waist", "feet"}
    assert bpy.ops.pose_to_anime.reset_body(group="TRUNK") == {"FINISHED"}
    assert set(slider_values(figure)) == {"height", "feet"}
    assert bpy.ops.pose_to_anime.reset_body() == {"FINISHED"}
    assert slider_values(figure) == {}


def test_a_body_is_chosen_from_those_there_are(figure) -> None:
    assert bpy.ops.pose_to_anime.change_body(mannequin="heroic") == {"FINISHED"}
    assert mannequin_name(figure) == "heroic" and tall(figure) > 1.9
    items = mannequin_items(None, None)
    assert [item[0] for item in items] == mannequin_names()
    assert [item[0] for item in items if item[4] == 0] == ["adult_woman"]
    assert len({item[4] for item in items}) == len(items)


def test_another_body_takes_hold_anew_of_what_is_in_its_hand(figure) -> None:
    sword = hold(figure, "sword", "R")
    assert bpy.ops.pose_to_anime.change_body(mannequin="chibi") == {"FINISHED"}
    small = scale_of(sword)
    other = add_mannequin(bpy.context, "chibi", (2.0, 0.0, 0.0))
    assert small == pytest.approx(scale_of(hold(other, "sword", "R")))
    assert bpy.ops.pose_to_anime.change_body(armature=figure.name, mannequin="adult_woman") == {"FINISHED"}
    assert scale_of(sword) > 1.5 * small


def own() -> list[str]:
    return [entry.key for entry in body_shelf.bodies().entries if entry.own]


def test_a_saved_body_is_the_figures_own_and_to_be_had_everywhere(figure) -> None:
    figure.pose_to_anime_body.height = 1.1
    before = tall(figure)
    assert bpy.ops.pose_to_anime.save_body(name="Tall One") == {"FINISHED"}
    assert (mannequin_name(figure), slider_values(figure)) == ("tall_one", {})
    assert tall(figure) == pytest.approx(before, abs=1e-5)
    assert "tall_one" in mannequin_names() and own() == ["tall_one"]
    assert [item[1:4:2] for item in mannequin_items(None, None) if item[0] == "tall_one"] == [("Tall One", "USER")]
    assert bpy.ops.pose_to_anime.add_mannequin(mannequin="tall_one") == {"FINISHED"}
    added = bpy.context.view_layer.objects.active
    assert added.name == "Tall One" and tall(added) == pytest.approx(before, abs=1e-5)
    posed_scene(lambda _: None, figure="Tall One", pose="running", ratio="2:3")  # as a command does with --figure
    assert bpy.context.scene.objects["Tall One.001"].data["pose_to_anime_mannequin"] == "tall_one"


def test_a_name_that_is_there_is_replaced_only_when_asked(figure) -> None:
    bpy.ops.pose_to_anime.save_body(name="Mine")
    figure.pose_to_anime_body.height = 1.1
    before = tall(figure)
    with pytest.raises(RuntimeError, match="already a body 'Mine': choose another name, or say that it should be replaced"):
        bpy.ops.pose_to_anime.save_body(name="Mine")
    assert slider_values(figure) == pytest.approx({"height": 1.1})
    assert bpy.ops.pose_to_anime.save_body(name="Mine", replace=True) == {"FINISHED"}
    assert own() == ["mine"] and slider_values(figure) == {} and tall(figure) == pytest.approx(before, abs=1e-5)


def cut_the_skin(figure: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = skin = skins_of(figure)[0]
    skin.shape_key_add()


def hide_its_collection(figure: bpy.types.Object) -> None:
    away = bpy.data.collections.new("Away")
    bpy.context.scene.collection.children.link(away)
    for part in (figure, *skins_of(figure)):
        bpy.context.scene.collection.objects.unlink(part)
        away.objects.link(part)
    bpy.context.view_layer.layer_collection.children["Away"].hide_viewport = True


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut_the_skin, "was edited by hand, so its body cannot be changed"),
        (hide_its_collection, "is in a hidden collection"),
        (lambda figure: setattr(figure.pose.bones["head"], "rotation_mode", "XYZ"), "set its rotation mode to Quaternion"),
    ],
    ids=["edited", "hidden", "spoiled"],
)
def test_a_figure_that_cannot_take_the_body_replaces_no_file(figure, home, spoil, says) -> None:
    bpy.ops.pose_to_anime.save_body(name="Mine")
    (file,) = (home / "bodies").glob("*.toml")
    before = file.read_bytes()
    other = add_mannequin(bpy.context, "adult_man")
    spoil(other)
    for name in ("Mine", "Another"):
        with pytest.raises(RuntimeError, match=says):
            bpy.ops.pose_to_anime.save_body(name=name, replace=True, armature=other.name)
    assert own() == ["mine"] and file.read_bytes() == before


def test_a_childs_body_stays_a_childs_when_it_is_saved(figure) -> None:
    bpy.ops.pose_to_anime.change_body(mannequin="child")
    figure.pose_to_anime_body.height = 1.25
    bpy.ops.pose_to_anime.save_body(name="Tall child")
    bpy.ops.pose_to_anime.save_body(name="Taller child")
    assert {entry.age for entry in body_shelf.bodies().entries if entry.own} == {"child"}
    assert is_child(figure)


def test_own_bodies_are_renamed_passed_on_and_deleted(figure, tmp_path) -> None:
    figure.pose_to_anime_body.height = 1.1
    bpy.ops.pose_to_anime.save_body(name="Mine")
    assert bpy.ops.pose_to_anime.rename_body(name="Ours") == {"FINISHED"}
    assert own() == ["mine"] and mannequin_name(figure) == "mine" and body_shelf.bodies().entry("mine").title == "Ours"
    assert bpy.ops.pose_to_anime.export_body(filepath=str(tmp_path / "ours.toml")) == {"FINISHED"}
    assert bpy.ops.pose_to_anime.delete_body(body="mine") == {"FINISHED"}
    assert own() == []
    before = tall(figure)
    figure.pose_to_anime_body.height = 1.1
    assert tall(figure) == before, "its file is gone, so no slider moves it"
    with pytest.raises(RuntimeError, match="There is no body 'mine' any more"):
        bpy.ops.pose_to_anime.export_body(filepath=str(tmp_path / "again.toml"))
    assert bpy.ops.pose_to_anime.import_body(filepath=str(tmp_path / "ours.toml")) == {"FINISHED"}
    assert own() == ["ours"]
    assert bpy.ops.pose_to_anime.change_body(mannequin="ours") == {"FINISHED"}
    figure.pose_to_anime_body.height = 0.9
    assert tall(figure) == pytest.approx(0.9 * before, rel=1e-3)


def test_a_renamed_body_outlives_undo(figure) -> None:
    name, before = figure.name, tall(figure)
    bpy.ops.pose_to_anime.save_body(name="Mine")
    bpy.ops.ed.undo_push(message="Saved")
    figure.location.x = 1.0
    bpy.ops.ed.undo_push(message="Moved")
    assert bpy.ops.pose_to_anime.rename_body("EXEC_DEFAULT", True, name="Ours") == {"FINISHED"}
    bpy.ops.ed.undo()
    figure = bpy.data.objects[name]
    assert body_shelf.bodies().entry(mannequin_name(figure)).title == "Ours"
    figure.pose_to_anime_body.height = 1.1
    assert tall(figure) == pytest.approx(1.1 * before, rel=1e-3)


def test_figures_whose_body_is_replaced_follow_at_once(figure, capfd) -> None:
    before = tall(figure)
    bpy.ops.pose_to_anime.save_body(name="Mine")
    for number, name in enumerate(("shown", "hidden"), 1):
        other = add_mannequin(bpy.context, "mine", (float(number), 0.0, 0.0))
        other.name = name
    shown, hidden = bpy.data.objects["shown"], bpy.data.objects["hidden"]
    shown.pose_to_anime_body.waist = 1.1
    away = bpy.data.collections.new("Away")
    bpy.context.scene.collection.children.link(away)
    for part in (hidden, *skins_of(hidden)):
        away.objects.link(part)
        for collection in set(part.users_collection) - {away}:
            collection.objects.unlink(part)
    bpy.context.view_layer.layer_collection.children["Away"].hide_viewport = True
    figure.pose_to_anime_body.height = 1.2
    assert bpy.ops.pose_to_anime.save_body(name="Mine", replace=True, armature=figure.name) == {"FINISHED"}
    assert tall(shown) == pytest.approx(1.2 * before, rel=1e-3) and tall(hidden) == pytest.approx(before)
    assert slider_values(shown) == pytest.approx({"waist": 1.1}) and shown.location.x == 1.0
    assert "This figure had the body as it was: 'hidden' is in a hidden collection" in capfd.readouterr().out
    now = tall(shown)
    shown.pose_to_anime_body.waist = 1.0
    assert tall(shown) == pytest.approx(now, abs=1e-5)


def test_import_tells_the_title(figure, tmp_path, capfd) -> None:
    (tmp_path / "given.toml").write_text('title = "Tall One"\nage = "adult"\nbase = "adult_woman"\n')
    assert bpy.ops.pose_to_anime.import_body(filepath=str(tmp_path / "given.toml")) == {"FINISHED"}
    assert "Imported “Tall One”" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("proportions", "says"),
    [
        ("muscle = 9", "'proportions.muscle' is 9 with that of its base; it must lie between -1.5 and 2.5."),
        ("head = 50", "'proportions.head' is 50 with that of its base; it must lie between 0.7 and 3.2."),
        ("head = nan", "'proportions.head' holds a number that is not finite."),
    ],
)
def test_a_body_out_of_range_is_not_brought_in(figure, home, tmp_path, proportions, says) -> None:
    before = tall(figure)
    (tmp_path / "bad.toml").write_text(f'title = "Bad"\nage = "adult"\nbase = "adult_woman"\n[proportions]\n{proportions}\n')
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.pose_to_anime.import_body(filepath=str(tmp_path / "bad.toml"))
    assert str(caught.value).strip() == f"Error: Body file bad.toml: {says}"
    assert tall(figure) == before and own() == [] and not home.exists()


def test_bad_bodies_change_nothing(figure, home, tmp_path) -> None:
    (tmp_path / "bad.toml").write_text('title = "Bad"\nage = "adult"\nbase = "nobody"\n')
    with pytest.raises(RuntimeError, match="there is no body 'nobody'"):
        bpy.ops.pose_to_anime.import_body(filepath=str(tmp_path / "bad.toml"))
    for verb, options in (("rename_body", {"name": "New"}), ("delete_body", {})):
        with pytest.raises(RuntimeError, match="came with Pose to Anime"):
            getattr(bpy.ops.pose_to_anime, verb)(**options)
    home.write_text("no folder")
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.pose_to_anime.save_body(name="Mine")
    assert mannequin_name(figure) == "adult_woman" and own() == []


def test_files_that_come_and_break_outside_are_noticed(figure, home, monkeypatch) -> None:
    bpy.ops.pose_to_anime.save_body(name="Good")
    monkeypatch.setattr(shelf, "LOOK_AGAIN", 0.0)
    (home / "bodies" / "broken.toml").write_text("= =")
    assert own() == ["good"] and "broken.toml is not valid TOML" in body_shelf.bodies().problems[0]
    with pytest.raises(UserError, match="is not valid TOML"):
        add_mannequin(bpy.context, "broken")
    with pytest.raises(TypeError):  # Blender's own refusal of what its menu does not offer
        bpy.ops.pose_to_anime.change_body(mannequin="broken")
    assert bpy.ops.pose_to_anime.change_body(mannequin="heroic") == {"FINISHED"}


def test_the_commands_list_own_bodies_and_leave_broken_ones_out(figure, home, capsys) -> None:
    from pose_to_anime.addon.cli import main

    bpy.ops.pose_to_anime.save_body(name="Tall One")
    (home / "bodies" / "broken.toml").write_text("= =")
    assert main(["mannequins", "--list"]) == 0
    listed = capsys.readouterr()
    assert ["tall_one", "adult", "Tall", "One", "(your", "own)"] in [line.split() for line in listed.out.splitlines()]
    assert "adult_woman" in listed.out
    assert listed.err.startswith("Left out: ") and listed.err.count("\n") == 1 and "broken.toml" in listed.err
    assert main(["mannequins", "--list", "--figure", "Tall One"]) == 0
    assert capsys.readouterr().out.splitlines() == ["tall_one  adult  Tall One (your own)"]
