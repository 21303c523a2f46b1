"""A file is inspected once; what that gives is decoded without a second inspection."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cutout import images
from cutout.errors import TooManyPixels, UndecodableImage
from cutout.images import jpeg, opening, png

NOISE = np.random.default_rng(5).integers(0, 255, (40, 60, 4), dtype=np.uint8)
EVERY_TYPE = images.Limits(formats=images.KNOWN)
ORIENTED_6 = b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHIHxx", 0x112, 3, 1, 6) + bytes(4)


def saved(format, **how):
    file = io.BytesIO()
    array = NOISE if format in ("PNG", "WEBP") else NOISE[..., :3]
    Image.fromarray(array).save(file, format, **how)
    return file.getvalue()


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.fixture
def calls(monkeypatch):
    """Names of the checks of whole files, in the order in which they run."""
    names = []

    def count(module, name):
        original = getattr(module, name)

        def counted(*args):
            names.append(name)
            return original(*args)

        monkeypatch.setattr(module, name, counted)

    count(png, "check_png")
    count(jpeg, "check_jpeg")
    count(opening, "allowed_type")
    return names


@pytest.mark.parametrize("format, check", [("PNG", "check_png"), ("JPEG", "check_jpeg")])
def test_a_file_is_checked_once_for_inspection_and_decoding(format, check, calls):
    file = images.inspect(saved(format))
    images.decode(file)
    images.decode_mask(file)
    assert calls == ["allowed_type", check]


def test_every_png_chunk_is_read_once_for_inspection_and_decoding(monkeypatch):
    kinds, read = [], png.chunks

    def counted(data):
        for kind, body in read(data):
            kinds.append(kind)
            yield kind, body

    monkeypatch.setattr(png, "chunks", counted)
    images.decode(images.inspect(saved("PNG")))
    assert kinds.count(b"IDAT") == kinds.count(b"IEND") == 1


def test_the_header_of_a_jpeg_is_read_once_for_inspection_and_decoding(monkeypatch):
    opened = []
    reader = opening._READERS["JPEG"]
    monkeypatch.setitem(opening._READERS, "JPEG", lambda file: opened.append(1) or reader(file))
    images.decode(images.inspect(saved("JPEG")))
    assert len(opened) == 1


@pytest.mark.parametrize("format", images.KNOWN)
def test_an_inspected_file_decodes_like_its_bytes_each_time(format):
    data = saved(format)
    file = images.inspect(data, EVERY_TYPE)
    expected = images.decode(data, EVERY_TYPE)
    for decoded in (images.decode(file), images.decode(file)):
        assert np.array_equal(decoded.rgb, expected.rgb)
        assert (decoded.alpha is None) == (expected.alpha is None)
        assert decoded.format == file.header.format == format
    assert np.array_equal(images.decode_mask(file), images.decode_mask(data, EVERY_TYPE))


@pytest.mark.parametrize("read", [images.decode, images.decode_mask])
def test_bytes_are_inspected_by_the_limits_given(read):
    with pytest.raises(TooManyPixels):
        read(saved("PNG"), images.Limits(max_pixels=100))


@pytest.mark.parametrize("how", [{}, {"exif": b"Exif\0\0" + ORIENTED_6}])
@pytest.mark.parametrize("format", images.KNOWN)
def test_decoded_arrays_are_read_only_whatever_the_decoder(format, how):
    data = saved(format, **(how if format not in ("BMP", "GIF") else {}))
    decoded = images.decode(data, EVERY_TYPE)
    arrays = [decoded.rgb, decoded.alpha, images.decode_mask(data, EVERY_TYPE)]
    assert not any(array.flags.writeable for array in arrays if array is not None)


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_encoding_leaves_the_pixels_as_they_are(format):
    array = NOISE[..., :3].copy()
    images.encode(array, format)
    assert np.array_equal(array, NOISE[..., :3])


def test_what_inspection_returns_does_not_print_the_file():
    assert len(repr(images.inspect(saved("PNG")))) < 200


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_size_is_upright(format):
    data = saved(format, exif=b"Exif\0\0" + ORIENTED_6)
    assert images.inspect(data).header.size == images.decode(data).size == (60, 40)


def test_the_size_is_upright_where_the_orientation_stands_behind_the_pixels():
    data = saved("PNG")
    late = data[:-12] + png_chunk(b"eXIf", ORIENTED_6) + data[-12:]
    assert images.inspect(late).header.size == images.decode(late).size == (60, 40)


def test_damaged_exif_behind_the_pixels_is_found_by_inspection():
    data = saved("PNG")
    with pytest.raises(UndecodableImage, match="EXIF"):
        images.inspect(data[:-12] + png_chunk(b"eXIf", b"MM\0*\0\0\0\x99") + data[-12:])
