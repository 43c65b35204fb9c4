# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface in other languages, through Blender's own translation system.

``languages/LOCALE.toml`` holds a language, called as Blender calls it: what the interface says in English = what it says there.
Blender looks a text up in its own catalogue first and in ours where that has nothing. What is put together is looked up
with ``pgettext_iface`` as one sentence with {placeholders}. ``languages/LOCALE`` beside it holds the sentences of errors and the
like, which are English until they are shown: see ``sentences``.
"""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache
from pathlib import Path

import bpy

from .package import BASE
from .sentences import Speaker, read_sentences, read_texts

LANGUAGES = Path(__file__).with_name("languages")

_PROPERTY = re.compile(r"\w+\(")

CONTEXT = "PoseToAnime"
"""In which Blender looks up what our classes say: in its own contexts "Face" is a mesh's, "Feet" a unit and "Dot" a product."""

CONTEXTS = ("*", "Operator", CONTEXT)
"""What a layout is given as a text alone is looked up in Blender's own ones."""


def languages() -> dict[str, dict[str, str]]:
    """Locale → its texts."""
    return {path.stem: read_texts(path) for path in sorted(LANGUAGES.glob("*.toml"))}


@cache
def _speaker(locale: str) -> Speaker | None:
    """None for English, and for a language that we do not have."""
    folder = LANGUAGES / locale
    if not locale or not folder.is_dir():
        return None
    return Speaker(read_sentences(folder), read_texts(LANGUAGES / f"{locale}.toml"))


def translated(sentence: str) -> str:
    """A sentence of an error, a warning, a server or a file as the interface says it: in English where it speaks that.

    Where it was said once it costs a look into a table, so that panels may draw with it.
    """
    if not bpy.context.preferences.view.use_translate_interface or (speaker := _speaker(bpy.app.translations.locale)) is None:
        return sentence
    whole = bpy.app.translations.pgettext_iface(sentence)
    return whole if whole != sentence else speaker.said(sentence)


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
    _speaker(bpy.app.translations.locale)  # so that no panel has to wait for files; where the language is changed, one does
    bpy.app.translations.register(
        BASE,
        {
            locale: {(context, english): text for english, text in texts.items() for context in CONTEXTS}
            for locale, texts in languages().items()
        },
    )


def unregister() -> None:
    bpy.app.translations.unregister(BASE)
