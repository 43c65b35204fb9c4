# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters whose heads are divided into meshes and materials as the programs do it from which artists bring them: the
mannequins' own bodies, whose nose, eyes, ears and face are known, on foreign rigs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np
from family_rigs import FAMILIES, Body, Character, Family, body_of, build
from mathutils import Matrix
from pose_to_anime.addon.armature.bodies import load_body
from pose_to_anime.addon.armature.skin.build import Skin, build_skin
from pose_to_anime.addon.pose.face_points import EYES
from pose_to_anime.addon.pose.humanoid import PARENT
from pose_to_anime.addon.wardrobe import hair
from pose_to_anime.addon.wardrobe.catalogue import read_catalogue


@dataclass(frozen=True)
class Layout:
    """How a program divides a head.

    ``eyes``: ``skin`` (sculpted into it), ``material`` (faces of the skin that have one of their own), ``balls`` (a mesh of its
    own) or ``islands`` (balls in the skin's mesh). Names are what they are called there; without a name there is none.
    """

    family: str
    body: str = "Body"
    face: str = ""
    face_material: str = ""
    eyes: str = "skin"
    eye_name: str = ""
    white_name: str = ""
    hair: str = ""
    hair_material: str = ""
    eye_bones: bool = True


_VRM = Layout(
    "vroid", "Body", "Face", "N00_000_00_Face_00_SKIN", "material", "N00_000_00_EyeIris_00_EYE", "N00_000_00_EyeWhite_00_EYE",
    "Hair001", "N00_000_Hair_00_HAIR",
)  # fmt: skip
_MAKEHUMAN = Layout("makehuman", "Human", eyes="balls", eye_name="Human.high-poly", hair="Human.short02")
_MMD = Layout("mmd japanese", "モデル", "", "顔", "material", "目", "白目", "", "髪")

LAYOUTS = {
    "vrm": _VRM,
    "vrm without eye bones": replace(_VRM, eye_bones=False),
    "mixamo": Layout("mixamo", "Beta_Surface"),
    "mixamo with eyeballs": Layout("mixamo", "Ch46", eyes="islands"),
    "makehuman": _MAKEHUMAN,
    "makehuman on a game's rig": replace(_MAKEHUMAN, family="game engine"),
    "mmd": _MMD,
    "mmd without eye bones": replace(_MMD, eye_name="瞳", eye_bones=False),
}


@dataclass(frozen=True)
class HeadCharacter:
    """A character and, in its armature's space at rest, where its face is: ``marks`` and ``face`` (70, 3)."""

    character: Character
    marks: dict[str, np.ndarray]
    face: np.ndarray
    head_height: float
    height: float


_skins: dict[str, Skin] = {}


def skin_of(name: str) -> Skin:
    if name not in _skins:
        _skins[name] = build_skin(load_body(name)[1])
    return _skins[name]


def build_head(
    layout: Layout,
    body: str = "adult_woman",
    *,
    hair_style: str = "",
    elf: float = 0.0,
    hat: str = "",
    turns: Mapping[str, Matrix] | None = None,
) -> HeadCharacter:
    """Add a character. ``elf``: how far its ears are drawn out, metres. ``hat``: what an object is called that is one."""
    family: Family = FAMILIES[layout.family]
    if not layout.eye_bones:
        family = replace(family, names={j: b for j, b in family.names.items() if not j.endswith("Eye")})
    character = build(family, turns, body=body, with_mesh=False)
    skin, shape = skin_of(body), body_of(body)
    _sink_eye_bones(character.armature, family, skin)
    parts = _parts(layout, shape, skin, elf, hair_style, hat)
    for name, pieces in parts.items():
        _add(character.armature, family, name, pieces)
    bpy.context.view_layer.update()
    marks = {name: np.array(place, np.float64) for name, place in skin.landmarks.items()}
    return HeadCharacter(
        character, marks, skin.face, float(marks["head_top"][2] - marks["chin"][2]), float(skin.vertices[:, 2].max())
    )


@dataclass(frozen=True)
class _Piece:
    material: str
    vertices: np.ndarray
    faces: list[list[int]]
    weights: list[list[tuple[str, float]]]


def _parts(layout: Layout, shape: Body, skin: Skin, elf: float, hair_style: str, hat: str) -> dict[str, list[_Piece]]:
    vertices = elfish(shape, skin, elf)
    of_head = np.array([sum(w for j, w in row if j == "head") > 0.5 for row in shape.weights])
    parts: dict[str, list[_Piece]] = {}
    faces = [np.array(face) for face in shape.faces]
    centres = np.array([vertices[face].mean(axis=0) for face in faces])
    in_eye = _in_eyes(centres, skin) if layout.eyes == "material" else np.zeros(len(faces), bool)
    in_head = np.array([bool(of_head[face].all()) for face in faces])

    def piece(material: str, chosen: np.ndarray) -> _Piece:
        return _Piece(material, vertices, [faces[i].tolist() for i in np.flatnonzero(chosen)], shape.weights)

    head_name = layout.face or layout.body
    parts.setdefault(layout.body, []).append(piece("", ~in_head))
    parts.setdefault(head_name, []).append(piece(layout.face_material, in_head & ~in_eye))
    if in_eye.any():
        iris = _irises(shape, skin, in_eye)
        parts[head_name].append(piece(layout.eye_name, iris))
        parts[head_name].append(piece(layout.white_name, in_eye & ~iris))
    if layout.eyes in ("balls", "islands"):
        for side in ("left", "right"):
            parts.setdefault(layout.eye_name or head_name, []).append(_ball(skin, side, layout))
    if hair_style:
        parts.setdefault(layout.hair or head_name, []).append(_hair(skin, hair_style, layout.hair_material))
    if hat:
        parts.setdefault(hat, []).append(_hat(skin))
    return parts


def _sink_eye_bones(armature: bpy.types.Object, family: Family, skin: Skin) -> None:
    """Rigs have eyes turn about the middles of their balls."""
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for side in ("left", "right"):
        bone = armature.data.edit_bones.get(family.names.get(f"{side}Eye", ""))
        if bone is not None:
            bone.head.y += _radius(skin, side)
    bpy.ops.object.mode_set(mode="OBJECT")


def _radius(skin: Skin, side: str) -> float:
    corners = skin.face[[EYES[side][0], EYES[side][3]]]
    return 0.5 * float(np.linalg.norm(corners[0] - corners[1]))


def elfish(shape: Body, skin: Skin, length: float) -> np.ndarray:
    """The skin's points with the upper back of the ears drawn out to the side, up and back."""
    vertices = np.array(shape.vertices, np.float64)
    if not length:
        return vertices
    height = float(skin.landmarks["head_top"][2] - skin.landmarks["chin"][2])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        away = (vertices - np.array(skin.landmarks[f"ear_{side}"])) / height
        auricle = (np.abs(away[:, 1]) < 0.08) & (np.abs(away[:, 2]) < 0.13) & (away[:, 0] * sign > -0.012)
        share = np.clip((away[:, 0] * sign + 0.012) / 0.05, 0.0, 1.0) * np.clip((away[:, 2] + 0.02) / 0.12, 0.0, 1.0)
        vertices += (share * auricle)[:, None] * length * np.array([0.8 * sign, 0.35, 0.5])
    return vertices


def _in_eyes(centres: np.ndarray, skin: Skin) -> np.ndarray:
    """Which faces lie between a face's lids."""
    found = np.zeros(len(centres), bool)
    for side in ("left", "right"):
        outline = skin.face[list(EYES[side])][:, [0, 2]]
        at = centres[:, [0, 2]]
        inside = np.ones(len(centres), bool)
        turn = None
        for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            cross = (b[0] - a[0]) * (at[:, 1] - a[1]) - (b[1] - a[1]) * (at[:, 0] - a[0])
            middle = outline.mean(axis=0)
            turn = np.sign((b[0] - a[0]) * (middle[1] - a[1]) - (b[1] - a[1]) * (middle[0] - a[0]))
            inside &= cross * turn > 0
        found |= inside & (centres[:, 1] < skin.face[27:31, 1].max() + 0.03)
    return found


def _irises(shape: Body, skin: Skin, in_eye: np.ndarray) -> np.ndarray:
    """Of the dark faces those that hang together with one near a pupil; the others are the upper lids' rims."""
    dark = np.asarray(skin.dark) & in_eye
    centres = np.array([shape.vertices[face].mean(axis=0) for face in shape.faces])
    found = np.zeros(len(dark), bool)
    for side in ("left", "right"):
        pupil = np.array(skin.landmarks[f"eye_{side}"])
        rows = np.flatnonzero(dark)
        found[rows[np.linalg.norm(centres[rows] - pupil, axis=1).argmin()]] = True
    while True:
        used = {vertex for row in np.flatnonzero(found) for vertex in shape.faces[row]}
        more = dark & ~found & np.array([d and any(v in used for v in f) for d, f in zip(dark, shape.faces, strict=True)])
        if not more.any():
            return found
        found |= more


def _ball(skin: Skin, side: str, layout: Layout) -> _Piece:
    pupil = np.array(skin.landmarks[f"eye_{side}"])
    radius = _radius(skin, side)
    rows, columns = 9, 14
    points = [
        pupil + radius * np.array([0.0, 1.0 - np.cos(t), 0.0]) + radius * np.sin(t) * np.array([np.cos(p), 0.0, np.sin(p)])
        for t in np.linspace(0.15, np.pi - 0.15, rows)
        for p in np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ]
    faces = [
        [r * columns + c, r * columns + (c + 1) % columns, (r + 1) * columns + (c + 1) % columns, (r + 1) * columns + c]
        for r in range(rows - 1)
        for c in range(columns)
    ]
    joint = f"{side}Eye" if layout.eye_bones and f"{side}Eye" in FAMILIES[layout.family].names else "head"
    return _Piece("", np.array(points), faces, [[(joint, 1.0)]] * len(points))


def _hair(skin: Skin, style: str, material: str) -> _Piece:
    piece = hair.build(read_catalogue().styles[style], skin)
    faces = [row[:3].tolist() if row[2] == row[3] else row.tolist() for row in piece.faces]
    return _Piece(material, np.array(piece.vertices, np.float64), faces, [[("head", 1.0)]] * len(piece.vertices))


def _hat(skin: Skin) -> _Piece:
    """A disc with a brim wider than the head, in the height of the forehead."""
    top, chin = np.array(skin.landmarks["head_top"]), np.array(skin.landmarks["chin"])
    height = top[2] - chin[2]
    middle = np.array([0.0, np.array(skin.landmarks["ear_left"])[1], chin[2] + 0.72 * height])
    ring = [np.array([np.cos(p), np.sin(p), 0.0]) for p in np.linspace(0, 2 * np.pi, 24, endpoint=False)]
    points = [middle + 0.8 * height * r for r in ring] + [middle + 0.45 * height * r for r in ring]
    points += [middle + 0.42 * height * r + np.array([0, 0, 0.45 * height]) for r in ring]
    faces = [
        [k * 24 + c, k * 24 + (c + 1) % 24, (k + 1) * 24 + (c + 1) % 24, (k + 1) * 24 + c] for k in (0, 1) for c in range(24)
    ]
    return _Piece("", np.array(points), faces, [[("head", 1.0)]] * len(points))


def _add(armature: bpy.types.Object, family: Family, name: str, pieces: Collection[_Piece]) -> None:
    points: list[np.ndarray] = []
    faces: list[list[int]] = []
    slots: list[int] = []
    rows: list[list[tuple[str, float]]] = []
    materials: list[str] = []
    where: dict[tuple[int, int], int] = {}
    for piece in pieces:
        slot = -1
        if piece.material:
            if piece.material not in materials:
                materials.append(piece.material)
            slot = materials.index(piece.material)
        for face in piece.faces:
            for vertex in face:
                key = (id(piece.vertices), vertex)
                if key not in where:
                    where[key] = len(points)
                    points.append(piece.vertices[vertex])
                    rows.append(piece.weights[vertex])
            faces.append([where[id(piece.vertices), vertex] for vertex in face])
            slots.append(max(slot, 0))
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(point) for point in points], [], faces)
    for material in materials:
        mesh.materials.append(bpy.data.materials.get(material) or bpy.data.materials.new(material))
    mesh.polygons.foreach_set("material_index", slots)
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    for vertex, row in enumerate(rows):
        for joint, weight in row:
            bone = family.names.get(joint) or family.names.get(_above(joint, family))
            group = obj.vertex_groups.get(bone) or obj.vertex_groups.new(name=bone)
            group.add([vertex], weight, "ADD")
    obj.modifiers.new("Armature", "ARMATURE").object = armature
    obj.parent = armature


def _above(joint: str, family: Family) -> str:
    above = PARENT.get(joint)
    while above is not None and above not in family.names:
        above = PARENT[above]
    return above or ""
