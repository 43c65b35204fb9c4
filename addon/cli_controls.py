# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls, LoRAs and sampler as the command line names them. Imports nothing heavy before it runs."""

from __future__ import annotations

import argparse
from typing import Any

from ..generation_server.families.catalogue import Family
from ..generation_server.protocol import CONTROL_KINDS
from .errors import UserError


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options of a generation that say what it follows and is painted with."""
    what = f"follow {', '.join(CONTROL_KINDS)}: those that are named, in the place of the usual ones; can be given again"
    sub.add_argument("--control", action="append", default=[], metavar="KIND[=STRENGTH[:START-END]]", help=what)
    what = "paint with this LoRA, by its name on the server; can be given again"
    sub.add_argument("--lora", action="append", default=[], metavar="NAME[:WEIGHT]", help=what)
    sub.add_argument("--sampler", default="", metavar="NAME", help="one of the family's samplers, as in dpmpp_2m_karras")


def read_control(text: str, family: Family) -> tuple[str, tuple[float, float, float]]:
    """``KIND[=STRENGTH[:START-END]]`` as kind and numbers; the family's where they are not given. Raises UserError."""
    kind, _, numbers = text.partition("=")
    if kind not in CONTROL_KINDS:
        raise UserError(f"There is no control '{kind}': choose from {', '.join(CONTROL_KINDS)}.")
    if kind not in family.controls:
        raise UserError(f"{family.title} cannot follow a {kind} image: choose from {', '.join(family.controls)}.")
    strength, start, end = family.controls[kind].usual
    first, _, part = numbers.partition(":")
    try:
        strength = float(first) if numbers else strength
        if part:
            start, end = map(float, part.split("-"))
    except ValueError:
        raise UserError(f"'{text}' is no control: write it as in depth=0.5:0-0.6.") from None
    if not 0.0 <= strength <= 2.0 or not 0.0 <= start < end <= 1.0:
        raise UserError(f"'{text}' cannot be: a strength is from 0 to 2, and a start is before its end, both from 0 to 1.")
    return kind, (strength, start, end)


def read_lora(text: str) -> tuple[str, float]:
    """``NAME[:WEIGHT]``. Raises UserError."""
    name, colon, weight = text.rpartition(":")
    if not colon:
        name, weight = text, "1"
    try:
        value = float(weight)
    except ValueError:
        value = float("nan")
    if not name.strip() or not -4.0 <= value <= 4.0:
        raise UserError(f"'{text}' is no LoRA: write it as in ink_lines:0.8, with a weight from -4 to 4.")
    return name.strip(), value


def use(settings: Any, family: Family, arguments: argparse.Namespace) -> None:
    """Put them into the scene's settings. Raises UserError."""
    from .settings.controls import set_control, word_of
    from .settings.loras import set_lora

    controls = dict(read_control(text, family) for text in arguments.control)
    for kind in CONTROL_KINDS if controls else ():
        setattr(settings, f"use_{word_of(kind)}", kind in controls)
    for kind, numbers in controls.items():
        set_control(settings, kind, numbers)
    for text in arguments.lora:
        set_lora(settings, *read_lora(text))
    if arguments.sampler and arguments.sampler not in family.samplers:
        raise UserError(f"{family.title} has no sampler '{arguments.sampler}': choose from {', '.join(family.samplers)}.")
    if arguments.sampler:
        settings.sampler = arguments.sampler
