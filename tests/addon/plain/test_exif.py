# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes in JPEG and WebP files, read back by Pillow, which knows nothing of how they were written."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pose_to_anime.addon import exif

Image = pytest.importorskip("PIL.Image")

USER_COMMENT = 0x9286
TEXT = "1girl, 初音ミク, ünïcode 🎨\nNegative prompt: nsfw\nSteps: 25, Seed: 7"
FORMS = {
    "jpeg": ("JPEG", "RGB", {"quality": 90}),
    "lossy": ("WEBP", "RGB", {"quality": 80}),
    "lossless": ("WEBP", "RGB", {"lossless": True}),
    "lossless with alpha": ("WEBP", "RGBA", {"lossless": True}),
    "lossy with alpha": ("WEBP", "RGBA", {"quality": 80}),
}


def encoded(form: str, **more: object) -> bytes:
    kind, mode, options = FORMS[form]
    pixels = np.random.default_rng(1).integers(0, 256, (45, 31, len(mode)), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, kind, **options, **more)
    return file.getvalue()


def comment_of(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as image:
        raw = image.getexif().get_ifd(0x8769)[USER_COMMENT]
    assert raw[:8] == b"UNICODE\0"
    return raw[8:].decode("utf-16-be")


def pixels_of(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("form", FORMS)
def test_a_comment_is_read_back_and_the_pixels_stay(form: str) -> None:
    before = encoded(form)
    after = exif.with_comment(before, TEXT)
    assert comment_of(after) == TEXT
    assert np.array_equal(pixels_of(after), pixels_of(before))
    assert pixels_of(after).shape[2] == len(FORMS[form][1])


@pytest.mark.parametrize("form", FORMS)
def test_a_comment_takes_the_place_of_the_last_one(form: str) -> None:
    once = exif.with_comment(encoded(form), TEXT)
    assert exif.with_comment(exif.with_comment(encoded(form), "another, and longer"), TEXT) == once


@pytest.mark.parametrize("form", ["jpeg", "lossy"])
def test_what_else_the_file_says_stays(form: str) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    after = exif.with_comment(encoded(form, icc_profile=profile), TEXT)
    with Image.open(io.BytesIO(after)) as image:
        assert image.info["icc_profile"] == profile
    assert comment_of(after) == TEXT


def test_a_recipe_too_long_for_a_jpeg_is_said_and_fits_a_webp() -> None:
    long = "a tag, " * 6000
    with pytest.raises(exif.ExifError, match="too long for a JPEG"):
        exif.with_comment(encoded("jpeg"), long)
    assert comment_of(exif.with_comment(encoded("lossy"), long)) == long


def test_broken_pictures_are_said() -> None:
    for data, what in ((b"GIF89a", "neither"), (encoded("jpeg")[:40], "broken"), (encoded("lossy")[:40], "broken")):
        with pytest.raises(exif.ExifError, match=what):
            exif.with_comment(data, TEXT)


@pytest.mark.parametrize("form", FORMS)
def test_comments_are_read_by_us_too(form: str) -> None:
    assert exif.comment_in(encoded(form)) == ""
    assert exif.comment_in(exif.with_comment(encoded(form), TEXT)) == TEXT


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (b"UNICODE\0" + TEXT.encode("utf-16-be"), TEXT),
        (b"UNICODE\0" + TEXT.encode("utf-16-le"), TEXT),
        (b"ASCII\0\0\0Steps: 20\0", "Steps: 20"),
        (bytes(8) + "größe".encode(), "größe"),
    ],
)
def test_comments_of_other_programs(stored: bytes, read: str) -> None:
    for form in ("jpeg", "lossy"):
        tags = Image.Exif()
        tags.get_ifd(0x8769)[USER_COMMENT] = stored
        assert exif.comment_in(encoded(form, exif=tags)) == read


def test_exif_without_comment_and_broken_exif() -> None:
    tags = Image.Exif()
    tags[0x010E] = "a description"
    data = encoded("jpeg", exif=tags)
    assert exif.comment_in(data) == ""
    at = data.index(b"Exif\0\0") + 6
    for broken in (data[:at] + b"XX" + data[at + 2 :], data[:at] + data[at : at + 4] + b"\xff" * 4 + data[at + 8 :]):
        with pytest.raises(exif.ExifError, match="EXIF of this picture is broken"):
            exif.comment_in(broken)
    with pytest.raises(exif.ExifError, match="neither a JPEG nor a WebP"):
        exif.comment_in(b"GIF89a")
