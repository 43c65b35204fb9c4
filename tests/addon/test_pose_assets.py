# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library as native assets: the file that ships, written by Blender 4.2, and one written here."""

from dataclasses import replace
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from pose_to_anime.addon.armature.limbs import LIMBS  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.matching import paused, set_ik  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.errors import UserError  # noqa: E402
from pose_to_anime.addon.operators.pose_assets import is_registered  # noqa: E402
from pose_to_anime.addon.package import ASSETS, RIGS  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.pose_assets import (  # noqa: E402
    BLEND,
    CATALOGUES,
    SOURCE,
    catalogue_of,
    controls_of,
    fingerprint,
    shipped_poses,
    write_assets,
)
from rig_scene import matrices, registered  # noqa: E402, F401

DEGREES, METRES = 0.1, 0.001
WRITE_ANEW = "Write it anew with Blender 4.2: .venv/blender-4.2/bin/python -P -m pose_to_anime.addon.pose_assets"
SOME = ("sitting_upright", "fighting_high_kick", "running_sprint")


def assets_in(path: Path) -> dict[str, bpy.types.Action]:
    """Title → action of every pose in a file."""
    with bpy.data.libraries.load(str(path)) as (found, wanted):
        wanted.actions = list(found.actions)
    return {action.name: action for action in wanted.actions}


def applied(figure: bpy.types.Object, action: bpy.types.Action) -> dict[str, np.ndarray]:
    """Where a figure's bones are once Blender itself has applied an asset."""
    apply_pose(figure, load_pose("standing"))
    figure.pose.apply_pose_from_action(action)
    bpy.context.view_layer.update()
    return matrices(figure)


def farthest(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> tuple[float, float]:
    """The largest difference of two figures' bones in degrees and metres."""
    angle = distance = 0.0
    for name, matrix in one.items():
        turn = matrix[:3, :3].T @ other[name][:3, :3]
        sine = np.linalg.norm([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
        angle = max(angle, float(np.degrees(np.arctan2(sine, (np.trace(turn) - 1) / 2))))
        distance = max(distance, float(np.linalg.norm(matrix[:3, 3] - other[name][:3, 3])))
    return angle, distance


@pytest.fixture(name="figure")
def figure_fixture(registered: None) -> bpy.types.Object:  # noqa: F811
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return add_mannequin(bpy.context)


def test_an_asset_gives_the_pose_of_the_library(registered: None, tmp_path: Path) -> None:  # noqa: F811
    blend, _ = write_assets(tmp_path, SOME)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    figure = add_mannequin(bpy.context)
    actions = assets_in(blend)
    for name in SOME:
        pose = load_pose(name)
        seen = applied(figure, actions[pose.name])
        apply_pose(figure, pose)
        angle, distance = farthest(matrices(figure), seen)
        assert angle < DEGREES and distance < METRES, name


def test_the_file_that_ships_gives_what_it_holds(figure: bpy.types.Object) -> None:
    actions = assets_in(ASSETS / BLEND)
    bones = set(controls_of(figure))
    for action in list(actions.values())[::12]:
        seen = applied(figure, action)
        values = curves_of(action)
        assert {curve.data_path.split('"')[1] for curve in values} == bones, "every control, and nothing else"
        with paused():
            for limb in LIMBS:
                set_ik(figure, limb, False)
            for curve in values:
                bone, channel = curve.data_path.split('"')[1], curve.data_path.rsplit(".", 1)[1]
                getattr(figure.pose.bones[bone], channel)[curve.array_index] = curve.evaluate(1.0)
            bpy.context.view_layer.update()
            angle, distance = farthest(matrices(figure), seen)
        assert angle < DEGREES and distance < METRES, action.name


def curves_of(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return [curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves]


def test_the_file_that_ships_is_small_and_catalogued(registered: None) -> None:  # noqa: F811
    assert (ASSETS / BLEND).stat().st_size < 3_000_000
    actions = assets_in(ASSETS / BLEND)
    groups = {path.stem: load_pose(path).group for path in (RIGS / "poses").glob("*.json")}
    assert len(actions) >= 60
    lines = (ASSETS / CATALOGUES).read_text("utf-8").splitlines()
    catalogues = dict(line.split(":")[:2] for line in lines[2:])
    assert lines[0] == "VERSION 1" and set(catalogues) == {catalogue_of(group) for group in groups.values()}
    for action in actions.values():
        asset = action.asset_data
        assert asset is not None and asset.catalog_id in catalogues, action.name
        assert (asset.author, asset.license) == ("Pose to Anime", "GPL-3.0-or-later")
        assert action.preview is not None and tuple(action.preview.image_size) == (128, 128)


def test_the_library_is_added_on_a_click_and_taken_out_with_the_extension(registered: None) -> None:  # noqa: F811
    libraries = bpy.context.preferences.filepaths.asset_libraries
    before = [library.path for library in libraries]
    ops = bpy.ops.pose_to_anime
    assert not is_registered() and not ops.remove_pose_assets.poll()
    ops.add_pose_assets()
    assert is_registered() and not ops.add_pose_assets.poll()
    ops.remove_pose_assets()
    assert [library.path for library in libraries] == before
    ops.add_pose_assets()
    import pose_to_anime

    pose_to_anime.unregister()
    try:
        assert [library.path for library in libraries] == before
    finally:
        pose_to_anime.register()
    assert not is_registered(), "only a click brings it in"


def test_a_missing_folder_and_an_unknown_pose_are_said(
    registered: None,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match="No pose 'flying'"):
        write_assets(tmp_path / "none", ["flying"])
    assert not (tmp_path / "none").exists()
    monkeypatch.setattr("pose_to_anime.addon.operators.pose_assets.ASSETS", tmp_path / "none")
    with pytest.raises(RuntimeError, match="is missing"):
        bpy.ops.pose_to_anime.add_pose_assets()


def test_the_fingerprint_of_an_asset_sees_what_it_is_made_from(registered: None, tmp_path: Path) -> None:  # noqa: F811
    entry = shipped_poses()[SOME[0]]
    pose = tmp_path / entry.path.name
    text = entry.path.read_text("utf-8")
    known = fingerprint(entry)
    for written, same in ((text.replace("\n", "\r\n"), True), (text + " ", False)):
        pose.write_bytes(written.encode("utf-8"))
        assert (fingerprint(replace(entry, path=pose)) == known) is same
    blend, _ = write_assets(tmp_path, SOME[:1])
    (action,) = assets_in(blend).values()
    assert action[SOURCE] == known


def test_the_file_that_ships_is_not_older_than_what_it_is_made_from(figure: bpy.types.Object) -> None:
    actions, shipped = assets_in(ASSETS / BLEND), shipped_poses()
    assert set(actions) == {entry.title for entry in shipped.values()}, WRITE_ANEW
    stale = [entry.key for entry in shipped.values() if actions[entry.title].get(SOURCE) != fingerprint(entry)]
    assert not stale, WRITE_ANEW
    for entry in list(shipped.values())[::12]:  # nor than the rig, and how it comes into a pose
        seen = applied(figure, actions[entry.title])
        apply_pose(figure, load_pose(entry.path))
        angle, distance = farthest(matrices(figure), seen)
        assert angle < DEGREES and distance < METRES, (entry.key, WRITE_ANEW)
