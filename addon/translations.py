# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface in other languages, through Blender's own translation system.

``languages/LOCALE.toml`` holds a language, called as Blender calls it: what the interface says in English = what it says there.
Blender looks a text up in its own catalogue first and in ours where that has nothing. What is put together is looked up
with ``pgettext_iface`` as one sentence with {placeholders}.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from pathlib import Path

import bpy

from .package import BASE

LANGUAGES = Path(__file__).with_name("languages")

_PROPERTY = re.compile(r"\w+\(")

CONTEXT = "PoseToAnime"
"""In which Blender looks up what our classes say: in its own contexts "Face" is a mesh's, "Feet" a unit and "Dot" a product."""

CONTEXTS = ("*", "Operator", CONTEXT)
"""What a layout is given as a text alone is looked up in Blender's own ones."""


def read_language(path: Path) -> dict[str, str]:
    """English text → translation, of one file. Tables in it are only there to put it in order.

    Raises:
        ValueError: it is no TOML, or something in it is no text.
    """
    texts: dict[str, str] = {}
    for table in tomllib.loads(path.read_text("utf-8")).values():
        for english, translated in table.items():
            if not isinstance(translated, str) or not translated.strip():
                raise ValueError(f"{path.name}: the translation of “{english}” must be a text.")
            texts[english] = translated
    return texts


def languages() -> dict[str, dict[str, str]]:
    """Locale → its texts."""
    return {path.stem: read_language(path) for path in sorted(LANGUAGES.glob("*.toml"))}


def say_in_our_words(cls: type) -> None:
    """Have Blender look up the labels of a class that is about to be registered, and of its properties, in our context."""
    if issubclass(cls, bpy.types.Panel | bpy.types.Menu | bpy.types.Operator):
        cls.bl_translation_context = CONTEXT  # type: ignore[attr-defined]
    for base in cls.__mro__:
        for name, prop in inspect.get_annotations(base).items():
            if isinstance(prop, str) and _PROPERTY.match(prop):  # of a module whose annotations are not evaluated
                prop = base.__annotations__[name] = eval(prop, vars(sys.modules[base.__module__]))
            if (words := getattr(prop, "keywords", None)) is not None:
                words.setdefault("translation_context", CONTEXT)


def register() -> None:
    bpy.app.translations.register(
        BASE,
        {
            locale: {(context, english): text for english, text in texts.items() for context in CONTEXTS}
            for locale, texts in languages().items()
        },
    )


def unregister() -> None:
    bpy.app.translations.unregister(BASE)
