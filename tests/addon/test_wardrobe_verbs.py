# SPDX-License-Identifier: GPL-3.0-or-later
"""The toon look, and the verbs of the wardrobe's panel, in a real Blender."""

import pytest

bpy = pytest.importorskip("bpy")

from dressed_scene import WORN_OUTFIT, dressed_fixture, everything, places, wardrobe_fixture  # noqa: E402, F401
from pose_to_anime.addon.armature.duplicate import duplicate_mannequin  # noqa: E402
from pose_to_anime.addon.armature.mannequin import skins_of  # noqa: E402
from pose_to_anime.addon.armature.worn import OUTLINE, WORN, pieces_of, worn_by  # noqa: E402
from pose_to_anime.addon.dressing import toon, wearing  # noqa: E402
from pose_to_anime.addon.dressing.piece_mesh import parts_of  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.scenes import posed_scene  # noqa: E402
from pose_to_anime.addon.wardrobe.catalogue import own_folder, read_catalogue, shipped_catalogue  # noqa: E402
from pose_to_anime.addon.wardrobe.chance import random_outfit  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn, tags  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit_files import named_outfit  # noqa: E402
from pose_to_anime.addon.wardrobe.prompt_tags import with_tags  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture, first_figure, registered, undo_step  # noqa: E402, F401
from wardrobe_files import style_text  # noqa: E402

# Toon look


def test_the_toon_look_leaves_nothing_when_it_goes(dressed) -> None:
    before, modifiers = everything(), len(skins_of(dressed)[0].modifiers)
    colours = {material.name: tuple(material.diffuse_color) for material in bpy.data.materials}
    keys = {material.name: set(material.keys()) for material in bpy.data.materials}
    transform = bpy.context.scene.view_settings.view_transform
    toon.switch(bpy.context.scene, True)
    assert bpy.context.scene.view_settings.view_transform == "Standard" != transform
    shells = worn_by(dressed, OUTLINE)
    assert len(shells) == 4, "skin and pieces, but not the drawn face"
    around, skin = places(next(s for s in shells if "skin" in s.name)), places(skins_of(dressed)[0])
    assert 0.001 < around[:, 2].max() - skin[:, 2].max() < 0.004
    toon.switch(bpy.context.scene, False)
    assert everything() == before and len(skins_of(dressed)[0].modifiers) == modifiers
    assert {material.name: tuple(material.diffuse_color) for material in bpy.data.materials} == colours
    assert {material.name: set(material.keys()) for material in bpy.data.materials} == keys
    for material in bpy.data.materials:
        nodes = material.node_tree.nodes if material.node_tree else ()
        assert {node.type for node in nodes} <= {"BSDF_PRINCIPLED", "OUTPUT_MATERIAL"}
    assert bpy.context.scene.view_settings.view_transform == transform
    assert set(bpy.context.scene.keys()) <= {"pose_to_anime"}


def test_what_is_put_on_in_the_toon_look_has_it_too(dressed) -> None:
    toon.switch(bpy.context.scene, True)
    wearing.wear(dressed, "outer", "jacket")
    wearing.wear(dressed, "hair", "bob")
    outlined = {shell.modifiers[0].name for shell in worn_by(dressed, OUTLINE)}
    assert len(worn_by(dressed, OUTLINE)) == 5 and outlined == {"Toon outline"}
    material = parts_of(pieces_of(dressed)["outer"])["main"]
    wearing.recolour(dressed, "outer", "main", "#ff0000")
    tints = [node for node in material.node_tree.nodes if node.type == "RGB"]
    assert tuple(tints[0].outputs[0].default_value)[:3] == pytest.approx((1.0, 0.0, 0.0))


def test_a_figure_that_comes_in_the_toon_look_has_it_too(dressed) -> None:
    bpy.ops.pose_to_anime.toon_look()
    assert bpy.ops.pose_to_anime.add_mannequin() == {"FINISHED"}
    added = bpy.context.view_layer.objects.active
    assert added != dressed and len(worn_by(added, OUTLINE)) == 1
    bpy.ops.pose_to_anime.toon_look()
    assert not worn_by(added) and not worn_by(dressed, OUTLINE)


def test_a_view_transform_that_is_not_here_is_no_hindrance(dressed) -> None:
    scene = bpy.context.scene
    toon.switch(scene, True)
    scene["pose_to_anime_toon"] = "Of another configuration"
    toon.switch(scene, False)
    assert not toon.is_on(scene) and not worn_by(dressed, OUTLINE)
    assert scene.view_settings.view_transform == "Standard"


def test_the_inside_of_cloth_is_a_shade_of_it(dressed) -> None:
    toon.switch(bpy.context.scene, True)
    shells = {shell.name.split()[1]: shell for shell in worn_by(dressed, OUTLINE)}
    assert [len(shells[name].material_slots) for name in ("top", "bottom", "hair", "skin")] == [2, 1, 0, 0]
    depsgraph, top = bpy.context.evaluated_depsgraph_get(), pieces_of(dressed)["top"]
    cloth, shell = top.evaluated_get(depsgraph).to_mesh(), shells["top"].evaluated_get(depsgraph)
    around = shell.to_mesh()
    lining = [face for face in around.polygons if face.material_index < 2]
    assert len(around.polygons) == 2 * len(cloth.polygons) and len(lining) == len(cloth.polygons)
    for inside, outside in zip(lining, cloth.polygons, strict=True):
        assert inside.material_index == outside.material_index and inside.normal.dot(outside.normal) < -0.99
        assert (inside.center - outside.center).length < MILLIMETRE
    copy = duplicate_mannequin(dressed)
    wearing.recolour(dressed, "top", "main", "#ffffff")
    red, white = (next(s for s in worn_by(obj, OUTLINE) if "top" in s.name).material_slots[0].material for obj in (copy, dressed))
    assert (
        tuple(white.diffuse_color)[:3] == pytest.approx((0.5, 0.45, 0.4625)) and red.diffuse_color[1] < 0.1 < red.diffuse_color[0]
    )


def test_a_material_that_its_user_made_stays_as_it_is(dressed) -> None:
    own = bpy.data.materials.new("Own")
    skins_of(dressed)[0].material_slots[0].link = "OBJECT"
    skins_of(dressed)[0].material_slots[0].material = own
    toon.switch(bpy.context.scene, True)
    assert skins_of(dressed)[0].material_slots[0].material == own and not own.keys()


# The panel's verbs


def test_the_verbs_of_the_panel(figure) -> None:
    assert bpy.ops.pose_to_anime.wear(slot="top", style="tee") == {"FINISHED"}
    assert bpy.ops.pose_to_anime.colour_part(slot="top", part="main", colour="green") == {"FINISHED"}
    assert bpy.ops.pose_to_anime.skin_tone(tone="dark") == {"FINISHED"}
    assert bpy.ops.pose_to_anime.wear(slot="face", style="eyes") == {"FINISHED"}
    assert bpy.ops.pose_to_anime.expression(expression="smile") == {"FINISHED"}
    figure.pose_to_anime_wardrobe.gaze_side = 0.5
    assert figure.pose_to_anime_wardrobe.gaze_side == pytest.approx(0.5)
    pieces_of(figure)["top"].pose_to_anime_wardrobe.colour_1 = (1.0, 0.0, 0.0)
    outfit = wearing.outfit_of(figure)
    assert outfit.worn["top"].colours == {"main": "green", "collar": "#ff0000"}
    assert (outfit.skin, outfit.expression, outfit.gaze) == ("dark", "smile", (0.5, 0.0))
    assert bpy.ops.pose_to_anime.save_outfit(name="Mine") == {"FINISHED"}
    assert bpy.ops.pose_to_anime.undress() == {"FINISHED"} and not pieces_of(figure)
    assert bpy.ops.pose_to_anime.wear_outfit(outfit="mine") == {"FINISHED"}
    assert wearing.outfit_of(figure).worn == outfit.worn == named_outfit("mine", read_catalogue()).worn
    with pytest.raises(RuntimeError, match="no outfit 'other'"):
        bpy.ops.pose_to_anime.wear_outfit(outfit="other")


def test_tags_go_into_the_prompt_once_and_make_way_for_others(dressed) -> None:
    prompt = bpy.context.scene.pose_to_anime.generation
    prompt.prompt = "1girl, green hair, smile, forest, white skirt"
    bpy.ops.pose_to_anime.outfit_tags()
    assert prompt.prompt.split(", ")[:3] == ["1girl", "smile", "forest"]
    assert sorted(prompt.prompt.split(", ")) == sorted({"1girl", "forest", *tags(WORN_OUTFIT, read_catalogue())})
    wearing.recolour(dressed, "top", "main", "green")
    bpy.ops.pose_to_anime.outfit_tags()
    assert "green t-shirt" in prompt.prompt and "red t-shirt" not in prompt.prompt
    assert with_tags("", ["a", "b"]) == "a, b" and with_tags("A, c", ["a"], "c, a") == "A"


def test_tags_of_all_figures_go_into_the_prompt(dressed) -> None:
    other = duplicate_mannequin(dressed)
    wearing.put_on(other, Outfit({"hair": Worn("bob", {"main": "green"})}))
    prompt = bpy.context.scene.pose_to_anime.generation
    for figure in (dressed, other):
        bpy.context.view_layer.objects.active = figure
        prompt.prompt = "2girls, forest"
        bpy.ops.pose_to_anime.outfit_tags()
        assert "green hair" in prompt.prompt and set(tags(WORN_OUTFIT, read_catalogue())) <= set(prompt.prompt.split(", "))


def test_own_styles_begin_as_copies_of_the_programs() -> None:
    before = set(read_catalogue().styles)
    assert bpy.ops.pose_to_anime.own_styles() == {"FINISHED"}
    examples = {path.stem: path for path in (own_folder() / "examples").iterdir()}
    assert set(examples) == {*shipped_catalogue().styles, "colours"}
    assert set(read_catalogue().styles) == before, "examples are not worn"
    (own_folder() / "bob_of_mine.toml").write_text(examples["bob"].read_text("utf-8").replace("blonde", "green"), "utf-8")
    assert read_catalogue().styles["bob_of_mine"].own


def test_random_takes_the_next_seed(figure) -> None:
    settings = bpy.context.scene.pose_to_anime.wardrobe
    bpy.ops.pose_to_anime.random_outfit()
    bpy.ops.pose_to_anime.random_outfit()
    assert settings.seed == 2 and wearing.outfit_of(figure) == random_outfit(2, read_catalogue())
    assert WORN in pieces_of(figure)["hair"]


def test_a_man_gets_what_suits_him_by_panel_and_by_command() -> None:
    sundress = own_folder() / "sundress.toml"
    sundress.write_text(style_text("sundress", tag='"dress"\ngender = "female"'), "utf-8")
    seed = next(
        seed for seed in range(50) if random_outfit(seed, read_catalogue()).worn.get("dress", Worn("")).style == "sundress"
    )
    for body, gets_it in (("heroic", False), ("slim_woman", True), ("child", True)):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        posed_scene(lambda _: None, figure=body, outfit=f"random:{seed}")
        by_command = wearing.outfit_of(figure := bpy.context.view_layer.objects.active)
        assert ("sundress" in [worn.style for worn in by_command.worn.values()]) == gets_it
        assert wearing.worn_tags(bpy.context.scene, bpy.context.view_layer) == tags(by_command, read_catalogue())
        wearing.take_off(figure)
        bpy.ops.pose_to_anime.random_outfit(seed=seed)
        assert wearing.outfit_of(figure) == by_command
        wearing.take_off(figure)
        bpy.ops.pose_to_anime.wear_outfit(outfit=f"random:{seed}")
        assert wearing.outfit_of(figure) == by_command


def test_a_command_can_dress_its_figure() -> None:
    scene = posed_scene(lambda _: None, figure="chibi", pose="running", outfit="random:3")
    assert wearing.outfit_of(first_figure()) == random_outfit(3, read_catalogue()) and scene.camera is not None
    with pytest.raises(UserError, match="no outfit 'gala'"):
        posed_scene(lambda _: None, outfit="gala")
