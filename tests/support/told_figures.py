# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures in poses of the library as points, cameras that look at them, and what is surely true of each pose."""

from __future__ import annotations

import functools
import math

import numpy as np
from pose_to_anime.addon.armature.joint_map import joint_map
from pose_to_anime.addon.armature.skin.body_file import read_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.package import RIGS
from pose_to_anime.addon.pose.body_points import BODY_JOINTS, BODY_LANDMARKS
from pose_to_anime.addon.pose.humanoid import FINGERS, phalanges
from pose_to_anime.addon.pose.kinematics import hips_place, joint_ends, joint_places, world_rotations
from pose_to_anime.addon.pose.normalised import Pose
from pose_to_anime.addon.pose.rest import HumanoidRest, humanoid_rest
from pose_to_anime.addon.told.body import Body
from pose_to_anime.addon.told.view import View


@functools.cache
def _figure(mannequin: str) -> tuple[Skin, HumanoidRest]:
    skin = build_skin(read_body(RIGS / "mannequins" / f"{mannequin}.toml"))
    return skin, humanoid_rest(skin.joints, joint_map("mannequin"))


def body_in(pose: Pose, mannequin: str = "adult_woman", turn: float = 0.0, move: tuple[float, float] = (0.0, 0.0)) -> Body:
    """A mannequin in a pose, turned to its left by degrees about the world's middle, and moved."""
    skin, rest = _figure(mannequin)
    world = world_rotations(pose)
    places = joint_places(rest, world, hips_place(rest, pose))
    ends = joint_ends(rest, world, places)
    points = np.full((18, 3), np.nan)
    for index, joint in enumerate(BODY_JOINTS):
        if joint:
            points[index] = places[joint]
    head = world["head"] @ rest.to_t_pose["head"]
    for index, name in BODY_LANDMARKS.items():
        points[index] = places["head"] + head @ (skin.landmarks[name] - rest.heads["head"])
    hands = {}
    for side in ("left", "right"):
        rows = [places[f"{side}Hand"]]
        for finger in FINGERS:
            names = [f"{side}{finger}{part}" for part in phalanges(finger)]
            rows += [*(places[name] for name in names), ends[names[-1]]]
        hands[side] = np.array(rows)
    angle = math.radians(turn)
    about = np.array([[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    shift = np.array([*move, 0.0])
    return Body(points @ about.T + shift, {side: hand @ about.T + shift for side, hand in hands.items()}, gender="female")


def middle_of(body: Body) -> np.ndarray:
    return (body.hips + body.shoulders) / 2.0


def camera(around: float, down: float, target: np.ndarray, distance: float = 7.0, roll: float = 0.0) -> View:
    """A camera that looks at a place: from the front, ``around`` degrees towards the figure's left, from ``down`` degrees above;
    its picture is 2 : 3 and spans half of the distance in height."""
    a, e, r = map(math.radians, (around, down, roll))
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.array([math.cos(a), math.sin(a), 0.0])
    up = np.cross(back, right)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = right * math.cos(r) + up * math.sin(r), up * math.cos(r) - right * math.sin(r)
    matrix[:3, 2], matrix[:3, 3] = back, target + back * distance
    projection = np.zeros((4, 4))
    projection[0, 0], projection[1, 1] = 6.0, 4.0
    projection[2, 2], projection[2, 3], projection[3, 2] = -1.0, -0.2, -1.0
    return View(matrix, projection)


DOES = {
    "dancing_ballet_arabesque": "outstretched arm, arm up",
    "dancing_disco": "standing, hand on own hip, arm up, pointing",
    "dancing_flamenco": "standing, arm up",
    "dancing_hip_hop": "",
    "dancing_idol": "standing on one leg, hand on own hip, v",
    "dancing_lunge": "",
    "dancing_pirouette": "standing on one leg",
    "dancing_twirl": "standing on one leg, spread arms",
    "fighting_archer": "standing, outstretched arm",
    "fighting_block": "clenched hands",
    "fighting_cast_spell": "outstretched arm",
    "fighting_front_kick": "standing on one leg, clenched hands",
    "fighting_guard": "clenched hands",
    "fighting_high_kick": "clenched hands",
    "fighting_punch": "clenched hands, outstretched arm",
    "fighting_sword_overhead": "arms up",
    "fighting_sword_ready": "",
    "fighting_uppercut": "clenched hands",
    "gesture_bow": "leaning forward",
    "gesture_cheer": "standing, arms up, clenched hands",
    "gesture_facepalm": "standing",
    "gesture_peace": "standing, v",
    "gesture_phone": "standing",
    "gesture_point_forward": "hand on own hip, outstretched arm, pointing at viewer",
    "gesture_salute": "standing",
    "gesture_shout": "standing",
    "gesture_shrug": "standing",
    "gesture_stop": "standing, outstretched arm",
    "gesture_thumbs_up": "standing, hand on own hip, thumbs up",
    "gesture_wave": "standing",
    "jumping": "midair, arms up",
    "jumping_fist": "midair, clenched hands, arm up",
    "jumping_leap": "midair, outstretched arm",
    "jumping_skip": "midair, arm up, outstretched arm",
    "jumping_star": "midair",
    "jumping_takeoff": "",
    "jumping_tuck": "midair, clenched hands",
    "kneeling_all_fours": "all fours",
    "kneeling_landing": "kneeling, on one knee, outstretched arm",
    "kneeling_one_knee": "kneeling, on one knee",
    "kneeling_seiza": "seiza, sitting",
    "kneeling_squat": "squatting",
    "kneeling_upright": "kneeling, own hands together",
    "lying": "lying, on back",
    "lying_arms_behind_head": "lying, on back, arms behind head",
    "lying_prone": "lying, on stomach",
    "lying_side": "lying, on side",
    "lying_starfish": "lying, on back, outstretched arm",
    "running": "running",
    "running_curve": "",
    "running_jog": "running",
    "running_looking_back": "",
    "running_ninja": "",
    "running_sprint": "running",
    "running_start": "",
    "sitting": "sitting",
    "sitting_chin_in_hand": "sitting",
    "sitting_cross_legged": "sitting, indian style",
    "sitting_edge": "sitting",
    "sitting_hugging_knees": "sitting, knees up, hugging own legs",
    "sitting_leaning_back": "sitting",
    "sitting_leaning_forward": "sitting",
    "sitting_legs_crossed": "sitting, crossed legs",
    "sitting_side_saddle": "sitting",
    "sitting_slouch": "sitting",
    "sitting_upright": "sitting",
    "standing": "standing, arms at sides",
    "standing_arms_crossed": "standing, crossed arms",
    "standing_attention": "standing, arms at sides",
    "standing_back_view_glance": "standing",
    "standing_hand_behind_head": "standing, arm behind head",
    "standing_hands_behind_back": "standing, arms behind back",
    "standing_hands_on_hips": "standing, hands on own hips",
    "standing_heroic": "standing, hands on own hips, clenched hands",
    "standing_leaning_forward": "leaning forward, arms behind back",
    "standing_shy": "standing",
    "standing_stretch": "standing, arms up",
    "standing_thinking": "standing",
    "walking_brisk": "walking",
    "walking_march": "clenched hands",
    "walking_runway": "walking",
    "walking_sneak": "",
    "walking_stroll": "walking",
    "walking_weary": "",
}
"""What is said of each pose of the library, its posture, arms and hands: looked at one by one on its picture."""
