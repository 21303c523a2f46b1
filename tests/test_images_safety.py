"""Damaged, forged and oversized files: always a typed error, before pixels where it can be."""

import io
import struct
import threading
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cutout import images
from cutout.errors import (
    CutoutError,
    EmptyFile,
    TooManyFrames,
    TooManyPixels,
    UndecodableImage,
    UnsupportedType,
)
from cutout.images import png

NOISE = np.random.default_rng(7).integers(0, 255, (48, 64, 3), dtype=np.uint8)
LIMITS = images.Limits(max_pixels=100_000)
EVERY_TYPE = images.Limits(max_pixels=100_000, formats=images.KNOWN)


def saved(format, image=None, **how):
    file = io.BytesIO()
    (image or Image.fromarray(NOISE)).save(file, format, **how)
    return file.getvalue()


SAMPLES = {format: saved(format) for format in images.KNOWN}
SAMPLES["GREY"] = saved("JPEG", Image.fromarray(NOISE[..., 0]))
SAMPLES["PROGRESSIVE"] = saved("JPEG", progressive=True)


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_empty_file():
    with pytest.raises(EmptyFile):
        images.decode(b"")


@pytest.mark.parametrize("data", [b"\0", b"hello", b"%PDF-1.7", b"<svg/>", b"RIFF0000WAVE" * 9])
def test_what_is_no_image_is_refused_by_content(data):
    with pytest.raises(UnsupportedType, match="JPEG, PNG, WEBP"):
        images.inspect(data, LIMITS)


@pytest.mark.parametrize("format", ["AVIF", "TIFF", "BMP", "GIF"])
def test_further_types_need_the_setting(format):
    with pytest.raises(UnsupportedType, match=format):
        images.decode(SAMPLES[format], LIMITS)
    assert images.decode(SAMPLES[format], EVERY_TYPE).size == (48, 64)


@pytest.mark.parametrize("format", images.KNOWN)
def test_too_many_pixels_are_refused(format):
    small = images.Limits(max_pixels=48 * 64 - 1, formats=images.KNOWN)
    with pytest.raises(TooManyPixels):
        images.inspect(SAMPLES[format], small)
    exact = images.Limits(max_pixels=48 * 64, formats=images.KNOWN)
    assert images.inspect(SAMPLES[format], exact).header.size == (48, 64)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
def test_a_bomb_costs_no_memory(format):
    bomb = saved(format, Image.new("L", (16000, 12000)))
    tracemalloc.start()
    with pytest.raises(TooManyPixels):
        images.decode(bomb)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_several_frames_need_the_setting_and_count_together(format):
    other = Image.fromarray(255 - NOISE)
    data = saved(format, save_all=True, append_images=[other])
    with pytest.raises(TooManyFrames, match="2 images"):
        images.decode(data, EVERY_TYPE)
    two = images.Limits(max_pixels=2 * 48 * 64, formats=images.KNOWN, max_frames=2)
    assert images.decode(data, two).size == (48, 64)
    assert images.inspect(data, two).header.frames == 2
    with pytest.raises(TooManyPixels):
        images.decode(data, images.Limits(2 * 48 * 64 - 1, images.KNOWN, 2))


@pytest.mark.parametrize("name", [n for n in SAMPLES if n not in ("TIFF", "BMP", "GIF")])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_off_file_is_refused(name, share):
    data = SAMPLES[name]
    with pytest.raises(UndecodableImage):
        images.decode(data[: int(len(data) * share)], EVERY_TYPE)


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=60, deadline=2000)
@given(data=st.data())
def test_flipped_and_missing_bytes_raise_nothing_but_typed_errors(name, data):
    damaged = bytearray(SAMPLES[name])
    # Most often in the first bytes, where the structure is.
    place = st.integers(0, 63) | st.integers(0, len(damaged) - 1)
    for at in data.draw(st.lists(place, max_size=6)):
        damaged[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))
    try:
        decoded = images.decode(bytes(damaged[:end]), EVERY_TYPE)
    except CutoutError as error:
        assert error.status in (400, 415, 422)
    else:
        assert decoded.rgb.dtype == np.uint8 and decoded.rgb[..., 0].size <= 100_000


@pytest.mark.parametrize(
    "chunks, words",
    [
        ([(b"acTL", struct.pack(">II", 2, 0))], "contradicts"),
        ([(b"acTL", struct.pack(">II", 0, 0))], "without frames"),
        ([(b"gAMA", b"\0\0\0\1"), (b"gAMA", b"\0\0\0\1")], "twice"),
        ([(b"ABCD", b"")], "unknown"),
        ([(b"PLTE", b"\0\0")], "palette"),
        ([(b"tRNS", b"\0")], "transparency"),
        ([(b"fdAT", b"\0\0\0\0")], "contradicts"),
    ],
)
def test_png_with_a_wrong_chunk_is_refused(chunks, words):
    png = SAMPLES["PNG"]
    extra = b"".join(png_chunk(*chunk) for chunk in chunks)
    with pytest.raises(UndecodableImage, match=words):
        images.decode(png[:33] + extra + png[33:])


@pytest.mark.parametrize("kind", [b"teST", b"tEXt"])
def test_png_with_thousands_of_small_chunks_is_refused(kind):
    png = SAMPLES["PNG"]
    with pytest.raises(UndecodableImage, match="too many chunks"):
        images.inspect(png[:33] + png_chunk(kind, b"") * 40_000 + png[33:])


def test_the_time_for_png_chunks_is_linear_in_their_number(monkeypatch):
    # Work that is quadratic in the chunks took over 40 s of CPU here, linear work takes under one.
    monkeypatch.setattr(png, "_MAX_CHUNKS_WITHOUT_PIXELS", 100_000, raising=False)
    data = SAMPLES["PNG"]
    start = time.process_time()
    images.inspect(data[:33] + png_chunk(b"teST", b"") * 60_000 + data[33:])
    assert time.process_time() - start < 15


def test_pixels_in_thousands_of_png_chunks_are_accepted():
    data = SAMPLES["PNG"]
    body = b"".join(bytes(body) for kind, body in png.chunks(data) if kind == b"IDAT")
    chunks = b"".join(png_chunk(b"IDAT", bytes([byte])) for byte in body)
    single_bytes = data[:33] + chunks + png_chunk(b"IEND", b"")
    assert len(body) > 5_000
    assert np.array_equal(images.decode(single_bytes).rgb, NOISE)


def test_png_with_a_wrong_checksum_is_refused():
    png = bytearray(SAMPLES["PNG"])
    png[-20] ^= 1
    with pytest.raises(UndecodableImage, match="checksum of IDAT"):
        images.decode(bytes(png))


def test_too_many_jpeg_scans_are_refused():
    data = SAMPLES["PROGRESSIVE"]
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(UndecodableImage, match="scans"):
        images.decode(data[:-2] + scan * 200 + b"\xff\xd9")


def test_exif_in_thousands_of_jpeg_segments_is_refused_at_once():
    # Pillow joins them in quadratic time: 23 MB like this took it ten minutes.
    data = SAMPLES["JPEG"]
    segment = b"\xff\xe1" + struct.pack(">H", 18) + b"Exif\0\0" + bytes(10)
    start = time.process_time()
    with pytest.raises(UndecodableImage, match="too many segments"):
        images.inspect(data[:2] + segment * 250_000 + data[2:], LIMITS)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "extra, words",
    [
        (b"\xff\xfe\0\2" * 6_000, "too many segments"),
        (b"\xff\xfe\0\0" * 6_000, "too many segments"),
        (b"\xff" * 1_000_000, "foreign bytes"),
        (bytes(1_000_000), "foreign bytes"),
    ],
)
def test_a_jpeg_header_of_thousands_of_parts_is_refused(extra, words):
    data = SAMPLES["JPEG"]
    with pytest.raises(UndecodableImage, match=words):
        images.inspect(data[:20] + extra + data[20:], LIMITS)


def test_a_profile_in_many_jpeg_segments_is_accepted():
    profile = bytes(36) + b"acsp" + bytes(5_000_000)
    data = saved("JPEG", icc_profile=profile)
    assert data.count(b"ICC_PROFILE\0") > 70
    assert images.inspect(data, LIMITS).header.size == (48, 64)


def test_stray_bytes_before_the_end_marker_are_harmless():
    data = SAMPLES["JPEG"]
    padded = images.decode(data[:-2] + b"\0\0\0\xff\xd9")
    assert np.abs(padded.rgb.astype(int) - images.decode(data).rgb).max() <= 3


@pytest.mark.parametrize("block", [b"Exif\0\0junk", b"Exif\0\0MM\0*\0\0\0\x99"])
def test_a_damaged_exif_block_is_refused(block):
    with pytest.raises(UndecodableImage, match="damaged"):
        images.decode(saved("JPEG", exif=block))


def test_threads_do_not_disturb_each_other(recwarn):
    results = []

    def work(name):
        try:
            results.append(images.decode(SAMPLES[name][:-40], EVERY_TYPE).size)
        except CutoutError as error:
            results.append(error.status)

    threads = [threading.Thread(target=work, args=[n]) for n in ("PNG", "WEBP", "JPEG") * 20]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [422] * 60 and not recwarn.list
