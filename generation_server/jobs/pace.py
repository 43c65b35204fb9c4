# SPDX-License-Identifier: GPL-3.0-or-later
"""How long jobs still take: from the pace of the one that runs, and from how long such jobs have taken before."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ..protocol import GenerationRequest
from ..replacing import put_in_place

REMEMBERED = 300
"""Pairs of model and size whose paces are kept; those that were not used for longest go first."""

_log = logging.getLogger(__name__)

Phases = dict[str, float]
"""Seconds that each phase takes, in the order in which they come; of a phase with steps, the seconds of one step."""


class Stopwatch:
    """One running job."""

    def __init__(self, known: Mapping[str, float], loads: bool, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``known``: what such a job has taken before; ``loads``: whether its model has to be loaded first; ``steps``: how
        many steps of denoising its request lets expect. It may tell more: pictures with different prompts are not made at once,
        and each of their steps takes less."""
        self._clock = clock
        self._known = {phase: seconds for phase, seconds in known.items() if loads or not _is_loading(phase)}
        self._expected_steps = steps
        self._phase = "starting"
        self._begin = self._clock()
        self._step = self._steps = 0
        self._first_step: tuple[int, float] | None = None  # the first one that was heard to end, and when: it may warm up
        self._last_step = self._begin
        self.taken: Phases = {}

    def hear(self, phase: str, step: int, steps: int) -> None:
        """The job is there now."""
        now = self._clock()
        if phase != self._phase:
            self.close()
            self._phase, self._begin, self._first_step, self._last_step = phase, now, None, now
            self._step, self._steps = step, steps if step < steps else 0
            return
        if self._steps and steps:
            self._steps = steps
        if step > self._step:
            self._first_step = self._first_step or (step, now)
            self._step, self._last_step = step, now

    def close(self) -> None:
        """The phase is over."""
        seconds = self._own_pace() if self._steps else self._clock() - self._begin
        if seconds is not None:
            self.taken[self._phase] = seconds / self._share

    def left(self) -> float | None:
        """Seconds until the job is done, or None when nothing is known of it."""
        now = self._clock()
        former = self._known.get(self._phase)
        if self._steps:
            former = None if former is None else former * self._share
            pace = former if self._step < 2 and former is not None else self._own_pace() or former
            if pace is None:
                return None
            current = max(0.0, pace * (self._steps - self._step) - min(pace, now - self._last_step))
        elif former is None:
            return None
        else:
            current = max(0.0, former - (now - self._begin))
        phases = list(self._known)
        later = phases[phases.index(self._phase) + 1 :] if self._phase in phases else phases
        return current + _total({phase: self._known[phase] for phase in later if phase not in self.taken}, self._expected_steps)

    @property
    def _share(self) -> float:
        """What one of the steps that are told is of one that was expected."""
        return self._expected_steps / self._steps if self._phase == "denoising" and self._steps else 1.0

    def _own_pace(self) -> float | None:
        """Seconds of one of this job's own steps."""
        if self._first_step is None:
            return None
        number, when = self._first_step
        if self._step > number:
            return (self._last_step - when) / (self._step - number)
        return (when - self._begin) / number if number else None


class Paces:
    """What jobs have taken, by model and size; in a file, so that a server that has just started knows it."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._paces: dict[str, Phases] = {} if path is None else _read(path)

    def of(self, request: GenerationRequest) -> Phases:
        """What is known of such a job; its steps taken together. From the nearest other size where this one never ran."""
        key = _key(request)
        if (known := self._paces.get(key)) is None:
            pixels = request.width * request.height * request.batch_size
            others = {other: _pixels(other) for other in self._paces if other.rpartition(" ")[0] == request.model}
            if not others:
                return {}
            nearest = min(others, key=lambda other: abs(math.log(others[other] / pixels)))
            scale = pixels / others[nearest]
            known = {phase: seconds if _is_loading(phase) else seconds * scale for phase, seconds in self._paces[nearest].items()}
        return dict(known)

    def expected(self, request: GenerationRequest, loads: bool) -> float | None:
        """Seconds that a waiting job will take from its start, or None when no such job has run yet."""
        known = self.of(request)
        if not known:
            return None
        return _total(
            {p: seconds for p, seconds in known.items() if loads or not _is_loading(p)},
            request.denoised_steps * request.batch_count,
        )

    def remember(self, request: GenerationRequest, taken: Phases) -> None:
        """Learn from a job that is done; the last ones count most."""
        key = _key(request)
        former = self._paces.pop(key, {})
        # In the order of this job, but for a loading that this one was spared.
        phases = {phase: seconds for phase, seconds in former.items() if _is_loading(phase)} | taken
        self._paces[key] = {phase: (seconds + former.get(phase, seconds)) / 2 for phase, seconds in phases.items()}
        while len(self._paces) > REMEMBERED:
            del self._paces[next(iter(self._paces))]
        if self._path is not None:
            _write(self._path, self._paces)


def _total(phases: Phases, steps: int) -> float:
    """Seconds of all these phases; ``steps`` of denoising."""
    return sum(seconds * (steps if phase == "denoising" else 1) for phase, seconds in phases.items())


def _is_loading(phase: str) -> bool:
    return phase.startswith("loading")


def _key(request: GenerationRequest) -> str:
    # Pictures that are made at once take about as long as one of as many pixels.
    return f"{request.model} {request.width}x{request.height * request.batch_size}"


def _pixels(key: str) -> int:
    width, _, height = key.rpartition(" ")[2].partition("x")
    return int(width) * int(height)


def _read(path: Path) -> dict[str, Phases]:
    try:
        return {
            str(key): {str(phase): float(seconds) for phase, seconds in phases.items()}
            for key, phases in json.loads(path.read_text("utf-8")).items()
            if _pixels(key) > 0
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        _log.warning("What jobs took before cannot be read from %s (%s): it is learnt anew", path, error)
        return {}


def _write(path: Path, paces: Mapping[str, Phases]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(paces), "utf-8")
        put_in_place(draft, path)
    except OSError as error:  # a full disk: it is only an estimate
        _log.warning("What jobs took cannot be saved in %s: %s", path, error)
        draft.unlink(missing_ok=True)
