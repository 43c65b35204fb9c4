# SPDX-License-Identifier: GPL-3.0-or-later
"""Control images in a real window, over the camera's view and beside it: they follow poses, an undo, and figures that go."""

from __future__ import annotations

from blender_windows import Session


def test_control_images_follow_the_pose(session: Session) -> None:
    outcome = session.run("control_images")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert set(facts["milliseconds"]) == {"openpose", "depth", "normal", "lineart"}
    assert facts["the editor follows"], "the Image Editor shows the pose as it is"
    assert abs(facts["zoom before"][0] - 0.5) < 0.01
    assert abs(facts["zoom"][0] - 0.5) < 0.01, "the user's zoom stays"
    assert facts["unsaved"] == [], "Blender would ask for it when it is closed"
    assert facts["the editor of a workspace that was left follows again"]
    assert facts["after undo"] and facts["as before"], "an undo takes Blender's image away: it must come back, as it was"
    assert facts["images while nothing changes"] == 0, "a preview must not ask for itself again"
    assert "no visible figure" in facts["problem"]
