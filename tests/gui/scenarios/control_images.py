# SPDX-License-Identifier: GPL-3.0-or-later
"""Control images while posing: over the camera's view, in the Image Editor, following the pose and every choice."""

from collections.abc import Generator

import bpy
import hands

KINDS = ("openpose", "depth", "normal", "lineart")


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    from bl_ext.user_default.pose_to_anime.addon.generate import live_preview

    hands.invoke("VIEW_3D", "pose_to_anime.add_mannequin")
    bpy.ops.pose_to_anime.apply_pose(pose="running")
    bpy.ops.pose_to_anime.wear_outfit(outfit="school")
    bpy.ops.pose_to_anime.add_camera()
    figure = bpy.context.object.name
    bpy.ops.ed.undo_push(message="Start")
    yield 0.5
    hands.invoke("VIEW_3D", "pose_to_anime.look_through")
    yield 0.5
    yield from hands.open_sidebar("VIEW_3D")
    hands.keep_panels("P2A_PT_control_images")
    bpy.context.scene.pose_to_anime.passes.overlay = True
    shown: dict[str, float] = {}
    for kind in KINDS:
        bpy.ops.pose_to_anime.choose_control_image(kind=kind)
        yield lambda kind=kind: _is_whole(live_preview, kind)
        yield 0.3
        shown[kind] = live_preview.preview().milliseconds
        hands.photograph(f"overlay {kind}")
    facts["milliseconds"] = shown
    bpy.ops.pose_to_anime.choose_control_image(kind="openpose")
    yield lambda: _is_whole(live_preview, "openpose")

    hands.invoke("VIEW_3D", "pose_to_anime.show_control_image")
    yield lambda: _editor_image() == (tuple(live_preview.preview().image.shape[1::-1]))
    yield 0.5
    hands.photograph("beside")
    before, number = _pixels(), live_preview.preview().number
    obj = bpy.data.objects[figure]
    obj.location.x += 0.3
    yield lambda: live_preview.preview().number > number and live_preview._state.changed == 0.0
    yield 0.5
    facts["the editor follows"] = _pixels() != before
    hands.photograph("moved")
    # what the user has zoomed to stays, small images while he poses and all; another workspace for a while, and it follows again
    yield 4.0  # until it is fitted in, and once more when the new editor has its size
    area = _editor()
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=hands.window(), area=area, region=region):
        bpy.ops.image.view_zoom_ratio(ratio=0.5)
    yield 1.0  # an editor tells the zoom that it drew last with
    facts["zoom before"] = tuple(area.spaces.active.zoom)
    workspace, number = hands.window().workspace, live_preview.preview().number
    for _ in range(4):
        obj.location.z += 0.02
        yield 0.1
    yield lambda: live_preview.preview().number > number and live_preview._state.changed == 0.0
    yield 1.0
    facts["zoom"] = tuple(_editor().spaces.active.zoom)
    facts["unsaved"] = [image.name for image in bpy.data.images if image.is_dirty and image.source != "VIEWER"]
    hands.window().workspace = next(other for other in bpy.data.workspaces if other != workspace)
    yield 0.5
    obj.location.z += 0.01
    yield 0.7
    hands.window().workspace = workspace
    yield 0.5
    seen = _pixels()
    obj.location.z -= 0.09
    yield 0.7
    yield lambda: live_preview._state.changed == 0.0
    facts["the editor of a workspace that was left follows again"] = _pixels() not in (seen, before)
    before = _pixels()
    bpy.ops.ed.undo_push(message="Raised and lowered")
    obj.location.x += 0.1
    yield 0.7
    yield lambda: live_preview._state.changed == 0.0
    bpy.ops.ed.undo_push(message="Moved")
    bpy.ops.ed.undo()
    yield 0.2
    yield lambda: live_preview._state.changed == 0.0
    yield 0.5
    facts["after undo"] = _editor_image() == tuple(live_preview.preview().image.shape[1::-1])
    facts["as before"] = _pixels() == before
    number = live_preview.preview().number
    yield 1.0
    facts["images while nothing changes"] = live_preview.preview().number - number
    obj = bpy.data.objects[figure]
    obj.hide_set(True)
    for child in obj.children:
        child.hide_set(True)
    yield lambda: live_preview.preview().problem != ""
    facts["problem"] = live_preview.preview().problem
    hands.photograph("no figure")


def _is_whole(live_preview: object, kind: str) -> bool:
    found = live_preview.preview()
    return found.image is not None and found.kind == kind and live_preview._state.changed == 0.0


def _editor() -> bpy.types.Area | None:
    return next((area for area in hands.window().screen.areas if area.type == "IMAGE_EDITOR"), None)


def _shown_image() -> bpy.types.Image | None:
    area = _editor()
    return area.spaces.active.image if area is not None else None


def _editor_image() -> tuple[int, int] | None:
    image = _shown_image()
    return tuple(image.size) if image is not None else None


def _pixels() -> int:
    """A number for what the Image Editor shows."""
    image = _shown_image()
    return hash(tuple(image.pixels)) if image is not None else 0
