# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose library in a real window: one click applies, undo takes back, a pose is saved with its thumbnail."""

from __future__ import annotations

from blender_windows import Session


def test_poses_are_chosen_mirrored_undone_and_saved(session: Session) -> None:
    outcome = session.run("choose_pose")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert facts["applied"] in facts["running"]
    assert facts["changed by a click"] and facts["mirrored"] and facts["undone"]
    assert facts["saved"] == ["FINISHED"] and facts["own"] == ["my_stance"]
    assert (session.home / "poses" / "previews" / "my_stance.png").stat().st_size > 1000
