# SPDX-License-Identifier: GPL-3.0-or-later
"""Proportions: what makes another body of the same form, by factors on its parts.

A form is sculpted once; proportions then carry its finished surface along, each vertex by the bones that hold it. So brushes,
weights and topology go with the body, whatever its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """What a proportion may be. Factors multiply from a body to the ones based on it, amounts (with ``neutral`` 0) add up."""

    low: float
    high: float
    neutral: float = 1.0


PROPORTIONS: dict[str, Range] = {
    "height": Range(0.3, 1.6),
    "head": Range(0.7, 3.2),
    "head_width": Range(0.7, 1.4),
    "head_depth": Range(0.7, 1.4),
    "neck_length": Range(0.1, 2.0),
    "neck_girth": Range(0.5, 2.2),
    "shoulders": Range(0.5, 1.8),
    "chest_width": Range(0.5, 2.0),
    "chest_depth": Range(0.5, 2.0),
    "waist_width": Range(0.5, 2.2),
    "waist_depth": Range(0.5, 2.2),
    "hips_width": Range(0.5, 2.0),
    "hips_depth": Range(0.5, 2.0),
    "trunk_length": Range(0.4, 1.5),
    "upper_arm_length": Range(0.3, 1.6),
    "upper_arm_girth": Range(0.5, 2.2),
    "forearm_length": Range(0.3, 1.6),
    "forearm_girth": Range(0.5, 2.2),
    "hand": Range(0.5, 2.2),
    "thigh_length": Range(0.15, 1.6),
    "thigh_girth": Range(0.5, 2.0),
    "shin_length": Range(0.15, 1.6),
    "shin_girth": Range(0.5, 2.2),
    "foot_length": Range(0.5, 2.0),
    "foot_girth": Range(0.5, 2.0),
    "thickness": Range(-1.5, 2.5, neutral=0.0),
    "muscle": Range(-1.5, 2.5, neutral=0.0),
}
"""Every proportion with the range within which the skin stays whole. ``thickness`` and ``muscle`` are the form's layers."""

LAYERS = ("thickness", "muscle")
"""Proportions that say how much of a layer of the form, such as muscle, lies on it."""

NEUTRAL: dict[str, float] = {name: each.neutral for name, each in PROPORTIONS.items()}


def combined(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """The proportions of a body with ``second`` that is based on one with ``first``; all of them, not yet within range."""
    result = {}
    for name, each in PROPORTIONS.items():
        a, b = first.get(name, each.neutral), second.get(name, each.neutral)
        result[name] = a * b if each.neutral == 1.0 else a + b
    return result


def clamped(proportions: Mapping[str, float]) -> dict[str, float]:
    """The proportions, each within its range."""
    return {name: min(max(value, PROPORTIONS[name].low), PROPORTIONS[name].high) for name, value in proportions.items()}
