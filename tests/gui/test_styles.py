# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles, recipes, saved prompts and presets in a real window, where there is a clipboard."""

from __future__ import annotations

from blender_windows import Session


def test_a_style_is_chosen_and_a_recipe_pasted_each_in_one_step_of_undo(session: Session) -> None:
    outcome = session.run("styles")
    assert outcome.exit_code == 0, outcome.console
    assert "Traceback" not in outcome.console, outcome.console
    facts = outcome.facts
    first, styled, pasted = facts["first"], facts["styled"], facts["pasted"]
    assert styled[0] == "watercolour" and styled[1] == first[1] and styled[3] == "dpmpp_2m_karras"
    assert pasted == ["", "1girl, running, park", 31, "dpmpp_2m_karras", 77, "3:2"]
    assert "Not used of the recipe: the model “lost_v2”, which is not here." in outcome.console
    assert facts["undone"] == styled and facts["undone twice"] == first
    preset = facts["by the preset"]
    assert preset[:4] == first[:4] and preset[4:] == pasted[4:], "seed and ratio are no part of a preset"
    assert facts["preset undone"], "one click in Blender's own menu, one step of undo"
