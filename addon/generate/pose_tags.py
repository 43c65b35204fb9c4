# SPDX-License-Identifier: GPL-3.0-or-later
"""What pose and camera tell the prompt: found when the figures have come to rest, for the panel, and anew for each request."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ...generation_server.families.catalogue import families
from ...generation_server.protocol import GenerationRequest
from .. import handlers
from ..armature.figures import Figure, figures_in
from ..armature.held import BEHIND, BOTH, LEFT, PROP, RIGHT, UNDER, hold_of, props_of
from ..armature.keypoints import figure_keypoints
from ..armature.mannequin import gender_of, is_mannequin
from ..framing.camera import camera_matrix, chosen_camera, projection, scene_size
from ..framing.sizes import SizeError
from ..keys import object_in
from ..package import ROOT
from ..settings import framing as framing_settings
from ..settings import generation as generation_settings
from ..told.body import Body
from ..told.tags import contradicted, counts, is_count, tags_of, with_told
from ..told.view import View
from . import timer
from .at_rest import at_rest
from .session import session

INFO = "pose_tags"
"""Key of the ``scene`` part of a job: the prompt as it was written, and the tags that were added and left out."""

_HANDS = {LEFT: "left", RIGHT: "right", BOTH: "both"}
_WORD = re.compile(r"[^\W\d_]+")  # as CLIP's tokenizer cuts text
_found: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Told:
    """The tags that are true: ``added`` to the prompt, ``left_out`` by the user, and those that the prompt says otherwise."""

    added: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    otherwise: tuple[tuple[str, str], ...] = ()  # (tag, what the prompt says)


def find(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> tuple[str, ...]:
    """The tags that are true of a scene as its camera sees it, in words that its model knows."""
    camera = chosen_camera(scene)
    figures = figures_in(scene, view_layer)
    if camera is None or camera.data.type == "PANO" or not figures:
        return ()
    depsgraph = view_layer.depsgraph
    try:
        size = scene_size(scene)
    except SizeError:
        return ()
    view = View(camera_matrix(camera, depsgraph), projection(camera, depsgraph, size), camera.data.type == "ORTHO")
    try:
        bodies = [_body(scene, figure, depsgraph) for figure in figures]
    except KeyError:  # a figure that is just being deleted
        return ()
    known = _words_of(scene.pose_to_anime.generation.family)
    tags = tags_of(bodies, view)
    return tuple(tag for tag in tags if known is None or known.issuperset(_WORD.findall(tag)))


def told(scene: bpy.types.Scene, found: tuple[str, ...] | None = None) -> Told:
    """What of ``found``, else of what was found last, goes into the scene's prompt. Quick: panels ask at every redraw."""
    settings = scene.pose_to_anime.pose_tags
    if not settings.use:
        return Told()
    found = _found.get(scene.name, ()) if found is None else found
    return _told(found, scene.pose_to_anime.generation.prompt, settings.left_out)


@functools.lru_cache(maxsize=8)
def _told(found: tuple[str, ...], prompt: str, left_out_by_user: str) -> Told:
    left_out = _split(left_out_by_user)
    added, out, otherwise = [], [], []
    for tag in found:
        if is_count(tag) and counts(prompt):
            continue
        if tag in left_out:
            out.append(tag)
        elif says := contradicted(prompt, tag):
            otherwise.append((tag, says[0]))
        else:
            added.append(tag)
    return Told(tuple(added), tuple(out), tuple(otherwise))


def prompt_of(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> str:
    """The scene's prompt with what pose and camera tell it now."""
    prompt = scene.pose_to_anime.generation.prompt.strip()
    return with_told(prompt, told(scene, find(scene, view_layer)).added)


def leave_out(scene: bpy.types.Scene, tag: str, value: bool) -> None:
    """Leave a tag out of the prompt, or add it again."""
    settings = scene.pose_to_anime.pose_tags
    kept = [other for other in _split(settings.left_out) if other != tag]
    settings.left_out = ", ".join([*kept, tag] if value else kept)


def info(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> dict[str, Any]:
    """For the ``scene`` part of a job."""
    if not scene.pose_to_anime.pose_tags.use:
        return {}
    tags = told(scene, find(scene, view_layer))
    prompt = scene.pose_to_anime.generation.prompt.strip()
    return {INFO: {"prompt": prompt, "added": list(tags.added), "left_out": list(tags.left_out)}}


def restore(scene: bpy.types.Scene, request: GenerationRequest, scene_info: Mapping[str, Any]) -> None:
    """After a request's prompt was restored: what the user wrote of it, where that and the tags that were added are all of it.
    A picture from before there were such tags gets none when it is made again; a recipe of another program says nothing of it."""
    if not scene_info:
        return
    data = scene_info.get(INFO)
    settings = scene.pose_to_anime.pose_tags
    settings.use = isinstance(data, Mapping)
    if not isinstance(data, Mapping):
        return
    settings.left_out = ", ".join(map(str, data.get("left_out", ())))
    written = str(data.get("prompt", ""))
    if with_told(written, added_in(scene_info)) == request.prompt:
        scene.pose_to_anime.generation.prompt = written


def added_in(scene_info: Mapping[str, Any]) -> list[str]:
    """The tags that a job's prompt was told."""
    data = scene_info.get(INFO)
    return [str(tag) for tag in data.get("added", ())] if isinstance(data, Mapping) else []


def _body(scene: bpy.types.Scene, figure: Figure, depsgraph: bpy.types.Depsgraph) -> Body:
    armature = object_in(scene, figure.armature)
    if armature is None:
        raise KeyError(figure.name)
    points = figure_keypoints(figure, depsgraph)
    hands = {"left": points.left_hand, "right": points.right_hand}
    props = [(hold_of(prop), str(prop.get(PROP, ""))) for prop in props_of(armature)]
    return Body(
        points.body,
        {side: np.asarray(hand) for side, hand in hands.items() if hand is not None},
        ground=float(armature.evaluated_get(depsgraph).matrix_world.translation.z),
        gender=gender_of(armature) if is_mannequin(armature) else "any",
        held={_HANDS[hold]: kind for hold, kind in props if hold in _HANDS},
        sits_on_seat=any(hold == UNDER for hold, _ in props) and not any(hold == BEHIND for hold, _ in props),
    )


@functools.cache
def _words_of(family_name: str) -> frozenset[str] | None:
    """The words that the models of a family know; None where they know any."""
    family = families().get(family_name)
    if family is None or family.vocabulary != "closed":
        return None
    path = ROOT / "generation_server" / "models" / family_name / "weights" / "tokenizer" / "vocab.json"
    try:
        tokens = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return frozenset()
    return frozenset(token.removesuffix("</w>") for token in tokens if token.endswith("</w>") and len(token) > 5)


def _split(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _look() -> None:
    began = time.perf_counter()
    try:
        _refresh()
    finally:
        session.stats.note((time.perf_counter() - began) * 1000.0, "pose tags")


def _refresh() -> None:
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    if scene is None or view_layer is None:
        return
    before = _found.get(scene.name)
    found = find(scene, view_layer) if scene.pose_to_anime.pose_tags.use else ()
    _found.clear()
    _found[scene.name] = found
    settings = scene.pose_to_anime.pose_tags
    left_out = _split(settings.left_out)
    if found and (kept := [tag for tag in left_out if tag in found]) != left_out:
        settings.left_out = ", ".join(kept)  # what is no longer true is forgotten, and added when it is true again
    if found != before:
        timer.redraw()


@persistent
def _changed(*_: Any) -> None:
    if not bpy.app.background:
        at_rest(_look)


@persistent
def _loaded(*_: Any) -> None:
    _found.clear()
    _changed()


def _setting_changed(_owner: object) -> None:
    _changed()


CLASSES: tuple[type, ...] = ()
_HANDLERS = (("depsgraph_update_post", _changed), ("load_post", _loaded), ("undo_post", _changed), ("redo_post", _changed))


def register() -> None:
    handlers.put_on(_HANDLERS)
    framing_settings.size_listeners.append(_setting_changed)
    generation_settings.model_listeners.append(_setting_changed)


def unregister() -> None:
    generation_settings.model_listeners.remove(_setting_changed)
    framing_settings.size_listeners.remove(_setting_changed)
    handlers.take_off(_HANDLERS)
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    _found.clear()
