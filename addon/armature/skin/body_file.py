# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a body: the numbers from which a mannequin's skin is lofted (``rigs/mannequins/*.toml``).

Everything is in metres and degrees, for the figure's left side, at rest: z up, facing -y, left is +x, feet on z = 0.
What each table holds is said in the files themselves.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ...pose.limit_ranges import LimitsError, Overrides, checked_overrides
from .cage import Vector
from .inheritance import BodyFileError, read_merged
from .proportions import LAYERS, NEUTRAL, PROPORTIONS
from .sculpt import Brush, Region, Smoothing

FINGERS = ("thumb", "index", "middle", "ring", "little")

BONES_WITH_AXES = (
    "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe",
    *(f"{finger}_{number}" for finger in FINGERS for number in (1, 2, 3)),
)  # fmt: skip
"""Bones in whose axes a brush may be given."""

JOINT_NAMES = (
    "hips", "spine", "chest", "upper_chest", "neck", "head", "head:tail",
    "shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe", "toe:tail",
)  # fmt: skip

LAYERED_BONES = (
    "hips", "spine", "chest", "upper_chest", "neck", "shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot",
)  # fmt: skip
"""Bones on which a layer may lie."""

SHAPES: dict[str, tuple[int, ...]] = {
    "torso.rings": (21, 12),
    "torso.crotch": (3, 2),
    "head.rings": (22, 12),
    "head.nose": (20, 3),
    "head.bridge": (3, 3),
    "head.nostril": (2,),
    "head.dome": (),
    "eye.centre": (3,),
    "eye.radius": (),
    "eye.opening": (4,),
    "eye.tilt": (),
    "eye.turn": (),
    "eye.loops": (3, 5),
    "eye.iris": (5,),
    "mouth.border": (9, 3),
    "mouth.lip": (9, 3),
    "mouth.line": (9, 3),
    "mouth.depth": (),
    "ear.centre": (3,),
    "ear.size": (2,),
    "ear.angles": (3,),
    "ear.depth": (4,),
    "ear.columns": (5,),
    "ear.outline": (14, 2),
    "ear.loops": (4, 6),
    "ear.groove": (14, 3),
    "ear.fold": (14, 3),
    "arm.rings": (12, 8),
    "hand.palm": (5, 6),
    "hand.web": (3,),
    "leg.rings": (15, 9),
    "leg.foot": (6, 9),
    "leg.toes": (11, 5),
    "leg.toe_tips": (5, 3),
    "leg.toe_roots": (4, 2),
}
"""Every table with its rows and columns. They are part of the topology: all bodies have the same."""

FINGER_RINGS = {"thumb": (5, 4), "index": (6, 4), "middle": (6, 4), "ring": (6, 4), "little": (6, 4)}

Gender = Literal["female", "male", "any"]
GENDERS: tuple[Gender, ...] = get_args(Gender)

BRUSH_KEYS = {"kind", "at", "to", "size", "move", "blend", "region", "bone", "whole", "layer", "note"}
SMOOTHING_KEYS = {"at", "to", "size", "strength", "rounds", "region", "bone", "first", "note"}


@dataclass(frozen=True)
class Finger:
    """One finger; vectors are (along, up, side) in the hand's frame: to the fingertips, out of its back, to the thumb."""

    knuckle: Vector
    direction: Vector
    nail: Vector
    lengths: tuple[float, float, float]
    bends: tuple[float, float, float]
    rings: np.ndarray
    """(R, 4): place along the bones (1.5 = middle of the second), half width, height above and below the axis."""


@dataclass(frozen=True, eq=False)
class Form:
    """The numbers from which a skin is lofted and sculpted, checked."""

    joints: dict[str, Vector]
    tables: dict[str, np.ndarray]
    """The tables of ``SHAPES``, by their full names."""
    fingers: dict[str, Finger]
    brushes: tuple[Brush, ...]
    smoothing: tuple[Smoothing, ...]
    layers: dict[str, dict[str, float]]
    """How thick each of ``LAYERS`` lies on each bone, in metres outward; brushes of the layer say where it is thicker."""

    def number(self, name: str) -> float:
        """A table that is one number."""
        return float(self.tables[name])


@dataclass(frozen=True, eq=False)
class Body:
    """One body: a form, and the proportions that it is given when it is finished.

    Bodies that share a ``form`` share the work that it takes to sculpt it.
    """

    title: str
    age: Literal["adult", "child"]
    gender: Gender
    """What chance dresses it as."""
    form: Form
    proportions: dict[str, float]
    """All of ``PROPORTIONS``."""
    limits: Overrides = field(default_factory=dict)
    """What differs from ``rigs/joint_limits.toml`` in how far its joints turn."""

    @property
    def adult(self) -> bool:
        """False for a child's body."""
        return self.age == "adult"


def read_body(path: Path) -> Body:
    """The body in a file, with what its base gives it. The same contents give the same body again, at hardly any cost.

    Raises:
        BodyFileError: it cannot be read, is no TOML, or something in it is missing, unknown, of the wrong shape or out of range.
    """
    return _checked(path.name, json.dumps(read_merged(path), default=str))


@functools.lru_cache(maxsize=24)
def _checked(file: str, merged: str) -> Body:
    return _Reader(file).body(json.loads(merged))


class _Reader:
    """Checks one file's tables; its methods name the file and the table in what they complain about."""

    def __init__(self, file: str) -> None:
        self._file = file

    def _fail(self, what: str) -> BodyFileError:
        return BodyFileError(f"Body file {self._file}: {what}")

    def body(self, data: dict[str, Any]) -> Body:
        title, age = data.get("title"), data.get("age")
        if not isinstance(title, str) or not title:
            raise self._fail("'title' is missing: give the body a name in quotes.")
        if age not in ("adult", "child"):
            raise self._fail('\'age\' must be "adult" or "child": say whether this is an adult\'s body.')
        gender = data.get("gender", "any")
        if gender not in GENDERS:
            raise self._fail(f"'gender' must be one of {', '.join(GENDERS)}, not {gender!r}.")
        sections = {table.partition(".")[0] for table in SHAPES}
        known = {
            "title",
            "age",
            "gender",
            "joints",
            "fingers",
            "regions",
            "brushes",
            "smoothing",
            "layers",
            "proportions",
            "limits",
        } | sections
        self._only(data, known, "the file")
        tables = {}
        for section in sorted(sections):
            content = self._table(data, section)
            keys = [key for key in SHAPES if key.partition(".")[0] == section]
            self._only(content, {key.partition(".")[2] for key in keys}, f"[{section}]")
            for key in keys:
                tables[key] = self._numbers(content, key.partition(".")[2], SHAPES[key], key)
        joints = self._table(data, "joints")
        self._only(joints, set(JOINT_NAMES), "[joints]")
        regions = {key: self._region(key, value) for key, value in self._table(data, "regions").items()}
        form = Form(
            joints=self._joints(joints),
            tables=tables,
            fingers={finger: self._finger(self._table(data, "fingers"), finger) for finger in FINGERS},
            brushes=tuple(self._brush(n, each, regions) for n, each in enumerate(self._strokes(data, "brushes"), start=1)),
            smoothing=tuple(
                self._smoothing(n, each, regions) for n, each in enumerate(self._strokes(data, "smoothing"), start=1)
            ),
            layers=self._layers(data.get("layers", {})),
        )
        try:
            limits = checked_overrides(data.get("limits", {}), f"Body file {self._file}")
        except LimitsError as error:
            raise BodyFileError(str(error)) from error
        return Body(title, age, gender, form, self._proportions(data.get("proportions", {})), limits)

    def _table(self, data: dict[str, Any], name: str) -> dict[str, Any]:
        value = data.get(name)
        if not isinstance(value, dict):
            raise self._fail(f"the table [{name}] is missing.")
        return value

    def _strokes(self, data: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """A list of tables, each with a note of its own, by which bodies based on this one can change it."""
        value = data.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self._fail(f"'{name}' must be a list of tables.")
        notes = [each.get("note") for each in value]
        for number, note in enumerate(notes, start=1):
            if not isinstance(note, str) or not note:
                raise self._fail(f"number {number} of '{name}' has no 'note': say in a few words what it shapes.")
            if notes.index(note) != number - 1:
                raise self._fail(f"two of '{name}' have the note '{note}': give each its own.")
        return value

    def _proportions(self, data: Any) -> dict[str, float]:
        if not isinstance(data, dict):
            raise self._fail("'proportions' must be a table.")
        self._only(data, set(PROPORTIONS), "[proportions]")
        values = dict(NEUTRAL)
        for name in data:
            value, allowed = float(self._numbers(data, name, (), f"proportions.{name}")), PROPORTIONS[name]
            if not allowed.low - 1e-9 <= value <= allowed.high + 1e-9:
                raise self._fail(
                    f"'proportions.{name}' is {value:g} with that of its base; "
                    f"it must lie between {allowed.low:g} and {allowed.high:g}."
                )
            values[name] = value
        return values

    def _layers(self, data: Any) -> dict[str, dict[str, float]]:
        if not isinstance(data, dict):
            raise self._fail("'layers' must be a table.")
        self._only(data, set(LAYERS), "[layers]")
        layers: dict[str, dict[str, float]] = {name: {} for name in LAYERS}
        for name in data:
            content = self._table(data, name)
            self._only(content, set(LAYERED_BONES), f"[layers.{name}]")
            layers[name] = {bone: float(self._numbers(content, bone, (), f"layers.{name}.{bone}")) for bone in content}
        return layers

    def _only(self, data: dict[str, Any], known: set[str], where: str) -> None:
        unknown = sorted(set(data) - known)
        if unknown:
            raise self._fail(f"{where} has an unknown key '{unknown[0]}'; known are {', '.join(sorted(known))}.")

    def _numbers(self, data: dict[str, Any], key: str, shape: tuple[int, ...], where: str) -> np.ndarray:
        """An array of finite numbers of exactly this shape."""
        wanted = {0: "one number", 1: "{} numbers", 2: "{} rows of {} numbers"}[len(shape)].format(*shape)
        if key not in data:
            raise self._fail(f"'{where}' is missing: it needs {wanted}.")
        try:
            values = np.array(data[key])
        except ValueError:  # rows of unequal length
            values = np.array([None])
        if values.shape != shape or values.dtype.kind not in "if":
            found = f"{len(data[key])} entries" if isinstance(data[key], list) else repr(data[key])
            raise self._fail(f"'{where}' needs {wanted}; it has {found}.")
        values = values.astype(np.float64)
        if not np.isfinite(values).all():
            raise self._fail(f"'{where}' holds a number that is not finite.")
        return values

    def _joints(self, data: dict[str, Any]) -> dict[str, Vector]:
        joints = {name: self._numbers(data, name, (3,), f"joints.{name}") for name in JOINT_NAMES}
        order = ("foot", "shin", "thigh", "spine", "chest", "upper_chest", "neck", "head", "head:tail")
        for below, above in itertools.pairwise(order):
            if joints[above][2] <= joints[below][2]:
                raise self._fail(f"joint '{above}' must lie above '{below}'.")
        for name in ("shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe"):
            if joints[name][0] <= 0.0:
                raise self._fail(f"joint '{name}' must lie on the figure's left, at x above 0.")
        return joints

    def _finger(self, data: dict[str, Any], finger: str) -> Finger:
        spec = self._table(data, finger)
        self._only(spec, {"knuckle", "direction", "nail", "lengths", "bends", "rings"}, f"[fingers.{finger}]")
        vectors = {key: self._numbers(spec, key, (3,), f"fingers.{finger}.{key}") for key in ("knuckle", "direction", "nail")}
        lengths = self._numbers(spec, "lengths", (3,), f"fingers.{finger}.lengths")
        bends = self._numbers(spec, "bends", (3,), f"fingers.{finger}.bends")
        rings = self._numbers(spec, "rings", FINGER_RINGS[finger], f"fingers.{finger}.rings")
        if (lengths <= 0.0).any():
            raise self._fail(f"'fingers.{finger}.lengths' must be above zero.")
        if (np.diff(rings[:, 0]) <= 0.0).any() or not rings[0, 0] >= 0.0 or not rings[-1, 0] <= 3.0:
            raise self._fail(f"the first column of 'fingers.{finger}.rings' must rise from 0 to 3.")
        return Finger(
            **vectors,
            lengths=(float(lengths[0]), float(lengths[1]), float(lengths[2])),
            bends=(float(bends[0]), float(bends[1]), float(bends[2])),
            rings=rings,
        )

    def _region(self, name: str, value: Any) -> Region:
        if not isinstance(value, dict):
            raise self._fail(f"'regions.{name}' must be a table.")
        self._only(value, {"x", "y", "z", "fade"}, f"'regions.{name}'")
        low, high = np.full(3, -math.inf), np.full(3, math.inf)
        for axis, key in enumerate("xyz"):
            if key in value:
                low[axis], high[axis] = self._numbers(value, key, (2,), f"regions.{name}.{key}")
        return Region(low, high, float(value.get("fade", 0.0)))

    def _region_of(self, data: dict[str, Any], regions: dict[str, Region], where: str) -> Region | None:
        name = data.get("region")
        if name is None:
            return None
        if name not in regions:
            raise self._fail(f"{where} names a region '{name}' that [regions] does not have.")
        return regions[name]

    def _bone(self, data: dict[str, Any], where: str) -> str | None:
        bone = data.get("bone")
        if bone is not None and bone not in BONES_WITH_AXES:
            raise self._fail(f"{where}: bone '{bone}' is none of {', '.join(BONES_WITH_AXES)}.")
        return bone

    def _size(self, data: dict[str, Any], where: str) -> Vector:
        value = data.get("size")
        if isinstance(value, int | float) and not isinstance(value, bool):
            data = {"size": [value] * 3}
        size = self._numbers(data, "size", (3,), f"{where}: size")
        if (size <= 0.0).any():
            raise self._fail(f"{where}: size must be above zero.")
        return size

    def _brush(self, number: int, data: dict[str, Any], regions: dict[str, Region]) -> Brush:
        where = f"brush {number}" + (f" ({data['note']})" if "note" in data else "")
        self._only(data, BRUSH_KEYS, where)
        kind, layer = data.get("kind"), data.get("layer")
        if kind not in ("bump", "ridge", "swell", "round"):
            raise self._fail(f"{where}: kind must be bump, ridge, swell or round.")
        if kind == "round" and "region" not in data:
            raise self._fail(f"{where}: a round must name a region, or it would reach the whole body.")
        if layer is not None and (layer not in LAYERS or kind not in ("bump", "ridge")):
            raise self._fail(f"{where}: layer must be {' or '.join(LAYERS)}, and a layer has bumps and ridges only.")
        outward = layer is not None and isinstance(data.get("move"), int | float)
        move = np.array([self._numbers(data, "move", (), f"{where}: move"), 0.0, 0.0]) if outward else None
        return Brush(
            kind=kind,
            at=self._numbers(data, "at", (3,), f"{where}: at"),
            to=self._numbers(data, "to", (3,), f"{where}: to") if kind == "ridge" else None,
            size=self._size(data, where),
            move=self._numbers(data, "move", (3,), f"{where}: move") if move is None else move,
            blend=float(self._numbers(data, "blend", (), f"{where}: blend")) if kind == "swell" else 0.0,
            region=self._region_of(data, regions, where),
            bone=self._bone(data, where),
            whole=data.get("whole", False) is True,
            layer=layer,
            outward=outward,
        )

    def _smoothing(self, number: int, data: dict[str, Any], regions: dict[str, Region]) -> Smoothing:
        where = f"smoothing {number}" + (f" ({data['note']})" if "note" in data else "")
        self._only(data, SMOOTHING_KEYS, where)
        rounds = data.get("rounds")
        if not isinstance(rounds, int) or isinstance(rounds, bool) or not 1 <= rounds <= 40:
            raise self._fail(f"{where}: rounds must be a whole number from 1 to 40.")
        return Smoothing(
            at=self._numbers(data, "at", (3,), f"{where}: at"),
            to=self._numbers(data, "to", (3,), f"{where}: to") if "to" in data else None,
            size=self._size(data, where),
            strength=float(self._numbers(data, "strength", (), f"{where}: strength")),
            rounds=rounds,
            region=self._region_of(data, regions, where),
            bone=self._bone(data, where),
            first=data.get("first", False) is True,
        )
