"""Extended colours: nothing of the background, no dark fringe after JPEG, the subject as it was."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cutout.compose import extension
from cutout.compose.extension import extend_colours


def disc(size=(160, 220), radius=50, soft=3.0):
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = np.hypot(rows - size[0] / 2, columns - size[1] / 2) - radius
    return np.clip(0.5 - distance / (2 * soft), 0, 1).astype(np.float32)


def on_noise(alpha, seed, colour=(220, 40, 60)):
    """A colour where anything of the subject shows, noise elsewhere."""
    rgb = np.random.default_rng(seed).integers(0, 256, (*alpha.shape, 3), np.uint8)
    rgb[alpha > 0] = colour
    return rgb


def test_no_pixel_depends_on_the_removed_background():
    alpha = disc()
    first, second = on_noise(alpha, 0), on_noise(alpha, 1)
    first[alpha > 0] = second[alpha > 0] = np.random.default_rng(2).integers(
        0, 256, ((alpha > 0).sum(), 3), np.uint8
    )
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(extend_colours(first, alpha), extend_colours(second, alpha))


def test_haze_that_was_not_decontaminated_shows_no_background_either():
    alpha = np.maximum(disc(), np.float32(0.01))
    first, second = (on_noise(np.where(alpha > 0.01, alpha, 0), seed) for seed in (0, 1))
    np.testing.assert_array_equal(extend_colours(first, alpha), extend_colours(second, alpha))


def test_the_subject_keeps_every_bit():
    alpha = disc()
    rgb = np.random.default_rng(0).integers(0, 256, (*alpha.shape, 3), np.uint8)
    out = extend_colours(rgb, alpha)
    np.testing.assert_array_equal(out[alpha > 0.01], rgb[alpha > 0.01])


@pytest.mark.parametrize("size", [(160, 220), (30, 2500), (2500, 40)])
def test_one_colour_is_continued_everywhere(size):
    alpha = disc(size, radius=12)
    out = extend_colours(on_noise(alpha, 0), alpha).astype(int)
    assert np.abs(out - (220, 40, 60)).max() <= 1


def test_the_nearest_colour_is_continued():
    alpha = np.zeros((100, 200), np.float32)
    alpha[40:60, 20:40] = alpha[40:60, 160:180] = 1
    rgb = on_noise(alpha, 0)
    rgb[40:60, 20:40], rgb[40:60, 160:180] = (250, 0, 0), (0, 0, 250)
    out = extend_colours(rgb, alpha).astype(int)
    left, right = out[35:65, :45], out[35:65, 155:]
    assert (left[..., 0] - left[..., 2]).min() > 100
    assert (right[..., 2] - right[..., 0]).min() > 100


def test_the_extension_is_smooth():
    alpha = disc()
    rgb = on_noise(alpha, 0)
    rgb[:, :110][alpha[:, :110] > 0] = (30, 200, 90)
    out = extend_colours(rgb, alpha).astype(int)
    far = disc(radius=70) == 0
    for axis in (0, 1):
        steps = np.abs(np.diff(out, axis=axis)).max(axis=2)
        assert steps[np.delete(far, 0, axis)].max() <= 12


def jpeg_error(rgb, alpha):
    """Largest error of the subject's colours after JPEG with halved colour channels."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=90, subsampling="4:2:0")
    back = np.asarray(Image.open(file)).astype(int)
    return np.abs(back - (220, 40, 60))[alpha > 0.01].max()


def test_jpeg_with_halved_colour_channels_gives_no_fringe():
    alpha = disc()
    rgb = on_noise(alpha, 0)
    assert jpeg_error(np.where(alpha[..., None] > 0.01, rgb, np.uint8(0)), alpha) > 40
    assert jpeg_error(extend_colours(rgb, alpha), alpha) <= 4


@pytest.mark.parametrize("level", [0, 0.01])
def test_without_a_subject_the_image_is_black(level):
    alpha = np.full((30, 40), level, np.float32)
    rgb = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    assert not extend_colours(rgb, alpha).any()


def test_a_single_pixel_of_a_large_image_gives_its_colour():
    alpha = np.zeros((1500, 2100), np.float32)
    alpha[701, 903] = 1
    out = extend_colours(on_noise(alpha, 0), alpha).astype(int)
    assert np.abs(out - (220, 40, 60)).max() <= 1


def test_sampling_in_chunks_is_sampling_in_one_piece(monkeypatch):
    monkeypatch.setattr(extension, "SAMPLES", 100)
    alpha = disc((700, 310), radius=140)
    rgb = np.random.default_rng(0).integers(0, 256, (*alpha.shape, 3), np.uint8)
    whole = []
    for rows in (7, 1000):
        monkeypatch.setattr(extension, "CHUNK_SAMPLES", rows)
        whole.append(extend_colours(rgb, alpha))
    np.testing.assert_array_equal(*whole)


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 6)),
    st.booleans(),
    st.sampled_from(["empty", "full", "noise", "dot"]),
)
def test_any_size_is_filled_and_no_input_is_written_to(size, turn, kind):
    size = size[::-1] if turn else size
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*size, 3), np.uint8)
    alpha = {
        "empty": np.zeros(size, np.float32),
        "full": np.ones(size, np.float32),
        "noise": np.maximum(rng.random(size, np.float32) - np.float32(0.5), 0),
        "dot": np.zeros(size, np.float32),
    }[kind]
    alpha.flat[-1] = kind != "empty"
    rgb.flags.writeable = alpha.flags.writeable = False
    out = extend_colours(rgb, alpha)
    assert (out.shape, out.dtype) == (rgb.shape, np.uint8)
    assert out.flags.writeable and not np.shares_memory(out, rgb)
    np.testing.assert_array_equal(out[alpha > 0.01], rgb[alpha > 0.01])
