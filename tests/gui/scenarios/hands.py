# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's hands and eyes inside Blender: mouse, keys, photographs, and finding buttons by what they would do.

The functions that take time are generators: ``yield from`` them in a scenario.
"""

import statistics
import subprocess
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

OUT = Path()
_mouse = [0, 0]  # a simulated key event carries a mouse position, and moves the mouse there
_presses = 0
Wait = Generator[float, None, None]


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def area(kind: str) -> bpy.types.Area:
    """The largest area of this type in the first window."""
    areas = [a for a in window().screen.areas if a.type == kind]
    if not areas:
        raise LookupError(f"no {kind} is open")
    return max(areas, key=lambda a: a.width * a.height)


def region(kind: str, part: str) -> bpy.types.Region:
    return next(r for r in area(kind).regions if r.type == part)


def redrawn() -> Generator[object, None, None]:
    """Until the 3D view was drawn anew twice: what the first of the two drew is on the screen then, on a slow machine too."""
    space, draws = bpy.types.SpaceView3D, []
    handle = space.draw_handler_add(lambda: draws.append(None), (), "WINDOW", "POST_PIXEL")
    try:
        for wanted in (1, 2):

            def drawn(wanted: int = wanted) -> bool:
                """the 3D view to be drawn"""
                area("VIEW_3D").tag_redraw()
                return len(draws) >= wanted

            yield drawn
            yield 0.2
    finally:
        space.draw_handler_remove(handle, "WINDOW")


def photograph(name: str) -> None:
    """The screen as it is, into NAME.png."""
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=False, timeout=60)


def clicks_since_start() -> int:
    """How often the left button was pressed."""
    return _presses


def simulate(kind: str, value: str, x: float | None = None, y: float | None = None, **modifiers: bool | str) -> None:
    """One event, at window coordinates or where the mouse is."""
    global _presses
    _presses += (kind, value) == ("LEFTMOUSE", "PRESS")
    if x is not None and y is not None:
        _mouse[:] = int(x), int(y)
    window().event_simulate(type=kind, value=value, x=_mouse[0], y=_mouse[1], **modifiers)


def mouse_y() -> int:
    return _mouse[1]


def move(x: float, y: float) -> Wait:
    """The mouse to window coordinates, y from the bottom. Twice, so that what lies below notices."""
    for dx in (-1, 0):
        simulate("MOUSEMOVE", "NOTHING", x + dx, y)
        yield 0.05


def click(x: float, y: float) -> Wait:
    yield from move(x, y)
    yield 0.2
    for value in ("PRESS", "RELEASE"):
        simulate("LEFTMOUSE", value)
        yield 0.1
    yield 0.3


def drag(start: tuple[float, float], end: tuple[float, float], steps: int = 12) -> Wait:
    """Press at ``start``, move to ``end``, let go."""
    way = ((start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps) for i in range(1, steps + 1))
    yield from drag_along([start, *way])


def drag_along(way: Sequence[tuple[float, float]], give_up: str = "", photographed: str = "", **modifiers: bool) -> Wait:
    """Press at the first place, move through the others, let go. Before that, take a photograph or give up with a key."""
    yield from move(*way[0])
    yield 0.3
    simulate("LEFTMOUSE", "PRESS")
    yield 0.1
    for x, y in way[1:]:
        simulate("MOUSEMOVE", "NOTHING", x, y, **modifiers)
        yield 0.08
    yield 0.2
    if photographed:
        photograph(photographed)
    if give_up:
        simulate(give_up, "PRESS")
        yield 0.1
        simulate(give_up, "RELEASE")
    simulate("LEFTMOUSE", "RELEASE")
    yield 0.5


def drop(files: Sequence[Path], x: float, y: float) -> Generator[object, None, None]:
    """Files from another program onto window coordinates: a real drag and drop of the X server."""
    program = Path(__file__).with_name("x_drop.py")
    place = (str(int(x)), str(int(window().height - y)))
    process = subprocess.Popen(
        ["python3", str(program), *place, *map(str, files)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def taken() -> bool:
        """the drop to be taken"""
        return process.poll() is not None

    yield taken
    if process.returncode:
        raise RuntimeError(process.communicate()[0])
    _mouse[:] = int(x), int(y)
    yield 0.3


def key(name: str, *, ctrl: bool = False, shift: bool = False, alt: bool = False, at: tuple[float, float] | None = None) -> Wait:
    """Press and release a key, with the mouse where it is or at ``at``."""
    if at:
        yield from move(*at)
    modifiers = {"ctrl": ctrl, "shift": shift, "alt": alt}
    for value in ("PRESS", "RELEASE"):
        simulate(name, value, **modifiers)
        yield 0.05
    yield 0.4


def middle(kind: str, part: str = "WINDOW") -> tuple[float, float]:
    r = region(kind, part)
    return r.x + r.width / 2, r.y + r.height / 2


def open_sidebar(kind: str, category: str = "Pose to Anime") -> Wait:
    """Show the sidebar of the largest such area with our tab in front."""
    space = area(kind).spaces.active
    space.show_region_ui = True
    yield 0.5
    sidebar = region(kind, "UI")
    if hasattr(sidebar, "active_panel_category"):
        for _ in range(20):  # the tabs exist only after the first drawing
            try:
                sidebar.active_panel_category = category
                break
            except (AttributeError, TypeError, ValueError):
                yield 0.2
    sidebar.tag_redraw()
    yield 0.6


def lift_panels(*names: str) -> None:
    """Put panels that lie deeper right below the figure, as long as no sidebar was open yet: so they are found without a fold."""
    for cls in bpy.types.Panel.__subclasses__():
        if getattr(cls, "bl_idname", "") in names:
            put_below(cls, "P2A_PT_figure")


def put_below(panel: type, parent: str) -> None:
    """Register a panel anew right below another one."""
    bpy.utils.unregister_class(panel)
    panel.bl_parent_id = parent
    bpy.utils.register_class(panel)


def keep_panels(parent: str, *kept: str) -> None:
    """Put all other panels below ``parent`` out of the way, so that it is known where these lie."""
    for cls in bpy.types.Panel.__subclasses__():
        if getattr(cls, "bl_parent_id", "") == parent and cls.bl_idname not in kept:
            cls.poll = classmethod(lambda _cls, _context: False)
    region("VIEW_3D", "UI").tag_redraw()


def find_button(
    kind: str,
    operator: str,
    part: str = "UI",
    *,
    at: tuple[float, ...] = (0.5, 0.8, 0.2),
    below: int = 10_000,
    every: int = 9,
    having: str = "",
) -> Generator[float, None, tuple[int, int]]:
    """Where the button of an operator is: hovers down the sidebar and copies each button's Python command, as Ctrl-C does.

    ``at``: which fractions of the sidebar's width to look at; ``below``: a height of the window to begin at;
    ``having``: what its command says besides.
    """
    r = region(kind, part)
    manager = bpy.context.window_manager
    for fraction in at:
        x = int(r.x + 12 + (r.width - 40) * fraction)
        for y in range(min(r.y + r.height - 30, below), r.y + 8, -every):
            simulate("MOUSEMOVE", "NOTHING", x, y)
            yield 0.05
            manager.clipboard = ""
            for value in ("PRESS", "RELEASE"):
                simulate("C", value, ctrl=True)
            simulate("LEFT_CTRL", "RELEASE")  # or Blender takes it for held, and drags in steps of a metre
            yield 0.05
            if f"{operator}(" in manager.clipboard and having in manager.clipboard:
                return x, y
    raise LookupError(f"no button of {operator} in the {part} of {kind}")


def press_button(kind: str, operator: str, part: str = "UI", **where: Any) -> Wait:
    x, y = yield from find_button(kind, operator, part, **where)
    yield from click(x, y)


def on_screen(point: Vector, kind: str = "VIEW_3D") -> tuple[float, float]:
    """A world position in window coordinates of the 3D view."""
    from bpy_extras.view3d_utils import location_3d_to_region_2d

    r = region(kind, "WINDOW")
    found = location_3d_to_region_2d(r, area(kind).spaces.active.region_3d, point)
    if found is None:
        raise LookupError("the point is behind the viewer")
    return r.x + found.x, r.y + found.y


def redraw_milliseconds(times: int = 5) -> float:
    """What one drawing of the whole window takes Blender itself, the median of a few."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        taken.append((time.perf_counter() - began) * 1000.0)
    return statistics.median(taken)


def invoke(kind: str, operator: str, **options: object) -> set[str]:
    """Run an operator as if from that editor."""
    module, name = operator.split(".")
    with bpy.context.temp_override(window=window(), area=area(kind), region=region(kind, "WINDOW")):
        return getattr(getattr(bpy.ops, module), name)("INVOKE_DEFAULT", **options)
