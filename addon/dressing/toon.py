# SPDX-License-Identifier: GPL-3.0-or-later
"""The toon look of figures and what they wear: flat tones, and outlines drawn by shells that are turned inside out.

Materials get nodes of EEVEE; a shell is an object of its own, so that what reads a figure's meshes never meets it. Both are
Blender's own means and work in files opened without us. Taken off, nothing of them is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

import bpy

from ..armature.mannequin import is_mannequin, is_own, landmarks, own_skins_of
from ..armature.skin_mesh import OWN_MATERIAL, PLAIN_MATERIALS, TINT, paint
from ..armature.worn import OUTLINE, WORN, pieces_of, remove_worn, worn_by
from ..compat import stop_using_nodes, use_nodes
from .outline import add_outline, one_sided, remove_unused_outline, set_thickness
from .piece_mesh import OUTLINED

_TOON = "pose_to_anime_toon"
"""Custom property of the materials that have our nodes; of the scene, which then says what its view transform was before."""
_EXACT = "Standard"
"""The view transform that shows colours as they were chosen; others paint them as film would."""
_SHARE = 1.0 / 620.0
"""Thickness of outlines as a part of the figure's height: 2.7 mm on an adult."""
_TONES = ((0.0, 0.5), (0.35, 0.72), (0.7, 1.0))
"""From which amount of light on how bright a tone is, of a lamp that lights a surface fully."""
_LINED = ("top", "outer", "bottom", "dress")
"""Slots of what one can look into."""


def is_on(scene: bpy.types.Scene) -> bool:
    """Whether a scene's figures have the toon look."""
    return _TOON in scene


def switch(scene: bpy.types.Scene, on: bool) -> None:
    """Give all figures of a scene the toon look, or take it from them."""
    if on and not is_on(scene):
        scene[_TOON] = scene.view_settings.view_transform
        _use_view_transform(scene, _EXACT)
    elif is_on(scene) and not on:
        if scene.view_settings.view_transform == _EXACT:  # else someone chose another since
            _use_view_transform(scene, scene[_TOON])
        del scene[_TOON]
    for obj in [obj for obj in scene.objects if is_mannequin(obj) and is_own(obj)]:
        follow(scene, obj)
    if not on:
        remove_unused_outline()


def follow(scene: bpy.types.Scene, figure: bpy.types.Object) -> None:
    """Bring a figure, and what it wears now, to the look that its scene has."""
    meshes = _meshes(figure)
    outlined = [mesh for mesh in meshes if mesh.get(OUTLINED, True)] if is_on(scene) else []
    shells = {shell.get(OUTLINED): shell for shell in worn_by(figure, OUTLINE)}
    for name, shell in shells.items():
        if name not in [mesh.name for mesh in outlined]:
            remove_worn(shell)
    for mesh in outlined:
        shell = shells.get(mesh.name) or _add_shell(figure, mesh)
        set_thickness(shell, landmarks(figure)["head_top"].z * _SHARE)
        _paint_lining(shell, mesh)
    for material in _materials(meshes):
        if is_on(scene) and _TOON not in material and _is_ours(material):
            _make_toon(material)
        elif not is_on(scene) and _TOON in material:
            _make_plain(material)


def _use_view_transform(scene: bpy.types.Scene, name: str) -> None:
    with suppress(TypeError):  # the file may have come from a Blender whose colours are configured otherwise
        scene.view_settings.view_transform = name


def _meshes(figure: bpy.types.Object) -> list[bpy.types.Object]:
    return [*own_skins_of(figure), *pieces_of(figure).values()]


def _materials(meshes: Iterable[bpy.types.Object]) -> Iterator[bpy.types.Material]:
    found = (slot.material for mesh in meshes for slot in mesh.material_slots)
    return iter(dict.fromkeys(material for material in found if material is not None))


def _is_ours(material: bpy.types.Material) -> bool:
    """Not one that its user chose, or gave nodes."""
    nodes = material.node_tree.nodes if material.node_tree is not None else ()
    is_plain = {node.type for node in nodes} <= {"BSDF_PRINCIPLED", "OUTPUT_MATERIAL"}
    return material.library is None and is_plain and (OWN_MATERIAL in material or material.name in PLAIN_MATERIALS)


def _add_shell(figure: bpy.types.Object, mesh: bpy.types.Object) -> bpy.types.Object:
    shell = bpy.data.objects.new(f"{mesh.name} outline", bpy.data.meshes.new("Mannequin outline"))
    shell.parent = figure
    shell.hide_select = True
    shell[WORN] = OUTLINE
    shell[OUTLINED] = mesh.name
    for collection in mesh.users_collection:
        collection.objects.link(shell)
    is_lined = mesh.get(WORN) in _LINED
    add_outline(shell, mesh, is_lined)
    for part in mesh.material_slots if is_lined else ():
        shell.data.materials.append(None)
        slot = shell.material_slots[-1]
        slot.link = "OBJECT"  # those of the mesh are what the nodes make, which are the cloth's own
        slot.material = one_sided(f"{part.material.name if part.material is not None else mesh.name} inside")
        slot.material[OWN_MATERIAL] = True
    return shell


def _paint_lining(shell: bpy.types.Object, mesh: bpy.types.Object) -> None:
    """Give a lining the darkest tone of its cloth, part by part."""
    for slot, outside in zip(shell.material_slots, mesh.material_slots, strict=False):
        if slot.material is not None and outside.material is not None:
            tone = _tone(_TONES[0][1])
            rgb = [value * share for value, share in zip(outside.material.diffuse_color[:3], tone, strict=True)]
            if slot.material.users > 1:  # a copy of the figure shares it
                slot.material = slot.material.copy()
            paint(slot.material, (*rgb, 1.0))


def _tone(bright: float) -> tuple[float, float, float]:
    """What a tone leaves of red, green and blue: darker ones lean to blue a little."""
    return bright, bright * (0.8 + 0.2 * bright), bright * (0.85 + 0.15 * bright)


def _make_toon(material: bpy.types.Material) -> None:
    """Nodes that break the light on a material into tones of its colour."""
    material[_TOON] = True
    colour = tuple(material.diffuse_color)
    use_nodes(material)
    tree = material.node_tree
    tree.nodes.clear()
    new, link = tree.nodes.new, tree.links.new
    light, amount, tones = new("ShaderNodeBsdfDiffuse"), new("ShaderNodeShaderToRGB"), new("ShaderNodeValToRGB")
    tint, times, glow = new("ShaderNodeRGB"), new("ShaderNodeMixRGB"), new("ShaderNodeEmission")
    result = new("ShaderNodeOutputMaterial")
    light.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    tint.name = TINT
    ramp = tones.color_ramp
    ramp.interpolation = "CONSTANT"
    while len(ramp.elements) < len(_TONES):
        ramp.elements.new(1.0)
    for element, (start, bright) in zip(ramp.elements, _TONES, strict=True):
        element.position = start
        element.color = (*_tone(bright), 1.0)
    times.blend_type = "MULTIPLY"
    times.inputs[0].default_value = 1.0
    link(light.outputs[0], amount.inputs[0])
    link(amount.outputs[0], tones.inputs[0])
    link(tint.outputs[0], times.inputs[1])
    link(tones.outputs[0], times.inputs[2])
    link(times.outputs[0], glow.inputs["Color"])
    link(glow.outputs[0], result.inputs["Surface"])
    paint(material, colour)


def _make_plain(material: bpy.types.Material) -> None:
    del material[_TOON]
    colour = tuple(material.diffuse_color)
    tree = material.node_tree
    tree.nodes.clear()
    shader, result = tree.nodes.new("ShaderNodeBsdfPrincipled"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(shader.outputs[0], result.inputs["Surface"])
    paint(material, colour)
    stop_using_nodes(material)
