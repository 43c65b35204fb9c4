# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that says which server paints: its device and memory, or how to get one."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ...generation_server.amounts import in_gib
from ..generate import session
from ..operators.server import P2A_OT_connect, P2A_OT_free_memory
from ..translations import translated


def draw_server(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    server = session.session.server
    row = layout.row(align=True)
    if server.is_getting_ready:
        row.label(text="The server is getting ready", icon="SORTTIME")
    elif server.state == "connected" and server.health:
        device, free = server.health.device, in_gib(server.health.memory_free)
        if host := server.elsewhere:
            device = iface_("{device} of {host}").format(device=device, host=host)
        told = iface_("{device}, {free} free").format(device=device, free=free) if server.health.memory_total else device
        row.label(text=told, icon="CHECKMARK", translate=False)
        row.operator(P2A_OT_free_memory.bl_idname, text="", icon="MEMORY")
        row.operator(P2A_OT_connect.bl_idname, text="", icon="FILE_REFRESH")
    elif server.state == "starting":
        row.label(text="Looking for the server" if not server.sentence else translated(server.sentence), icon="SORTTIME")
    else:
        row.label(text="Not connected yet" if server.state == "unknown" else "No server is running", icon="UNLINKED")
        row = layout.row(align=True)  # of its own: beside the buttons nobody could read it
        row.operator(P2A_OT_connect.bl_idname, text="Connect").start = False
        row.operator(P2A_OT_connect.bl_idname, text="Start").start = True
