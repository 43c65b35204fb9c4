# SPDX-License-Identifier: GPL-3.0-or-later
"""In which Image Editor a picture is shown. One that the user needs for something else is left alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import bpy

from .timer import later

ROLES = ("RESULT", "PREVIEW", "SHEET")
NARROWEST = 700
"""Pixels of a 3D view at 100% below which it is not split: both halves would be too small to work in."""


def image_editors() -> Iterator[tuple[bpy.types.Window, bpy.types.Area]]:
    """All Image Editors that are open, in all windows; UV editors are none."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.ui_type == "IMAGE_EDITOR":
                yield window, area


def shows_ours(area: bpy.types.Area) -> bool:
    return shows(area, *ROLES)


def shows(area: bpy.types.Area, *roles: str) -> bool:
    """Whether an Image Editor shows one of our images of these roles."""
    image = area.spaces.active.image
    return image is not None and image.pose_to_anime.role in roles


_chosen = False


def choose(value: bool) -> None:
    """Note that the user looks at a picture of his choice, which previews must not replace; False when he asks for a new one."""
    global _chosen
    _chosen = value


def is_chosen() -> bool:
    return _chosen


def best_editor() -> bpy.types.Area | None:
    """The Image Editor for a picture: one that shows ours, else an empty one, else one that shows a render, else any.

    Never one whose image is pinned, or that is used for painting or masking.
    """
    rated: list[tuple[int, int, bpy.types.Area]] = []
    for window, area in image_editors():
        space = area.spaces.active
        if space.use_image_pin or space.mode != "VIEW":
            continue
        image = space.image
        if shows_ours(area):
            rank = 0
        elif image is None:
            rank = 1
        elif image.type in ("RENDER_RESULT", "COMPOSITING"):
            rank = 2
        else:
            rank = 3
        other_window = int(window != bpy.context.window)
        rated.append((rank, other_window, area))
    return min(rated, key=lambda item: item[:2])[2] if rated else None


def show(image: bpy.types.Image, size: tuple[int, int], area: bpy.types.Area | None = None) -> bool:
    """Show ``image``, which has (or will have) ``size`` pixels; False where there is no Image Editor to show it in.

    The picture is fitted into the editor, unless the user has zoomed and the last one was as large: then the view is kept. The
    size is told, because asking the image has Blender read its file at once.
    """
    area = area or best_editor()
    if area is None:
        return False
    space = area.spaces.active
    before = _sizes.get(area.as_pointer()) if shows_ours(area) or space.image == image else None
    untouched = _is_untouched(area)
    changed = space.image != image
    if changed:
        space.image = image
    area.tag_redraw()
    _sizes[area.as_pointer()] = size
    grown = image.has_data and _fitted.get(area.as_pointer(), tuple(image.size)) != tuple(image.size)
    if before != size or ((changed or grown) and untouched):
        _fit_later(area)
    return True


def open_editor(context: bpy.types.Context) -> bpy.types.Area | None:
    """An Image Editor to show a picture in: the best of those that are open, else the right part of the 3D view, split off.

    For the user's clicks alone: a window that rearranges itself is a fright. None where there is no window or no room.
    """
    if found := best_editor():
        return found
    window = context.window
    if window is None:
        return None
    views = [area for area in window.screen.areas if area.type == "VIEW_3D"]
    view = max(views, key=lambda area: area.width * area.height, default=None)
    if view is None or view.width < NARROWEST * context.preferences.system.ui_scale:
        return None
    new = split_off(window, view, "VERTICAL", 0.6)
    if new is None:
        return None
    # With a factor above one half Blender makes the right part the new area.
    new.ui_type = "IMAGE_EDITOR"
    new.spaces.active.image = None
    return new


def split_off(window: bpy.types.Window, area: bpy.types.Area, direction: str, factor: float) -> bpy.types.Area | None:
    """Split an editor of a window in two, as Blender's Split Area does; the new one, None where that cannot be."""
    known = {each.as_pointer() for each in window.screen.areas}
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        bpy.ops.screen.area_split(direction=direction, factor=factor)
    return next((each for each in window.screen.areas if each.as_pointer() not in known), None)


_sizes: dict[int, tuple[int, int]] = {}
"""Of the last picture of ours in each Image Editor, by the pointer of its area."""

_fitted: dict[int, tuple[int, int]] = {}
"""Pixels of what was fitted into each: the first preview is small until Blender has read it, and then as large as the result."""

_zooms: dict[int, float] = {}
"""Of each Image Editor into which we fitted a picture: another one means that the user has zoomed."""

_LOOKS = 100  # calls of the timer in which Blender has to have drawn the picture
_SETTLING = 8  # calls after which a new editor has its final size
_FILLED = 0.96  # part of the width beside the sidebar that a picture takes
_MARGINS = 10  # pixels of the picture that View All leaves free, on both sides together
_NARROWEST_FREE = 0.35  # part of an editor's width: with less beside the sidebar, the picture would be a stamp


def _fit_later(area: bpy.types.Area, looks: int = _LOOKS, settling: int | None = None) -> None:
    """Fit the picture into its editor once Blender has drawn it, and once more when a new editor has taken its final size; by
    pointer, for areas come and go."""
    pointer = area.as_pointer()

    def fit() -> None:
        for window, candidate in image_editors():
            if candidate.as_pointer() != pointer:
                continue
            image = candidate.spaces.active.image
            region = next((region for region in candidate.regions if region.type == "WINDOW"), None)
            if image is None or region is None:
                return
            if settling:
                _fit_later(candidate, settling=settling - 1)
            elif settling is None and not image.has_data:
                if looks:
                    _fit_later(candidate, looks - 1)
            elif settling is None or _is_untouched(candidate):
                with bpy.context.temp_override(window=window, area=candidate, region=region):
                    _zooms[pointer] = _fit_beside_the_sidebar(candidate, region, image)
                    _fitted[pointer] = tuple(image.size)
                if settling is None:
                    _fit_later(candidate, settling=_SETTLING)

    later(f"fit {pointer}", fit)


def _is_untouched(area: bpy.types.Area) -> bool:
    """Whether an Image Editor still has the zoom that we gave it, and has drawn with it."""
    return math.isclose(area.spaces.active.zoom[0], _zooms.get(area.as_pointer(), 0.0), rel_tol=0.01)


def _fit_beside_the_sidebar(area: bpy.types.Area, region: bpy.types.Region, image: bpy.types.Image) -> float:
    """The whole picture, as large as it can be seen; called with the editor's region in the context. Returns the zoom, screen
    pixels a pixel of the picture. Blender's own View All takes the part that the sidebar covers for free, if regions overlap."""
    bpy.ops.image.view_all(fit_view=True)
    sidebar = next((each for each in area.regions if each.type == "UI" and each.width > 1), None)
    covered = max(0, region.x + region.width - sidebar.x) if sidebar and sidebar.x > region.x else 0
    width, height = (max(1, side) for side in image.size)
    free = region.width - covered
    # What View All has just set cannot be asked: the editor tells the zoom that it drew last with.
    zoom = min(region.width / (width + _MARGINS), region.height / (height + _MARGINS))
    if free < _NARROWEST_FREE * region.width or width * zoom <= free - covered:
        return zoom
    zoom = _FILLED * min(free / width, region.height / height)
    bpy.ops.image.view_zoom_ratio(ratio=zoom)
    bpy.ops.image.view_pan(offset=(covered / 2.0 / zoom, 0.0))
    return zoom


def remember() -> dict[int, str]:
    """Which of our pictures each editor shows, by the pointer of its area: undo takes the images away from under them."""
    return {area.as_pointer(): area.spaces.active.image.pose_to_anime.job_id for _, area in image_editors() if shows_ours(area)}
