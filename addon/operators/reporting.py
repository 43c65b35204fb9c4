# SPDX-License-Identifier: GPL-3.0-or-later
"""What nearly all verbs share: what a person can mend is reported in one sentence, and then nothing was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import bpy

from ..errors import UserError
from ..framing.sizes import SizeError
from ..generate import session, timer
from ..generate.link import LinkError
from ..generate.records import RecordError
from ..generate.setting_up import SetUpError
from ..pose.normalised import PoseError
from ..translations import translated
from ..wardrobe.piece import WardrobeError

MENDABLE: tuple[type[Exception], ...] = (UserError, LinkError, PoseError, RecordError, SetUpError, SizeError, WardrobeError)
"""Errors whose text is a sentence for a person."""


def report(operator: bpy.types.Operator, kinds: set[str], sentence: str) -> None:
    """Report an English sentence in the user's language. No other module calls an operator's own ``report``."""
    operator.report(kinds, translated(sentence))


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
        self.report({"ERROR"}, translated(str(error)))
        return {"CANCELLED"}


class Redrawing(Reporting):
    """What it does is seen in panels of every editor: they are drawn anew. The file is not changed, or ``bl_options`` says so."""

    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        ended = super().execute(context)
        timer.redraw()
        return ended


class InPanel(Redrawing):
    """What is wrong stands in the panel too, until the next one or until it is closed."""

    def refuse(self, error: Exception) -> set[str]:
        session.fail(str(error))
        return super().refuse(error)


def tell_problems(operator: bpy.types.Operator, problems: Iterable[str]) -> None:
    """Report what could not be done beside what was."""
    for problem in problems:
        report(operator, {"WARNING"}, problem)
