# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair of the wardrobe that ships, in a real Blender: constraints put it where numpy does, out of body and ground."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from dressed_scene import bone_matrices_of, places  # noqa: E402
from pose_to_anime.addon.armature.posing import apply_pose  # noqa: E402
from pose_to_anime.addon.armature.reshape import skin_at_rest  # noqa: E402
from pose_to_anime.addon.armature.worn import pieces_of  # noqa: E402
from pose_to_anime.addon.dressing import wearing  # noqa: E402
from pose_to_anime.addon.pose.library import load_pose  # noqa: E402
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue  # noqa: E402
from pose_to_anime.addon.wardrobe.outfit import Outfit, Worn, piece_of  # noqa: E402
from pose_to_anime.addon.wardrobe.posed import skinned, with_hanging  # noqa: E402
from rig_scene import MILLIMETRE, figure_fixture  # noqa: E402, F401

POSES = (
    "standing",
    "running",
    "lying",
    "lying_side",
    "lying_prone",
    "kneeling_all_fours",
    "gesture_bow",
    "sitting_hugging_knees",
)


@pytest.mark.parametrize("key", ["long", "ponytail", "twin_braids"])
def test_hair_stays_out_of_body_and_ground_as_it_does_without_blender(figure, key) -> None:
    outfit = Outfit({"hair": Worn(key)})
    wearing.put_on(figure, outfit)
    piece = piece_of(outfit, "hair", skin_at_rest(figure), read_catalogue())
    figure.location, figure.scale = (0.4, -0.3, 0.7), (1.5, 1.5, 1.5)
    worst = {}
    for name in POSES:
        apply_pose(figure, load_pose(name))
        seen = places(pieces_of(figure)["hair"])
        matrices = bone_matrices_of(figure)
        at = np.array(figure.matrix_world)
        hung = skinned(piece.vertices, piece.weights, with_hanging(matrices, piece.bones))
        worst[name] = float(np.abs(seen - hung @ at[:3, :3].T - at[:3, 3]).max())
    assert max(worst.values()) < MILLIMETRE, worst
