# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that show what there is to choose from: poses, mannequins, hand shapes; each as a list or a contact sheet."""

from __future__ import annotations

import argparse
import sys

from .background import blender
from .errors import UserError
from .terminal import Progress, png_path, write_png


def poses(arguments: argparse.Namespace) -> None:
    """The pose library: what is in it, or a contact sheet of it."""
    from .pose.library import described, poses_by_group
    from .pose.normalised import PoseError
    from .pose.pairs import GROUP, load_pair, pair_files

    if not arguments.list and not arguments.sheet:
        raise UserError("Say what to do: --list, or --sheet FILE.png.")
    try:
        groups = {} if arguments.group == GROUP else poses_by_group(arguments.group)
        pairs = [load_pair(name) for name in pair_files()] if arguments.group in ("", GROUP) else []
    except PoseError as error:
        raise UserError(str(error)) from None
    if arguments.list:
        print(
            "\n".join(
                [*described(groups), *(f"{pair.key:<28} {GROUP:<10} {pair.name} ({', '.join(pair.tags)})" for pair in pairs)]
            )
        )
    if arguments.sheet:
        target = png_path(arguments.sheet)
        with blender(), Progress("drawing poses", sum(map(len, groups.values())) + len(pairs)) as progress:
            from .pose_sheets import pose_sheet

            sheet = pose_sheet(groups, arguments.figure, progress.update, pairs)
        write_png(target, sheet)


def mannequins(arguments: argparse.Namespace) -> None:
    """The mannequins: which there are, or a contact sheet of them."""
    from .armature.bodies import load_body, read_bodies

    if not arguments.list and not arguments.sheet:
        raise UserError("Say what to do: --list, or --sheet FILE.png.")
    found = read_bodies()
    if not arguments.figure:
        for problem in found.problems:
            print(f"Left out: {problem}", file=sys.stderr)
    chosen = [load_body(arguments.figure)[0]] if arguments.figure else list(found.entries)
    if arguments.list:
        widest = max(len(entry.key) for entry in chosen)
        for entry in chosen:
            print(f"{entry.key:<{widest}}  {entry.age:<5}  {entry.title}" + (" (your own)" if entry.own else ""))
    if arguments.sheet:
        target = png_path(arguments.sheet)
        with blender(), Progress("drawing mannequins", len(chosen)) as progress:
            from .mannequin_sheets import mannequin_sheet

            sheet = mannequin_sheet([entry.key for entry in chosen], progress.update)
        write_png(target, sheet)


def hands(arguments: argparse.Namespace) -> None:
    """The hand shapes: which there are, or a contact sheet of them."""
    from .armature.bodies import load_body
    from .pose.hands import HandError, hand_names, load_hand

    if not arguments.list and not arguments.sheet:
        raise UserError("Say what to do: --list, or --sheet FILE.png.")
    try:
        shapes = {name: load_hand(name) for name in hand_names()}
    except HandError as error:
        raise UserError(str(error)) from None
    if arguments.figure:
        load_body(arguments.figure)  # an unknown one is told of before anything is drawn
    if arguments.list:
        print("\n".join(f"{name:<14} {shape.group:<8} {shape.name}" for name, shape in shapes.items()))
    if arguments.sheet:
        target = png_path(arguments.sheet)
        with blender(), Progress("drawing hands", len(shapes)) as progress:
            from .hand_sheets import hand_sheet

            sheet = hand_sheet(arguments.figure, progress.update)
        write_png(target, sheet)
