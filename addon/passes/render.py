# SPDX-License-Identifier: GPL-3.0-or-later
"""The passes: what a ControlNet is shown of the figures in a scene. One camera, one pixel grid, one draw for all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy

from .. import handlers
from ..armature import head_points, recognition, weights
from ..armature.figures import Figure, figures_in
from ..dressing import face_points
from ..errors import UserError
from ..keys import ObjectKey
from ..openpose import pose_json
from ..openpose.person import Person
from ..openpose.profiles import Profile
from . import buffers_cycles, buffers_gpu, geometry, head
from .buffers import Buffers
from .camera_view import view_of
from .geometry import Surface
from .in_view import check_sight, placed_figures
from .kinds import DETAILS, GEOMETRY, Image, Inputs, needs
from .kinds import KINDS as ALL
from .options import PassOptions
from .skeleton import SkeletonRules, people_of
from .view import View

KINDS: tuple[str, ...] = ("openpose", "depth")
"""What a request asks for; ``kinds.KINDS`` are all that there are."""
LARGEST_SIDE = 8192


@dataclass(frozen=True)
class PassSet:
    """Passes of one moment.

    ``images``: kind → as ``kinds.Image``; of a kind that each figure has, its name and the figure's number. ``people`` in pixels
    of that picture, one for each of ``figures`` (keys of armatures) that has a point in it; ``pose_json`` says the same as
    OpenPose JSON. ``warnings`` are sentences for the user, ``seconds`` what each step took.
    """

    width: int
    height: int
    images: dict[str, Image]
    people: tuple[Person, ...]
    pose_json: str
    figures: tuple[ObjectKey, ...]
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    view: View | None = None
    buffers: Buffers | None = None  # where an image was asked for that needs it: the geometry in metres
    skeleton_profile: str = ""


def render_passes(
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    camera: bpy.types.Object | None,
    size: tuple[int, int],
    *,
    kinds: Sequence[str] = KINDS,
    rules: SkeletonRules | None = None,
    profile: str | Profile | None = None,
    hands: bool | None = None,
    face: bool | None = None,
    figures: Sequence[Figure] | None = None,
    options: PassOptions | None = None,
) -> PassSet:
    """Passes of the visible figures as ``camera`` sees them, in a picture of ``size`` (width, height) pixels.

    ``kinds`` are names of ``kinds.KINDS``; ``rules`` are those of the model that is to see them. Without them, ``profile`` is a
    skeleton profile, ``hands`` and ``face`` say whether they are known: by default what the family of the scene's model says.
    ``figures`` and ``options`` default to all visible figures and the scene's settings. Changes neither the scene nor its render
    settings.

    Raises UserError, in a sentence for the user, where there is no camera, no figure, or none that the camera sees; ProfileError
    for an unknown profile; ValueError for an unknown kind.
    """
    if unknown := set(kinds) - set(ALL):
        raise ValueError(f"There is no pass '{min(unknown)}': use {', '.join(ALL)}.")
    width, height = size
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise UserError(f"A picture of {width} × {height} pixels cannot be made: both sides must be 1 to {LARGEST_SIDE}.")
    options = options or PassOptions.of(scene)
    if options.depth_range is not None and not 0.0 < options.depth_range[0] < options.depth_range[1]:
        raise UserError("The fixed range of depth ends before it begins: set Near below Far.")
    rules = (rules or SkeletonRules.of(scene, profile, hands, face)).wanted(options.hands, options.face)
    clock = _Clock()
    view_layer.update()
    depsgraph = view_layer.depsgraph
    view = view_of(camera, depsgraph, width, height)
    warnings: list[str] = []
    chosen = placed_figures(scene, view_layer, figures_in(scene, view_layer) if figures is None else figures, warnings)
    clock("scene")
    detailed = needs(kinds, DETAILS)
    surfaces = geometry.figure_surfaces(scene, view_layer, depsgraph, chosen, detailed)
    clock("geometry")
    beside = None
    if options.hide_occluded:
        beside = geometry.worn_surfaces(scene, view_layer, depsgraph, chosen, False)
        beside += geometry.ticked_surfaces(view_layer, depsgraph, chosen, False)
    people = people_of(scene, depsgraph, chosen, surfaces, view, rules, keep_outside=options.keep_outside, beside=beside)
    check_sight(chosen, people, surfaces, view, camera, warnings)
    clock("keypoints")
    # As exact as they are written down, or a point between two pixels would be drawn from the file as another one.
    present = tuple(person.rounded(pose_json.DECIMALS) for person in people if not person.empty)
    buffers = None
    if needs(kinds, GEOMETRY):
        shown = geometry.without_covered(scene, surfaces, chosen)
        shown += geometry.worn_surfaces(scene, view_layer, depsgraph, chosen, detailed)
        shown += geometry.ticked_surfaces(view_layer, depsgraph, chosen, detailed)
        buffers = draw_buffers(shown, view, camera, depsgraph, options.buffers, detailed)
        clock("draw")
    inputs = Inputs(view, present, rules.profile, options, len(chosen), buffers)
    images: dict[str, Image] = {}
    for kind in ALL.values():
        if kind.name in kinds:
            images.update(kind.images(inputs))
            clock(kind.name)
    return PassSet(
        width=width,
        height=height,
        images=images,
        people=present,
        pose_json=pose_json.dumps(present, width, height),
        figures=tuple(figure.armature for figure in chosen),
        warnings=tuple(warnings),
        seconds=clock.seconds,
        view=view,
        buffers=buffers,
        skeleton_profile=rules.profile.name,
    )


def draw_buffers(
    surfaces: Sequence[Surface],
    view: View,
    camera: bpy.types.Object,
    depsgraph: bpy.types.Depsgraph,
    how: str = "auto",
    detailed: bool = False,
) -> Buffers:
    """The geometry as ``view`` of ``camera`` sees it: on the GPU, or through Cycles where there is none or ``how`` says so;
    ``detailed`` with normals and parts."""
    if how == "gpu" or (how == "auto" and buffers_gpu.usable()):
        if not buffers_gpu.usable():
            raise UserError("This Blender has no OpenGL or Vulkan to draw with: leave the choice to it, and Cycles draws.")
        return buffers_gpu.draw(surfaces, view, detailed)
    return buffers_cycles.draw(surfaces, view, camera, depsgraph, detailed)


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def __call__(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = now - self._last
        self._last = now


def forget() -> None:
    """Free what is kept between calls, on the GPU and beside it."""
    buffers_gpu.forget()
    geometry.forget()
    head.forget()
    face_points.forget()
    weights.forget()
    head_points.forget()
    recognition.forget()


@bpy.app.handlers.persistent
def _before_load(*_arguments: object) -> None:
    forget()


@bpy.app.handlers.persistent
def _after_undo(*_arguments: object) -> None:
    weights.forget()  # what an undo can make untrue: which vertices a head weighs on
    head.forget()
    head_points.forget()


CLASSES: tuple[type, ...] = ()
_HANDLERS = (
    ("load_pre", _before_load),
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
)


def register() -> None:
    handlers.put_on(_HANDLERS)


def unregister() -> None:
    handlers.take_off(_HANDLERS)
    forget()
