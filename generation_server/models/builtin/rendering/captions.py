# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture shows, as booru tags: only what can be seen in it."""

from __future__ import annotations

import math
import random

from .....addon.wardrobe.catalogue import shipped_catalogue
from .....addon.wardrobe.outfit import EXPRESSIONS, Outfit, tags

GROUP_TAGS: dict[str, str] = {
    "standing": "standing", "walking": "walking", "running": "running", "jumping": "jumping", "sitting": "sitting",
    "kneeling": "kneeling", "lying": "lying", "fighting": "fighting stance", "dancing": "dancing",
}  # fmt: skip
"""Group of the pose library → tag; gestures are made standing."""
POSE_TAGS: dict[str, str] = {
    "fighting_front_kick": "kicking", "fighting_high_kick": "kicking", "fighting_punch": "punching",
    "fighting_uppercut": "punching", "gesture_bow": "bowing", "gesture_cheer": "arms up", "gesture_peace": "v",
    "gesture_salute": "salute", "gesture_wave": "waving", "gesture_point_forward": "pointing", "gesture_thumbs_up": "thumbs up",
    "jumping_star": "outstretched arms", "jumping_fist": "arm up", "kneeling_all_fours": "all fours", "kneeling_seiza": "seiza",
    "kneeling_squat": "squatting", "kneeling_one_knee": "on one knee", "lying": "on back", "lying_arms_behind_head": "on back",
    "lying_starfish": "on back", "lying_prone": "on stomach", "lying_side": "on side", "sitting_cross_legged": "indian style",
    "sitting_hugging_knees": "hugging own legs", "sitting_legs_crossed": "crossed legs",
    "standing_arms_crossed": "crossed arms", "standing_hands_on_hips": "hands on own hips", "standing_stretch": "arms up",
    "standing_hand_behind_head": "arm behind head", "standing_hands_behind_back": "arms behind back",
    "standing_attention": "arms at sides", "dancing_twirl": "outstretched arms",
}  # fmt: skip
"""File name of a pose → the tag that tells it from others of its group, where booru users have one."""
_ASIDE = math.radians(50)
_BEHIND = math.radians(125)
_STEEP = math.radians(22)
_TAG_KEPT = 0.85
"""How often a tag of pose, view or background is in a caption: prompts name some things and leave others open."""


def view_tags(azimuth: float, pitch: float, shot: str) -> list[str]:
    """From where a camera looks; ``azimuth`` and ``pitch`` in radians as ``cameras.Framing`` has them."""
    away = abs(math.remainder(azimuth, 2.0 * math.pi))
    found = ["from behind"] if away > _BEHIND else ["from side"] if away > _ASIDE else []
    if abs(pitch) > _STEEP:
        found.append("from above" if pitch > 0.0 else "from below")
    return [*found, shot]


def caption(
    chance: random.Random, people: str, outfit: Outfit, shown: set[str], face_seen: bool, pose: str, group: str, view: list[str],
    background: list[str],
) -> str:  # fmt: skip
    """Tags, divided by commas. ``shown``: the slots of which enough is in the picture, and "eyes" where they can be made out."""
    catalogue = shipped_catalogue()
    seen = Outfit({slot: worn for slot, worn in outfit.worn.items() if slot in shown and slot != "face"}, skin=outfit.skin)
    found = tags(seen, catalogue)
    if face_seen:
        if "eyes" in shown and "face" in outfit.worn:
            found += tags(Outfit({"face": outfit.worn["face"]}), catalogue)
        found += EXPRESSIONS.get(outfit.expression, ())
    rest: list[str] = []
    if group == "gestures":
        group = "standing"
    rest += [tag for tag in (GROUP_TAGS.get(group, ""), POSE_TAGS.get(pose, "")) if tag]
    rest += view + background
    found += [tag for tag in rest if chance.random() < _TAG_KEPT]
    return ", ".join(dict.fromkeys([*people.split(", "), *found]))
