# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar of the 3D view, lower part: Generate, what is going on, the last pictures."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.protocol import JobState
from ..framing.sizes import SizeError
from ..generate import model_list, models, session
from ..generate.asked import request_size
from ..operators.generation import P2A_OT_cancel, P2A_OT_generate, P2A_OT_roll_seed
from ..operators.model import P2A_OT_choose_model
from ..operators.workspace import P2A_OT_open_workspace
from . import parts
from .controls import model_or_none
from .jobs import draw_jobs
from .models import P2A_PT_models
from .presets import P2A_PT_presets
from .server import draw_server
from .set_up import draw_set_up
from .sidebar import InSidebar

_PLACES = (
    ("BACK", "Generate at the Back of the Queue", "SORT_ASC"),
    ("FRONT", "Generate at the Front of the Queue", "SORT_DESC"),
    ("REPLACE", "Generate in the Place of Those That Wait", "FILE_REFRESH"),
)
_CANCEL = (
    ("ACTIVE", "Cancel the Active Picture"),
    ("WAITING", "Cancel Those That Wait"),
    ("ALL", "Cancel All"),
)


class P2A_MT_queue(bpy.types.Menu):
    bl_idname = "P2A_MT_queue"
    bl_label = "Queue"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        for place, text, icon in _PLACES:
            layout.operator(P2A_OT_generate.bl_idname, text=text, icon=icon).place = place
        layout.separator()
        for which, text in _CANCEL:
            layout.operator(P2A_OT_cancel.bl_idname, text=text, icon="CANCEL").which = which


class P2A_PT_generate(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_generate"
    bl_label = "Generate"
    bl_order = 40

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        P2A_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.pose_to_anime.generation
        big = layout.row(align=True)
        big.scale_y = 1.6
        jobs = session.session.jobs.values()
        big.operator(P2A_OT_generate.bl_idname, text=what_will_happen(context.scene), icon="RENDER_STILL", translate=False)
        big.prop(settings, "draft", text="", icon="GREASEPENCIL")
        if jobs:  # here too: what is painted may be below the end of a small screen
            paints = any(job.state is JobState.RUNNING for job in jobs)
            big.operator(P2A_OT_cancel.bl_idname, text="", icon="CANCEL").which = "ACTIVE" if paints else "ALL"
        big.menu(P2A_MT_queue.bl_idname, text="", icon="DOWNARROW_HLT")
        row = layout.row(align=True)
        seed = row.row(align=True)
        seed.active = not settings.random_seed
        seed.prop(settings, "seed")
        row.operator(P2A_OT_roll_seed.bl_idname, text="", icon="FILE_REFRESH")
        row.prop(settings, "random_seed", text="", icon="MOD_NOISE")
        count = row.row(align=True)
        count.scale_x = 0.6
        count.prop(settings, "pictures", text="×")
        _draw_lack(layout, settings)
        no_server = draw_set_up(layout, context)
        draw_jobs(layout, context)
        parts.messages(layout, context)
        if not no_server:
            draw_server(layout, context)
        layout.separator(factor=0.5)
        layout.operator(P2A_OT_open_workspace.bl_idname, icon="WINDOW")


class P2A_PT_last_pictures(InSidebar, bpy.types.Panel):
    bl_idname = "P2A_PT_last_pictures"
    bl_label = "Last Pictures"
    bl_order = 60

    def draw(self, context: bpy.types.Context) -> None:
        parts.last_results(self.layout, context)


def _draw_lack(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Where the model is missing, or only the small one is here: the way to another, before Generate is pressed in vain."""
    model = model_or_none(settings)
    if model is None or not models.is_told():
        return
    if model.present is False:
        layout.label(text=iface_("{model} is not here yet").format(model=model.title), icon="ERROR")
        row = layout.row(align=True)
        row.popover(P2A_PT_models.bl_idname, text="Get Models…", icon="IMPORT")
        row.operator(P2A_OT_choose_model.bl_idname, text="Use the Small One").model = models.SMALL_MODEL
    elif model.name == models.SMALL_MODEL and not session.session.jobs and model_list.first_download() is not None:
        layout.popover(P2A_PT_models.bl_idname, text="Get a Model for Anime…", icon="IMPORT")


def what_will_happen(scene: bpy.types.Scene) -> str:
    """What one press of Generate does: the verb, the real size in pixels, and how many pictures are painted or wait."""
    waiting = len(session.session.jobs)
    verb = iface_("Queue") if waiting else iface_("Draft") if scene.pose_to_anime.generation.draft else iface_("Generate")
    try:
        width, height = request_size(scene)
    except SizeError:
        return verb  # the panel above says what is wrong with the ratio
    return f"{verb}  {width} × {height}  ({waiting})" if waiting else f"{verb}  {width} × {height}"


CLASSES: tuple[type, ...] = (P2A_MT_queue, P2A_PT_generate, P2A_PT_last_pictures)
