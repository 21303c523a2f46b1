"""The cut-out: nothing of the background stays, nothing of the subject changes."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms
from skimage import data as samples

from cutout import images
from cutout.compose.straight_alpha import compose
from cutout.errors import InvalidValue

RANDOM = np.random.default_rng(3)
RGB = RANDOM.integers(0, 255, (70, 50, 3), dtype=np.uint8)
ALPHA = np.clip(RANDOM.normal(0.5, 0.5, (70, 50)), 0, 1).astype(np.float32)


def opened(data):
    return Image.open(io.BytesIO(data))


def test_colours_are_kept_where_anything_shows_and_cleared_elsewhere():
    cutout = compose(RGB, ALPHA)
    shown = cutout[..., 3] > 0
    assert 0 < shown.mean() < 1
    assert np.array_equal(cutout[shown][:, :3], RGB[shown])
    assert not cutout[~shown].any()


@pytest.mark.parametrize(
    "alpha, level",
    [(0, 0), (1, 255), (0.5 / 255 - 1e-4, 0), (0.5 / 255 + 1e-4, 1), (-3, 0), (7, 255)],
)
def test_alpha_is_rounded_and_clipped(alpha, level):
    cutout = compose(RGB, np.full((70, 50), alpha, np.float32))
    assert (cutout[..., 3] == level).all()
    assert cutout[..., :3].any() == (level > 0)


def test_compose_leaves_its_input_alone_and_takes_views():
    before = RGB.copy()
    assert np.array_equal(
        compose(RGB[::2, ::-1], ALPHA[::2, ::-1]),
        compose(RGB[::2, ::-1].copy(), ALPHA[::2, ::-1].copy()),
    )
    assert np.array_equal(RGB, before)


def test_compose_refuses_another_size():
    with pytest.raises(ValueError, match="alpha"):
        compose(RGB, ALPHA[1:])


@settings(max_examples=50)
@given(
    arrays.arrays(
        np.uint8,
        st.one_of(
            st.tuples(st.integers(1, 70), st.integers(1, 9)),
            st.tuples(st.integers(1, 70), st.integers(1, 9), st.sampled_from([3, 4])),
        ),
    )
)
def test_png_gives_back_every_byte(array):
    data = images.encode(array)
    assert np.array_equal(np.asarray(opened(data)), array)
    assert images.inspect(data).header.size == array.shape[:2]


def test_a_view_encodes_like_its_copy():
    assert images.encode(RGB[:, ::-1]) == images.encode(RGB[:, ::-1].copy())


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_profile_goes_into_the_file(format):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert opened(images.encode(RGB, format, profile)).info["icc_profile"] == profile
    assert "icc_profile" not in opened(images.encode(RGB, format)).info


def test_webp_keeps_alpha_exactly():
    cutout = compose(RGB, ALPHA)
    alpha = np.asarray(opened(images.encode(cutout, "webp")))[..., 3]
    assert np.array_equal(alpha, cutout[..., 3])


@pytest.mark.parametrize("format, shape", [("bmp", (2, 2, 3)), ("jpeg", (2, 2, 4))])
def test_what_cannot_be_written_is_refused(format, shape):
    with pytest.raises(InvalidValue):
        images.encode(np.zeros(shape, np.uint8), format)


def cut_from(name, height, width):
    """A cut-out, (height, width, 4): a soft disc of a JPEG photograph."""
    large = Image.fromarray(getattr(samples, name)()).resize((width, height))
    rgb = images.decode(images.encode(np.asarray(large), "jpeg")).rgb
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot(rows - height / 2, columns - width / 2)
    return compose(rgb, np.clip((0.4 * height - distance) / 8, 0, 1))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket", "chelsea"])
@pytest.mark.parametrize("height, width", [(300, 400), (600, 800), (1500, 2000)])
def test_png_is_at_most_five_percent_larger_than_pillows(name, height, width):
    cutout = cut_from(name, height, width)
    file = io.BytesIO()
    Image.fromarray(cutout).save(file, "PNG", compress_level=6)
    assert len(images.encode(cutout)) <= 1.05 * len(file.getvalue())
