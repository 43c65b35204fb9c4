# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins and rolled feet in a real window, where the mouse drags and Esc gives up."""

from __future__ import annotations

import pytest
from blender_windows import Session


def test_a_pin_holds_while_the_mouse_drags_and_a_drag_given_up_leaves_nothing(session: Session) -> None:
    outcome = session.run("pinned")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert max(facts["given up"].values()) < 1e-4, facts["given up"]
    assert facts["pinned hand moved"] < 1e-3 and facts["other hand moved"] > 0.03
    assert facts["undone"] < 1e-4 and facts["pins"] == 1
    assert facts["clicked"] == "foot_roll.L"
    assert facts["foot rolled"] == pytest.approx(0.349, abs=0.01), "20 degrees were typed"
    assert facts["toes moved"] < 1e-3 and facts["roll undone"] < 1e-4
