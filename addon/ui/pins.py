# SPDX-License-Identifier: GPL-3.0-or-later
"""The pins of a figure, below how it is posed: what dots are pinned to next, and each pin with a button that takes it off."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..operators.figure import the_mannequin
from ..operators.pins import P2A_OT_pin, P2A_OT_unpin
from ..settings.pins import BODY, OBJECT, P2A_PG_pin
from . import parts
from .posing import P2A_PT_posing
from .sidebar import OfFigure

_NAMES = {"hand_ik": "Hand", "foot_ik": "Foot", "gaze": "Gaze"}
_SIDED = {"L": "{part} left", "R": "{part} right"}


class P2A_PT_pins(OfFigure, bpy.types.Panel):
    bl_idname = "P2A_PT_pins"
    bl_label = "Pins"
    bl_parent_id = P2A_PT_posing.bl_idname

    def draw(self, context: bpy.types.Context) -> None:
        layout, figure = self.layout, the_mannequin(context)
        if figure is None:
            return
        settings = figure.pose_to_anime
        layout.row(align=True).prop(settings, "pin_to", expand=True)
        if settings.pin_to == OBJECT:
            layout.prop(settings, "pin_target", text="")
        button = layout.operator(P2A_OT_pin.bl_idname, text="Pin Selected Dots", icon="PINNED")
        button.to = settings.pin_to
        if settings.pin_to == OBJECT and settings.pin_target is not None:
            button.target = settings.pin_target.name
        if not settings.pins:
            return
        box = layout.box().column(align=True)
        for pin in settings.pins:
            row = box.row(align=True)
            row.label(text=f"{_dot(pin)} → {_target(pin)}", icon="ERROR" if pin.note else "PINNED")
            row.operator(P2A_OT_unpin.bl_idname, text="", icon="X", emboss=False).control = pin.control
            if pin.note:
                parts.text(box, context, pin.note)
        if len(settings.pins) > 1:
            layout.operator(P2A_OT_unpin.bl_idname, text="Unpin All", icon="UNPINNED").everything = True


def _dot(pin: P2A_PG_pin) -> str:
    name, _, side = pin.control.partition(".")
    return iface_(_SIDED.get(side, "{part}")).format(part=iface_(_NAMES.get(name, name)))


def _target(pin: P2A_PG_pin) -> str:
    if pin.kind == BODY:
        return pin.bone
    if pin.kind == OBJECT and pin.target is not None:
        return f"{pin.target.name}, {pin.bone}" if pin.bone else pin.target.name
    return iface_("world")


CLASSES: tuple[type, ...] = (P2A_PT_pins,)
