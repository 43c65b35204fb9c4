# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verbs of the user's own poses and bodies share: asking which, by what name, and from or to which file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

import bpy
from bpy.props import BoolProperty, StringProperty

from ..errors import UserError
from .reporting import Reporting

_DIALOG_WIDTH = 320


class Kept(Protocol):
    """A pose or a body as it is listed."""

    @property
    def key(self) -> str: ...

    @property
    def title(self) -> str: ...


class OnFiles(Reporting):
    """Changes files, which are no part of undo."""

    bl_options = {"REGISTER"}
    refresh: Callable[[], object]
    """Reads again what the files hold."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            return super().execute(context)
        finally:
            self.refresh()


class OnKept(OnFiles):
    """Acts on one pose or body, whose key the property called ``kept_in`` has."""

    kept_in: str

    def entry(self, context: bpy.types.Context) -> Kept:
        """The one that is meant. Raises UserError where there is none."""
        raise NotImplementedError

    def settle_on(self, context: bpy.types.Context) -> Kept:
        """The same, and it stays the one that is meant while a dialog is open."""
        entry = self.entry(context)
        setattr(self, self.kept_in, entry.key)
        return entry


class Named:
    """Has a ``name``, which can be written as soon as the dialog is there."""

    bl_property: ClassVar[str]

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.bl_property = "name"  # Blender looks for it in the class itself


class Saves(Named):
    """Asks for a name before it saves."""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG_WIDTH)


class Renames(Named, OnKept):
    """Asks for another name, beginning with the one that there is."""

    name: StringProperty(name="Name", maxlen=60, options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        try:
            self.name = self.settle_on(context).title
        except UserError as error:
            return self.refuse(error)
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG_WIDTH)


class Deletes(OnKept):
    """Asks whether that is meant."""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        try:
            self.settle_on(context)
        except UserError as error:
            return self.refuse(error)
        return context.window_manager.invoke_confirm(self, event)


class Imports(OnFiles):
    """Asks which file to take over."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def source(self) -> Path:
        """The file that was chosen. Raises UserError where none was."""
        if not self.filepath:
            raise UserError("Say which file to import.")
        return Path(bpy.path.abspath(self.filepath))


class Exports(OnKept):
    """Asks where to write, beginning beside the .blend."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})
    suffix: str

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        try:
            key = self.settle_on(context).key
        except UserError as error:
            return self.refuse(error)
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        self.filepath = str(folder / f"{key}{self.suffix}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def target(self) -> str:
        """Where to write. Raises UserError where nothing was said."""
        if not self.filepath:
            raise UserError("Say where to write it.")
        return bpy.path.abspath(self.filepath)
