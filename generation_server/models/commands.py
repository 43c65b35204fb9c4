# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``models``: what is known, what is here, what is missing and where it would come from."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from ..amounts import in_gb
from ..protocol import ModelStatus, user_data_dir

EXAMPLES = """\
examples:
  studio.py models list                            all models, and what of them is on this computer
  studio.py models download meinamix_v11           a model and its ControlNets; goes on where it was interrupted
  studio.py models download meinamix_v11 --alone   without them
  studio.py models folders --add ~/ComfyUI         use the models of another program (A1111, Forge, ComfyUI), where they are
  studio.py models check                           whether what is here is what the hub said when it was downloaded
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``models`` to a program's commands."""
    parser = subparsers.add_parser(
        "models",
        help="list, download and check models",
        description="List, download and check the models of the generation server.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    lister = actions.add_parser("list", help="what is known and what is here")
    lister.add_argument("--json", action="store_true", help="as JSON, as the server tells it")
    downloader = actions.add_parser("download", help="bring models, or the missing and damaged files of them")
    downloader.add_argument("names", nargs="+", metavar="NAME")
    downloader.add_argument("--alone", action="store_true", help="without the ControlNets that go with a model")
    checker = actions.add_parser("check", help="read every file and compare it with what the hub said of it")
    checker.add_argument("names", nargs="*", metavar="NAME", help="(default: all that is here)")
    folders = actions.add_parser("folders", help="say where other programs have models, which are then used from there")
    folders.add_argument("--add", type=Path, metavar="DIR", help="of A1111, Forge or ComfyUI, or any folder of models")
    folders.add_argument("--remove", type=Path, metavar="DIR", help="use its models no longer; they stay where they are")
    for action in (lister, downloader, checker, folders):
        action.add_argument("--user-dir", type=Path, metavar="DIR", help=f"your folder (default: {user_data_dir()})")


def run(options: argparse.Namespace) -> int:
    """0 when the work was done, 2 after a sentence on standard error."""
    from .catalogue import ModelCatalogue
    from .entry import ModelError

    catalogue = ModelCatalogue((options.user_dir or user_data_dir()).absolute())
    try:
        if options.action == "folders":
            return _folders(catalogue, options.add, options.remove)
        for problem in catalogue.problems():
            print(problem, file=sys.stderr)
        if options.action == "list":
            _list(catalogue.statuses(), options.json)
            return 0
        if options.action == "download":
            return _download(catalogue, options.names, options.alone)
        return _check(catalogue, options.names)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # who reads the list has seen enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Stopped; what has come is kept.", file=sys.stderr)
        return 2


def _list(statuses: list[ModelStatus], as_json: bool) -> None:
    if as_json:
        print(json.dumps([status.to_json() for status in statuses], indent=1, ensure_ascii=False))
        return
    for status in statuses:
        what = ", ".join(filter(None, (status.kind, status.family)))
        print(f"{'here   ' if status.present else 'missing'}  {status.name}: {status.title} ({what})")
        if status.kind == "checkpoint" and status.present:
            print(f"           controls: {', '.join(status.controls) or 'none'}")
        for file in status.missing:
            size = f", {in_gb(file.size)}" if file.size else ""
            print(f"           missing: {file.path}, from {file.source}{size}")
        print(f"           {' '.join(text for text in (f'{status.licence}.', status.pictures, status.note) if text)}")


def _folders(catalogue: Any, add: Path | None, remove: Path | None) -> int:
    from .comfyui import extra_folders
    from .entry import ModelError
    from .layouts import name_folders, other_folders

    folders = [_absolute(folder) for folder in other_folders(catalogue.models_dir)]
    if add is not None:
        if not (folder := _absolute(add)).is_dir():
            raise ModelError(f"There is no folder {folder}: give the one of A1111 or ComfyUI, or of models.")
        folders = [*(f for f in folders if f != folder), folder]
    if remove is not None:
        if (folder := _absolute(remove)) not in folders:
            raise ModelError(f"{folder} is not among the folders of models: 'models folders' lists them.")
        folders.remove(folder)
    if add is not None or remove is not None:
        try:
            name_folders(catalogue.models_dir, folders)
        except OSError as error:
            raise ModelError(f"{error.filename} cannot be written: {error.strerror}.") from error
    entries = [entry for entry in catalogue.entries().values() if entry.path]
    named = [catalogue.models_dir]
    for folder in folders:
        named.append(folder)
        try:
            named += extra_folders(folder)
        except ModelError as error:
            print(error, file=sys.stderr)
    for folder in named:
        inside = [entry for entry in entries if entry.path.absolute().is_relative_to(folder)]
        print(f"{folder}: {len(inside)} models" if folder.is_dir() else f"{folder}: is not there")
    return 0


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # not resolved: links stay what the user calls them


def _download(catalogue: Any, names: list[str], alone: bool) -> int:
    from .places import check_endpoint

    check_endpoint()
    from . import download

    wanted = [name for name in names for name in (name, *(() if alone else catalogue.entry(name).companions))]
    bar = _Bar()
    plans = [
        download.plan(catalogue, name) for name in dict.fromkeys(wanted)
    ]  # all first: what is wrong is said before gigabytes
    if coming := [plan for plan in plans if plan.wanted]:
        download.require_space(coming)
    for plan in plans:
        if not plan.wanted:
            print(f"{plan.entry.title} is here and whole: {plan.folder}")
            continue
        print(f"{plan.entry.title}: {in_gb(plan.remaining)} to come, into {plan.folder}")
        print(f"  {plan.entry.licence}. {plan.entry.pictures}")
        download.execute(plan, bar.show)
        bar.end()
    return 0


def _check(catalogue: Any, names: list[str]) -> int:
    from .check import check_entry

    entries = [catalogue.entry(name) for name in names] or list(catalogue.entries().values())
    healthy = True
    for entry in entries:
        place, missing = catalogue.locate(entry)
        if place is None:
            if names:  # asked for by name: not being here is an answer to "is it whole?"
                healthy = False
                print(f"missing  {entry.name}: {missing[0].path}")
            continue
        problems = check_entry(catalogue, entry, place)
        healthy = healthy and not problems
        print(f"{'damaged' if problems else 'whole  '}  {entry.name}")
        for problem in problems:
            print(f"           {problem}")
    if not healthy:
        raise _unhealthy()
    return 0


def _unhealthy() -> Exception:
    from .entry import ModelError

    return ModelError("Not everything is here and whole: 'models download NAME' brings what is missing or damaged.")


class _Bar:
    """One line on a terminal, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        self._last = 0.0
        self._shown = False

    def show(self, progress: Any) -> None:
        terminal = sys.stderr.isatty()
        now = time.monotonic()
        if now - self._last < (0.1 if terminal else 5.0):
            return
        self._last, self._shown = now, True
        share = progress.done / progress.total if progress.total else 1.0
        text = f"  {share:4.0%}  {in_gb(progress.done)} of {in_gb(progress.total)}  {progress.file[-50:]}"
        print(f"\r{text:<78}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown and sys.stderr.isatty():
            print(file=sys.stderr)
