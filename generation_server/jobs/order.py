# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order jobs run: as they wait, but those of the model that is loaded may go before others, for a while.

Loading a model takes as long as several pictures, so a queue of two models that take turns would load for most of its time. No
job is overtaken more often than ``MOST_OVERTAKEN`` times, none once ``LONGEST_OVERTAKEN`` seconds have gone since it first was,
and none that a person put in front.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from .store import Job

MOST_OVERTAKEN = 8
LONGEST_OVERTAKEN = 120.0


def running_order(waiting: Sequence[Job], loaded: str | None, now: float) -> list[str]:
    """The ids of ``waiting``, sorted by place, in the order in which they run from now on; ``loaded`` is on the device."""
    if len({job.model for job in waiting}) <= 1:
        return [job.id for job in waiting]
    rest, order = list(waiting), []
    while rest:
        number = _next(rest, loaded, now)
        job = rest.pop(number)
        rest[:number] = [overtake(other, now) for other in rest[:number]]
        order.append(job.id)
        loaded = job.model
    return order


def overtake(job: Job, now: float) -> Job:
    """The job after another one went before it."""
    return dataclasses.replace(job, overtaken=job.overtaken + 1, overtaken_since=job.overtaken_since or now)


def _next(waiting: Sequence[Job], loaded: str | None, now: float) -> int:
    """The number of the job that is to run now."""
    for number, job in enumerate(waiting):
        if job.model == loaded:
            return number
        if not _may_be_overtaken(job, now):
            return 0
    return 0


def _may_be_overtaken(job: Job, now: float) -> bool:
    patient = not job.overtaken_since or now - job.overtaken_since < LONGEST_OVERTAKEN
    return job.place > 0.0 and job.overtaken < MOST_OVERTAKEN and patient
