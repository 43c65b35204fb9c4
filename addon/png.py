# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files from arrays, and what their text chunks say, with zlib alone: Blender's own writer can neither keep nor add text."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_TEXT = 32 * 1024 * 1024
"""Bytes a compressed text may unfold to: a small file cannot fill the memory."""

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Channels of an array → colour type of the file: grey, grey and alpha, RGB, RGBA."""


class PngError(ValueError):
    """The bytes are not a PNG, or a broken one; the text says in one sentence what is wrong."""


@dataclass(frozen=True)
class PngInfo:
    """What a PNG says of itself. ``texts`` are its tEXt, zTXt and iTXt chunks by keyword; of a repeated keyword the first."""

    width: int
    height: int
    bit_depth: int
    colour_type: int
    texts: Mapping[str, str]


def encode(image: NDArray[np.uint8] | NDArray[np.uint16], texts: Mapping[str, str] | None = None, *, level: int = 4) -> bytes:
    """An image (height, width) or (height, width, 1 to 4 channels), uint8 or uint16, as the bytes of a PNG.

    ``texts`` become tEXt chunks where Latin-1 holds them, else iTXt. ``level`` is zlib's. Raises ValueError for another array or
    an impossible keyword.
    """
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or pixels.shape[2] not in _COLOUR_TYPES or 0 in pixels.shape or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"A PNG needs 8 or 16 bit pixels of 1 to 4 channels, not {image.dtype} of shape {image.shape}.")
    height, width, channels = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    big_endian = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    rows = big_endian.view(np.uint8).reshape(height, -1)
    # filter "up": flat areas and slopes of control images become zeros; uint8 arithmetic wraps as the format asks
    filtered = np.empty((height, rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = [_chunk(b"IHDR", header)]
    chunks += [_text_chunk(key, text) for key, text in (texts or {}).items()]
    chunks += [_chunk(b"IDAT", zlib.compress(filtered.tobytes(), level)), _chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(chunks)


def encode_indexed(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """An image of indices (height, width) into a palette (up to 256, 4) of RGBA colours as the bytes of a small PNG.

    Rows are left unfiltered, as the format advises for palettes. Raises ValueError for other arrays.
    """
    if indices.ndim != 2 or 0 in indices.shape or indices.dtype != np.uint8:
        raise ValueError(f"A PNG with a palette needs indices of 8 bits, not {indices.dtype} of shape {indices.shape}.")
    if palette.ndim != 2 or palette.shape[1] != 4 or palette.dtype != np.uint8 or not int(indices.max()) < len(palette) <= 256:
        raise ValueError("A palette has up to 256 colours of four bytes, and one for every index.")
    height, width = indices.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)
    rows[:, 1:] = indices
    chunks = (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        _chunk(b"PLTE", palette[:, :3].tobytes()),
        _chunk(b"tRNS", palette[:, 3].tobytes()),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
        _chunk(b"IEND", b""),
    )
    return SIGNATURE + b"".join(chunks)


def read_info(data: bytes) -> PngInfo:
    """Size and texts of a PNG. Every chunk's checksum is verified; pixels are not unpacked. Raises PngError."""
    header: tuple[int, ...] | None = None
    texts: dict[str, str] = {}
    ended = has_pixels = False
    for kind, body in _chunks(data):
        if header is None:
            if kind != b"IHDR" or len(body) != 13:
                raise PngError("This PNG is broken: it does not begin with its size.")
            header = struct.unpack(">IIBBBBB", body)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, text = _read_text(kind, body)
            texts.setdefault(key, text)
        elif kind == b"IDAT":
            has_pixels = True
        elif kind == b"IEND":
            ended = True
            break
    if header is None or not has_pixels or not ended:
        raise PngError("This PNG is broken: it ends too early.")
    width, height, bit_depth, colour_type = header[:4]
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise PngError("This PNG is broken: it has no size.")
    return PngInfo(width, height, bit_depth, colour_type, texts)


def without_texts(data: bytes) -> bytes:
    """The same PNG without any text, EXIF or time in it. Pixels stay as they are. Raises PngError."""
    read_info(data)
    kept = [(kind, body) for kind, body in _chunks(data) if kind not in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME")]
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in kept)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _text_chunk(key: str, text: str) -> bytes:
    try:
        name = key.encode("latin-1")
    except UnicodeEncodeError:
        name = b""
    if not 1 <= len(name) <= 79 or b"\0" in name:
        raise ValueError(f"A PNG text needs a keyword of 1 to 79 Latin-1 characters, not {key!r}.")
    if "\0" not in text:
        try:
            return _chunk(b"tEXt", name + b"\0" + text.encode("latin-1"))
        except UnicodeEncodeError:
            pass
    return _chunk(b"iTXt", name + b"\0\0\0\0\0" + text.replace("\0", "").encode("utf-8", "replace"))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise PngError("This is not a PNG picture.")
    at = len(SIGNATURE)
    while at < len(data):
        if at + 12 > len(data):
            raise PngError("This PNG is broken: it ends too early.")
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(data):
            raise PngError("This PNG is broken: it ends too early.")
        body = data[at + 8 : end]
        if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[end : end + 4], "big"):
            raise PngError("This PNG is broken: a checksum does not fit.")
        yield kind, body
        at = end + 4


def _read_text(kind: bytes, body: bytes) -> tuple[str, str]:
    key, _, rest = body.partition(b"\0")
    name = key.decode("latin-1")
    if kind == b"tEXt":
        return name, rest.decode("latin-1")
    if kind == b"zTXt":
        return name, _inflated(rest[1:]).decode("latin-1")
    compressed, fields = rest[:1] == b"\1", rest[2:].split(b"\0", 2)
    if len(fields) != 3:
        raise PngError("This PNG is broken: a text in it has no end.")
    text = _inflated(fields[2]) if compressed else fields[2]
    return name, text.decode("utf-8", "replace")


def _inflated(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, LARGEST_TEXT)
    except zlib.error:
        raise PngError("This PNG is broken: a text in it cannot be unpacked.") from None
    if unpacker.unconsumed_tail:
        raise PngError("This PNG has a text of more than 32 MiB.")
    return text
