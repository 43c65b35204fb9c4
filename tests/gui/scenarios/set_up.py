from collections.abc import Generator
import bpy, hands
def scenario(facts, arguments):
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    yield from hands.redrawn()
    hands.photograph("0-panel")
    yield from hands.press_button("VIEW_3D", "pose_to_anime.generate")
    yield 0.5
    hands.photograph("1-looking")
    yield 12.0
    hands.photograph("2-dialog")
