# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a figure has the 18 points of an OpenPose body: at joints of the humanoid, or at points of its skin."""

from __future__ import annotations

BODY_JOINTS: tuple[str | None, ...] = (
    None, None,
    "rightUpperArm", "rightLowerArm", "rightHand",
    "leftUpperArm", "leftLowerArm", "leftHand",
    "rightUpperLeg", "rightLowerLeg", "rightFoot",
    "leftUpperLeg", "leftLowerLeg", "leftFoot",
    None, None, None, None,
)  # fmt: skip
"""The joint at each of the 18 body points of COCO in OpenPose's order (nose, neck, right arm, left arm, right leg, left leg,
eyes, ears)."""

BODY_LANDMARKS = {0: "nose_tip", 14: "eye_right", 15: "eye_left", 16: "ear_right", 17: "ear_left"}
"""The point of the skin (``Skin.landmarks``) at each of the others; the neck is neither."""
