# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of shots: take a named one, save, use, rename and delete your own."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..errors import UserError
from ..framing.camera import picture_camera
from ..framing.saved_shots import LONGEST_NAME, delete_shot, rename_shot, save_shot, step_shot, use_shot
from ..framing.shot_names import Shot
from ..framing.shots import take_shot
from ..framing.viewport import fit_frames
from ..keys import key_of
from ..settings.shots import ANGLE_ITEMS, FRAMING_ITEMS, HEIGHT_ITEMS
from ..translations import translated
from .figure import needs_mannequin, require_mannequin
from .framing import _Framing, visible_figures
from .reporting import report


class P2A_OT_set_shot(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.set_shot"
    bl_label = "Take Shot"
    bl_description = "Move the pose camera to see the figures so; the ratio stays"

    framing: EnumProperty(name="Framing", items=FRAMING_ITEMS)
    angle: EnumProperty(name="Angle", items=ANGLE_ITEMS)
    height: EnumProperty(name="Height", items=HEIGHT_ITEMS)
    active_only: BoolProperty(name="Active Figure Only", description="Otherwise all visible figures")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return needs_mannequin(cls, context)

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        chosen = ((FRAMING_ITEMS, properties.framing), (ANGLE_ITEMS, properties.angle), (HEIGHT_ITEMS, properties.height))
        return ". ".join(tip_(item[2]) for items, name in chosen for item in items if item[0] == name)

    def run(self, context: bpy.types.Context) -> None:
        figures = visible_figures(context)
        if self.active_only:
            active = key_of(require_mannequin(context, ""))
            figures = [figure for figure in figures if figure.armature == active]
        if not figures:
            raise UserError("There is no visible figure to frame: add one with Add ▸ Mannequin, or show a hidden one.")
        shot = Shot(self.framing, self.angle, self.height)
        take_shot(context.scene, context.view_layer, self.take_camera(context), figures, shot)
        settings = context.scene.pose_to_anime.shots
        settings.framing, settings.angle, settings.height = self.framing, self.angle, self.height
        settings.current = -1


class P2A_OT_save_shot(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_shot"
    bl_label = "Save Shot"
    bl_description = "Keep the present camera, its lens and the ratio by a name, in this scene"

    name: StringProperty(name="Name", maxlen=LONGEST_NAME, options={"SKIP_SAVE"})
    replace: BoolProperty(name="Replace", description="Where there is a shot of this name already", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene is not None and picture_camera(context.scene) is not None:
            return True
        cls.poll_message_set(translated("Take a shot first, or add a pose camera"))
        return False

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.name:
            self.name = _unused_name(context.scene)
        return context.window_manager.invoke_props_dialog(self, width=320)

    def run(self, context: bpy.types.Context) -> None:
        save_shot(context.scene, self.name, self.replace)


class _OnSavedShot(_Framing):
    """Acts on the saved shot called ``name``."""

    name: StringProperty(name="Shot", description="Its name", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_saved(cls, context)


class P2A_OT_use_shot(_OnSavedShot, bpy.types.Operator):
    bl_idname = "pose_to_anime.use_shot"
    bl_label = "Use Shot"
    bl_description = "Move the pose camera to this saved shot, with its lens and ratio"

    def run(self, context: bpy.types.Context) -> None:
        use_shot(context.scene, self.name)
        fit_frames(context.scene)


class P2A_OT_step_shot(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.step_shot"
    bl_label = "Next Shot"
    bl_description = "Use the next or the previous saved shot"

    back: BoolProperty(name="Back", description="The previous one", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_saved(cls, context)

    def run(self, context: bpy.types.Context) -> None:
        name = step_shot(context.scene, -1 if self.back else 1)
        fit_frames(context.scene)
        report(self, {"INFO"}, f"Shot “{name}”")


class P2A_OT_rename_shot(_OnSavedShot, bpy.types.Operator):
    bl_idname = "pose_to_anime.rename_shot"
    bl_label = "Rename Shot"
    bl_description = "Give this saved shot another name"

    new_name: StringProperty(name="Name", maxlen=LONGEST_NAME, options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.new_name = self.name
        return context.window_manager.invoke_props_dialog(self, width=320)

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.prop(self, "new_name")

    def run(self, context: bpy.types.Context) -> None:
        rename_shot(context.scene, self.name, self.new_name)


class P2A_OT_delete_shot(_OnSavedShot, bpy.types.Operator):
    bl_idname = "pose_to_anime.delete_shot"
    bl_label = "Delete Shot"
    bl_description = "Forget this saved shot. The camera stays where it is"

    def run(self, context: bpy.types.Context) -> None:
        delete_shot(context.scene, self.name)


def has_saved(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """A poll: is there a saved shot to act on?"""
    if context.scene is not None and len(context.scene.pose_to_anime.shots.saved):
        return True
    cls.poll_message_set(translated("Save a shot first"))
    return False


def _unused_name(scene: bpy.types.Scene) -> str:
    saved = scene.pose_to_anime.shots.saved
    return next(name for number in range(1, len(saved) + 2) if (name := f"Shot {number}") not in saved)


CLASSES: tuple[type, ...] = (
    P2A_OT_set_shot,
    P2A_OT_save_shot,
    P2A_OT_use_shot,
    P2A_OT_step_shot,
    P2A_OT_rename_shot,
    P2A_OT_delete_shot,
)
