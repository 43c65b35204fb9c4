# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the user's own bodies: save, rename, delete, import, export."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, StringProperty

from ..armature.bodies import SUFFIX, BodyEntry, load_body
from ..armature.mannequin import mannequin_name, slider_values
from ..armature.own_bodies import delete_body, export_body, import_body, named, rename_body, save_body
from ..armature.props.holding import refit, require_props
from ..armature.reshape import change_body, figures_of, require_changeable, reshape
from ..dressing import wearing
from ..errors import UserError
from ..generate import body_shelf
from .figure import needs_mannequin, require_mannequin
from .own_files import Deletes, Exports, Imports, OnKept, Renames, Saves
from .reporting import Reporting, report, tell_problems


class _OnBodies(OnKept):
    """What these operators share: they change body files, and know the figure whose body is meant."""

    refresh = staticmethod(body_shelf.refresh)
    kept_in = "body"

    body: StringProperty(name="Body", description="Its name; that of the figure when empty", options={"HIDDEN", "SKIP_SAVE"})
    armature: StringProperty(name="Mannequin", options={"HIDDEN", "SKIP_SAVE"})

    def entry(self, context: bpy.types.Context) -> BodyEntry:
        key = self.body or mannequin_name(require_mannequin(context, self.armature))
        if (found := body_shelf.bodies().entry(key)) is None:
            raise UserError(f"There is no body '{key}' any more.")
        return found


class P2A_OT_save_body(Saves, _OnBodies, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_body"
    bl_label = "Save Body"
    bl_description = "Save the figure's body, as its sliders make it, among your own bodies"
    bl_options = {"REGISTER", "UNDO"}  # the figure has that body from then on

    name: StringProperty(name="Name", default="My body", maxlen=60)
    replace: BoolProperty(name="Replace the one of this name", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return needs_mannequin(cls, context)

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.prop(self, "name")
        if self._replaces():
            self.layout.prop(self, "replace", icon="ERROR")

    def _replaces(self) -> bool:
        shown = body_shelf.shown()
        try:
            entry = named(shown, self.name) if shown is not None else None
        except UserError:
            return False
        return entry is not None and entry.own

    def run(self, context: bpy.types.Context) -> None:
        # First, as a file that was replaced does not come back.
        obj = require_changeable(require_mannequin(context, self.armature))
        key = save_body(self.name, mannequin_name(obj), slider_values(obj), replace_own=self.replace)
        change_body(obj, key)
        self._bring_along(obj, key)
        report(self, {"INFO"}, f"Saved “{self.name.strip()}”")

    def _bring_along(self, obj: bpy.types.Object, key: str) -> None:
        """Others may have the body that was replaced. They follow at once: at their next slider they would, unexpectedly."""
        for other in figures_of(key):
            if other == obj:
                continue
            try:
                require_props(other)
                reshape(other, {})
                tell_problems(self, wearing.refit(other))
                refit(other)
            except UserError as error:
                report(self, {"WARNING"}, f"This figure had the body as it was: {error}")


class P2A_OT_rename_body(_OnBodies, Renames, bpy.types.Operator):
    bl_idname = "pose_to_anime.rename_body"
    bl_label = "Rename Body"
    bl_description = "Give this body of yours another name"

    def run(self, context: bpy.types.Context) -> None:
        rename_body(self.entry(context).key, self.name)


class P2A_OT_delete_body(_OnBodies, Deletes, bpy.types.Operator):
    bl_idname = "pose_to_anime.delete_body"
    bl_label = "Delete Body"
    bl_description = "Delete this body of yours from the disk. Figures keep the form that they have"

    def run(self, context: bpy.types.Context) -> None:
        entry = self.entry(context)
        delete_body(entry.key)
        report(self, {"INFO"}, f"Deleted “{entry.title}”")


class P2A_OT_import_body(_OnBodies, Imports, bpy.types.Operator):
    bl_idname = "pose_to_anime.import_body"
    bl_label = "Import Body"
    bl_description = "Take a body file over among your own bodies"

    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})

    def run(self, _context: bpy.types.Context) -> None:
        title = load_body(import_body(self.source()))[0].title
        report(self, {"INFO"}, f"Imported “{title}”: choose it in the menu of bodies")


class P2A_OT_export_body(_OnBodies, Exports, bpy.types.Operator):
    bl_idname = "pose_to_anime.export_body"
    bl_label = "Export Body"
    bl_description = (
        "Write this body to a file, to give it to someone else. Sliders that were moved since it was saved are not in it"
    )

    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})
    suffix = SUFFIX

    def run(self, context: bpy.types.Context) -> None:
        path = export_body(self.entry(context).key, self.target())
        report(self, {"INFO"}, f"Wrote {path}")


class P2A_OT_read_bodies(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.read_bodies"
    bl_label = "Read the Bodies Again"
    bl_description = "Look for body files that were added or changed outside Blender, and say which cannot be read"
    bl_options = {"REGISTER"}

    def run(self, _context: bpy.types.Context) -> None:
        for problem in body_shelf.refresh().problems:
            report(self, {"WARNING"}, problem)


CLASSES: tuple[type, ...] = (
    P2A_OT_save_body,
    P2A_OT_rename_body,
    P2A_OT_delete_body,
    P2A_OT_import_body,
    P2A_OT_export_body,
    P2A_OT_read_bodies,
)
