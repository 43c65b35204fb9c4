# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verbs share that act on one armature object: a figure, a character, the controls of one."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import StringProperty

from ..armature.modes import layer_in
from ..translations import translated
from .reporting import Reporting


class OnArmature(Reporting):
    """Acts on the one called ``armature``, else on the one that is meant by what is active."""

    poll_message_set: Callable[[str], None]  # of bpy.types.Operator

    armature: StringProperty(
        name="Armature", description="Name of the armature object; the active one when empty", options={"HIDDEN", "SKIP_SAVE"}
    )

    none_there: str
    """What is said where the view layer has none that it could act on."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        layer = layer_in(context)
        if layer is not None and any(map(cls.is_one, layer.objects)):
            return True
        cls.poll_message_set(translated(cls.none_there))
        return False

    @classmethod
    def is_one(cls, obj: bpy.types.Object) -> bool:
        """Whether it could act on an object."""
        raise NotImplementedError

    def meant(self, context: bpy.types.Context) -> bpy.types.Object:
        """The one that is meant. Raises UserError where that is not clear, or it cannot be acted on."""
        raise NotImplementedError

    def run(self, context: bpy.types.Context) -> None:
        self.act(self.meant(context))

    def act(self, obj: bpy.types.Object) -> None:
        """What the operator does to it."""
        raise NotImplementedError
