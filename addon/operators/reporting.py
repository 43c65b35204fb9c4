# SPDX-License-Identifier: GPL-3.0-or-later
"""What nearly all verbs share: what a person can mend is reported in one sentence, and then nothing was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import bpy

from ..errors import UserError
from ..framing.sizes import SizeError
from ..generate.records import RecordError
from ..pose.normalised import PoseError
from ..wardrobe.piece import WardrobeError

MENDABLE: tuple[type[Exception], ...] = (UserError, PoseError, RecordError, SizeError, WardrobeError)
"""Errors whose text is a sentence for a person."""


class Reporting:
    """Does what ``run`` says. It works without a window too, for scripts."""

    report: Callable[[set[str], str], None]  # of bpy.types.Operator

    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self.run(context)
        except MENDABLE as error:
            return self.refuse(error)
        return {"FINISHED"}

    def run(self, context: bpy.types.Context) -> None:
        """What the operator does. Raises one of ``MENDABLE``, with nothing changed, for what cannot be."""
        raise NotImplementedError

    def refuse(self, error: Exception) -> set[str]:
        """Report what is wrong; how the operator ends then."""
        self.report({"ERROR"}, str(error))
        return {"CANCELLED"}


def tell_problems(operator: bpy.types.Operator, problems: Iterable[str]) -> None:
    """Report what could not be done beside what was."""
    for problem in problems:
        operator.report({"WARNING"}, problem)
