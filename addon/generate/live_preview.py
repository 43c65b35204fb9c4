# SPDX-License-Identifier: GPL-3.0-or-later
"""Control images that follow the pose: over the camera's view, and in an Image Editor.

Whatever changes a scene asks for a new one. It is made by a timer, small and quickly while changes go on, whole once they have
stopped, and never for more than a part of the time, so that posing stays fluent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import bpy
import numpy as np
from numpy.typing import NDArray

from .. import handlers
from ..errors import UserError
from ..framing.camera import scene_size
from ..passes.preview import control_image
from . import viewing
from .request import skeleton_rules

IMAGE = "Pose to Anime Control Image"
ROLE = "CONTROL"

_SETTLED = 0.35
"""Seconds without a change after which the whole image is made."""
_SOON = 0.02
_REST = 2.0
"""How long nothing is made after an image, in times of what it took."""


@dataclass
class Preview:
    """The last image, (height, width, 3) uint8, of what kind, and how many there were; or why there is none."""

    image: NDArray[np.uint8] | None = None
    kind: str = ""
    number: int = 0
    problem: str = ""
    milliseconds: float = 0.0


@dataclass
class _State:
    preview: Preview = field(default_factory=Preview)
    editors: set[int] = field(default_factory=set)
    """Image Editors that showed it, by the pointers of their areas: an undo may take the image away from under them."""
    changed: float = 0.0
    """When something last changed; 0 once the whole image was made."""
    made: float = 0.0
    """When the last image was made."""
    is_small: bool = False


_state = _State()


def preview() -> Preview:
    """What the overlay draws."""
    return _state.preview


def is_wanted(scene: bpy.types.Scene) -> bool:
    """Whether anything shows control images of this scene."""
    return bool(scene.pose_to_anime.passes.overlay) or bool(_editors())


def ask(scene: bpy.types.Scene) -> None:
    """Have the image made anew, if anybody looks at it."""
    # While a render runs, handlers are called in its thread.
    if bpy.app.background or bpy.app.is_job_running("RENDER") or not is_wanted(scene):
        return
    _state.changed = time.monotonic()
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_SOON)


def show_in_editor(area: bpy.types.Area, scene: bpy.types.Scene) -> None:
    """Show control images in this Image Editor from now on."""
    _state.editors.add(area.as_pointer())
    area.spaces.active.image = _image()
    area.tag_redraw()
    ask(scene)


def leave_editors() -> None:
    """Show control images in no Image Editor any more."""
    for _window, area in viewing.image_editors():
        if viewing.shows(area, ROLE):
            area.spaces.active.image = None
    _state.editors.clear()


def is_in_editor() -> bool:
    return bool(_editors())


def _editors() -> list[bpy.types.Area]:
    """The editors that show it, also those of a file that was saved so, or, since an undo took the image away, nothing.

    Those of another workspace are remembered: they are no part of any window now, and show it again when the user comes back.
    """
    shown = []
    for _window, area in viewing.image_editors():
        pointer = area.as_pointer()
        if viewing.shows(area, ROLE) or (area.spaces.active.image is None and pointer in _state.editors):
            _state.editors.add(pointer)
            shown.append(area)
        else:
            _state.editors.discard(pointer)
    return shown


def _tick() -> float | None:
    """One call of the timer: an image, if it is time for one. None when there is nothing left to do."""
    scene, view_layer = bpy.context.scene, bpy.context.view_layer
    if not _state.changed or scene is None or not is_wanted(scene):
        _state.changed = 0.0
        return None
    settled = time.monotonic() - _state.changed > _SETTLED
    if not settled and _state.is_small and _state.changed < _state.made:
        return _SOON * 2.0  # the small one is up to date; the whole one waits until the changes have stopped
    began = time.monotonic()
    kind = scene.pose_to_anime.passes.preview_kind
    found = _state.preview
    try:
        rules = skeleton_rules(scene)
        found.image, found.problem = control_image(scene, view_layer, kind, live=not settled, rules=rules), ""
    except UserError as error:
        found.image, found.problem = None, str(error)
    found.kind, found.number = kind, found.number + 1
    if found.image is not None:
        _fill_editors(found.image, scene_size(scene), keep=settled)
    _redraw()
    _state.made = time.monotonic()
    found.milliseconds = (_state.made - began) * 1000.0
    _state.is_small = not settled
    if settled and _state.changed <= began:
        _state.changed = 0.0
        return None
    return max(_SOON, _REST * (_state.made - began))


def _image() -> bpy.types.Image:
    image = next((image for image in bpy.data.images if image.pose_to_anime.role == ROLE), None)
    if image is None:
        image = bpy.data.images.new(IMAGE, 8, 8)
        image.pose_to_anime.role = ROLE
    return image


def _fill_editors(pixels: NDArray[np.uint8], size: tuple[int, int], *, keep: bool) -> None:
    """Put pixels into the image, which always has the ``size`` (width, height) of the whole, so that what the user has zoomed to
    stays where it is; with ``keep``, so that undo and saving keep it, and Blender does not ask for it when it is closed."""
    editors = _editors()
    if not editors:
        return
    image = _image()
    width, height = size
    if tuple(image.size) != size:
        image.scale(width, height)
    rows, columns = (np.arange(side) * made // side for side, made in zip((height, width), pixels.shape[:2], strict=True))
    flat = np.ones((height, width, 4), np.float32)
    flat[..., :3] = pixels[rows[::-1, None], columns] / np.float32(255.0)
    image.pixels.foreach_set(flat.ravel())
    image.update()
    if keep:
        image.pack()
    for area in editors:
        viewing.show(image, (width, height), area)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D" or (area.type == "IMAGE_EDITOR" and area.as_pointer() in _state.editors):
                area.tag_redraw()


@bpy.app.handlers.persistent
def _after_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    updates = depsgraph.updates if depsgraph is not None else ()
    # Filling our own image is no change of the scene.
    if not len(updates) or any(not isinstance(update.id, bpy.types.Image) for update in updates):
        ask(scene)


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    _state.preview, _state.changed = Preview(number=_state.preview.number + 1), 0.0
    _state.editors.clear()
    if bpy.context.scene is not None:
        ask(bpy.context.scene)


CLASSES: tuple[type, ...] = ()
_HANDLERS = (
    ("depsgraph_update_post", _after_update),
    ("frame_change_post", _after_update),
    ("undo_post", _after_update),
    ("redo_post", _after_update),
    ("load_post", _after_load),
)


def register() -> None:
    handlers.put_on(_HANDLERS)


def unregister() -> None:
    handlers.take_off(_HANDLERS)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _state.preview, _state.changed = Preview(), 0.0
    _state.editors.clear()
