# SPDX-License-Identifier: GPL-3.0-or-later
"""What the interface says in English, from the registered classes, the source of panels and menus, and the titles of data.

``python ui_strings.py`` in an environment with Blender prints, for each language, what is not translated yet and what no longer
needs to be.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import bpy
import pose_to_anime
from pose_to_anime.addon import registration
from pose_to_anime.addon.armature.bodies import read_bodies
from pose_to_anime.addon.armature.props.prop_file import load_prop, prop_files
from pose_to_anime.addon.armature.skin.sliders import GROUPS
from pose_to_anime.addon.passes.kinds import KINDS
from pose_to_anime.addon.pose.collection import read_collection, title_of
from pose_to_anime.addon.pose.hands import hand_names, load_hand
from pose_to_anime.addon.pose.pairs import load_pair, pair_files
from pose_to_anime.addon.prompting.styles import read_styles
from pose_to_anime.addon.translations import languages
from pose_to_anime.addon.wardrobe.catalogue import shipped_catalogue
from pose_to_anime.addon.wardrobe.expressions import FACES
from pose_to_anime.addon.wardrobe.outfit_files import read_outfits
from pose_to_anime.addon.wardrobe.piece import SLOTS

ADDON = Path(pose_to_anime.__file__).parent / "addon"

SHOWN = (*ADDON.glob("ui/*.py"), *ADDON.glob("operators/*.py"), *ADDON.glob("settings/*.py"), ADDON / "preferences.py")
"""What draws, and the tables of what it draws."""

SAID_BY = ("text", "heading", "placeholder", "title", "confirm_text")
"""Keyword arguments of Blender's layout functions that are shown."""

LOOKED_UP = ("iface_", "tip_")
"""What pgettext_iface and pgettext_tip are imported as."""

LETTERS = re.compile(r"[A-Za-z]{2}")
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
NAME = re.compile(r"[a-z0-9_.]+|[A-Z0-9_]+|[A-Z]{2,3}_\w+")
"""Identifiers, enum values, icons: no texts."""


def interface_texts() -> dict[str, set[str]]:
    """Text → where it comes from. The extension must be registered."""
    found: dict[str, set[str]] = defaultdict(set)
    for source, text in (*_of_classes(), *_of_source(), *_of_data()):
        if LETTERS.search(PLACEHOLDER.sub("", text)):
            found[text].add(source)
    return dict(found)


def _of_classes() -> Iterator[tuple[str, str]]:
    """Labels, names and descriptions of what is registered."""
    for name in registration.MODULES:
        for cls in getattr(import_module(f"pose_to_anime.addon.{name}"), "CLASSES", ()):
            where = f"{name}.{cls.__name__}"
            if issubclass(cls, bpy.types.Panel | bpy.types.Menu | bpy.types.Operator | bpy.types.FileHandler):
                yield where, getattr(cls, "bl_label", "")
            if issubclass(cls, bpy.types.Operator):
                yield where, getattr(cls, "bl_description", "") or cls.__doc__ or ""
            if issubclass(cls, bpy.types.Panel):
                continue  # it has no properties of ours
            own = {key for base in cls.__mro__ for key in getattr(base, "__annotations__", {})}
            for prop in cls.bl_rna.properties:
                if prop.identifier not in own or prop.is_hidden or prop.type == "COLLECTION":
                    continue
                yield where, "" if prop.name == prop.identifier else prop.name
                yield where, "" if prop.identifier == "name" else prop.description  # it is Blender's, another one in each version
                if prop.type == "ENUM":
                    for item in prop.enum_items_static:
                        yield where, item.name
                        yield where, item.description


def _of_source() -> Iterator[tuple[str, str]]:
    """Texts that panels, menus and dialogs are drawn with."""
    for path in sorted(
        (*ADDON.glob("ui/*.py"), *ADDON.glob("operators/*.py"), *ADDON.glob("settings/*.py"), ADDON / "preferences.py")
    ):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                shown = [keyword.value for keyword in node.keywords if keyword.arg in SAID_BY]
                if _called(node) in LOOKED_UP or (path.parent.name == "ui" and _called(node) in ("text", "write", "_hint")):
                    shown += node.args
                for value in shown:
                    for text in _constants(value):
                        yield path.name, text
            if isinstance(node, ast.Return) and node.value is not None and path.parent.name == "ui":  # of what chooses a text
                yield from ((path.name, text) for text in _constants(node.value) if text[0].isupper() and " " in text)
        yield from ((path.name, text) for statement in tree.body for text in _of_items(statement))
        for statement in tree.body:  # tables of titles
            if path.parent.name == "ui" and isinstance(statement, ast.Assign) and statement.value is not None:
                for text in _constants(statement.value):
                    if text[0].isupper():
                        yield path.name, text


def _of_items(statement: ast.stmt) -> Iterator[str]:
    """Titles and descriptions in a table of a menu's items: ("NAME", "Title", "Description", …)."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return
    for row in ast.walk(statement.value):
        if isinstance(row, ast.Tuple) and len(row.elts) in (3, 4, 5):
            texts = [item.value for item in row.elts[1:3] if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            if len(texts) == 2 and isinstance(row.elts[0], ast.Name | ast.Constant):
                yield from (text for text in texts if text[:1].isupper() and not NAME.fullmatch(text))


def formatted_texts() -> list[str]:
    """Where a text with words in it is put together as an f-string and shown: such a text is never translated."""
    wrong = []
    for path in sorted(SHOWN):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg not in SAID_BY:
                    continue
                for part in ast.walk(keyword.value):
                    if isinstance(part, ast.JoinedStr) and any(
                        isinstance(piece, ast.Constant) and LETTERS.search(str(piece.value)) for piece in part.values
                    ):
                        wrong.append(f"{path.name}:{part.lineno}: {ast.unparse(part)}")
    return wrong


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _constants(node: ast.AST) -> Iterator[str]:
    """The texts in an expression; not those of f-strings, nor keys, names and comparisons."""
    if isinstance(node, ast.JoinedStr | ast.Compare | ast.Subscript):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if node.value and not NAME.fullmatch(node.value):
            yield node.value
        return
    if isinstance(node, ast.Call):  # what a table gives where it has nothing is shown; what other functions are given is not
        children: Iterable[ast.AST] = node.args[1:] if _called(node) == "get" else node.args if _called(node) in LOOKED_UP else ()
        children = (*children, node.func)
    else:
        children = node.values if isinstance(node, ast.Dict) else ast.iter_child_nodes(node)
    for child in children:
        yield from _constants(child)


def _of_data() -> Iterator[tuple[str, str]]:
    """Titles that come from data files: poses, hands, bodies, clothes, props, control images."""
    for entry in read_bodies().entries:
        yield "bodies", entry.title
    for pose in read_collection().entries:
        yield "poses", pose.title
        yield "poses", pose.group.capitalize()
    for group in GROUPS:
        yield "bodies", group
    for name in hand_names():
        yield "hands", load_hand(name).name
    for name in pair_files():
        yield "pairs", load_pair(name).name
    for name in prop_files():
        yield "props", load_prop(name).title
    clothes = shipped_catalogue()
    for piece in clothes.styles.values():
        yield "wardrobe", piece.title
    for name in (*clothes.palette.colours, *clothes.palette.skin, *FACES, *SLOTS):
        yield "wardrobe", title_of(name).capitalize()
    for outfit in read_outfits().entries.values():
        yield "outfits", outfit.title
    for style in read_styles().entries.values():
        yield "styles", style.title
        yield "styles", style.description
    for kind in KINDS.values():
        yield "control images", kind.title
        yield "control images", kind.use


def main() -> None:
    registration.register()
    texts = interface_texts()
    for locale, known in languages().items():
        print(f"# {locale}: {len(texts)} texts, {len(texts.keys() - known.keys())} to be translated")
        for text in sorted(texts.keys() - known.keys()):
            print(f"{text!r}  # {', '.join(sorted(texts[text]))[:80]}")
        for text in sorted(known.keys() - texts.keys()):
            print(f"# no longer said: {text!r}")
    print("\n".join(formatted_texts()))


if __name__ == "__main__":
    import os
    import sys

    main()
    sys.stdout.flush()
    os._exit(0)  # Blender as a module can crash at the end of Python
