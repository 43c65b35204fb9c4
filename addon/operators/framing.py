# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of camera and ratio."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from ..armature.figures import Figure, figures_in
from ..errors import UserError
from ..framing.camera import (
    chosen_camera,
    figures_inside,
    frame_figures,
    picture_camera,
    picture_ratio,
    pose_camera,
    reset_camera,
    scene_size,
    sync_render_size,
    use_pose_camera,
)
from ..framing.sizes import CUSTOM, PRESETS, SizeError
from ..framing.startup import is_startup_camera
from ..framing.subject import scene_advice
from ..framing.viewport import fit_frames, is_looking_through, look_through, view_areas
from ..translations import translated
from .reporting import Reporting, report


def visible_figures(context: bpy.types.Context) -> list[Figure]:
    return figures_in(context.scene, context.view_layer)


class _Framing(Reporting):
    """What the verbs of the camera share."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene is not None

    def take_camera(self, context: bpy.types.Context) -> bpy.types.Object:
        """The pose camera as the scene's camera; a new one is framed. A ratio that is none leaves everything as it was."""
        scene_size(context.scene)
        is_new, before = pose_camera(context.scene) is None, context.scene.camera
        camera = use_pose_camera(context.scene)
        if is_new:
            reset_camera(context.scene, context.view_layer, camera, visible_figures(context))
        if before is not None and before != camera and not is_startup_camera(context.scene, before):
            report(self, {"INFO"}, f"The picture is taken with {camera.name} now; {before.name} is as it was")
        return camera


class P2A_OT_add_camera(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.add_camera"
    bl_label = "Add Pose Camera"
    bl_description = "Make the pose camera the scene's camera, adding it in front of the figures where there is none"

    def run(self, context: bpy.types.Context) -> None:
        self.take_camera(context)


class P2A_OT_reset_camera(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.reset_camera"
    bl_label = "Reset Camera"
    bl_description = "Give the pose camera its first lens back and look at the figures from the front"

    def run(self, context: bpy.types.Context) -> None:
        reset_camera(context.scene, context.view_layer, self.take_camera(context), visible_figures(context))


class P2A_OT_frame_figures(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.frame_figures"
    bl_label = "Frame Figures"
    bl_description = "Move the pose camera, without turning it, so that the figures fill the picture"

    figure: StringProperty(
        name="Figure", description="The armature to frame alone; empty frames all visible figures", options={"HIDDEN"}
    )

    def run(self, context: bpy.types.Context) -> None:
        figures = visible_figures(context)
        if self.figure:
            figures = [figure for figure in figures if figure.name == self.figure]
        if not figures:
            what = f"no visible figure called {self.figure}" if self.figure else "no visible figure"
            raise UserError(f"There is {what} to frame: add one with Add ▸ Mannequin, or show a hidden one.")
        frame_figures(context.scene, context.view_layer, self.take_camera(context), figures)


_RATIO_ITEMS = [(ratio, ratio, f"Pictures of {ratio}") for ratio in PRESETS] + [(CUSTOM, "Custom", "Any two numbers")]


class P2A_OT_set_ratio(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.set_ratio"
    bl_label = "Set Ratio"
    bl_description = "Choose the picture's ratio; figures that were wholly in the picture are framed anew"

    ratio: EnumProperty(name="Ratio", items=_RATIO_ITEMS, default="2:3")
    custom_width: FloatProperty(name="Width", description="Of a custom ratio; below zero keeps the last", default=-1.0)
    custom_height: FloatProperty(name="Height", description="Of a custom ratio; below zero keeps the last", default=-1.0)

    def run(self, context: bpy.types.Context) -> None:
        set_ratio(context, self.ratio, self.custom_width, self.custom_height)


class P2A_OT_take_advice(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.take_advice"
    bl_label = "Use Better Ratio"
    bl_description = "Choose the ratio that shows this pose largest, and frame it"

    ratio: StringProperty(name="Ratio", description="A preset; empty takes what is advised now", options={"HIDDEN"})

    def run(self, context: bpy.types.Context) -> None:
        scene, figures = context.scene, visible_figures(context)
        ratio = self.ratio
        if not ratio:
            camera = picture_camera(scene)
            depsgraph = context.evaluated_depsgraph_get()
            advice = scene_advice(scene, depsgraph, figures, camera, picture_ratio(scene)) if camera else None
            if advice is None:
                raise UserError("The pose fits the ratio: there is nothing to advise.")
            ratio = advice.preset
        if ratio not in PRESETS:
            raise UserError(f"'{ratio}' is no preset: use one of {', '.join(PRESETS)}.")
        if not figures:
            raise UserError("There is no visible figure to frame: add one with Add ▸ Mannequin, or show a hidden one.")
        scene.pose_to_anime.framing.ratio = ratio
        frame_figures(scene, context.view_layer, self.take_camera(context), figures)
        fit_frames(scene)


class P2A_OT_look_through(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.look_through"
    bl_label = "Look through Camera"
    bl_description = "Show in this 3D view what the picture will show; again to go back"
    bl_options = {"REGISTER"}  # views are not part of undo

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.window is None or not view_areas(context.window):
            cls.poll_message_set(translated("There is no 3D view in this window."))
            return False
        return True

    def run(self, context: bpy.types.Context) -> None:
        areas = view_areas(context.window)
        area = context.area if context.area in areas else areas[0]
        if is_looking_through(area) and chosen_camera(context.scene) is not None:
            look_through(context.window, area, False)
            return
        if chosen_camera(context.scene) != context.scene.camera or context.scene.camera is None:
            self.take_camera(context)
            bpy.ops.ed.undo_push(message="Add Pose Camera")
        sync_render_size(context.scene)
        look_through(context.window, area)


class P2A_OT_orbit_camera(_Framing, bpy.types.Operator):
    bl_idname = "pose_to_anime.orbit_camera"
    bl_label = "Orbit Moves Camera"
    bl_description = "Look through the pose camera and take it along when you orbit, pan or zoom; again to go back"

    def run(self, context: bpy.types.Context) -> None:
        framing = context.scene.pose_to_anime.framing
        if not framing.orbit_camera:
            self.take_camera(context)
        framing.orbit_camera = not framing.orbit_camera


def set_ratio(context: bpy.types.Context, ratio: str, custom_width: float = -1.0, custom_height: float = -1.0) -> None:
    """Choose a ratio. Where the pose camera showed the figures from head to foot it does so afterwards; a close-up stays where
    the user put it.

    Raises:
        SizeError: the custom ratio is none, or too long for the model; everything then stays as it was.
    """
    scene, view_layer = context.scene, context.view_layer
    framing = scene.pose_to_anime.framing
    camera, figures = pose_camera(scene), visible_figures(context)
    try:
        was_inside = camera is not None and figures_inside(scene, view_layer, camera, figures)
    except SizeError:  # the ratio that is being replaced
        was_inside = False
    before = framing.ratio, framing.custom_width, framing.custom_height
    if ratio == CUSTOM:
        framing.custom_width = custom_width if custom_width >= 0.0 else framing.custom_width
        framing.custom_height = custom_height if custom_height >= 0.0 else framing.custom_height
    framing.ratio = ratio
    try:
        sync_render_size(scene)
    except SizeError:
        framing.ratio, framing.custom_width, framing.custom_height = before
        raise
    if was_inside:
        frame_figures(scene, view_layer, camera, figures)
    fit_frames(scene)


CLASSES: tuple[type, ...] = (
    P2A_OT_add_camera,
    P2A_OT_reset_camera,
    P2A_OT_frame_figures,
    P2A_OT_set_ratio,
    P2A_OT_take_advice,
    P2A_OT_look_through,
    P2A_OT_orbit_camera,
)
