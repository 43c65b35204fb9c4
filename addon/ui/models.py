# SPDX-License-Identifier: GPL-3.0-or-later
"""All models in a popover of the model's panel: what is here, what is missing and what it would bring, downloads, imports."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.amounts import GIB, in_gb, in_gib
from ...generation_server.families.catalogue import families
from ...generation_server.protocol import ModelStatus
from ..generate import errands, model_list, models
from ..generate.session import session
from ..operators.history import P2A_OT_stop_errand
from ..operators.model import P2A_OT_choose_model
from ..operators.models import (
    P2A_OT_ask_download,
    P2A_OT_download_model,
    P2A_OT_forget_download,
    P2A_OT_import_model,
    P2A_OT_refresh_models,
)
from ..operators.server import P2A_OT_connect
from ..operators.set_up import draw_online_switch
from ..settings.prompt_fields import text_columns
from ..settings.wrapping import wrap
from ..translations import translated
from .sidebar import InSidebar

_WIDTH = 20
"""Of the popover in interface units: a model's title and its kind beside each other."""
_COLUMNS = 58  # characters of a sentence in it
_SPARE = 110  # pixels that the borders of two boxes and an icon take in the sidebar
_PICTURE = 6.0  # interface rows

_ICONS = {"checkpoint": "SHADING_RENDERED", "lora": "MODIFIER", "controlnet": "ARMATURE_DATA", "vae": "IMAGE_RGB"}


class P2A_UL_models(bpy.types.UIList):
    bl_idname = "P2A_UL_models"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: object,
        item: bpy.types.PropertyGroup,
        _icon: int,
        _active_data: object,
        _active_property: str,
        _index: int = 0,
        _flag: int = 0,
    ) -> None:
        row = layout.row(align=True)
        row.active = item.present
        row.label(text=item.name, icon=_ICONS.get(item.kind, "DOT"))
        end = row.row(align=True)
        end.alignment = "RIGHT"
        if errands.is_running(model_list.DOWNLOAD + item.model):
            end.label(text="", icon="SORTTIME")
        else:
            end.label(text=model_list.KINDS.get(item.kind, item.kind), icon="CHECKMARK" if item.present else "IMPORT")

    def draw_filter(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        row = layout.row(align=True)
        row.prop(self, "filter_name", text="", icon="VIEWZOOM")
        row.prop(context.window_manager.pose_to_anime.models, "shown", text="")

    def filter_items(self, context: bpy.types.Context, data: object, name: str) -> tuple[list[int], list[int]]:
        rows = getattr(data, name)
        shown = context.window_manager.pose_to_anime.models.shown
        words = self.filter_name.casefold().split()

        def wanted(row: bpy.types.PropertyGroup) -> bool:
            text = f"{row.name} {row.model} {model_list.KINDS.get(row.kind, '')}".casefold()
            return (shown == "ALL" or row.present == (shown == "HERE")) and all(word in text for word in words)

        return [self.bitflag_filter_item if wanted(row) else 0 for row in rows], []


class P2A_PT_models(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_models"
    bl_label = "Models"
    bl_parent_id = "P2A_PT_model"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 90
    bl_ui_units_x = _WIDTH

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        view = context.window_manager.pose_to_anime.models
        _Drawn.columns = _COLUMNS if self.is_popover else text_columns(context, _SPARE)
        _draw_first(layout)
        layout.template_list(P2A_UL_models.bl_idname, "", view, "rows", view, "active", rows=6)
        found = model_list.shown()
        if found is not None:
            _draw_model(layout, context, found)
        _draw_under_way(layout)
        _draw_problems(layout, view)
        if not bpy.app.online_access and not bpy.app.online_access_override:
            draw_online_switch(layout, context)
        column = layout.column(align=True)
        row = column.row(align=True)
        row.operator_context = "INVOKE_DEFAULT"
        row.operator(P2A_OT_import_model.bl_idname, icon="FILE_FOLDER")
        if session.server.state == "connected":
            row.operator(P2A_OT_refresh_models.bl_idname, text="", icon="FILE_REFRESH")
        else:  # two words beside each other would be cut in a narrow sidebar
            column.operator(P2A_OT_connect.bl_idname, text="Connect", icon="LINKED").start = False


class _Drawn:
    """What is being drawn: a popover does not know how wide it is, and the sidebar is as wide as the user has made it."""

    columns = _COLUMNS


def _draw_first(layout: bpy.types.UILayout) -> None:
    """What to begin with on this GPU, as long as no model is here that paints for good."""
    first = model_list.first_download()
    if first is None:
        return
    box = layout.box()
    size = model_list.gpu_memory()
    memory = f" ({in_gib(size)})" if size >= GIB else ""
    recommended = iface_("Recommended first on this computer{memory}: {model}")
    _sentence(box, recommended.format(memory=memory, model=first.title), "SOLO_ON")
    _draw_download(box, first)


def _draw_model(layout: bpy.types.UILayout, context: bpy.types.Context, found: ModelStatus) -> None:
    box = layout.box()
    split = box.split(factor=0.3) if (icon := model_list.icon()) else box
    if icon:
        split.template_icon(icon_value=icon, scale=_PICTURE)
    column = split.column(align=True)
    column.label(text=found.title)
    family = families().get(found.family)
    kind = iface_(model_list.KINDS.get(found.kind, found.kind))
    column.label(text=f"{kind}, {family.title}" if family else kind)
    if found.advised_memory:
        column.label(text=iface_("For GPUs of {memory:g} GiB or more").format(memory=found.advised_memory))
    if found.kind == "checkpoint" and found.present:
        column.operator(P2A_OT_choose_model.bl_idname, text="Paint with This", icon="BRUSHES_ALL").model = found.name
    if found.licence:
        _sentence(box, iface_("Licence: {licence}").format(licence=translated(found.licence)))
    if found.pictures:
        _sentence(box, iface_("Pictures: {use}").format(use=translated(found.pictures)))
    if found.note:
        _sentence(box, found.note)
    if not found.present:
        for file in found.missing[:3]:
            size = f" ({in_gb(file.size)})" if file.size else ""
            missing = iface_("Missing: {file}{size}, from {source}")
            _sentence(box, missing.format(file=file.path, size=size, source=file.source))
        if len(found.missing) > 3:
            box.label(text=iface_("and {count} more files").format(count=len(found.missing) - 3))
        _draw_download(box, found)


def _draw_download(layout: bpy.types.UILayout, found: ModelStatus) -> None:
    """Ask, see how much it is, download: or how far that is."""
    running = errands.errand(model_list.DOWNLOAD + found.name)
    if running is not None and running.is_running:
        _draw_errand(layout, running, "")
        return
    asked = errands.errand(f"size of {found.name}")
    for ended in (running, asked):
        if ended is not None and ended.state == "failed":
            _sentence(layout, ended.sentence, "ERROR")
    if found.download is not None and not found.download.error:
        layout.label(text="The server is downloading it", icon="SORTTIME")
        layout.operator(P2A_OT_download_model.bl_idname, text="Show How Far It Is", icon="IMPORT").model = found.name
        return
    if asked is not None and asked.is_running:
        layout.label(text="Asking for the size …", icon="SORTTIME")
        return
    plan = model_list.plan(found.name)
    if plan is None:
        layout.operator(P2A_OT_ask_download.bl_idname, icon="IMPORT").model = found.name
        return
    rest = plan.total - plan.done
    if plan.free and rest > plan.free:
        short = iface_("It needs {size}, and {free} are free: make room first.")
        _sentence(layout, short.format(size=in_gb(rest), free=in_gb(plan.free)), "ERROR")
    row = layout.row(align=True)
    label = iface_("Download {size}, {free} are free") if plan.free else iface_("Download {size}")
    label = label.format(size=in_gb(rest), free=in_gb(plan.free))
    row.operator(P2A_OT_download_model.bl_idname, text=label, icon="IMPORT").model = found.name
    row.operator(P2A_OT_forget_download.bl_idname, text="", icon="X").model = found.name


def _draw_under_way(layout: bpy.types.UILayout) -> None:
    for errand in model_list.under_way():
        name = errand.name.removeprefix(model_list.DOWNLOAD).removeprefix(model_list.IMPORT)
        found = model_list.status(name)
        _draw_errand(layout, errand, found.title if found else name)
    for message in (session.error, session.notice):
        if message:
            _sentence(layout, message, "ERROR" if message == session.error else "INFO")


def _draw_problems(layout: bpy.types.UILayout, view: bpy.types.PropertyGroup) -> None:
    """Files of the user's that are no models for the server: how many, and below a twist why."""
    problems = models.problems()
    if not problems:
        return
    row = layout.row(align=True)
    row.alignment = "LEFT"
    text = iface_("Files of yours that cannot be used: {count}").format(count=len(problems))
    icon = "TRIA_DOWN" if view.problems_open else "TRIA_RIGHT"
    row.prop(view, "problems_open", text=text, icon=icon, emboss=False, translate=False)
    row.label(text="", icon="ERROR")
    if view.problems_open:
        for sentence in problems:
            _sentence(layout, sentence, "DOT")


def _draw_errand(layout: bpy.types.UILayout, errand: errands.Errand, title: str) -> None:
    row = layout.row(align=True)
    amount = f" {in_gb(errand.done)} / {in_gb(errand.total)}" if errand.total else ""
    row.progress(factor=errand.factor, text=f"{title} {translated(errand.sentence)}{amount}".strip() or "Asking the server")
    row.operator(P2A_OT_stop_errand.bl_idname, text="", icon="CANCEL").errand = errand.name


def _sentence(layout: bpy.types.UILayout, sentence: str, icon: str = "NONE") -> None:
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(wrap(translated(sentence), _Drawn.columns)):
        column.label(text=line, icon=icon if number == 0 else ("NONE" if icon == "NONE" else "BLANK1"))


CLASSES: tuple[type, ...] = (P2A_UL_models, P2A_PT_models)
