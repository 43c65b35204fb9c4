# SPDX-License-Identifier: GPL-3.0-or-later
"""What all messages of the contract share: JSON in and out by their type annotations. Standard library only."""

from __future__ import annotations

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Self


class ProtocolError(ValueError):
    """What was sent does not follow the contract. Its text is one sentence that a person can act on."""


class Message:
    """JSON in and out for dataclasses, driven by their type annotations."""

    __slots__ = ()  # so that those of which thousands are kept can do without a dictionary each

    def to_json(self) -> dict[str, Any]:
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what ``to_json`` wrote. Unknown fields are ignored, so that a newer peer of the same protocol can add some."""
        if not isinstance(data, Mapping):
            raise ProtocolError(f"{cls.__name__} must be a JSON object, not {type(data).__name__}.")
        hints = _hints(cls)
        values: dict[str, Any] = {}
        for f in dataclasses.fields(cls):  # type: ignore[arg-type]
            if f.name in data:
                values[f.name] = _typed(data[f.name], hints[f.name], f"{cls.__name__}.{f.name}")
            elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
                raise ProtocolError(f"{cls.__name__} has no '{f.name}'.")
        return cls(**values)


_hints_of: dict[type, dict[str, Any]] = {}


def _hints(cls: type) -> dict[str, Any]:
    """The types of a message's fields. Kept: finding them takes far longer than reading one, and lists of models have dozens."""
    if cls not in _hints_of:
        _hints_of[cls] = typing.get_type_hints(cls)
    return _hints_of[cls]


def check_range(what: str, value: float, low: float, high: float) -> None:
    """Raise ProtocolError unless ``value`` is from ``low`` to ``high``; NaN never is."""
    if not low <= value <= high:
        raise ProtocolError(f"The {what} must be between {low:g} and {high:g}, not {value!r:.20}.")


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, enum.Enum):
        return value.value
    return value


def _typed(value: Any, hint: Any, where: str) -> Any:
    """``value`` as ``hint`` asks, or ProtocolError naming ``where``."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        (inner,) = [a for a in typing.get_args(hint) if a is not type(None)]
        return _typed(value, inner, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ProtocolError(f"{where} must be a list.")
        item = typing.get_args(hint)[0]
        return tuple(_typed(v, item, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is not None or hint is Any:
        if isinstance(value, Mapping):
            return dict(value)
        raise ProtocolError(f"{where} must be a JSON object.")
    if issubclass(hint, Message):
        return hint.from_json(value)
    if issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError:
            raise ProtocolError(f"{where} cannot be {value!r:.60}.") from None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            raise ProtocolError(f"{where} is too large a number.") from None
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ProtocolError(f"{where} must be {_JSON_NAMES.get(hint, hint.__name__)}, not {value!r:.60}.")
    if hint is float and not math.isfinite(value):
        raise ProtocolError(f"{where} must be a finite number.")
    return value


_JSON_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
