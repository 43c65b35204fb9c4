# SPDX-License-Identifier: GPL-3.0-or-later
"""What a family's file says of its controls."""

from __future__ import annotations

import pytest
from pose_to_anime.generation_server.families.catalogue import ControlDefaults, families


@pytest.mark.parametrize("family", families().values(), ids=lambda family: family.name)
def test_the_steps_of_a_control_rise_and_have_the_default_among_them(family) -> None:
    for defaults in family.controls.values():
        assert len(set(defaults.stops)) == 5 and defaults.usual in defaults.stops
        assert list(defaults.stops) == sorted(defaults.stops, key=lambda stop: (stop[0], stop[2]))
        assert all(0.0 < strength <= 2.0 and 0.0 <= start < end <= 1.0 for strength, start, end in defaults.stops)


def test_a_control_without_steps_gets_some() -> None:
    assert [strength for strength, _, _ in ControlDefaults(0.8, 0.0, 0.5).stops] == pytest.approx([0.4, 0.6, 0.8, 1.0, 1.2])


def test_steps_that_lack_the_default_are_refused() -> None:
    with pytest.raises(TypeError, match="defaults among them"):
        ControlDefaults(0.8, 0.0, 0.5, ((0.1, 0.0, 0.5),) * 5)
