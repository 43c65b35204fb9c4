# SPDX-License-Identifier: GPL-3.0-or-later
"""Other files are opened while a job runs, and Blender is closed while one runs, which the next Blender finds again."""

import importlib
import json
import time
from collections.abc import Generator
from pathlib import Path

import bpy
import hands
from first_picture import session_state, until_denoising, until_finished

_GENERATE = "bl_ext.user_default.pose_to_anime.addon.generate"


def scenario(facts: dict[str, object], arguments: dict[str, object]) -> Generator[object, None, None]:
    folder = Path(arguments["folder"])
    hold = folder / "hold"  # as long as it is there, jobs stay where they are
    first, other = folder / "first.blend", folder / "other.blend"
    computing = measure_computing()
    yield 1.0
    if arguments.get("again"):
        yield from find_it_again(facts, first, arguments["again"])
        note(facts, computing)
        return
    in_the_window(bpy.ops.wm.save_as_mainfile, filepath=str(other))
    in_the_window(bpy.ops.pose_to_anime.add_mannequin)
    settings = bpy.context.scene.pose_to_anime.generation
    settings.model, settings.prompt, settings.steps = "builtin", "1girl, held", 4
    in_the_window(bpy.ops.wm.save_as_mainfile, filepath=str(first))
    hold.touch()
    yield from open_others(facts, first, other, hold)
    hold.touch()
    yield from leave_it_running(facts)
    note(facts, computing)
    (hands.OUT / "facts.json").write_text(json.dumps(facts))
    in_the_window(bpy.ops.wm.quit_blender)  # as a user closes it; what comes after this is never reached
    yield 60.0


def open_others(facts: dict[str, object], first: Path, other: Path, hold: Path) -> hands.Wait:
    """Another file and a new one are opened while a picture of the first is painted; then the first again."""
    history = generate("history")
    job_id = begin()
    yield until_denoising
    yield there_is_a_preview
    in_the_window(bpy.ops.wm.save_mainfile)  # while its preview is shown
    facts["first file"] = sorted(history.file_ids())
    in_the_window(bpy.ops.wm.open_mainfile, filepath=str(other))
    yield 1.2  # some calls of the timer
    facts["runs in the other"] = list(session_state().jobs) == [job_id]
    facts["previews in the other"] = images("PREVIEW")
    in_the_window(bpy.ops.wm.read_homefile)
    yield 1.2
    facts["runs in the new one"] = list(session_state().jobs) == [job_id]
    hold.unlink()
    yield until_finished("first")
    yield settled
    facts["notice"] = session_state().notice
    facts["results in the new one"] = images("RESULT") + of_this_file()
    facts["shown in the new one"] = shown()
    hands.photograph("1-new-file")
    in_the_window(bpy.ops.wm.open_mainfile, filepath=str(first))
    yield in_the_history(job_id)
    yield settled
    facts["job"] = job_id
    facts["first again"] = of_this_file()
    facts["record's file"] = history.latest().file_id
    facts["previews in the first"] = images("PREVIEW")
    hands.photograph("2-first-again")


def leave_it_running(facts: dict[str, object]) -> hands.Wait:
    facts["left"] = begin()
    yield until_denoising
    yield 0.5
    facts["runs at the end"] = list(session_state().jobs) == [facts["left"]]
    facts["server"] = generate("session").session.server.url
    facts["error"] = session_state().error


def find_it_again(facts: dict[str, object], first: Path, job_id: str) -> hands.Wait:
    """In the next Blender: the file is opened, and nothing is clicked."""
    in_the_window(bpy.ops.wm.open_mainfile, filepath=str(first))
    yield in_the_history(job_id)
    yield settled
    facts["history"] = of_this_file()
    facts["images"] = sorted(images("RESULT"))
    facts["server"] = generate("session").session.server.url
    facts["error"] = session_state().error
    yield from hands.redrawn()
    hands.photograph("3-found-again")


def note(facts: dict[str, object], computing: dict[str, float]) -> None:
    stats = session_state().stats
    facts["callbacks"], facts["worst callback"] = stats.callbacks, stats.worst_callback_ms
    facts["worst of parts"], facts["computing"] = stats.worst_of_part, computing


def measure_computing() -> dict[str, float]:
    """The most milliseconds that a call of our timer computes itself, by its part: other processes do not lengthen these."""
    timer, stats = generate("timer"), session_state().stats
    tick, noted = timer.tick, stats.note
    worst: dict[str, float] = {}
    began: list[float] = []

    def measured() -> float | None:
        began.append(time.thread_time())
        try:
            return tick()
        finally:
            began.clear()

    def note_both(milliseconds: float, part: str) -> None:
        if began:  # other timers note theirs too
            worst[part] = max(worst.get(part, 0.0), (time.thread_time() - began[0]) * 1000.0)
        noted(milliseconds, part)

    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    timer.tick, stats.note = measured, note_both
    timer.start()
    return worst


def begin() -> str:
    """Have a picture painted; its job."""
    in_the_window(bpy.ops.pose_to_anime.generate)
    if error := session_state().error:
        raise RuntimeError(error)
    return next(reversed(session_state().jobs))


def in_the_window(operator: object, **options: object) -> None:
    with bpy.context.temp_override(window=hands.window(), area=hands.area("VIEW_3D")):
        operator(**options)


def generate(module: str) -> object:
    return importlib.import_module(f"{_GENERATE}.{module}")


def of_this_file() -> list[str]:
    """The jobs of the open file's last results, newest first."""
    bpy.context.window_manager.pose_to_anime.history = "FILE"
    return [record.job_id for record in generate("history").entries()]


def images(role: str) -> list[str]:
    """The jobs of the images that have this part in the open file."""
    return [image.pose_to_anime.job_id for image in bpy.data.images if image.pose_to_anime.role == role]


def shown() -> list[str]:
    """The images of all Image Editors."""
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas if area.type == "IMAGE_EDITOR"]
    return [area.spaces.active.image.name for area in areas if area.spaces.active.image]


def in_the_history(job_id: str) -> object:
    def found() -> bool:
        """the picture in its file's history"""
        if error := session_state().error:
            raise RuntimeError(error)
        return job_id in of_this_file()

    return found


def there_is_a_preview() -> bool:
    """a preview of the job"""
    return bool(images("PREVIEW"))


def settled() -> bool:
    """the end of what the timer has to do"""
    return not session_state().jobs and not generate("timer")._tasks
