# SPDX-License-Identifier: GPL-3.0-or-later
"""The workspace "Pose to Anime": the 3D view on the left, the Image Editor on the right, both sidebars open at our tab."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..generate import history, pictures, timer, viewing
from ..translations import translated
from .reporting import report

NAME = "Pose to Anime"
TAB = "Pose to Anime"


class P2A_OT_open_workspace(bpy.types.Operator):
    bl_idname = "pose_to_anime.open_workspace"
    bl_label = "Open Workspace"
    bl_description = "Go to the workspace “Pose to Anime”: the figure on the left, its picture on the right"
    bl_options = {"REGISTER"}  # workspaces are not part of undo

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.window is not None and not bpy.app.background:
            return True
        cls.poll_message_set(translated("There is no window"))
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        workspace = bpy.data.workspaces.get(NAME)
        if workspace is not None:
            context.window.workspace = workspace
            return {"FINISHED"}
        known = set(bpy.data.workspaces)
        bpy.ops.workspace.duplicate()
        new = next(iter(set(bpy.data.workspaces) - known), None)
        if new is None:
            report(self, {"ERROR"}, "Blender could not add a workspace.")
            return {"CANCELLED"}
        new.name = NAME
        _do_step(0)
        return {"FINISHED"}


def _do_step(number: int, looks: int = 40) -> None:
    """Do a step in the timer's next call, and then the next one. Blender takes a workspace over, closes areas and draws sidebars
    between two calls, so a step that could not be done yet is tried again."""

    def run() -> None:
        window = next((w for w in bpy.context.window_manager.windows if number == 0 or w.workspace.name == NAME), None)
        if window is not None and _STEPS[number](window):
            if number + 1 < len(_STEPS):
                _do_step(number + 1)
        elif looks:
            _do_step(number, looks - 1)

    timer.later("workspace", run)


def _go(window: bpy.types.Window) -> bool:
    workspace = bpy.data.workspaces.get(NAME)
    if workspace is not None:
        window.workspace = workspace
    return True


def _lay_out(window: bpy.types.Window) -> bool:
    """One 3D view and one Image Editor, whatever the duplicated workspace looked like."""
    areas = list(window.screen.areas)
    largest = max(areas, key=lambda area: area.width * area.height)
    main = max((area for area in areas if area.type == "VIEW_3D"), key=lambda area: area.width * area.height, default=largest)
    for area in areas:
        if area != main and len(window.screen.areas) > 1:
            with bpy.context.temp_override(window=window, screen=window.screen, area=area):
                bpy.ops.screen.area_close()
    main = max(window.screen.areas, key=lambda area: area.width * area.height)
    main.type = "VIEW_3D"
    known = {area.as_pointer() for area in window.screen.areas}
    with bpy.context.temp_override(window=window, screen=window.screen, area=main, region=main.regions[-1]):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.51)
    new = next((area for area in window.screen.areas if area.as_pointer() not in known), None)
    if new is None:
        return True  # no room to split: one editor is better than none
    new.ui_type = "IMAGE_EDITOR"
    last = history.latest()
    new.spaces.active.image = None
    if last is not None and (image := pictures.image_of(last.job_id)):
        viewing.show(image, pictures.size_of(last), new)
    return True


def _open_sidebars(window: bpy.types.Window) -> bool:
    for area in window.screen.areas:
        if area.type in _OURS:
            area.spaces.active.show_region_ui = True
            area.tag_redraw()
    return True


def _choose_tabs(window: bpy.types.Window) -> bool:
    """Whether both sidebars show our tab: it can be chosen only once a sidebar has been drawn."""
    hidden = [area for area in window.screen.areas if area.type in _OURS and not _shows_tab(area)]
    return not hidden


def _shows_tab(area: bpy.types.Area) -> bool:
    """Choose our tab in an editor's sidebar; whether it is in front now."""
    done = True
    for region in area.regions:
        if region.type == "UI":
            try:
                region.active_panel_category = TAB
                done = done and region.active_panel_category == TAB
            except (AttributeError, TypeError):
                done = False
    return done


class P2A_OT_picture_tools(bpy.types.Operator):
    bl_idname = "pose_to_anime.picture_tools"
    bl_label = "Keep, Compare, Restore…"
    bl_description = "Open the sidebar beside the picture: keep, vary, compare, restore and save it, and all pictures so far"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "IMAGE_EDITOR"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.space_data.show_region_ui = True
        area = context.area.as_pointer()
        timer.later("picture tools", lambda: _choose_tab(area))
        return {"FINISHED"}


def _choose_tab(pointer: int, looks: int = 40) -> None:
    """Our tab in one Image Editor, once its sidebar has been drawn."""
    for _, area in viewing.image_editors():
        if area.as_pointer() == pointer and not _shows_tab(area) and looks:
            area.tag_redraw()
            timer.later("picture tools", lambda: _choose_tab(pointer, looks - 1))


_OURS = ("VIEW_3D", "IMAGE_EDITOR")
_STEPS: tuple[Callable[[bpy.types.Window], bool], ...] = (_go, _lay_out, _open_sidebars, _choose_tabs)

CLASSES: tuple[type, ...] = (P2A_OT_open_workspace, P2A_OT_picture_tools)
