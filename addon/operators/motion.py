# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb of motion capture: a BVH file as a pose, as an animation, or as a pose of one's own."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..armature.animation import MOST_KEYS, key_poses
from ..armature.mannequin import require_posable
from ..armature.posing import apply_pose
from ..errors import UserError
from ..generate import pose_shelf
from ..pose.bvh import Take, read_bvh
from ..pose.library import bvh_pose
from ..pose.own_poses import import_pose
from ..pose.retarget import Retargeting
from .figure import _Posing
from .library import preview_in
from .reporting import report

_USES = (
    ("POSE", "Pose", "One frame as the figure's pose"),
    ("ANIMATION", "Animation", "The whole take as keyframes, from the present frame on"),
    ("LIBRARY", "My Poses", "One frame as a pose in your own folder of the library"),
)


class P2A_OT_import_bvh(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.import_bvh"
    bl_label = "Import BVH"
    bl_description = "Bring motion capture onto the figure: one frame as a pose, or the whole take as keyframes"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.bvh", options={"HIDDEN"})
    use: EnumProperty(name="As", items=_USES)
    frame: IntProperty(name="Frame", description="Of the file, from 1", default=1, min=1)
    start: IntProperty(name="From", description="First frame of the file that is used", default=1, min=1)
    end: IntProperty(name="To", description="Last frame of the file that is used; 0 for its last", default=0, min=0)
    every: IntProperty(name="Key Every", description="Frames of the scene from key to key", default=2, min=1, soft_max=10)
    face_front: BoolProperty(
        name="Begin at the Front",
        description="Turn and move the take so that it begins over the root, facing the front",
        default=True,
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:  # dropped
            return context.window_manager.invoke_props_dialog(self, width=320)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.row().prop(self, "use", expand=True)
        if self.use == "ANIMATION":
            column = layout.column(align=True)
            column.prop(self, "start")
            column.prop(self, "end")
            layout.prop(self, "every")
        else:
            layout.prop(self, "frame")
        if self.use != "LIBRARY":
            layout.prop(self, "face_front")

    def act(self, obj: bpy.types.Object) -> None:
        if not self.filepath:
            raise UserError("Say which BVH file to import.")
        path = Path(bpy.path.abspath(self.filepath))
        if self.use == "LIBRARY":
            self._save(obj, path)
            return
        require_posable(obj)
        if not path.is_file():
            raise UserError(f"There is no BVH file {path}.")
        take = read_bvh(path)
        if self.use == "POSE":
            take.frame_index(self.frame)
            apply_pose(obj, Retargeting.of(take).poses([self.frame], path.stem, self.face_front)[0])
        else:
            self._animate(obj, take, path.stem)

    def _animate(self, obj: bpy.types.Object, take: Take, name: str) -> None:
        scene = bpy.context.scene
        last = self.end or take.frames
        first = take.frame_index(self.start) + 1
        if take.frame_index(last) + 1 < first:
            raise UserError(f"The take would end at frame {last}, before it begins at {first}: choose a later end.")
        rate = scene.render.fps / scene.render.fps_base
        # At the speed at which it was recorded: the file's frame that is nearest to each key.
        span = (last - first) * take.frame_time * rate
        count = math.floor(span / self.every + 0.01) + 1  # files round the time of a frame
        if count > MOST_KEYS:
            raise UserError(
                f"These are {count} frames to key, more than {MOST_KEYS}: key every {math.ceil(span / (MOST_KEYS - 1))}."
            )
        keys = [number * self.every for number in range(count)]
        rows = [min(last, first + round(key / rate / take.frame_time)) for key in keys]
        key_poses(obj, Retargeting.of(take).poses(rows, name, self.face_front), [scene.frame_current + key for key in keys])
        report(self, {"INFO"}, f"Keyed {count} frames, to frame {scene.frame_current + keys[-1]}")

    def _save(self, obj: bpy.types.Object, path: Path) -> None:
        pose = bvh_pose(path, self.frame)
        key = import_pose(f"{path}:{self.frame}", preview_in(self, obj, pose))
        bpy.context.window_manager.pose_to_anime.library.chosen = key
        pose_shelf.refresh()
        report(self, {"INFO"}, f"Imported “{pose.name}”")


CLASSES: tuple[type, ...] = (P2A_OT_import_bvh,)
