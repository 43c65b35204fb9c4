# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the server's environment: install it by one dialog, check, mend, renew and remove it."""

from __future__ import annotations

import contextlib

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty

from ...generation_server.amounts import in_gb
from ..errors import UserError
from ..generate import environment, session, timer
from ..generate.setting_up import Plan, SetUpError
from ..preferences import preferences
from ..settings.wrapping import wrap
from ..translations import translated
from .reporting import Redrawing, report

_WIDTH = 460  # of the dialog, in pixels of an interface at 100%
_COLUMNS = 80  # characters of a text in it
_SPARE = 8  # of them, for an icon and a box's border
_NAMES = 0.22  # of its width, for what a row is about

OFFLINE = "Blender may not go online now, and the server's packages come from the internet: switch it on here to install."
OFFLINE_FOR_GOOD = "Blender was started offline: start it without --offline-mode to install the server."


class P2A_OT_set_up(bpy.types.Operator):
    bl_idname = "pose_to_anime.set_up"
    bl_label = "Set Up the Server"
    bl_description = "Install the generation server on this computer: says first what that means here, and begins when you agree"
    bl_options = {"INTERNAL"}

    picture: BoolProperty(
        name="Picture", description="Make the scene's picture as soon as there is a server", options={"HIDDEN", "SKIP_SAVE"}
    )

    small_model: BoolProperty(
        name="Small model, until others are downloaded",
        description="Paint first pictures with the small model that comes with the extension: simple characters, on any computer",
        default=True,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        set_up = environment.set_up()
        if set_up.running:
            report(self, {"INFO"}, "The server is being set up already")
            return {"CANCELLED"}
        if not set_up.has_plan:
            return ask_first(self, self.picture)
        manager = context.window_manager
        return manager.invoke_props_dialog(self, width=_WIDTH, title="Set Up the Generation Server", confirm_text="Install")

    def draw(self, context: bpy.types.Context) -> None:
        if (plan := environment.set_up().plan) is not None:
            draw_plan(self.layout, plan)
            split = self.layout.split(factor=_NAMES)
            split.label(text="Pictures")
            split.prop(self, "small_model")
            draw_online(self.layout, context)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        plan = environment.set_up().plan
        if plan is not None and plan.error:
            return self._refuse(plan.error)
        if not bpy.app.online_access:
            return self._refuse(OFFLINE_FOR_GOOD if bpy.app.online_access_override else OFFLINE)
        try:
            environment.begin("install")
        except SetUpError as error:
            return self._refuse(str(error))
        if (prefs := preferences()) is not None:
            prefs.small_model = self.small_model
        if self.picture:  # it waits for the server; the pose is that of now
            with contextlib.suppress(RuntimeError):  # what is missing for a picture is said in the panel; the set-up goes on
                bpy.ops.pose_to_anime.generate("EXEC_DEFAULT", True)
        return {"FINISHED"}

    def _refuse(self, sentence: str) -> set[str]:
        session.fail(sentence)
        timer.redraw()
        report(self, {"WARNING"}, sentence)  # an error would cover the panel, which says it already, with a box of its own
        return {"CANCELLED"}


def ask_first(operator: bpy.types.Operator, picture: bool) -> set[str]:
    """Have the set-up dialog opened in the place of ``operator``'s work, with a picture after it or without one."""
    try:
        environment.ask(picture)
    except SetUpError as error:
        report(operator, {"ERROR"}, str(error))
        return {"CANCELLED"}
    return {"FINISHED"}


def draw_plan(layout: bpy.types.UILayout, plan: Plan) -> None:
    """What an installation means on this computer."""
    _text(layout, "Pictures are painted by a server of your own on this computer. It is installed once, outside Blender:")
    _row(layout, "Folder", plan.folder)
    _row(layout, "Download", in_gb(plan.download_bytes))
    told = iface_("{size} of {free} that are free")
    _row(layout, "On the disk", told.format(size=in_gb(plan.disk_bytes), free=in_gb(plan.free_bytes)))
    _row(layout, "GPU", plan.gpu if plan.gpu not in ("", "none") else "None was found")
    for sentence in filter(None, (plan.torch, plan.why_cpu)):
        _row(layout, "", sentence)
    python = plan.python or {}
    if python.get("version"):
        told = iface_("{version}, that of this system")
        if python.get("how") == "uv":
            told = iface_("{version}, fetched too, for the server alone")
        _row(layout, "Python", told.format(version=python["version"]))
    _row(layout, "Time", duration(plan.minutes * 60.0))
    if plan.error:
        _text(layout, plan.error, "ERROR")


def draw_online(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Where Blender is offline: why that is in the way, and the switch, which is the user's alone to press."""
    if bpy.app.online_access:
        return
    box = layout.box()
    if bpy.app.online_access_override:
        _text(box, OFFLINE_FOR_GOOD, "INTERNET_OFFLINE")
        return
    _text(box, OFFLINE, "INTERNET_OFFLINE")
    draw_online_switch(box, context)
    box.operator("screen.userpref_show", text="Open Preferences ▸ System", icon="PREFERENCES").section = "SYSTEM"


def draw_online_switch(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Blender's own, of its Preferences."""
    layout.prop(context.preferences.system, "use_online_access", text="Allow Online Access")


def duration(seconds: float) -> str:
    """A time for a person, about."""
    if seconds < 100.0:
        return iface_("about {seconds} s").format(seconds=max(1, round(seconds)))
    return iface_("about {minutes} min").format(minutes=round(seconds / 60.0))


def _row(layout: bpy.types.UILayout, name: str, value: str) -> None:
    split = layout.split(factor=_NAMES)
    split.label(text=name)
    column = split.column(align=True)
    column.scale_y = 0.8
    for line in wrap(translated(value), round(_COLUMNS * (1.0 - _NAMES))) or [""]:
        column.label(text=line)


def _text(layout: bpy.types.UILayout, sentence: str, icon: str = "NONE") -> None:
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(wrap(translated(sentence), _COLUMNS if icon == "NONE" else _COLUMNS - _SPARE)):
        column.label(text=line, icon=icon if number == 0 else ("NONE" if icon == "NONE" else "BLANK1"))


class P2A_OT_cancel_set_up(bpy.types.Operator):
    bl_idname = "pose_to_anime.cancel_set_up"
    bl_label = "Cancel the Set-Up"
    bl_description = "Stop it; what has been downloaded stays, and the next installation goes on from there"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return environment.set_up().running

    def execute(self, _context: bpy.types.Context) -> set[str]:
        environment.cancel()
        timer.redraw()
        return {"FINISHED"}


_WORKS = (
    ("verify", "Verify", "Look whether every package of the server's environment is whole"),
    ("repair", "Repair", "Install again what is missing or damaged in the server's environment"),
    ("update", "Update", "Bring the server's environment to what this version of the extension needs"),
    ("remove", "Remove", "Delete the server's environment; models, pictures and history stay"),
)


class P2A_OT_environment(Redrawing, bpy.types.Operator):
    bl_idname = "pose_to_anime.environment"
    bl_label = "Server's Environment"
    bl_description = "Check, mend, renew or remove the server's environment"
    bl_options = {"INTERNAL"}

    work: EnumProperty(items=_WORKS, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return tip_(next(text for name, _title, text in _WORKS if name == properties.work))

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return not environment.set_up().running

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.work != "remove":
            return self.execute(context)
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Remove the server's environment?",
            message="Pictures can be made again after a new installation. Models, pictures and history stay.",
            confirm_text="Remove",
        )

    def run(self, _context: bpy.types.Context) -> None:
        if self.work in ("repair", "update") and not bpy.app.online_access:
            raise UserError(OFFLINE_FOR_GOOD if bpy.app.online_access_override else OFFLINE)
        if self.work in ("repair", "update", "remove"):
            environment.stop_server()  # its files are in use
        environment.begin(self.work)


CLASSES: tuple[type, ...] = (P2A_OT_set_up, P2A_OT_cancel_set_up, P2A_OT_environment)
