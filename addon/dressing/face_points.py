# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a figure's face has the 70 points of an OpenPose face at rest: on the face that is drawn on it, or on its sculpted head
with the expression that its numbers say."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from ..armature.mannequin import face_at_rest
from ..armature.reshape import skin_at_rest
from ..errors import UserError
from ..pose.face_points import FaceValues, axes_of, in_proportion, moved
from ..wardrobe.catalogue import read_catalogue
from ..wardrobe.expressions import FACES
from ..wardrobe.face_points import drawn_face_points, values_of
from ..wardrobe.outfit import Outfit
from ..wardrobe.piece import WardrobeError
from .wearing import is_dressed, outfit_of

NUMBERS = (
    "gaze_side", "gaze_up", "closed_left", "closed_right", "brow_inner", "brow_outer", "mouth_open", "smile", "mouth_width",
)  # fmt: skip
"""Of ``object.pose_to_anime.face``."""

_REMEMBERED = 16
_drawn: OrderedDict[tuple[str, bytes], np.ndarray] = OrderedDict()


def face_points(obj: bpy.types.Object, marks: Mapping[str, np.ndarray] | None = None) -> np.ndarray | None:
    """(70, 3) in the axes of the armature object; None for a head that has no face. ``marks``: places of eyes, ears and nose at
    rest, for a character, whose face is taken to lie in proportion to them."""
    rest = face_at_rest(obj) if marks is None else in_proportion(marks)
    if rest is None or not is_dressed(obj):
        axes = None if marks is None else axes_of(marks)  # a character's armature may be turned any way
        return None if rest is None else moved(rest, _numbers(obj, Outfit()), axes)
    outfit = outfit_of(obj)
    drawn = _on_drawn_face(obj, outfit, rest)
    return drawn if drawn is not None else moved(rest, _numbers(obj, outfit))


def face_info(obj: bpy.types.Object) -> dict[str, float]:
    """The numbers of a figure's face that are not 0, as JSON."""
    face = obj.pose_to_anime.face
    return {name: round(value, 4) for name in NUMBERS if (value := getattr(face, name)) != 0.0}


def restore_face(obj: bpy.types.Object, info: Mapping[str, Any]) -> None:
    """Give a figure's face the numbers that ``face_info`` noted."""
    for name in NUMBERS:
        setattr(obj.pose_to_anime.face, name, float(info.get(name, 0.0)))


def forget() -> None:
    """Drop what is remembered of drawn faces."""
    _drawn.clear()


def _on_drawn_face(obj: bpy.types.Object, outfit: Outfit, rest: np.ndarray) -> np.ndarray | None:
    """The points on the face that a figure wears; None where it wears none. Worked out once for an outfit on a body."""
    worn = outfit.worn.get("face")
    if worn is None:
        return None
    key = (f"{worn.style} {outfit.expression} {outfit.gaze}", rest.tobytes())
    if key not in _drawn:
        style = read_catalogue().styles.get(worn.style)
        if style is None:
            return None
        try:
            _drawn[key] = drawn_face_points(style, skin_at_rest(obj), outfit.expression, outfit.gaze)
        except (UserError, WardrobeError):  # its body or its style is gone: the sculpted head is there still
            return None
        while len(_drawn) > _REMEMBERED:
            _drawn.popitem(last=False)
    return _drawn[key]


def _numbers(obj: bpy.types.Object, outfit: Outfit) -> FaceValues:
    """What a head without a drawn face shows: the outfit's expression and gaze, and the numbers of the figure besides."""
    told = values_of(FACES[outfit.expression], outfit.gaze)
    face = getattr(getattr(obj, "pose_to_anime", None), "face", None)
    if face is None:  # the package is used without being enabled as an extension
        return told
    return FaceValues(
        gaze=(_within(told.gaze[0] + face.gaze_side), _within(told.gaze[1] + face.gaze_up)),
        closed=(_within(told.closed[0] + face.closed_left), _within(told.closed[1] + face.closed_right)),
        brow=(_within(told.brow[0] + face.brow_inner), _within(told.brow[1] + face.brow_outer)),
        mouth_open=_within(told.mouth_open + face.mouth_open),
        smile=_within(told.smile + face.smile),
        mouth_width=_within(told.mouth_width + face.mouth_width),
    )


def _within(value: float) -> float:
    return min(max(value, -1.0), 1.0)
