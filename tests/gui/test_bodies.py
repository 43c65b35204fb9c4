# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies in a real window: a slider is dragged with the mouse and undone, another body is chosen."""

from __future__ import annotations

import pytest
from blender_windows import Session


def test_a_body_is_changed_and_undone_while_it_is_posed(session: Session) -> None:
    outcome = session.run("bodies")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    first, taller = facts["height at first"], facts["height after the drag"]
    assert taller > first + 0.05
    assert list(facts["sliders"]) == ["height"] and taller / first == pytest.approx(facts["sliders"]["height"], abs=1e-3)
    assert facts["height after undo"] == first and facts["sliders after undo"] == {}, "a drag is one undo step"
    assert facts["height after redo"] == taller
    assert facts["mode after the drag"] == facts["mode after redo"] == "POSE"
    assert (facts["body"], facts["body after undo"]) == ("heroic", "adult_woman")
