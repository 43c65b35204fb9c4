# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a job still takes: told from its own pace and from former jobs, on a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from pose_to_anime.generation_server.jobs.pace import REMEMBERED, Paces, Phases, Stopwatch
from server_process import make_request

REQUEST = make_request(steps=10)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(clock: Clock, watch: Stopwatch, pace: float, loading: float = 0.0) -> Phases:
    """A whole job: half a second until it starts, the first step four times as long as the others."""
    clock.now += 0.5
    if loading:
        watch.hear("loading model", 0, 0)
        clock.now += loading
    watch.hear("reading the prompt", 0, 0)
    clock.now += 1.0
    watch.hear("denoising", 0, 10)
    for step in range(1, 11):
        clock.now += pace * (4 if step == 1 else 1)
        watch.hear("denoising", step, 10)
    watch.hear("decoding", 10, 10)
    clock.now += 2.0
    watch.hear("saving", 10, 10)
    clock.now += 0.5
    watch.close()
    return watch.taken


def test_a_first_job_is_told_from_its_own_pace_once_it_has_one():
    clock = Clock()
    watch = Stopwatch({}, True, 10, clock)
    assert watch.left() is None
    clock.now += 5.0
    watch.hear("loading model", 0, 0)
    assert watch.left() is None
    watch.hear("denoising", 0, 10)
    assert watch.left() is None
    clock.now += 4.0  # warms up
    watch.hear("denoising", 1, 10)
    assert watch.left() == pytest.approx(9 * 4.0)
    clock.now += 1.0
    watch.hear("denoising", 2, 10)
    assert watch.left() == pytest.approx(8 * 1.0)
    clock.now += 0.5
    assert watch.left() == pytest.approx(7.5)
    clock.now += 60.0  # a step that takes far longer than the others: it may be done any moment, the rest is still to come
    assert watch.left() == pytest.approx(7.0)


def test_a_later_job_is_told_from_the_former_from_its_first_moment():
    clock, paces = Clock(), Paces()
    taken = run(clock, Stopwatch(paces.of(REQUEST), True, 10, clock), pace=1.0, loading=20.0)
    assert taken == pytest.approx(
        {"starting": 0.5, "loading model": 20.0, "reading the prompt": 1.0, "denoising": 1.0, "decoding": 2.0, "saving": 0.5}
    )
    paces.remember(REQUEST, taken)
    assert paces.expected(REQUEST, loads=True) == pytest.approx(34.0)
    assert paces.expected(REQUEST, loads=False) == pytest.approx(14.0)
    watch = Stopwatch(paces.of(REQUEST), False, 10, clock)
    assert watch.left() == pytest.approx(14.0)
    clock.now += 0.5
    watch.hear("reading the prompt", 0, 0)
    clock.now += 0.5
    assert watch.left() == pytest.approx(0.5 + 10.0 + 2.5)
    watch.hear("denoising", 0, 10)
    for step in (1, 2, 3):
        clock.now += 3.0  # the machine is busy: its own pace counts more than what was
        watch.hear("denoising", step, 10)
    assert watch.left() == pytest.approx(7 * 3.0 + 2.5)
    watch.hear("decoding", 10, 10)
    clock.now += 1.0
    assert watch.left() == pytest.approx(1.0 + 0.5)
    watch.hear("saving", 10, 10)
    assert watch.left() == pytest.approx(0.5)
    clock.now += 9.0
    assert watch.left() == 0.0


def test_pictures_that_are_not_made_at_once_are_told_by_the_steps_that_they_tell():
    """Four, for each of which other words were drawn: a quarter of the time for each of four times the steps."""
    clock, paces = Clock(), Paces()
    paces.remember(REQUEST, {"denoising": 4.0, "decoding": 2.0})
    watch = Stopwatch(paces.of(REQUEST), False, 10, clock)
    watch.hear("denoising", 0, 40)
    assert watch.left() == pytest.approx(40.0 + 2.0)
    for step in range(1, 11):
        clock.now += 1.0
        watch.hear("denoising", step, 40)
    assert watch.left() == pytest.approx(30.0 + 2.0)
    watch.hear("denoising", 11, 20)  # fewer than it told at first
    assert watch.left() == pytest.approx(9 * 0.9 + 2.0)
    again = Stopwatch({}, False, 10, clock)
    again.hear("denoising", 0, 40)
    for step in range(1, 41):
        clock.now += 1.0
        again.hear("denoising", step, 40)
    again.hear("decoding", 40, 40)
    assert again.taken["denoising"] == pytest.approx(4.0), "of one of the steps that the request lets expect"


def test_another_size_is_guessed_from_the_nearest_and_another_model_not_at_all():
    clock, paces = Clock(), Paces()
    paces.remember(REQUEST, run(clock, Stopwatch({}, True, 10, clock), pace=1.0, loading=20.0))
    double = make_request(steps=10, width=128)
    assert paces.expected(double, loads=True) == pytest.approx(20.0 + 2 * 14.0)
    assert paces.expected(make_request(model="other"), loads=True) is None


def test_what_was_learnt_outlives_the_server_and_a_broken_file(tmp_path: Path):
    path = tmp_path / "paces.json"
    clock, paces = Clock(), Paces(path)
    for pace in (1.0, 3.0):  # the second was spared the loading, whose time is still known
        paces.remember(REQUEST, run(clock, Stopwatch({}, True, 10, clock), pace, loading=20.0 if pace == 1.0 else 0.0))
    assert Paces(path).of(REQUEST) == paces.of(REQUEST)
    assert paces.of(REQUEST)["denoising"] == pytest.approx(2.0)
    assert paces.of(REQUEST)["loading model"] == pytest.approx(20.0)
    for n in range(REMEMBERED + 5):
        paces.remember(make_request(model=f"m{n}"), {"denoising": 1.0})
    assert Paces(path).of(REQUEST) == {}
    for broken in ("", "[]", '{"a": 3}', '{"a 1x1": {"denoising": "x"}}', '{"a 0x5": {}}'):
        path.write_text(broken)
        assert Paces(path).of(REQUEST) == {}
