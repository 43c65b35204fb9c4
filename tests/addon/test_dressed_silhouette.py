# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth and masks of dressed figures cover what Blender's own render of the same frame shows of them."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402
from pass_scene import SIZE, look_from, passes, workbench_mask  # noqa: E402
from pose_to_anime.addon.armature.mannequin import add_mannequin  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.dressing import toon, wearing  # noqa: E402
from pose_to_anime.addon.dressing.outline import OUTLINE_NAME  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit_files import named_outfit  # noqa: E402
from rig_scene import registered  # noqa: E402, F401


@pytest.fixture(autouse=True)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TO_ANIME_HOME", str(tmp_path / "home"))
    bpy.ops.wm.read_factory_settings(use_empty=False)
    bpy.data.objects.remove(bpy.data.objects["Cube"])


def dressed(outfit: str, pose: str, body: str = "adult_woman", x: float = 0.0) -> bpy.types.Object:
    figure = add_mannequin(bpy.context, body, location=(x, 0.0, 0.0))
    wearing.put_on(figure, named_outfit(outfit, read_catalogue()))
    apply_pose(figure, load_pose(pose))
    bpy.context.view_layer.update()
    return figure


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


LOOKS = {
    "school, running": ("school", "running", 30.0, {}),
    "school, from behind": ("school", "walking_stroll", 190.0, {}),
    "by chance, sitting": ("random:3", "sitting_cross_legged", -50.0, {}),
    "by chance, orthographic": ("random:11", "jumping_star", 0.0, {"type": "ORTHO", "ortho_scale": 2.6, "shift_x": 0.1}),
    "by chance, shifted": ("random:7", "fighting_punch", 80.0, {"shift_x": 0.12, "shift_y": -0.08}),
}


@pytest.mark.parametrize(("outfit", "pose", "yaw", "lens"), LOOKS.values(), ids=LOOKS)
def test_a_dressed_figure(outfit: str, pose: str, yaw: float, lens: dict[str, object], tmp_path: Path) -> None:
    dressed(outfit, pose)
    look_from(yaw, pitch=8.0)
    for name, value in lens.items():
        setattr(bpy.context.scene.camera.data, name, value)
    bpy.context.view_layer.update()
    result = passes(kinds=("depth", "mask"))
    theirs = workbench_mask(tmp_path)
    assert theirs.sum() > 0.02 * SIZE[0] * SIZE[1]
    for kind in ("depth", "mask"):
        assert overlap(result.images[kind][..., 0] > 0, theirs) >= 0.995, kind


def test_the_toon_looks_outlines_are_ink_and_no_part_of_the_figure(tmp_path: Path) -> None:
    dressed("school", "running")
    look_from(30.0, pitch=8.0)
    plain = passes(kinds=("depth", "mask")).images
    toon.switch(bpy.context.scene, True)
    bpy.context.view_layer.update()
    drawn = passes(kinds=("depth", "mask")).images
    assert all(np.array_equal(plain[kind], drawn[kind]) for kind in plain)
    with_ink = workbench_mask(tmp_path)
    mine = drawn["mask"][..., 0] > 0
    assert (with_ink & mine).sum() >= 0.998 * mine.sum() and overlap(mine, with_ink) < 0.99
    for obj in bpy.context.scene.objects:
        obj.hide_render |= OUTLINE_NAME in obj.modifiers
    assert overlap(mine, workbench_mask(tmp_path)) >= 0.995


def test_two_dressed_figures_one_before_the_other(tmp_path: Path) -> None:
    """The mask of each, as far as the other does not hide it, against renders with the other one alone left out of sight."""
    first, second = dressed("school", "walking_stroll"), dressed("random:5", "jumping_star", "adult_man", x=0.35)
    second.location.y = 0.6
    look_from(10.0)
    bpy.context.view_layer.update()
    images = passes(kinds=("depth", "mask", "figure_mask")).images
    assert overlap(images["mask"][..., 0] > 0, workbench_mask(tmp_path)) >= 0.995
    masks = [images[f"figure_mask_{number}"][..., 0] > 0 for number in (1, 2)]
    assert not (masks[0] & masks[1]).any()
    for obj in (second, *second.children_recursive):
        obj.hide_render = True
    near = max(masks, key=lambda mask: overlap(mask, workbench_mask(tmp_path)))
    assert overlap(near, workbench_mask(tmp_path)) >= 0.995
    assert first.name != second.name
