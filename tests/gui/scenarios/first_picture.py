# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job as an artist does it: add, drag, undo, generate, undo, cancel, generate again, compare; with photographs."""

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress

import bpy
import hands
from mathutils import Vector


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    yield 1.0
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model = "builtin"  # what a user chooses in the menu; the first picture has no weights to download
    settings.steps = int(arguments.get("steps", 40))
    bpy.ops.ed.undo_push(message="Start")
    yield from hands.open_sidebar("VIEW_3D")
    hands.photograph("1-panel")

    yield from hands.press_button("VIEW_3D", "pose_to_anime.add_mannequin")
    armature = bpy.context.view_layer.objects.active
    facts["added"] = armature.type
    yield from frame_the_view()
    hands.photograph("2-figure")

    yield from drag_a_hand(facts)
    yield from press_generate(facts, "first")
    facts["clicks"] = hands.clicks_since_start()
    yield until_denoising
    yield 0.6
    hands.photograph("5-generating")
    yield until_finished("first")
    yield result_is_shown
    yield 0.5
    facts["result"] = image_facts()
    facts["unsettled"] = list(session_state().jobs)
    hands.photograph("6-result")

    # The mouse is over the 3D view, where Ctrl-Z is the artist's: the picture must stay.
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    yield 1.0
    facts["after undo"] = image_facts()
    hands.photograph("7-undone")

    if not arguments.get("whole", True):
        return
    settings = bpy.context.scene.pose_to_anime.generation
    settings.steps = 100
    yield from press_generate(facts, "second")
    yield until_denoising
    with stopped(int(arguments["worker"])):  # or the job is over before a busy machine has found the button
        # It stands at the right end of the job's line, below the Generate button that the mouse is on.
        x, y = yield from hands.find_button("VIEW_3D", "pose_to_anime.cancel", at=(0.96, 0.9), below=hands.mouse_y())
        yield from hands.click(x, y)
    yield until_finished("second")
    yield 0.5
    facts["cancelled"] = newest_state()
    hands.photograph("8-cancelled")

    settings.steps = 4
    yield from press_generate(facts, "third")
    yield until_finished("third")
    yield 1.0
    facts["third"] = newest_state()
    hands.invoke("IMAGE_EDITOR", "pose_to_anime.picture_tools")  # the button in its header
    yield tools_are_in_front
    yield 0.6
    hands.photograph("9-image-editor")
    yield from hands.press_button("IMAGE_EDITOR", "pose_to_anime.compare_result")
    yield is_beside_the_sidebar
    yield 3.0  # a new editor takes its final size late, and the picture is fitted in once more
    hands.photograph("10-compare")
    facts["compared"] = free_of_the_sidebar()
    stats = session_state().stats
    facts["worst callback"] = stats.worst_callback_ms
    facts["callbacks"] = stats.callbacks
    facts["click"] = stats.click_ms
    facts["error"] = session_state().error
    facts["redraw"] = hands.redraw_milliseconds()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that stands still meanwhile: a worker for two minutes at most, then its server replaces it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def result_is_shown() -> bool:
    """the picture in the Image Editor"""
    return image_facts().get("role") == "RESULT"


def tools_are_in_front() -> bool:
    """our tab in the Image Editor's sidebar"""
    return getattr(hands.region("IMAGE_EDITOR", "UI"), "active_panel_category", "") == "Pose to Anime"


def is_beside_the_sidebar() -> bool:
    """the comparison fitted in beside the sidebar"""
    found = free_of_the_sidebar()
    return found["left"] >= -1 and found["right"] <= found["sidebar"] + 1


def free_of_the_sidebar() -> dict[str, float]:
    """Where the picture in the Image Editor begins and ends, in pixels of its region, and where the sidebar begins."""
    area = hands.area("IMAGE_EDITOR")
    regions = {region.type: region for region in area.regions}
    window = regions["WINDOW"]
    left, right = (window.view2d.view_to_region(x, 0.5, clip=False)[0] for x in (0.0, 1.0))
    return {"left": left, "right": right, "sidebar": regions["UI"].x - window.x, "width": window.width}


def frame_the_view() -> hands.Wait:
    """Look at the figure from the front, near enough to take hold of a hand."""
    space = hands.area("VIEW_3D").spaces.active
    view = space.region_3d
    view.view_perspective = "PERSP"
    view.view_location = (0.0, 0.0, 0.9)
    view.view_rotation = (0.7071068, 0.7071068, 0.0, 0.0)
    view.view_distance = 4.5
    yield 0.8


def drag_a_hand(facts: dict[str, object]) -> hands.Wait:
    """From Object Mode: take the left hand's dot and pull it up; then one undo, one redo."""
    figure = bpy.context.view_layer.objects.active.name  # undo replaces the objects: names alone survive it
    if bpy.context.mode == "POSE":
        bpy.ops.pose_to_anime.stop_posing()
        yield 0.5
    facts["mode before"] = bpy.context.mode
    bpy.ops.ed.undo_push(message="Before the drag")
    before = joint(figure, "hand.L")
    start = hands.on_screen(before)
    yield from hands.drag(start, (start[0] + 40, start[1] + 160))
    facts["mode after"] = bpy.context.mode
    after = joint(figure, "hand.L")
    facts["hand moved"] = (after - before).length
    facts["hand went up"] = after.z - before.z
    facts["stretched by"] = max(stretch(figure, name) for name in ("upper_arm.L", "forearm.L", "thigh.L", "shin.L"))
    hands.photograph("3-dragged")
    yield from hands.key("Z", ctrl=True, at=hands.middle("VIEW_3D"))
    yield 0.5
    facts["off after one undo"] = (joint(figure, "hand.L") - before).length
    hands.photograph("4-drag-undone")
    yield from hands.key("Z", ctrl=True, shift=True, at=hands.middle("VIEW_3D"))
    yield 0.5
    facts["off after redo"] = (joint(figure, "hand.L") - after).length


def joint(armature: str, bone: str) -> Vector:
    """Where a bone's head is in the world, in the evaluated pose."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = bpy.data.objects[armature].evaluated_get(depsgraph)
    return (evaluated.matrix_world @ evaluated.pose.bones[bone].head).copy()


def stretch(armature: str, bone: str) -> float:
    """By how many metres a bone is longer or shorter than at rest."""
    obj = bpy.data.objects[armature].evaluated_get(bpy.context.evaluated_depsgraph_get())
    return abs(obj.pose.bones[bone].length - obj.data.bones[bone].length)


def press_generate(facts: dict[str, object], name: str) -> hands.Wait:
    yield from hands.press_button("VIEW_3D", "pose_to_anime.generate")
    facts[f"{name} error"] = session_state().error
    facts[f"{name} started"] = len(session_state().jobs)


def session_module() -> object:
    import importlib

    return importlib.import_module("bl_ext.user_default.pose_to_anime.addon.generate.session")


def session_state() -> object:
    return session_module().session


def until_denoising() -> bool:
    """a job in the midst of its denoising"""
    if error := session_state().error:
        raise RuntimeError(error)
    return any(job.step > 0 for job in session_state().jobs.values())


def until_finished(what: str) -> object:
    def finished() -> bool:
        if error := session_state().error:
            raise RuntimeError(error)
        return not session_state().jobs

    finished.__doc__ = f"the end of the {what} job"
    return finished


def newest_state() -> str:
    import importlib

    records = importlib.import_module("bl_ext.user_default.pose_to_anime.addon.generate.records")
    newest = records.read_records(records.record_paths(), 1)
    return str(newest[0].state) if newest else ""


def image_facts() -> dict[str, object]:
    """What the Image Editor shows."""
    image = hands.area("IMAGE_EDITOR").spaces.active.image
    if image is None:
        return {}
    return {"name": image.name, "size": list(image.size), "role": image.pose_to_anime.role, "has data": image.has_data}
