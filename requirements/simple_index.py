# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package index has: its pages by the simple API, as JSON (PEP 691) or HTML (PEP 503), or a folder of wheels.

Standard library only, Python 3.11 or newer.
"""

from __future__ import annotations

import ast
import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import pathname2url, url2pathname

import web

PYPI = "https://pypi.org/simple"
SIMPLE = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
TRIES = 3


def canonical(name: str) -> str:
    """A package's name in the one spelling that stands for all."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Wheel:
    name: str  # normalised
    version: str
    file: str
    url: str
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True)
class Settings:
    """What pip is told, by its files and its variables, of where packages are."""

    indexes: tuple[str, ...]
    links: tuple[str, ...] = ()
    proxy: str = ""
    cert: str = ""


def read_settings(text: str) -> Settings:
    """From what ``pip config list`` prints; what comes later there counts more, and variables come last."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if equals and section in ("global", "install", ":env:"):
            found[name] = str(ast.literal_eval(value))
    indexes = [found.get("index-url", PYPI), *found.get("extra-index-url", "").split()]
    if found.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        indexes = []
    links = found.get("find-links", "").split()
    return Settings(tuple(indexes), tuple(links), found.get("proxy", ""), found.get("cert", ""))


def read_page(text: str, kind: str, address: str) -> Iterator[Wheel]:
    """The wheels on a page of an index, JSON or HTML, or of --find-links. What was withdrawn (yanked) stays in: it is pinned."""
    if "json" in kind:
        for file in json.loads(text)["files"]:
            yield from wheel_at(urljoin(address, file["url"]), file.get("hashes", {}).get("sha256", ""), file.get("size") or 0)
        return
    for link in re.findall(r"""<a\s[^>]*?href\s*=\s*["']([^"']+)["']""", text, re.IGNORECASE):
        url, fragment = urldefrag(urljoin(address, html.unescape(link)))
        yield from wheel_at(url, fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else "", 0)


def wheel_at(url: str, sha256: str, size: int) -> Iterator[Wheel]:
    """The wheel at an address; none where something else lies there."""
    file = unquote(urlsplit(url).path.rpartition("/")[2])
    if re.fullmatch(r"[^/\\:]+\.whl", file):  # a name becomes a file's: none may lead out of its folder
        name, _, rest = file.partition("-")
        yield Wheel(canonical(name), rest.split("-")[0], file, url, sha256, size)


def listed(name: str, settings: Settings) -> list[Wheel]:
    """All wheels of a package that the indexes and folders have. Raises OSError where none can be asked."""
    found: list[Wheel] = []
    failed: OSError | None = None
    for link in settings.links:
        folder = Path(url2pathname(urlsplit(link).path)) if link.startswith("file:") else Path(link)
        if folder.is_dir():
            for path in sorted(folder.glob("*.whl")):
                found += wheel_at("file:" + pathname2url(str(path.absolute())), "", path.stat().st_size)
    for index in settings.indexes:
        address = f"{index.rstrip('/')}/{name}/"
        if address.startswith("file:"):
            path = Path(url2pathname(urlsplit(address).path), "index.html")
            if path.is_file():
                found += read_page(path.read_text("utf-8"), "html", address)
            continue
        try:
            found += page(address, settings)
        except OSError as error:
            error.url = address  # type: ignore[attr-defined]
            failed = failed or error
    if failed is not None and not any(wheel.name == name for wheel in found):
        raise failed
    return found


def with_secret(wheel: Wheel, address: str) -> Wheel:
    """A wheel whose address carries the name and password of its index, where it lies on the same server by the same way."""
    secret, at, _ = urlsplit(address).netloc.rpartition("@")
    parts = urlsplit(wheel.url)
    if not at or "@" in parts.netloc or not web.same_server(address, wheel.url):
        return wheel
    return replace(wheel, url=urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc}")))


def page(address: str, settings: Settings) -> list[Wheel]:
    for attempt in range(TRIES):
        try:
            with web.ask(address, {"Accept": SIMPLE}, proxy=settings.proxy, cert=settings.cert) as answer:
                text, kind = answer.read().decode("utf-8", "replace"), answer.headers.get_content_type()
                return [with_secret(wheel, address) for wheel in read_page(text, kind, answer.url)]
        except OSError as error:
            if getattr(error, "code", 0) == 404:
                return []
            if web.is_lasting(error) or attempt == TRIES - 1:
                raise
            time.sleep(0.2 + attempt / 2)
    return []
