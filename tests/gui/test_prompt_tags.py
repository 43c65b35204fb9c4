# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags in a real window: completion while writing, weights by keys over the tag that the mouse is over."""

from __future__ import annotations

from blender_windows import Session


def test_tags_are_completed_and_weighed(session: Session) -> None:
    outcome = session.run("prompt_tags")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert facts["after keys"] == "1girl, (long hair:1.2)"
    assert facts["after backspace"] == "1girl, long hair"
    assert facts["after choosing"] == "1girl, long hair, smile"
    assert facts["after undo"] == "1girl, long hair"
