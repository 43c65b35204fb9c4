# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads how far joints turn: ``rigs/joint_limits.toml``, and what a body's own table ``[limits]`` changes in it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..package import RIGS
from .humanoid import JOINTS, base_name
from .normalised import PoseError

VERSION = 1
ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
"""As Blender names them: the axis that turns first comes first."""
_AXES = "xyz"

_WIDEST = 180.0
_FACTORS = (0.1, 2.0)
"""By how much a body may narrow or widen a joint's ranges."""

_LIMITED = tuple(dict.fromkeys(base_name(joint) for joint in JOINTS if joint != "hips"))
"""The joints that have limits, without their sides. The hips turn freely: they are the whole body's place."""


class LimitsError(PoseError):
    """Limits that cannot be used. Its text is one sentence that a person can act on."""


@dataclass(frozen=True)
class Range:
    """The limits of one joint, as in the file: of the left side or of a joint on the middle. Degrees."""

    order: str
    centre: tuple[float, float, float]
    low: tuple[float, float, float]
    high: tuple[float, float, float]


Overrides = Mapping[str, float | Mapping[str, tuple[float, float]]]
"""Joint without its side → a factor of all its ranges, or axis → (lowest, highest) in degrees."""


@cache
def shipped_ranges() -> dict[str, Range]:
    """Joint without its side → its limits, from ``rigs/joint_limits.toml``. Do not change what it returns: it is shared."""
    return read_ranges(RIGS / "joint_limits.toml")


def read_ranges(path: Path) -> dict[str, Range]:
    """Read and check a file of limits. Raises LimitsError."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise LimitsError(f"The joint limits {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LimitsError(f"The joint limits {path.name} are not valid TOML: {error}.") from error
    return _checked_ranges(data, path.name)


def checked_overrides(data: Any, source: str) -> Overrides:
    """The table ``[limits]`` of a body file, checked; ``source`` begins the error sentences. Raises LimitsError."""
    if not isinstance(data, Mapping):
        raise LimitsError(f"{source}: 'limits' must be a table.")
    known = shipped_ranges()
    checked: dict[str, float | dict[str, tuple[float, float]]] = {}
    for name, value in data.items():
        where = f"{source}: limits.{name}"
        if name not in known:
            raise LimitsError(f"{where}: there is no such joint; joints are {', '.join(known)}.")
        if isinstance(value, Mapping):
            if unknown := [str(key) for key in value if key not in _AXES]:
                raise LimitsError(f"{where} has an unknown axis '{unknown[0]}'; axes are x, y and z.")
            checked[name] = {axis: _range(value[axis], f"{where}.{axis}") for axis in value}
        elif _is_number(value) and _FACTORS[0] <= value <= _FACTORS[1]:
            checked[name] = float(value)
        else:
            low, high = _FACTORS
            raise LimitsError(f"{where} must be a factor from {low:g} to {high:g}, or ranges like {{ x = [-20, 30] }}.")
    overridden(known, checked, source)
    return checked


def overridden(ranges: Mapping[str, Range], overrides: Overrides, source: str = "The limits") -> dict[str, Range]:
    """The ranges as a body has them. Raises LimitsError where a joint on the middle would be bent to one side."""
    result = dict(ranges)
    for name, value in overrides.items():
        old = result[name]
        low, high = list(old.low), list(old.high)
        if isinstance(value, Mapping):
            for axis, (least, most) in value.items():
                low[_AXES.index(axis)], high[_AXES.index(axis)] = least, most
        else:
            low, high = [c * value for c in low], [c * value for c in high]
        result[name] = _range_of(name, old.order, old.centre, low, high, source)
    return result


def _checked_ranges(data: Mapping[str, Any], source: str) -> dict[str, Range]:
    if data.get("version") != VERSION:
        raise LimitsError(f"The joint limits {source} must say version = {VERSION}.")
    sources = data.get("sources")
    if not isinstance(sources, Mapping) or not all(isinstance(text, str) and text for text in sources.values()):
        raise LimitsError(f"The joint limits {source} need a table [sources] that says where each range is published.")
    entries = data.get("joint")
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise LimitsError(f"The joint limits {source} need a list of tables [[joint]].")
    ranges: dict[str, Range] = {}
    for entry in entries:
        for name, limits in _checked_entry(entry, set(sources), source).items():
            if name in ranges:
                raise LimitsError(f"{source} limits the joint '{name}' twice.")
            ranges[name] = limits
    if missing := [name for name in _LIMITED if name not in ranges]:
        raise LimitsError(f"{source} has no limits for the joint '{missing[0]}'.")
    return ranges


def _checked_entry(entry: Mapping[str, Any], sources: set[str], source: str) -> dict[str, Range]:
    names = entry.get("joints")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise LimitsError(f"{source}: each [[joint]] needs a list 'joints' of names.")
    if unknown := [name for name in names if name not in _LIMITED]:
        raise LimitsError(f"{source} names the unknown joint '{unknown[0]}'; joints are {', '.join(_LIMITED)}.")
    where = f"{source}: {names[0]}"
    if unknown := sorted(set(entry) - {"joints", "order", "centre", "sources", *_AXES}):
        raise LimitsError(f"{where} has an unknown key '{unknown[0]}'.")
    if entry.get("order") not in ORDERS:
        raise LimitsError(f"{where} needs an order of its axes: {', '.join(ORDERS)}.")
    cited = entry.get("sources")
    if not isinstance(cited, list) or not cited or not all(isinstance(key, str) and key in sources for key in cited):
        raise LimitsError(f"{where} needs 'sources', a list of keys of [sources].")
    centre = entry.get("centre", [0, 0, 0])
    if not isinstance(centre, list) or len(centre) != 3 or not all(_is_number(c) and abs(c) <= _WIDEST for c in centre):
        raise LimitsError(f"{where}: the centre must be three angles in degrees.")
    if missing := [axis for axis in _AXES if axis not in entry]:
        raise LimitsError(f"{where} has no range for its axis {missing[0]}.")
    pairs = [_range(entry[axis], f"{where}: {axis}") for axis in _AXES]
    low, high = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    x, y, z = (float(c) for c in centre)
    return {name: _range_of(name, entry["order"], (x, y, z), low, high, source) for name in names}


def _range(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(_is_number(c) and abs(c) <= _WIDEST for c in value):
        raise LimitsError(f"{where} must be two angles in degrees, [lowest, highest].")
    if not value[0] <= 0 <= value[1]:
        # Blender chooses between two triples by their size; only with 0 inside does what it has limited stay as it is.
        raise LimitsError(f"{where} must go from 0 or below to 0 or above.")
    return float(value[0]), float(value[1])


def _range_of(
    name: str, order: str, centre: tuple[float, float, float], low: list[float], high: list[float], source: str
) -> Range:
    for axis in (1, 2):
        if name in JOINTS and not math.isclose(low[axis], -high[axis], abs_tol=1e-9):
            raise LimitsError(f"{source}: {name} is on the middle, so that its {_AXES[axis]} must go as far to either side.")
    if max(map(abs, (*low, *high))) > _WIDEST:
        raise LimitsError(f"{source}: {name} would turn by more than {_WIDEST:g} degrees.")
    return Range(order, centre, (low[0], low[1], low[2]), (high[0], high[1], high[2]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
