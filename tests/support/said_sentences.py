# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences of errors, warnings, notices and data that a user of Blender can meet, as templates, from the source.

``python said_sentences.py`` prints, for each language, what is not translated yet and what is said no longer.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path

import pose_to_anime
from pose_to_anime.addon.sentences import PLACEHOLDER, read_sentences, read_texts

ROOT = Path(pose_to_anime.__file__).parent
LANGUAGES = ROOT / "addon" / "languages"
LOCALES = ("ja_JP", "zh_HANS")

NOT_MET = (
    # The command line, and tools that make what is shipped.
    *("addon/*_commands.py", "addon/cli*.py", "addon/command_parts.py", "addon/draw_command.py", "addon/terminal.py"),
    *("addon/scenes.py", "addon/background.py", "addon/*_previews.py", "addon/*_sheets.py", "addon/pose_assets.py"),
    *("addon/passes/sheet.py", "addon/translations.py", "addon/sentences.py", "addon/generate/headless.py"),
    # What checks data files that come with the extension, or that somebody writes by hand from the documentation.
    *("addon/armature/props/prop_file.py", "addon/armature/props/shapes.py", "addon/armature/skin/body_file.py"),
    *("addon/pose/limit_ranges.py", "addon/pose/pairs.py", "addon/pose/hands.py", "addon/openpose/profiles.py"),
    *("addon/wardrobe/catalogue.py", "addon/wardrobe/clothes.py", "addon/wardrobe/colours.py", "addon/wardrobe/options.py"),
    *(
        "addon/wardrobe/trimmings.py",
        "addon/wardrobe/sandals.py",
        "addon/wardrobe/shoes.py",
        "addon/armature/skin/inheritance.py",
    ),
    *("addon/pose/rotations.py", "addon/openpose/person.py"),
    *("addon/armature/joint_map.py", "addon/prompting/styles.py", "addon/told/*", "addon/wardrobe/face.py"),
    # Numbers that only a script of somebody else can give.
    *(
        "addon/armature/controls.py",
        "addon/armature/hands.py",
        "addon/armature/ring_turn.py",
        "addon/passes/render.py",
        "addon/pose/dynamics.py",
    ),
    # What starts and runs the server, and what it says to its log, to other programs or about files written by hand.
    *("generation_server/__main__.py", "generation_server/api.py", "generation_server/api_docs.py"),
    *("generation_server/certificate.py", "generation_server/serving.py", "generation_server/families/*"),
    *("generation_server/messages.py", "generation_server/user_settings.py", "generation_server/jobs/blobs.py"),
    *("generation_server/jobs/store.py", "generation_server/models/builtin/*", "generation_server/models/commands.py"),
    *("generation_server/models/comfyui.py", "generation_server/models/entry.py", "generation_server/models/layouts.py"),
    *("generation_server/diffusion/schedulers.py", "generation_server/problems.py", "generation_server/models/check.py"),
    *("generation_server/metadata.py", "requirements/environments.py"),
)
"""Where sentences are that nobody meets in Blender, or only who writes files or programs by hand."""

TELLS = ("report", "translated", "fail", "refuse", "poll_message_set", "append", "_refuse", "_fail")
"""Calls whose texts are sentences even without a full stop."""

LOOKED_UP = ("iface_", "tip_")
"""What is translated where it stands: an interface text, in ``ui_strings``."""

PARSERS = ("ArgumentParser", "add_parser", "add_argument")
"""What describes a command line."""

NOT_SAID = (re.compile(r"``"), re.compile(r"[\w-]+: (Bearer )?\{0\}"), re.compile(r"== "), re.compile(r"[^ ]+$"))
"""Beginnings of texts that are no sentences: descriptions in the source, headers of requests, headings of logs, names."""

WORD = re.compile(r"[A-Za-z]{2,}")
FEWEST_WORDS = 3


@cache
def sentences() -> dict[str, set[str]]:
    """Sentence or template, with {0}, {1}, … for what is filled in → where it stands."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in _met():
        for text in of_source(path.read_text("utf-8")):
            found[text].add(path.relative_to(ROOT).as_posix())
    for text in _of_models():
        found[text].add("models")
    known = interface_texts()
    return {text: where for text, where in found.items() if text not in known}


@cache
def interface_texts() -> frozenset[str]:
    """What is translated as a text of the interface."""
    return frozenset(read_texts(LANGUAGES / f"{LOCALES[0]}.toml"))


def _met() -> list[Path]:
    files = [*ROOT.glob("addon/**/*.py"), *ROOT.glob("generation_server/**/*.py"), *ROOT.glob("requirements/*.py")]
    return sorted(path for path in files if not any(_lies_in(path, pattern) for pattern in NOT_MET))


def _lies_in(path: Path, pattern: str) -> bool:
    return fnmatchcase(path.relative_to(ROOT).as_posix(), pattern)


def _of_models() -> Iterator[str]:
    """What the shipped models say of themselves. Names of licences are names; what is added to them is not."""
    for path in sorted((ROOT / "generation_server" / "models").glob("*.toml")):
        entry = tomllib.loads(path.read_text("utf-8"))
        for key in ("pictures", "note"):
            if entry.get(key):
                yield entry[key]
        if "," in entry.get("licence", ""):
            yield entry["licence"]


def of_source(source: str) -> set[str]:
    """The sentences in a Python file."""
    tree = ast.parse(source)
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    told: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _called(node)
            if name in PARSERS:
                passed.update(id(keyword.value) for keyword in node.keywords)
            if name in LOOKED_UP:
                passed.update(id(argument) for argument in node.args)
            if name in TELLS or name.endswith("Error"):
                told.update(id(part) for argument in node.args for part in _alternatives(argument))
    found = set()
    for node in ast.walk(tree):
        if id(node) in passed or not _is_text(node):
            continue
        passed.update(id(part) for part in ast.walk(node))
        for text in _texts(node):
            text = _numbered(text)
            bare = PLACEHOLDER.sub("", text)
            if any(pattern.match(text) for pattern in NOT_SAID):
                continue
            if WORD.search(bare) if id(node) in told else text.endswith(".") and len(WORD.findall(bare)) >= FEWEST_WORDS:
                found.add(text)
    return found


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    yield node
    if isinstance(node, ast.IfExp):
        yield from _alternatives(node.body)
        yield from _alternatives(node.orelse)


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add))


def _texts(node: ast.expr) -> list[str]:
    """What a text can be; \\0 in place of what is filled in."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else ["\0"]
    if isinstance(node, ast.JoinedStr):
        parts = [_texts(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values]
        return ["".join(way) for way in product(*parts)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [left + right for left in _texts(node.left) for right in _texts(node.right)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _texts(node.func.value)
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return ["\0"]


def _numbered(text: str) -> str:
    numbers = iter(range(100))
    text = re.sub(r"\0+|\{\}", lambda _match: f"{{{next(numbers)}}}", text)
    return re.sub(r"\{(\w+)[:!][^{}]*\}", r"{\1}", text).strip()


@cache
def fragments() -> frozenset[str]:
    """Every text and template in the source: what is filled in into sentences is one of them."""
    found = set()
    for path in _met():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.expr) and _is_text(node):
                found.update(_numbered(text) for text in _texts(node))
    return frozenset(found)


def translated(locale: str) -> dict[str, str]:
    """Sentences of a language, without the words that are filled in into them."""
    words = filled_in(locale)
    return {english: text for english, text in read_sentences(LANGUAGES / locale).items() if english not in words}


def filled_in(locale: str) -> dict[str, str]:
    """The words that sentences are filled in with, of a language."""
    return read_texts(LANGUAGES / locale / "words.toml")


def dots(locale: str) -> dict[str, str]:
    """What the dots of a figure are called, as far as the interface does not call something else so."""
    table: dict[str, str] = tomllib.loads((LANGUAGES / locale / "words.toml").read_text("utf-8"))["dots"]
    return table


def main() -> None:
    said = sentences()
    for locale in LOCALES:
        known = translated(locale)
        print(f"# {locale}: {len(said)} sentences, {len(said.keys() - known.keys())} to be translated")
        for text in sorted(said.keys() - known.keys(), key=lambda text: (min(said[text]), text)):
            print(f"{text!r}  # {', '.join(sorted(said[text]))[:80]}")
        for text in sorted(known.keys() - said.keys()):
            print(f"# no longer said: {text!r}")


if __name__ == "__main__":
    main()
