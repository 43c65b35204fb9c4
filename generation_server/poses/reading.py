# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture as somebody sends it, and the people in it where it is a drawing of skeletons."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from .people import pose_json
from .stick_faces import give_faces
from .stick_hands import find_hands, give_hands
from .sticks import read_bodies, read_drawing

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST_PICTURE = 40_000_000
"""Pixels: more than any camera's that is likely to be sent, and 120 MB once it is decoded."""
LEAST_SIDE = 16


class BadPicture(ValueError):
    """What was sent is no picture that can be read. The text is one sentence."""


def open_picture(data: bytes) -> Image.Image:
    """The RGB picture in a PNG, JPEG or WebP, upright as every viewer shows it, where a camera has noted how it was held.

    Raises BadPicture; the size that a file claims is checked before it is decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > LARGEST_PICTURE or min(width, height) < LEAST_SIDE:
                raise BadPicture(
                    f"The picture has {width}×{height} pixels: send one with sides of {LEAST_SIDE} and more, and at most "
                    f"{LARGEST_PICTURE // 1_000_000} million pixels."
                )
            return ImageOps.exif_transpose(image).convert("RGB")
    except BadPicture:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit, which it keeps before it tells the size
        raise BadPicture(
            f"The picture is too large: send one with at most {LARGEST_PICTURE // 1_000_000} million pixels."
        ) from None
    except Exception as error:  # Pillow raises a dozen kinds for what is broken inside a file
        raise BadPicture(f"What was sent is no whole picture: send a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file.") from error


def read_skeletons(picture: Image.Image) -> dict[str, Any] | None:
    """The people of a drawing in OpenPose colours as OpenPose JSON, None where the picture is something else.

    Eyes and ears of the body that a face's dots hide are missing.
    """
    drawing = read_drawing(np.asarray(picture))
    if drawing is None:
        return None
    hands, wrists = find_hands(drawing)
    people = read_bodies(drawing, hands, wrists)
    if not people:
        return None
    give_hands(people, hands)
    give_faces(people, drawing)
    return pose_json(people, *picture.size)
