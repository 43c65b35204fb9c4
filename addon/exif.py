# SPDX-License-Identifier: GPL-3.0-or-later
"""A text inside JPEG and WebP files: EXIF's UserComment, where A1111 puts a picture's recipe and viewers and sites look for it.

After EXIF 2.32 (CIPA DC-008: TIFF header, IFD 0 with a pointer to the Exif IFD, tag 0x9286 whose first eight bytes name the
character code), JFIF's marker segments, and Google's WebP container specification (RIFF, ``VP8X`` with flags, ``EXIF`` chunk).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

LARGEST_SEGMENT = 0xFFFF - 2
"""Bytes of a JPEG's segment without its own length."""

_SOI, _EOI, _SOS, _APP0, _APP1 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_HEAD = b"Exif\0\0"
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_LONG, _UNDEFINED = 4, 7
_UNICODE = b"UNICODE\0"  # big-endian UTF-16 here, as A1111 writes it
_WEBP_EXIF, _WEBP_ALPHA = 0x08, 0x10  # flags of VP8X


class ExifError(ValueError):
    """The bytes are no such picture, or the text is too long; one sentence says it."""


def with_comment(data: bytes, text: str) -> bytes:
    """The same JPEG or WebP with ``text`` in place of all EXIF that it had; pixels stay as they are. Raises ExifError."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg_with(data, _HEAD + _tiff(text))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_with(data, _tiff(text))
    raise ExifError("This is neither a JPEG nor a WebP picture.")


def comment_in(data: bytes) -> str:
    """The UserComment of a JPEG or WebP; an empty text where there is none. Raises ExifError for other or broken files."""
    if data.startswith(b"\xff\xd8"):
        found = [whole[10:] for marker, whole in _segments(data) if marker == _APP1 and whole[4:10] == _HEAD]
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        found = [body.removeprefix(_HEAD) for kind, body in _chunks(data) if kind == b"EXIF"]
    else:
        raise ExifError("This is neither a JPEG nor a WebP picture.")
    try:
        return _comment(found[0]) if found else ""
    except struct.error as error:
        raise ExifError("The EXIF of this picture is broken.") from error


def _comment(tiff: bytes) -> str:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    if not order:
        raise ExifError("The EXIF of this picture is broken.")
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    pointer = _entry(tiff, order, first, _EXIF_IFD)
    found = _entry(tiff, order, pointer[1], _USER_COMMENT) if pointer else None
    if found is None:
        return ""
    code, text = tiff[found[1] : found[1] + 8], tiff[found[1] + 8 : found[1] + found[0]]
    if code != _UNICODE:
        return text.decode("utf-8", "replace").strip("\0 ")
    # Some write it in the order of the file, some always in big-endian: most letters of a recipe have a zero in their high byte.
    return text.decode("utf-16-be" if text[0::2].count(0) >= text[1::2].count(0) else "utf-16-le", "replace").strip("\0")


def _entry(tiff: bytes, order: str, at: int, wanted: int) -> tuple[int, int] | None:
    """Count and value, or place of the value, of an entry of the directory at ``at``."""
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for index in range(count):
        tag, _, number, value = struct.unpack_from(f"{order}HHII", tiff, at + 2 + 12 * index)
        if tag == wanted:
            return number, value
    return None


def _tiff(text: str) -> bytes:
    """The smallest EXIF that has a UserComment: big-endian, two directories of one entry each."""
    comment = _UNICODE + text.encode("utf-16-be", "replace")
    start = 8 + 18 + 18  # behind the header and both directories
    pointer = struct.pack(">HHHII", 1, _EXIF_IFD, _LONG, 1, 8 + 18) + bytes(4)
    entry = struct.pack(">HHHII", 1, _USER_COMMENT, _UNDEFINED, len(comment), start) + bytes(4)
    return b"MM\0*" + struct.pack(">I", 8) + pointer + entry + comment


def _jpeg_with(data: bytes, exif: bytes) -> bytes:
    if len(exif) > LARGEST_SEGMENT:
        raise ExifError("The recipe is too long for a JPEG: save a PNG or WebP.")
    segments = list(_segments(data))
    others = [(marker, whole) for marker, whole in segments if not (marker == _APP1 and whole[4:10] == _HEAD)]
    # JFIF asks to be first; EXIF comes next to it.
    after = 1 if others and others[0][0] == _APP0 else 0
    new = struct.pack(">BBH", 0xFF, _APP1, len(exif) + 2) + exif
    parts = [whole for _, whole in others]
    return b"\xff\xd8" + b"".join([*parts[:after], new, *parts[after:]])


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment; the last one holds everything from the start of the scan on."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _SOS:
            yield marker, data[at:]
            return
        if marker in _ALONE or marker == _EOI:
            yield marker, data[at : at + 2]
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            break
        yield marker, data[at : at + 2 + length]
        at += 2 + length
    raise ExifError("This JPEG is broken: it has no picture.")


def _webp_with(data: bytes, exif: bytes) -> bytes:
    chunks = [(kind, body) for kind, body in _chunks(data) if kind != b"EXIF"]
    if chunks[0][0] == b"VP8X" and len(chunks[0][1]) == 10:
        head = bytes([chunks[0][1][0] | _WEBP_EXIF]) + chunks[0][1][1:]
        chunks = chunks[1:]
    else:
        width, height, has_alpha = _size_of(*chunks[0])
        flags = _WEBP_EXIF | (_WEBP_ALPHA if has_alpha else 0)
        head = struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"".join(_chunk(kind, part) for kind, part in [(b"VP8X", head), *chunks, (b"EXIF", exif)])
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _size_of(kind: bytes, body: bytes) -> tuple[int, int, bool]:
    """Width, height and whether there is alpha, of a simple WebP's only chunk."""
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF, False
    if kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    raise ExifError("This WebP is broken: it does not say its size.")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            break
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    if at < len(data) or at == 12:
        raise ExifError("This WebP is broken: it ends too early.")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
