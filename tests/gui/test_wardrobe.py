# SPDX-License-Identifier: GPL-3.0-or-later
"""The wardrobe in a real window: dressed by a button, undone, seen as a toon and as clay again, its tags in the prompt."""

from __future__ import annotations

from blender_windows import Session


def test_a_figure_is_dressed_and_undone_and_looked_at_as_a_toon(session: Session) -> None:
    outcome = session.run("wardrobe")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert len(facts["dressed"]) >= 3 and facts["pieces"] == sorted(facts["dressed"])
    assert facts["after undo"] == {} and facts["after redo"] == facts["dressed"]
    assert facts["light while a toon"] == "FLAT" and facts["light"] == "STUDIO"
    assert facts["shells"] == [], "the outlines go with the look"
    assert facts["prompt"] != facts["prompt before"] and facts["prompt"].count("eyes") == 1
