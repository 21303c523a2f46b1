"""Bands compressed in parallel make one valid PNG, the same on any number of threads."""

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

KINDS = [filters.NONE, filters.SUB, filters.UP, filters.AVERAGE, filters.PAETH, filters.ADAPTIVE]
# Grey, RGB and RGBA; repeated values, so that a band refers to the one before.
ARRAYS = st.one_of(
    st.tuples(st.integers(1, 70), st.integers(1, 9)),
    st.tuples(st.integers(1, 70), st.integers(1, 9), st.sampled_from([3, 4])),
).flatmap(lambda shape: arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 7, 255])))
PHOTO = np.dstack([samples.astronaut(), np.full((512, 512), 255, np.uint8)])
LARGE = np.tile(PHOTO, (3, 3, 1))


@contextmanager
def compression(monkeypatch, band_bytes=1 << 19, threads=2, chosen=None):
    """Encode with bands of this size, on threads of our own."""
    with ThreadPoolExecutor(threads) as pool, monkeypatch.context() as patch:
        patch.setattr(deflate, "_BAND_BYTES", band_bytes)
        patch.setattr(parallel, "_pool", lambda: pool)
        if chosen:
            patch.setattr(strategy, "choose_strategy", lambda *_: chosen)
        yield


def pixel_data(data):
    """Whole body of the IDAT chunks; the walk checks lengths and checksums."""
    return b"".join(bytes(body) for kind, body in png.chunks(data) if kind == b"IDAT")


def decompressed(stream):
    """The bytes of a zlib stream with nothing behind its end; zlib checks Adler-32."""
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
    assert images.inspect(data).header.size == array.shape[:2]


@settings(max_examples=150)
@given(
    array=ARRAYS,
    band_bytes=st.integers(1, 400),
    kind=st.sampled_from(KINDS),
    how=st.sampled_from(
        [((3,), "zlib-ng"), ((3, 4), "zlib-ng"), ((6, 3, 9), "zlib-ng"), ((1,), "isal")]
    ),
)
def test_bands_of_any_size_make_one_image(array, band_bytes, kind, how):
    with (
        pytest.MonkeyPatch.context() as patch,
        compression(patch, band_bytes, chosen=deflate.PngStrategy(kind, *how)),
    ):
        data = images.encode(array)
    assert_every_decoder_gives(array, data)
    rows, pixel_bytes = array.reshape(len(array), -1), array[0, 0].size
    whole = filters.filter_rows(rows, kind, slice(0, len(rows)), pixel_bytes)
    assert decompressed(pixel_data(data)) == whole.tobytes()


@pytest.mark.parametrize("array", [LARGE, LARGE[..., :3].copy(), LARGE[..., 1].copy()])
def test_large_images_decode_to_the_same_pixels(array):
    assert_every_decoder_gives(array, images.encode(array))


@pytest.mark.parametrize("array", [LARGE, LARGE[..., 1].copy(), LARGE[:200, :300].copy()])
def test_small_has_fewer_bytes_than_balanced_and_fast_more(array):
    files = [images.encode(array, compression=how) for how in ("small", "balanced", "fast")]
    for data in files:
        assert_every_decoder_gives(array, data)
    assert len(files[0]) < len(files[1]) < len(files[2]) < 1.4 * len(files[1])


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_bytes_do_not_depend_on_the_threads(threads, monkeypatch):
    alone = images.encode(LARGE)
    with compression(monkeypatch, threads=threads):
        assert images.encode(LARGE) == alone


def test_many_requests_share_the_threads():
    shifted = [np.ascontiguousarray(np.roll(LARGE, shift, axis=1)) for shift in range(6)]
    alone = [images.encode(array) for array in shifted]
    with ThreadPoolExecutor(6) as clients:
        assert list(clients.map(images.encode, shifted)) == alone


def test_bands_cost_hardly_any_bytes(monkeypatch):
    chosen = deflate.PngStrategy(filters.UP, (4,))
    with compression(monkeypatch, band_bytes=LARGE.nbytes, chosen=chosen):
        whole = len(images.encode(LARGE))
    with compression(monkeypatch, chosen=chosen):
        assert len(images.encode(LARGE)) < 1.005 * whole


@pytest.mark.parametrize("band_bytes", [100, 5000, 1 << 19])
@pytest.mark.parametrize("library, levels", [("zlib-ng", (3, 4)), ("isal", (1,))])
@pytest.mark.parametrize("kind", KINDS)
def test_empty_rows_between_others_are_packed_once(monkeypatch, band_bytes, library, levels, kind):
    """Rows that repeat stand before them: no band may refer to those of another."""
    array = np.tile(np.random.default_rng(1).integers(0, 256, (40, 300), dtype=np.uint8), (50, 1))
    array[300:900] = array[1000:1700] = 0
    chosen = deflate.PngStrategy(kind, levels, library)
    with compression(monkeypatch, band_bytes, chosen=chosen):
        packed = images.encode(array)
    assert_every_decoder_gives(array, packed)
    whole = filters.filter_rows(array, kind, slice(0, len(array)), 1)
    assert decompressed(pixel_data(packed)) == whole.tobytes()


def test_an_empty_image_is_packed_by_few_calls(monkeypatch):
    calls = []
    compress_band = deflate.compress_band
    monkeypatch.setattr(
        deflate, "compress_band", lambda *args: calls.append(args) or compress_band(*args)
    )
    array = np.zeros((3000, 4000, 4), np.uint8)
    chosen = deflate.PngStrategy(filters.UP, (3,))
    with compression(monkeypatch, chosen=chosen):
        assert_every_decoder_gives(array, images.encode(array))
    assert len(calls) <= 6


def test_a_band_refers_to_the_one_before(monkeypatch):
    # Random rows that repeat compress only with the help of the rows before them.
    rows = np.tile(np.random.default_rng(1).integers(0, 256, (1, 8000), dtype=np.uint8), (64, 1))
    with compression(monkeypatch, band_bytes=8000, chosen=deflate.PngStrategy(filters.NONE, (4,))):
        assert len(images.encode(rows)) < 3 * 8000


def test_a_profile_stands_before_the_pixels():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = images.encode(LARGE, icc=profile)
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == profile
    assert [kind for kind, _ in png.chunks(data)][:2] == [b"IHDR", b"iCCP"]


def test_no_second_copy_of_the_image_is_made(monkeypatch):
    array = np.zeros((3000, 4000, 4), np.uint8)
    with compression(monkeypatch, threads=1, chosen=deflate.PngStrategy(filters.PAETH, (3,))):
        tracemalloc.start()
        images.encode(array)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < array.nbytes / 4


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(0, 300_000))
def test_checksums_of_bands_combine_to_that_of_the_whole(parts, padding):
    parts = [*parts, b"\xff" * padding]
    adler = 1
    for part in parts:
        adler = deflate.combine_adler(
            adler, deflate.CompressedBand(b"", zlib.adler32(part), len(part))
        )
    assert adler == zlib.adler32(b"".join(parts))
