# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitting at posing in a real window: every kind of dot is dragged, poses and bodies change, and all of it is undone."""

from __future__ import annotations

from blender_windows import Session


def test_every_dot_is_dragged_and_all_is_undone(session: Session) -> None:
    outcome = session.run("every_dot")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert 0.4 < facts["seen high"] < 1.0, "the first figure of a new file must be seen large enough to pose it"
    for dot, moved in facts["moved"].items():
        assert moved > 0.02, f"{dot} was not dragged"
        assert facts["off its joint"][dot] < 1e-3, f"after {dot} a dot is off its joint"
    assert facts["apply_pose"] > 0.1 and facts["mirror_pose"] > 0.1 and facts["change_body"] > 0.1
    assert max(facts["undone"]) < 1e-4, facts["undone"]
