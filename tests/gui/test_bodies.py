# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies in a real window: a slider is dragged with the mouse and undone, a body chosen, a figure duplicated and removed."""

from __future__ import annotations

import pytest
from blender_windows import Session


def test_bodies_and_figures_are_changed_and_undone_while_one_is_posed(session: Session) -> None:
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
    name, mode, mode_of_first, distance = facts["duplicate"]
    assert (name, mode, mode_of_first) == ("Adult woman.001", "POSE", "OBJECT") and distance > 0.5
    assert facts["first is hidden"] is True
    assert facts["left"] == ["Adult woman.001"] and facts["mode after removing"] == "POSE"
    assert facts["left after undo"] == ["Adult woman", "Adult woman.001"]
    assert facts["saved"] == ["FINISHED"] and facts["own body"] == "mine"
    assert (session.home / "bodies" / "mine.toml").is_file()
