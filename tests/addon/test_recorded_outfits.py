# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture knows what its figures wore, and restoring it dresses them so again."""

import json

import pytest

bpy = pytest.importorskip("bpy")

from dressed_scene import WORN_OUTFIT, dressed_fixture, wardrobe_fixture  # noqa: E402, F401
from pose_to_anime.addon.armature.colour import figure_colour  # noqa: E402
from pose_to_anime.addon.armature.worn import is_in_pictures, pieces_of  # noqa: E402
from pose_to_anime.addon.dressing import wearing  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.generate.restore import restore_scene  # noqa: E402
from pose_to_anime.addon.generate.scene_info import scene_info  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn  # noqa: E402
from rig_scene import figure_fixture, first_figure, registered  # noqa: E402, F401


def recipe() -> dict:
    """The scene part of a job, as it lies on disk and in the picture."""
    return json.loads(json.dumps(scene_info(bpy.context.scene, bpy.context.view_layer)))


def restored(info: dict) -> list[str]:
    return restore_scene(bpy.context.scene, info)


def test_restoring_gives_names_colours_face_and_ticks_back(dressed) -> None:
    wearing.recolour(dressed, "bottom", "main", "#123456")
    pieces_of(dressed)["hair"].pose_to_anime.in_depth = False
    worn, colour, info = wearing.outfit_of(dressed), figure_colour(dressed), recipe()
    wearing.put_on(dressed, Outfit({"dress": Worn("kimono"), "hair": Worn("bob")}, "angry", (0.5, 0.0), "dark"))
    assert restored(info) == []
    assert wearing.outfit_of(dressed) == worn and figure_colour(dressed) == pytest.approx(colour)
    assert {slot: is_in_pictures(piece) for slot, piece in pieces_of(dressed).items()} == {
        slot: slot != "hair" for slot in WORN_OUTFIT.worn
    }


def test_a_figure_that_was_bare_is_bare_again_and_a_new_one_is_dressed(dressed) -> None:
    clothed = recipe()
    wearing.take_off(dressed)
    bare = recipe()
    wearing.put_on(dressed, WORN_OUTFIT)
    assert restored(bare) == [] and not wearing.is_dressed(dressed) and not pieces_of(dressed)
    bpy.data.objects.remove(dressed)
    assert len(restored(clothed)) == 1
    assert wearing.outfit_of(first_figure()) == WORN_OUTFIT and set(pieces_of(first_figure())) == set(WORN_OUTFIT.worn)


def test_an_older_picture_leaves_clothes_alone(dressed) -> None:
    info = recipe()
    for figure in info["figures"]:
        del figure["worn"]
    assert restored(info) == [] and wearing.outfit_of(dressed) == WORN_OUTFIT


def test_what_is_not_in_the_wardrobe_any_more_is_told(dressed, wardrobe) -> None:
    info = recipe()
    wearing.take_off(dressed)
    (wardrobe / "tee.toml").unlink()
    (said,) = restored(info)
    assert "'tee'" in said and set(pieces_of(dressed)) == set(WORN_OUTFIT.worn) - {"top"}
    info["figures"][0]["worn"]["outfit"]["skin"] = "plaid"
    (said,) = restored(info)[:1]
    assert "plaid" in said and "keeps what it wears" in said and set(pieces_of(dressed)) == set(WORN_OUTFIT.worn) - {"top"}
    del info["figures"][0]["worn"]["outfit"]
    with pytest.raises(UserError, match="damaged"):
        restored(info)
