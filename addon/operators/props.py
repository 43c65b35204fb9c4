# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of props: into a hand, into both, under the figure; letting go, swapping hands, taking away; sitting on one."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, StringProperty

from ..armature.auto_keys import changes_keyed
from ..armature.held import BEHIND, BOTH, LEFT, RIGHT, UNDER, hold_of, is_prop, props_of
from ..armature.mannequin import is_mannequin, require_posable
from ..armature.modes import mode_in
from ..armature.props.holding import hold, refit, swap_hands
from ..armature.props.objects import let_go, remove_props
from ..armature.props.prop_file import PropError, load_prop, prop_files
from ..armature.props.seating import is_sitting, put_behind, put_under, stand_alone
from ..armature.props.sitting import can_be_seat, sit_on
from ..armature.props.two_hands import hold_with_both
from ..errors import UserError
from ..generate.shelf import Shelf
from ..generate.timer import redraw
from ..pieces import Pieces
from ..translations import translated
from .figure import EnumItems, _OnMannequin, _Posing, needs_mannequin, object_named, require_mannequin, the_mannequin
from .reporting import Reporting

HANDS = (
    (LEFT, "Left", "The figure's left hand"),
    (RIGHT, "Right", "The figure's right hand"),
    (BOTH, "Both", "Both hands, with the arms brought to it"),
    (UNDER, "Under", "Under the sitting figure; right behind one that does not sit, which can then be told to"),
)


def _read() -> Pieces[EnumItems]:
    found = []
    for name in prop_files():
        yield
        try:
            prop = load_prop(name)
        except PropError:  # it is said when somebody asks for this one by its name
            continue
        found.append((prop.order, prop.title, name))
    redraw()
    return [(name, title, "") for _, title, name in sorted(found)]


_props = Shelf(_read)  # read once, and ahead: panels must neither look at the disk nor build shapes
known_props = _props.shown
"""For panels: None until they have been read."""


def prop_items(_operator: object, _context: bpy.types.Context | None) -> EnumItems:
    return _props.current()  # Blender does not keep the strings of a dynamic enum alive: the shelf does


class P2A_OT_add_prop(Reporting, bpy.types.Operator):
    bl_idname = "pose_to_anime.add_prop"
    bl_label = "Add Prop"
    bl_description = "Give the figure this thing: the fingers close on it, or the seat comes under or behind it"

    prop: EnumProperty(name="Prop", items=prop_items)
    hand: EnumProperty(name="Hand", items=HANDS, default=RIGHT)
    armature: StringProperty(
        name="Mannequin", description="Name of its armature object; the active one when empty", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if mode_in(context) in {"OBJECT", "POSE"}:
            return True
        cls.poll_message_set(translated("Go to Object Mode or Pose Mode first"))
        return False

    def run(self, context: bpy.types.Context) -> None:
        with changes_keyed(context):
            self._add(context)

    def _add(self, context: bpy.types.Context) -> None:
        prop = load_prop(self.prop)
        if self.hand == UNDER or (prop.grip is None and prop.both is None):
            figure = require_mannequin(context, self.armature) if self.armature else the_mannequin(context)
            if figure is None or prop.seat is None:
                stand_alone(context, prop.name)
                return
            require_posable(figure)
            if is_sitting(figure):
                put_under(figure, prop.name)
            else:
                put_behind(figure, prop.name)
            return
        figure = require_mannequin(context, self.armature)
        if self.hand == BOTH or prop.grip is None:
            hold_with_both(figure, prop.name)
        else:
            hold(figure, prop.name, self.hand)


class _OnProps(_OnMannequin):
    """What these operators share: they act on one prop of a figure, or on all that it has."""

    prop: StringProperty(name="Prop", description="Name of its object; all that the figure has when empty", options={"SKIP_SAVE"})

    def chosen(self, obj: bpy.types.Object) -> list[bpy.types.Object]:
        found = [held for held in props_of(obj) if self.prop in ("", held.name)]
        if not found:
            raise UserError(f"'{obj.name}' has no prop" + (f" '{self.prop}'." if self.prop else ": add one first."))
        return found


class P2A_OT_release_prop(_OnProps, bpy.types.Operator):
    bl_idname = "pose_to_anime.release_prop"
    bl_label = "Release Prop"
    bl_description = "Let go of it: it stays where it is, as a thing of its own"

    def act(self, obj: bpy.types.Object) -> None:
        for held in self.chosen(obj):
            let_go(held)


class P2A_OT_remove_prop(_OnProps, bpy.types.Operator):
    bl_idname = "pose_to_anime.remove_prop"
    bl_label = "Remove Prop"
    bl_description = "Take it out of the scene"

    def act(self, obj: bpy.types.Object) -> None:
        remove_props(self.chosen(obj))


class P2A_OT_swap_props(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.swap_props"
    bl_label = "Swap Hands"
    bl_description = "What the left hand holds goes to the right one, and the other way"

    def act(self, obj: bpy.types.Object) -> None:
        swap_hands(obj)


class P2A_OT_refit_props(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.refit_props"
    bl_label = "Hold Again"
    bl_description = "Close the fingers anew on what they hold, after the body or the fingers have changed"

    def act(self, obj: bpy.types.Object) -> None:
        refit(obj)


def seats_meant(context: bpy.types.Context, figure: bpy.types.Object | None) -> list[bpy.types.Object]:
    """The selected objects that a figure could sit on; where none is, the seat that stands behind the figure."""
    selected = [obj for obj in context.selected_objects if can_be_seat(obj)]
    return selected or (props_of(figure, BEHIND) if figure is not None else [])


class P2A_OT_sit_on(_Posing, bpy.types.Operator):
    bl_idname = "pose_to_anime.sit_on"
    bl_label = "Sit on It"
    bl_description = (
        "The figure goes to the selected seat, or any other selected mesh, and sits on it, facing as it does. "
        "Where none is selected, it is the seat behind the figure"
    )

    seat: StringProperty(
        name="Seat",
        description="Name of the object to sit on; the selected one, or the figure's own, when empty",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not needs_mannequin(cls, context):
            return False
        if mode_in(context) in {"OBJECT", "POSE"}:
            return True
        cls.poll_message_set(translated("Go to Object Mode or Pose Mode first"))
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        figures = [obj for obj in context.selected_objects if is_mannequin(obj)]
        if not self.armature and len(figures) == 1:  # the seat may be the active one of the two
            self.armature = figures[0].name
        return super().execute(context)

    def act(self, obj: bpy.types.Object) -> None:
        sit_on(obj, self._seat(obj))

    def _seat(self, obj: bpy.types.Object) -> bpy.types.Object:
        if self.seat:
            named = object_named(bpy.context.scene, self.seat)
            if named is None:
                raise UserError(f"There is no object '{self.seat}' in this scene.")
            return named
        found = seats_meant(bpy.context, obj)
        if len(found) != 1:
            which = "the one seat that you mean" if found else "what to sit on, a chair or another mesh,"
            raise UserError(f"Select {which} together with the figure: Shift-click it.")
        return found[0]


def what_it_is(obj: bpy.types.Object) -> str:
    """How a figure has a prop, in words for a row of a panel."""
    where = {LEFT: "left hand", RIGHT: "right hand", BOTH: "both hands", UNDER: "under it", BEHIND: "behind it"}
    return f"{obj.name}: {where.get(hold_of(obj), '')}" if is_prop(obj) else obj.name


CLASSES: tuple[type, ...] = (
    P2A_OT_add_prop,
    P2A_OT_release_prop,
    P2A_OT_remove_prop,
    P2A_OT_swap_props,
    P2A_OT_refit_props,
    P2A_OT_sit_on,
)


def register() -> None:
    bpy.types.WindowManager.pose_to_anime_prop_hand = EnumProperty(
        name="Hand", description="Where the next prop goes", items=HANDS, default=RIGHT
    )
    _props.open()


def unregister() -> None:
    _props.close()
    del bpy.types.WindowManager.pose_to_anime_prop_hand
