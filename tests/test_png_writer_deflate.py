"""Bands packed side by side make one valid PNG, the same on any number of threads."""

import io
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms
from skimage import data as samples

from cutout import images, parallel
from cutout.images import png
from cutout.images.png_writer import deflate, filters, strategy

KINDS = [filters.NONE, filters.SUB, filters.UP, filters.AVERAGE, filters.PAETH, filters.EACH_ROW]
# Grey, RGB and RGBA; repeated values, so that a band refers to the one before.
PICTURES = st.one_of(
    st.tuples(st.integers(1, 70), st.integers(1, 9)),
    st.tuples(st.integers(1, 70), st.integers(1, 9), st.sampled_from([3, 4])),
).flatmap(lambda shape: arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 7, 255])))
PHOTO = np.dstack([samples.astronaut(), np.full((512, 512), 255, np.uint8)])
LARGE = np.tile(PHOTO, (3, 3, 1))


@contextmanager
def packing(monkeypatch, band_bytes=1 << 19, threads=2, recipe=None):
    """Encode with bands of this size, on threads of our own."""
    with ThreadPoolExecutor(threads) as pool, monkeypatch.context() as patch:
        patch.setattr(deflate, "_BAND_BYTES", band_bytes)
        patch.setattr(parallel, "_pool", lambda: pool)
        if recipe:
            patch.setattr(strategy, "choose", lambda rows, step: recipe)
        yield


def pixel_data(data):
    """Whole body of the IDAT chunks; the walk checks lengths and checksums."""
    return b"".join(bytes(body) for kind, body in png.chunks(data) if kind == b"IDAT")


def unpacked(stream):
    """A decoder that stops at the end and tells what is left; it checks Adler-32."""
    decoder = zlib.decompressobj()
    raw = decoder.decompress(stream)
    assert decoder.eof and not decoder.unused_data and not decoder.unconsumed_tail
    return raw


def assert_every_decoder_gives(array, data):
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), array)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array.ndim == 3:
        order = [2, 1, 0, 3][: array.shape[2]]
        found = found[..., order]
    assert np.array_equal(found, array)
    assert png.check(data).seen.count(b"IEND") == 1


@settings(max_examples=150, deadline=None)
@given(
    array=PICTURES,
    band_bytes=st.integers(1, 400),
    kind=st.sampled_from(KINDS),
    levels=st.sampled_from([(3,), (3, 4), (4,), (6, 3, 4)]),
)
def test_bands_of_any_size_make_one_picture(array, band_bytes, kind, levels):
    with (
        pytest.MonkeyPatch.context() as patch,
        packing(patch, band_bytes, recipe=deflate.PngStrategy(kind, levels)),
    ):
        data = images.encode(array)
    assert_every_decoder_gives(array, data)
    rows, step = array.reshape(len(array), -1), array[0, 0].size
    whole = filters.filtered(rows, kind, slice(0, len(rows)), step)
    assert unpacked(pixel_data(data)) == whole.tobytes()


@pytest.mark.parametrize("array", [LARGE, LARGE[..., :3].copy(), LARGE[..., 1].copy()])
def test_large_pictures_come_back_whole(array):
    assert_every_decoder_gives(array, images.encode(array))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_bytes_do_not_depend_on_the_threads(threads, monkeypatch):
    alone = images.encode(LARGE)
    with packing(monkeypatch, threads=threads):
        assert images.encode(LARGE) == alone


def test_many_requests_share_the_threads():
    pictures = [np.ascontiguousarray(np.roll(LARGE, shift, axis=1)) for shift in range(6)]
    alone = [images.encode(picture) for picture in pictures]
    with ThreadPoolExecutor(6) as clients:
        assert list(clients.map(images.encode, pictures)) == alone


def test_bands_cost_hardly_any_bytes(monkeypatch):
    recipe = deflate.PngStrategy(filters.UP, (4,))
    with packing(monkeypatch, band_bytes=LARGE.nbytes, recipe=recipe):
        whole = len(images.encode(LARGE))
    with packing(monkeypatch, recipe=recipe):
        assert len(images.encode(LARGE)) < 1.005 * whole


def test_a_band_refers_to_the_one_before(monkeypatch):
    # Random rows that repeat pack only with a view of the rows before them.
    rows = np.tile(np.random.default_rng(1).integers(0, 256, (1, 8000), dtype=np.uint8), (64, 1))
    with packing(monkeypatch, band_bytes=8000, recipe=deflate.PngStrategy(filters.NONE, (4,))):
        assert len(images.encode(rows)) < 3 * 8000


def test_a_profile_stands_before_the_pixels():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = images.encode(LARGE, icc=profile)
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == profile
    assert png.check(data).seen[:2] == [b"IHDR", b"iCCP"]


def test_no_second_copy_of_the_picture_is_made(monkeypatch):
    picture = np.zeros((3000, 4000, 4), np.uint8)
    with packing(monkeypatch, threads=1, recipe=deflate.PngStrategy(filters.PAETH, (3,))):
        tracemalloc.start()
        images.encode(picture)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < picture.nbytes / 4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(0, 300_000))
def test_checksums_of_pieces_join_to_that_of_the_whole(parts, padding):
    parts = [*parts, b"\xff" * padding]
    adler = 1
    for part in parts:
        adler = deflate.combine_adler(adler, deflate.Piece(b"", zlib.adler32(part), len(part)))
    assert adler == zlib.adler32(b"".join(parts))
