# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the pose library: apply, save, rename, delete, import, export, mark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_tip as tip_
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..armature.mannequin import refuse_while_edited, require_posable
from ..armature.matching import kept
from ..armature.pose_tools import apply_part, selected_joints
from ..armature.posing import apply_pose, read_pose
from ..armature.resting import contacts_of
from ..errors import UserError
from ..generate import pose_shelf
from ..generate.pose_preview import pose_preview
from ..pose.collection import Entry
from ..pose.library import SUFFIX, load_pose
from ..pose.normalised import GROUPS, Pose
from ..pose.own_poses import delete_pose, export_pose, import_pose, key_for, rename_pose, save_pose, set_favourite
from ..settings.library import number_of
from .figure import _Posing, needs_mannequin, require_mannequin, the_mannequin
from .own_files import Deletes, Exports, Imports, OnFiles, OnKept, Renames, Saves
from .reporting import Reporting, report

EnumItems = list[tuple[str, str, str, int]]

_pose_items: EnumItems = []  # Blender does not keep the strings of a dynamic enum alive
_items_of: list[object] = [None]


def pose_items(_operator: object, _context: bpy.types.Context | None) -> EnumItems:
    found = pose_shelf.collection()
    if _items_of[0] is not found:
        _items_of[0] = found
        _pose_items[:] = [(entry.key, entry.title, entry.group.capitalize(), number_of(entry.key)) for entry in found.entries]
    return _pose_items


class P2A_OT_apply_pose(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.apply_pose"
    bl_label = "Apply Pose"
    bl_description = "Bring the figure into this pose. Shift: only what is selected"

    pose: EnumProperty(name="Pose", items=pose_items)
    filepath: StringProperty(
        name="File", description="A pose file to use instead of the library", subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"}
    )
    factor: FloatProperty(
        name="Blend",
        description="How far to go from the present pose to this one",
        min=0.0,
        max=1.0,
        default=1.0,
        subtype="FACTOR",
        options={"SKIP_SAVE"},
    )
    mirrored: BoolProperty(name="Mirrored", description="As a mirror shows it", options={"SKIP_SAVE"})
    selected_only: BoolProperty(
        name="Selected Bones Only",
        description="Pose only the selected joints; the dot of a hand or foot stands for its whole limb",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        shown = pose_shelf.shown()
        entry = shown.entry(properties.pose) if shown else None
        if entry is None:
            return tip_(cls.bl_description)
        words = ", ".join(filter(None, (entry.group, *(tag for tag in entry.tags if tag != entry.group))))
        title = f"{tip_(entry.title)}: {words}" if words else tip_(entry.title)
        return "\n".join((title, tip_("Shift: only what is selected")))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.selected_only = self.selected_only or event.shift
        return self.execute(context)

    def act(self, obj: bpy.types.Object) -> None:
        if not self.filepath and not self.pose:
            raise UserError("Say which pose: choose one of the library, or a file.")
        entry = None if self.filepath else pose_shelf.collection().entry(self.pose)
        pose = load_pose(Path(bpy.path.abspath(self.filepath)) if self.filepath else entry.path if entry else self.pose)
        joints = None
        if self.selected_only:
            joints = selected_joints(obj)
            if not joints:
                raise UserError("No joint or dot is selected: select those that should take the pose.")
        apply_part(obj, pose, joints, self.factor, self.mirrored)
        bpy.context.window_manager.pose_to_anime.library.chosen = "" if self.filepath else self.pose


class _OnLibrary(OnFiles):
    """What these operators share: they change the files of poses."""

    refresh = staticmethod(pose_shelf.refresh)


class _OnPose(_OnLibrary, OnKept):
    """Acts on one pose of the library: that of ``pose``, else the one that was applied last."""

    kept_in = "pose"

    pose: StringProperty(name="Pose", description="Its name in the library", options={"HIDDEN", "SKIP_SAVE"})

    def entry(self, context: bpy.types.Context) -> Entry:
        key = self.pose or context.window_manager.pose_to_anime.library.chosen
        if not key:
            raise UserError("Say which pose: apply it first.")
        if (found := pose_shelf.collection().entry(key)) is None:
            raise UserError(f"There is no pose '{key}' in the library any more.")
        return found

    def choose(self, context: bpy.types.Context, key: str) -> None:
        context.window_manager.pose_to_anime.library.chosen = key


def _group_names(_operator: object, _context: bpy.types.Context, _text: str) -> list[str]:
    shown = pose_shelf.shown()
    return list(dict.fromkeys((*GROUPS, *(shown.groups if shown else ()))))


class P2A_OT_save_pose(Saves, _OnLibrary, bpy.types.Operator):
    bl_idname = "pose_to_anime.save_pose"
    bl_label = "Save Pose"
    bl_description = "Save the figure's present pose in your own folder of the library, with a thumbnail"

    name: StringProperty(name="Name", default="My pose", maxlen=60)
    group: StringProperty(
        name="Group", description="One of the library's groups, or one of your own", search=_group_names,
        search_options={"SUGGESTION"}, maxlen=40,
    )  # fmt: skip
    replace: BoolProperty(name="Replace", description="Where you have a pose of this name already", options={"SKIP_SAVE"})
    armature: StringProperty(name="Mannequin", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return needs_mannequin(cls, context)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if (shown := context.window_manager.pose_to_anime.library.group) in _group_names(self, context, ""):
            self.group = shown
        return context.window_manager.invoke_props_dialog(self, width=320)

    def run(self, context: bpy.types.Context) -> None:
        obj = require_mannequin(context, self.armature)
        key_for(self.name)  # before anything is drawn
        refuse_while_edited(obj)
        read = read_pose(obj, self.name.strip())
        pose = replace(read, contacts=contacts_of(obj), group=self.group.strip(), keeps_clear=True)
        key = save_pose(pose, preview_of(self, obj), replace_own=self.replace)
        context.window_manager.pose_to_anime.library.chosen = key
        report(self, {"INFO"}, f"Saved “{pose.name}”")


class P2A_OT_rename_pose(_OnPose, Renames, bpy.types.Operator):
    bl_idname = "pose_to_anime.rename_pose"
    bl_label = "Rename Pose"
    bl_description = "Give this pose of yours another name"

    def run(self, context: bpy.types.Context) -> None:
        self.choose(context, rename_pose(self.entry(context).key, self.name))


class P2A_OT_delete_pose(_OnPose, Deletes, bpy.types.Operator):
    bl_idname = "pose_to_anime.delete_pose"
    bl_label = "Delete Pose"
    bl_description = "Delete this pose of yours from the disk. Figures keep the pose that they are in"

    def run(self, context: bpy.types.Context) -> None:
        entry = self.entry(context)
        delete_pose(entry.key)
        self.choose(context, "")
        report(self, {"INFO"}, f"Deleted “{entry.title}”")


class P2A_OT_mark_pose(_OnPose, bpy.types.Operator):
    bl_idname = "pose_to_anime.mark_pose"
    bl_label = "Favourite"
    bl_description = "Add this pose to the favourites, or take it out"

    favourite: BoolProperty(name="Favourite", default=True, options={"SKIP_SAVE"})

    def run(self, context: bpy.types.Context) -> None:
        set_favourite(self.entry(context).key, self.favourite)


class P2A_OT_import_pose(_OnLibrary, Imports, bpy.types.Operator):
    bl_idname = "pose_to_anime.import_pose"
    bl_label = "Import Pose"
    bl_description = "Take a pose file over into your own folder of the library"

    filter_glob: StringProperty(default="*.json;*.bvh", options={"HIDDEN"})

    def run(self, context: bpy.types.Context) -> None:
        path = self.source()
        pose = load_pose(path)
        obj = the_mannequin(context)
        key = import_pose(path, preview_in(self, obj, pose) if obj is not None else None)
        context.window_manager.pose_to_anime.library.chosen = key
        report(self, {"INFO"}, f"Imported “{pose.name}”")


class P2A_OT_export_pose(_OnPose, Exports, bpy.types.Operator):
    bl_idname = "pose_to_anime.export_pose"
    bl_label = "Export Pose"
    bl_description = "Write this pose to a file, to give it to someone else"

    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})
    suffix = SUFFIX

    def run(self, context: bpy.types.Context) -> None:
        path = export_pose(self.entry(context).key, self.target())
        report(self, {"INFO"}, f"Wrote {path}")


class P2A_OT_turn_page(bpy.types.Operator):
    bl_idname = "pose_to_anime.turn_page"
    bl_label = "Turn Page"
    bl_description = "Show the next or the previous poses"
    bl_options = {"INTERNAL"}

    page: IntProperty(name="Page", description="From 0", min=0, options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.pose_to_anime.library.page = self.page
        return {"FINISHED"}


class P2A_OT_read_library(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.read_library"
    bl_label = "Read the Library Again"
    bl_description = "Look for pose files that were added or changed outside Blender, and say which cannot be read"
    bl_options = {"REGISTER"}

    def run(self, _context: bpy.types.Context) -> None:
        for problem in pose_shelf.refresh().problems:
            report(self, {"WARNING"}, problem)


def preview_of(operator: bpy.types.Operator, obj: bpy.types.Object) -> bytes | None:
    """The thumbnail; a machine that cannot draw one still saves the pose."""
    try:
        return pose_preview(obj)
    except UserError as error:
        report(operator, {"WARNING"}, f"The pose has no thumbnail: {error}")
        return None


def preview_in(operator: bpy.types.Operator, obj: bpy.types.Object, pose: Pose) -> bytes | None:
    """The thumbnail of another pose, which the figure takes for the while; none where it cannot."""
    try:
        require_posable(obj)
    except UserError as error:
        report(operator, {"WARNING"}, f"The pose has no thumbnail: {error}")
        return None
    with kept(obj):
        apply_pose(obj, pose)
        return preview_of(operator, obj)


CLASSES: tuple[type, ...] = (
    P2A_OT_apply_pose,
    P2A_OT_save_pose,
    P2A_OT_rename_pose,
    P2A_OT_delete_pose,
    P2A_OT_mark_pose,
    P2A_OT_import_pose,
    P2A_OT_export_pose,
    P2A_OT_turn_page,
    P2A_OT_read_library,
)
