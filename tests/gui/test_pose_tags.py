# SPDX-License-Identifier: GPL-3.0-or-later
"""What pose and camera tell the prompt, in a real window: it follows the pose, and a click leaves a tag out."""

from __future__ import annotations

from blender_windows import Session


def test_the_prompt_is_told_what_the_camera_sees(session: Session) -> None:
    outcome = session.run("pose_tags")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert {"from behind", "standing", "hands on own hips"} <= set(facts["standing"])
    assert ["full body", "upper body"] in facts["otherwise"]
    assert facts["left out"] == ["from behind"]
    assert "sitting" in facts["sitting"] and "from behind" not in facts["sitting"]
