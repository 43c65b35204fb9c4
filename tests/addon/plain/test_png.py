# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG bytes: written by us, unpacked here by the letter of the format."""

import struct
import zlib

import numpy as np
import pytest
from pose_to_anime.addon import png


def unpack(data: bytes) -> np.ndarray:
    """The pixels of a PNG as `png.encode` writes them: one IDAT, filter 2 in every row."""
    assert data.startswith(png.SIGNATURE)
    width, height, bits, colour, *_ = struct.unpack(">IIBBBBB", data[16:29])
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    at = data.index(b"IDAT")
    length = int.from_bytes(data[at - 4 : at], "big")
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 2).all()
    summed = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)
    return summed.reshape(-1).view(">u2" if bits == 16 else "u1").reshape(height, width, channels)


@pytest.mark.parametrize("shape", [(5, 7), (1, 1, 1), (5, 7, 2), (40, 30, 3), (5, 7, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pixels_survive(shape, kind):
    image = np.random.default_rng(1).integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
    data = png.encode(image)
    assert np.array_equal(unpack(data).reshape(shape), image)
    info = png.read_info(data)
    assert (info.height, info.width, info.bit_depth) == (*shape[:2], image.itemsize * 8)


def test_views_and_flipped_arrays_are_written_as_they_look():
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert np.array_equal(unpack(png.encode(image[::-1, ::-1])), image[::-1, ::-1])


def test_texts():
    texts = {"parameters": "1girl, running\nSteps: 25", "pose_to_anime": '{"prompt": "駆ける少女"}'}
    data = png.encode(np.zeros((2, 2, 3), np.uint8), texts)
    assert png.read_info(data).texts == texts
    assert b"tEXtparameters" in data
    assert b"iTXtpose_to_anime" in data


def test_compressed_texts_are_read():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    data = png.encode(np.zeros((2, 2), np.uint8))
    extra = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"one")) + chunk(b"iTXt", b"b\0\1\0\0\0" + zlib.compress(b"zwei"))
    assert png.read_info(data[:33] + extra + data[33:]).texts == {"a": "one", "b": "zwei"}
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(png.LARGEST_TEXT + 1)))
    with pytest.raises(png.PngError, match="32 MiB"):
        png.read_info(data[:33] + bomb + data[33:])


def test_every_cut_and_every_flipped_byte_is_noticed():
    data = png.encode(np.random.default_rng(0).integers(0, 255, (6, 5, 3), dtype=np.uint8), {"Title": "x"})
    for end in range(len(data)):
        with pytest.raises(png.PngError, match=r"PNG"):
            png.read_info(data[:end])
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x40
        with pytest.raises(png.PngError):
            png.read_info(bytes(broken))


@pytest.mark.parametrize("image", [np.zeros((2, 2), np.float32), np.zeros((2, 2, 5), np.uint8), np.zeros((0, 2), np.uint8)])
def test_impossible_images_are_refused(image):
    with pytest.raises(ValueError, match="A PNG needs"):
        png.encode(image)


@pytest.mark.parametrize("key", ["", "x" * 80, "鍵"])
def test_impossible_keywords_are_refused(key):
    with pytest.raises(ValueError, match="keyword"):
        png.encode(np.zeros((2, 2), np.uint8), {key: "text"})
