# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers everything of the extension in one explicit order, and takes it all back in the reverse order."""

from importlib import import_module
from types import ModuleType

import bpy

from .translations import say_in_our_words

MODULES: tuple[str, ...] = (
    "translations",
    "preferences",
    "settings.pins",
    "settings.characters",
    "settings.figure",
    "settings.framing",
    "settings.shots",
    "settings.passes",
    "settings.wardrobe",
    "settings.posing",
    "settings.library",
    "settings.loras",
    "settings.history",
    "settings.models",
    "settings.generation",
    "settings.window",
    "settings.styles",
    "settings.pose_tags",
    "settings.own_controls",
    "settings.pointers",
    "armature.mesh_content",
    "armature.watcher",
    "generate.pose_shelf",
    "generate.body_shelf",
    "operators.figure",
    "operators.body_sliders",
    "operators.body",
    "operators.wardrobe",
    "operators.wardrobe_sliders",
    "operators.own_outfits",
    "operators.library",
    "operators.pose_assets",
    "operators.own_bodies",
    "operators.motion",
    "operators.pose_tools",
    "operators.posing",
    "operators.figure_list",
    "operators.characters",
    "operators.character_bones",
    "operators.control_rig",
    "operators.rings",
    "operators.pins",
    "operators.roll",
    "operators.foot_sliders",
    "operators.hands",
    "operators.props",
    "operators.pairs",
    "framing.camera",
    "framing.orbit",
    "passes.render",
    "operators.framing",
    "operators.shots",
    "generate.models",
    "generate.style_shelf",
    "generate.styling",
    "generate.prompt_shelf",
    "generate.thumbnails",
    "generate.session",
    "generate.timer",
    "generate.errands",
    "generate.environment",
    "generate.gallery",
    "generate.server_limits",
    "generate.model_list",
    "generate.history",
    "operators.set_up",
    "operators.server_tools",
    "generate.tag_shelf",
    "generate.pose_tags",
    "operators.generation",
    "operators.server",
    "operators.model",
    "operators.loras",
    "operators.presets",
    "operators.hotkeys",
    "operators.controls",
    "operators.prompt",
    "operators.messages",
    "operators.styles",
    "operators.tag_fields",
    "operators.prompt_help",
    "operators.pose_tags",
    "operators.recipes",
    "operators.saved_prompts",
    "operators.results",
    "operators.history",
    "operators.models",
    "operators.save_result",
    "generate.shown_files",
    "generate.clipboard",
    "operators.result_files",
    "operators.workspace",
    "generate.live_preview",
    "operators.control_images",
    "operators.pose_reference",
    "operators.picture_reference",
    "operators.own_controls",
    "ui.control_overlay",
    "ui.frame_overlay",
    "ui.advice",
    "ui.keypoint_overlay",
    "ui.figure",
    "ui.characters",
    "ui.shots",
    "ui.control_images",
    "ui.picture_reference",
    "ui.face",
    "ui.body",
    "ui.wardrobe",
    "ui.posing",
    "ui.rings",
    "ui.dot_hover",
    "ui.pairs",
    "ui.library",
    "ui.drop",
    "ui.hands",
    "ui.pins",
    "ui.props",
    "ui.saved_prompts",
    "ui.styles",
    "ui.prompt",
    "ui.presets",
    "ui.model",
    "ui.loras",
    "ui.controls",
    "ui.own_controls",
    "ui.generation",
    "ui.job_overlay",
    "ui.prompt_help",
    "ui.pose_tags",
    "ui.results",
    "ui.server_preferences",
    "ui.history",
    "ui.models",
)
"""Feature modules below ``addon``. Each has ``CLASSES`` and, where it needs them, ``register()`` and ``unregister()``."""


def register() -> None:
    """Register all modules; when one fails, what came before it is taken back and the error goes on to Blender."""
    done: list[ModuleType] = []
    try:
        for name in MODULES:
            module = import_module(f".{name}", __package__)
            _register_module(module)
            done.append(module)
    except Exception:
        for module in reversed(done):
            _unregister_module(module)
        raise


def unregister() -> None:
    for name in reversed(MODULES):
        _unregister_module(import_module(f".{name}", __package__))


def _register_module(module: ModuleType) -> None:
    registered: list[type] = []
    try:
        for cls in getattr(module, "CLASSES", ()):
            say_in_our_words(cls)
            bpy.utils.register_class(cls)
            registered.append(cls)
        if hook := getattr(module, "register", None):
            hook()
    except Exception:
        for cls in reversed(registered):
            bpy.utils.unregister_class(cls)
        raise


def _unregister_module(module: ModuleType) -> None:
    if hook := getattr(module, "unregister", None):
        hook()
    for cls in reversed(getattr(module, "CLASSES", ())):
        bpy.utils.unregister_class(cls)
