# SPDX-License-Identifier: GPL-3.0-or-later
"""Posing by rings in a real window: each of the four turns its joint, undo takes it back, and dots go on as before."""

from __future__ import annotations

import numpy as np
import pytest
from blender_windows import Session
from PIL import Image

CLOSE = 3.0  # degrees, of 50: where a ring is seen from its edge a pixel is a degree, and a photograph shows rings as they are


def test_rings_turn_joints_and_dots_are_dragged(session: Session) -> None:
    outcome = session.run("rings")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    assert (facts["mode before"], facts["mode"], facts["clicked"]) == ("OBJECT", "POSE", "upper_arm.L")
    assert (facts["lit hand_ik.L"], facts["lit upper_chest"], facts["lit beside"]) == ("hand_ik.L", "upper_chest", None)
    for ring, found in facts["turns"].items():
        angle, aside = found["turn"]
        assert angle == pytest.approx(50.0, abs=CLOSE) and aside < 0.1, ring
        assert found["undone"] < 0.001, f"{ring}: a turn must be one undo step"
        assert found["still"] == "upper_arm.L"
    assert facts["given up"] < 0.001 and facts["clicked ring"] < 0.001
    angle, aside = facts["snapped"]
    assert angle == pytest.approx(35.0, abs=0.01) and aside < 0.1
    assert facts["meant"] == {"hand_ik.L": "hand.L", "elbow.R": "forearm.R", "chest_ik": "upper_chest"}
    assert facts["moved in Rotate"] < 1e-6, "by rings no dot is pulled"
    assert facts["selected with only dots"] == "elbow.L", "what is selected must be seen"
    assert facts["moved in Drag"] > 0.05 and facts["drag undone"] < 1e-6
    angle, aside = facts["hand turned"]
    assert angle == pytest.approx(50.0, abs=CLOSE) and aside < 0.1
    assert 30.0 < facts["forearm along"] < 50.0, "the wrist alone turns by 12 degrees"
    assert max(facts["hand undone"]) < 0.001
    assert facts["hinge"] == pytest.approx(0.0, abs=0.1)
    for picture, dim in (("1-rings", ""), ("3-only dots", "blue")):
        with Image.open(outcome.photographs[picture]) as photograph:
            screen = np.asarray(photograph.convert("RGB"), np.int16)
        for name, (red, green, blue) in {"red": (255, 41, 56), "blue": (41, 128, 255), "green": (102, 230, 13)}.items():
            near = np.abs(screen - (red, green, blue)).max(axis=-1) < 30
            if name == dim:
                assert near.sum() < 30, f"{picture}: the {name} ring turns nothing and is dim"
            elif not dim:
                assert near.sum() > 60, f"the {name} ring is not seen"
