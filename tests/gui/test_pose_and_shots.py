# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots, and the slider for more dynamic poses, in a real window: live while it is dragged, one undo step."""

from __future__ import annotations

from blender_windows import Session


def test_a_pose_is_pushed_by_a_slider_and_a_shot_taken_by_a_click(session: Session) -> None:
    outcome = session.run("pose_and_shots")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert facts["live"] > 3 and facts["slider"] > 0.1
    assert facts["pushed"] > 0.005
    assert facts["undone in one step"] < 1e-4 and facts["slider after undo"] == 0.0
    assert facts["framing"] == "bust" and facts["moved"] > 0.5
    assert facts["shot undone"] < 1e-4
