# SPDX-License-Identifier: GPL-3.0-or-later
"""Which wheels a lock means for the Python that runs this, and where they lie. Nothing is downloaded but the index's pages.

    python wheel_index.py REQUEST.json

prints ``proxy`` and ``cert`` as pip has them, then a line of JSON for each wheel: ``name``, ``version``, ``file``, ``url``,
``sha256``, ``size`` (empty or 0 where the index does not tell), without ``url`` where that version is there already; or one line
with ``error``. REQUEST.json has ``pins``, lines of a lock; ``have``, the version of each package that is installed; ``build``,
pins that pip is to solve from an ``index`` of their own, whose other packages are left to the whole lock (``locked``) but for
those that are ``replaced``.

pip's own settings say where the index is. Run by the new environment's Python, because pip carries the rules of tags and markers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import web
from pip._vendor.packaging.markers import Marker
from pip._vendor.packaging.tags import sys_tags
from pip._vendor.packaging.utils import parse_wheel_filename
from pip._vendor.packaging.version import InvalidVersion, Version
from simple_index import Settings, Wheel, canonical, listed, read_settings, wheel_at


class NotFound(Exception):
    """A sentence for a person."""


def pip_settings() -> Settings:
    done = subprocess.run([sys.executable, "-m", "pip", "config", "list"], stdin=subprocess.DEVNULL, capture_output=True)
    return read_settings(done.stdout.decode("utf-8", "replace"))


def pins_here(lines: list[str]) -> dict[str, str]:
    """Name → version of the lines of a lock whose markers hold here."""
    pins = {}
    for line in lines:
        pin, _, marker = line.split("#")[0].partition(";")
        name, equals, version = pin.strip().partition("==")
        if equals and (not marker.strip() or Marker(marker.strip()).evaluate()):
            pins[canonical(name)] = version
    return pins


def best(name: str, version: str, wheels: list[Wheel], ranks: dict[Any, int]) -> Wheel:
    """The wheel of a pin that pip would take here. Raises NotFound."""
    wanted = Version(version)
    fitting = []
    same = 0
    for place, wheel in enumerate(wheels):
        try:
            _, found, _, tags = parse_wheel_filename(wheel.file)
        except (ValueError, InvalidVersion):
            continue
        if wheel.name != name or (found != wanted and (wanted.local or Version(found.public) != wanted)):
            continue
        same += 1
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is not None:
            fitting.append((found != wanted, rank, place, wheel))
    if fitting:
        return min(fitting, key=lambda item: item[:3])[3]
    if same:
        raise NotFound(
            f"{name} {version} has no package for this computer ({sys.platform}, Python {sys.version.split()[0]}): run the "
            "server on another computer, or update the system."
        )
    raise NotFound(f"The package index has no {name} {version}: update the extension, or check the index in PIP_INDEX_URL.")


def find(pins: dict[str, str], settings: Settings) -> Iterator[Wheel]:
    """The wheels of all pins, as they are found. Raises NotFound."""
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    with ThreadPoolExecutor(8) as pool:  # one page each; the packages that are large have large pages
        asked = {name: pool.submit(listed, name, settings) for name in pins}
        try:
            for name, version in pins.items():
                try:
                    yield best(name, version, asked[name].result(), ranks)
                except OSError as error:
                    raise NotFound(web.explain(error, getattr(error, "url", settings.indexes[0]))) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def solve(pins: list[str], index: str, locked: dict[str, str], replaced: list[str]) -> Iterator[Wheel]:
    """What pip takes from an index of its own for these pins, but for what the lock has itself. Raises NotFound."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-input",
        "--quiet",
        "--only-binary",
    ]
    command += [":all:", "--report", "-", "--disable-pip-version-check", "--index-url", index, *pins]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        words = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("ERROR: ")]
        why = words[-1].removeprefix("ERROR: ").rstrip(".") if words else "pip does not say why"
        raise NotFound(f"PyTorch could not be had from {index} ({why}): {web.LATER}.")
    for item in json.loads(done.stdout)["install"]:
        name = canonical(item["metadata"]["name"])
        if name not in locked or any(fnmatch(name, left) for left in replaced):
            info = item["download_info"]
            sha256 = info.get("archive_info", {}).get("hashes", {}).get("sha256", "")
            yield from wheel_at(info["url"], sha256, 0)


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    try:
        pins = pins_here(request["pins"])
        here = {name for name, version in pins.items() if request["have"].get(name) == version}
        settings = pip_settings() if set(pins) - here or request["build"] else Settings(())
        print(json.dumps({"proxy": settings.proxy, "cert": settings.cert}), flush=True)
        if request["build"]:
            for wheel in solve(request["build"], request["index"], pins_here(request["locked"]), request["replaced"]):
                print(json.dumps(asdict(wheel)), flush=True)
        for name in sorted(here):
            print(json.dumps({"name": name, "version": pins.pop(name)}), flush=True)
        for wheel in find(pins, settings):
            print(json.dumps(asdict(wheel)), flush=True)
    except NotFound as error:
        print(json.dumps({"error": str(error)}), flush=True)


if __name__ == "__main__":
    main()
