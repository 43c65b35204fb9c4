# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands that generate share: the server, the scene, and the settings that their arguments ask for.

Nothing but the standard library is imported until a command runs.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import cli_controls
from .errors import UserError
from .terminal import Progress, say

if TYPE_CHECKING:
    import bpy

    from ..generation_server.client import Client


def use_generation(scene: bpy.types.Scene, arguments: argparse.Namespace) -> None:
    """Put model, prompts and numbers of the command line into the scene's settings, where the panel has them too."""
    from .generate.models import chosen_model, family_of
    from .generate.scene_info import NO_START
    from .generate.styling import choose

    settings = scene.pose_to_anime.generation
    if arguments.style:
        settings.model = arguments.model and chosen_model(arguments.model).name
        for sentence in choose(scene, arguments.style, keep_model=bool(arguments.model)):
            say(sentence)
    if arguments.model or not arguments.style or not settings.model:
        settings.model = chosen_model(arguments.model, settings.family).name
    family = family_of(settings)
    settings.negative_prompt = family.negative_prompt if arguments.negative is None else arguments.negative
    if arguments.no_pose_tags:
        scene.pose_to_anime.pose_tags.use = False
    if arguments.prompt is not None:
        if not arguments.prompt.strip():
            raise UserError("The prompt is empty: describe the picture in a few words.")
        settings.prompt = ", ".join(filter(None, (family.quality_prompt, arguments.prompt)))
    if arguments.draft and family.draft is None:
        raise UserError(f"{family.title} has no settings for drafts: use --steps and --guidance.")
    settings.draft = arguments.draft
    for name, words, value, numbers in (
        ("steps", "number of steps", arguments.steps, family.steps),
        ("guidance_scale", "guidance scale", arguments.guidance, family.guidance_scale),
    ):
        if value is not None and not numbers.lowest <= value <= numbers.highest:
            low, high = numbers.lowest, numbers.highest
            raise UserError(f"The {words} must be between {low:g} and {high:g} for {family.title}, not {value:g}.")
        if value is not None:
            setattr(settings, name, value)
    cli_controls.use(settings, family, arguments)
    settings.start_from = arguments.start.upper() or NO_START
    for name in ("pose_strength", "depth_strength", "denoising_strength"):
        value = getattr(arguments, name)
        if value is not None and not 0.0 <= value <= 1.0:
            raise UserError(f"The {name.replace('_', ' ')} must be between 0 and 1, not {value:g}.")
        if value is not None:
            setattr(settings, name, value)


def named_numbers(arguments: argparse.Namespace) -> dict[str, Any]:
    """The numbers that the command line names: they come before those of a draft."""
    named = {"steps": arguments.steps, "guidance_scale": arguments.guidance, "sampler": arguments.sampler or None}
    return {name: value for name, value in named.items() if value is not None}


def tell_outfit(scene: bpy.types.Scene) -> None:
    """Let the prompt say what figures wear, in place of what it says otherwise."""
    import bpy

    from .dressing.wearing import worn_tags
    from .wardrobe.catalogue import read_catalogue
    from .wardrobe.prompt_tags import retold

    settings = scene.pose_to_anime.generation
    settings.prompt = retold(settings.prompt, worn_tags(scene, bpy.context.view_layer), read_catalogue())


def scene_of(arguments: argparse.Namespace, configure: Callable[[bpy.types.Scene], None]) -> bpy.types.Scene:
    """The scene that the arguments ask for."""
    from .scenes import posed_scene

    names = ("blend", "figure", "pose", "ratio", "shot", "outfit")
    return posed_scene(configure, **{name: getattr(arguments, name) for name in names})


@contextlib.contextmanager
def server_of(arguments: argparse.Namespace) -> Iterator[Client]:
    """The server that the arguments name, or this user's, or a new one that ends with the command."""
    from ..generation_server.client import Client, find_server
    from ..generation_server.protocol import default_server_dir
    from .generate.server_process import HOW_TO_START, server_python, start_server

    if arguments.server:
        with Client(arguments.server, arguments.token) as elsewhere:
            elsewhere.health()
            yield elsewhere
        return
    data_dir = Path(arguments.data_dir) if arguments.data_dir else default_server_dir()
    client = find_server(data_dir)
    started = None
    if client is None:
        python = server_python()
        if python is None:
            raise UserError(HOW_TO_START)
        started = start_server(python, data_dir)
    try:
        with Progress("starting the server") as progress:
            while client is None:
                progress.update(None)
                time.sleep(0.2)
                client = started.check()  # type: ignore[union-attr]  # client is None only when one was started
        with client:
            yield client
    finally:
        if started is not None:
            started.process.terminate()
            started.process.wait(30)
