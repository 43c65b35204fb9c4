# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that another program drops on Blender's window: pictures to pose after, recipes, models; with photographs."""

import importlib
import json
from collections.abc import Generator
from pathlib import Path

import bpy
import hands
import numpy as np
import popups

_ADDON = "bl_ext.user_default.pose_to_anime.addon"


def scenario(facts: dict[str, object], arguments: dict[str, list[str]]) -> Generator[object, None, None]:
    bpy.context.preferences.view.show_tooltips = False  # they would lie on the menus
    yield 1.0
    yield from hands.open_sidebar("VIEW_3D")
    bpy.ops.pose_to_anime.add_mannequin()
    bpy.ops.pose_to_anime.connect(start=False)
    picture, drawn, made = hands.OUT / "somebody.png", hands.OUT / "skeleton.png", hands.OUT / "made.png"
    picture.write_bytes(_part("png").encode(np.full((96, 64, 3), (90, 140, 200), np.uint8)))
    yield from behind_the_view(facts, picture)
    drawn.write_bytes(_drawn_skeleton())
    yield from as_control_image(facts, picture)
    yield from as_skeleton(facts, drawn)
    made.write_bytes(_with_recipe())
    yield from its_recipe(facts, made)
    yield from models(facts, [Path(name) for name in arguments["models"]])


def behind_the_view(facts: dict[str, object], picture: Path) -> hands.Wait:
    """On the view in perspective, as Blender starts."""
    yield from dropped([picture], hands.middle("VIEW_3D"))
    yield from popups.pick(1)

    def is_there() -> bool:
        """the picture behind the view"""
        camera = bpy.context.scene.camera
        return camera is not None and _part("passes.backdrop").backdrop_of(camera) is not None

    yield is_there
    facts["looks through"] = hands.area("VIEW_3D").spaces.active.region_3d.view_perspective
    facts["empties"] = [obj.name for obj in bpy.data.objects if obj.type == "EMPTY"]
    yield from hands.redrawn()
    hands.photograph("1-behind")


def as_control_image(facts: dict[str, object], picture: Path) -> hands.Wait:
    """On the sidebar: in a menu, then in another one the kind."""
    scene = bpy.context.scene.pose_to_anime
    yield from dropped([picture], hands.middle("VIEW_3D", "UI"))
    yield from popups.pick(3)
    yield from popups.pick(-1)

    def is_followed() -> bool:
        """the picture in the place of a control image"""
        return any(image is not None for image in own().values())

    def own() -> dict[str, object]:
        kinds = _part("generate.asked").offered(scene.generation)
        return {kind: getattr(scene.own_controls, kind) for kind in kinds}

    yield is_followed
    facts["followed"] = {kind: image.name for kind, image in own().items() if image is not None}
    facts["offered"] = list(own())


def as_skeleton(facts: dict[str, object], drawn: Path) -> hands.Wait:
    """On the view through the camera: the server finds the drawn people."""
    camera = bpy.context.scene.camera
    yield from dropped([drawn], hands.middle("VIEW_3D"))
    yield from popups.pick(2)

    def is_found() -> bool:
        """the skeleton over the view"""
        return _part("passes.reference").has_reference(camera)

    yield is_found
    facts["found"] = True


def its_recipe(facts: dict[str, object], made: Path) -> hands.Wait:
    """On the Image Editor: a dialog says what of it can come back."""
    scene = bpy.context.scene
    place = scene.camera.location.copy()
    scene.pose_to_anime.generation.prompt = "nobody"
    scene.camera.location.x += 3.0
    view = hands.area("VIEW_3D")
    with bpy.context.temp_override(window=hands.window(), area=view, region=view.regions[-1]):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.6)
    max(
        (area for area in hands.window().screen.areas if area.type == "VIEW_3D"), key=lambda area: area.x
    ).ui_type = "IMAGE_EDITOR"
    yield 0.5
    yield from dropped([made], hands.middle("IMAGE_EDITOR"))
    yield from popups.pick(1)
    yield from popups.press_blue("2-recipe")

    def is_back() -> bool:
        """the prompt of the picture"""
        return scene.pose_to_anime.generation.prompt == "1girl, running"

    yield is_back
    facts["camera is back"] = (scene.camera.location - place).length < 1e-4


def models(facts: dict[str, object], files: list[Path]) -> hands.Wait:
    """Two files in one hand, on the 3D view."""
    listed = _part("generate.model_list")
    view = bpy.context.window_manager.pose_to_anime.models

    def is_told() -> bool:
        """the server's list"""
        return _part("generate.models").is_told() and len(view.rows) > 5

    yield is_told
    yield from dropped(files, hands.middle("VIEW_3D"))
    yield from popups.press_blue("3-models")

    def are_there() -> bool:
        """the models in the list"""
        if error := _part("generate.session").session.error:
            raise RuntimeError(error)
        return {file.stem for file in files} <= {row.model for row in view.rows if row.present}

    yield are_there
    facts["models"] = {row.model: row.kind for row in view.rows if row.model in {file.stem for file in files}}
    facts["shown"] = listed.shown().name


def dropped(files: list[Path], place: tuple[float, float]) -> hands.Wait:
    yield from hands.move(*place)
    yield 0.2
    popups.remember()
    yield from hands.drop(files, *place)


def _part(name: str) -> object:
    return importlib.import_module(f"{_ADDON}.{name}")


def _drawn_skeleton() -> bytes:
    """The skeleton of the scene, as its control image draws it."""
    scene, layer = bpy.context.scene, bpy.context.view_layer
    passes = _part("passes.render").render_passes(scene, layer, scene.camera, (512, 768), kinds=("openpose",))
    return _part("png").encode(passes.images["openpose"])


def _with_recipe() -> bytes:
    """A picture with a recipe as the server writes it, of the scene as it is."""
    scene = bpy.context.scene
    protocol = importlib.import_module("bl_ext.user_default.pose_to_anime.generation_server.protocol")
    request = protocol.GenerationRequest("builtin", "1girl, running", 256, 384, "nsfw", 12, 3.0, 9)
    info = _part("generate.scene_info").scene_info(scene, bpy.context.view_layer)
    recipe = json.dumps({"request": request.to_json(), "scene": info})
    return _part("png").encode(np.full((48, 32, 3), 200, np.uint8), {"pose_to_anime": recipe})
