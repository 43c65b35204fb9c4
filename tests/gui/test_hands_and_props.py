# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands, props, seats and pairs in a real window: each with one click, each undone in one step."""

from __future__ import annotations

import pytest
from blender_windows import Session


def test_hands_props_seats_and_pairs_take_one_click_and_one_undo(session: Session) -> None:
    outcome = session.run("hands_and_props")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    left, right = facts["fist left"]
    assert left > 60.0 and right == pytest.approx(0.0, abs=0.2), "the other hand stays as it is"
    assert facts["fist undone"] == pytest.approx([0.0, 0.0], abs=0.2)
    assert min(facts["fist both"]) > 60.0
    assert (facts["sword"], facts["sword undone"]) == ({"sword": "R"}, {})
    assert (facts["chair"], facts["chair undone"]) == ({"chair": "UNDER"}, {})
    assert facts["bench"] == {"bench": "BEHIND"} and facts["sat undone"] == [facts["bench"], 0.0]
    assert facts["sat"][0] == {"bench": "UNDER"} and facts["sat"][1] > 0.1, (
        "the figure goes to its seat, which need not be selected"
    )
    assert (facts["pair"], facts["pair undone"]) == (["Adult woman", "Adult woman.001"], ["Adult woman"])
