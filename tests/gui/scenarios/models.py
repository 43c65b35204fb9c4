# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of models, opened beside the model's menu, with a server and its models; with photographs."""

import importlib
from collections.abc import Generator

import bpy
import hands

_ADDON = "bl_ext.user_default.pose_to_anime.addon"


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    models = importlib.import_module(f"{_ADDON}.generate.models")
    model_list = importlib.import_module(f"{_ADDON}.generate.model_list")
    view = bpy.context.window_manager.pose_to_anime.models
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    bpy.ops.pose_to_anime.connect(start=False)

    def is_told() -> bool:
        """the server's list"""
        return models.is_told() and len(view.rows) > 5

    yield is_told
    first = model_list.first_download()
    facts["first"] = first.title if first else ""
    view.active = [row.model for row in view.rows].index("control_v11p_sd15_openpose")
    yield from open_list()
    hands.photograph("1-models")
    facts["rows"] = len(view.rows)
    facts["looked at"] = model_list.shown().name
    yield from hands.key("ESC", at=hands.middle("VIEW_3D"))
    view.shown, view.problems_open = "HERE", True
    facts["problems"] = models.problems()
    view.active = [row.model for row in view.rows].index("builtin")
    yield from open_list()
    hands.photograph("2-here")


def open_list() -> hands.Wait:
    yield from hands.move(*hands.middle("VIEW_3D"))
    with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D"), region=hands.region("VIEW_3D", "WINDOW")):
        bpy.ops.wm.call_panel(name="P2A_PT_models", keep_open=True)
    yield 1.5
